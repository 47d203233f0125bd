import { HOUR_MS, instantOf, MINUTE_MS } from './calendar.ts'
import type { Carried, Circumstances, Need, Night } from './day.ts'
import type { Person } from './person.ts'
import { between, clamp, normal, type Random } from './random.ts'

export function sleep(person: Person, before: Carried, now: Circumstances, luck: Random): Night {
  const bedtime = bedtimeOf(person, before, now, luck)
  const need = needOf(person, before, luck)
  const sleptOut =
    bedtime + person.sleepNeed * 60 + before.debt / MINUTE_MS / 6 + 40 + normal(luck) * 35 + now.cold * 30
  const alarm = person.alarm + normal(luck) * 9
  const rising = now.free || now.cold > 0.7 ? sleptOut : Math.min(alarm, sleptOut + 45)
  const minutes = clamp(rising, bedtime + 210, 680)
  const onset = instantOf(now.day, bedtime, now.offset)
  const wake = instantOf(now.day, minutes, now.offset)
  const efficiency =
    person.efficiency +
    normal(luck) * 0.018 -
    now.drunk * 0.05 -
    now.cold * 0.05 -
    now.jetLag * 0.06 +
    before.debt * 3e-9
  return { onset, wake, asleep: Math.round((wake - onset) * clamp(efficiency, 0.68, 0.985)), need, bedtime }
}

// In minutes after midnight, so mostly negative; a little later than would be good.
export function usualBedtime(person: Person): number {
  return person.alarm - person.sleepNeed * 60 + 5
}

function bedtimeOf(person: Person, before: Carried, now: Circumstances, luck: Random): number {
  const late = now.free ? between(luck, 25, 75) : 0
  const tired = Math.min(45, (before.debt / HOUR_MS) * 11) + now.cold * 30
  const lost = now.jetLag * between(luck, -60, 90)
  return clamp(usualBedtime(person) + late + now.drunk * 70 - tired + lost + normal(luck) * 21, -190, 190)
}

function needOf(person: Person, before: Carried, luck: Random): Need {
  return {
    baseline: Math.round(person.sleepNeed * HOUR_MS + normal(luck) * 400),
    debt: Math.round(Math.min(before.debt, 2.5 * HOUR_MS) * 0.5),
    strain: Math.round(Math.min(before.load * 13, 62) * MINUTE_MS + luck() * 1000),
    nap: 0 - Math.round(Math.min(before.nap, HOUR_MS) * 0.7),
  }
}

// Grows by what was missing, and forgives a fifth every night.
export function nextDebt(debt: number, { need, asleep }: Night): number {
  const missing = need.baseline + need.strain + need.nap - asleep
  return clamp(debt * 0.8 + missing * 0.55, 0, 3.5 * HOUR_MS)
}
