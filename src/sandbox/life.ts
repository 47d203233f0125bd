import { coldOn, EPOCH_DAY, HOUR_MS, jetLagOn, offsetOn, weekday } from './calendar.ts'
import type { Carried, Circumstances, Day, Night, Recovery } from './day.ts'
import { nextDebt, sleep, usualBedtime } from './night.ts'
import type { Person } from './person.ts'
import { between, chance, clamp, drift, normal, random, wave, type Random } from './random.ts'
import { afternoonNap, train } from './training.ts'

type Life = (day: number) => Day

const lives = new Map<string, Life>()

// A past is the same for whoever asks, so the sandboxes of one process share it.
export function lifeOf(person: Person): Life {
  const name = `${person.seed} ${person.index}`
  const life = lives.get(name) ?? createLife(person)
  lives.set(name, life)
  return life
}

// Lives on from the epoch as far as somebody asks, and remembers.
function createLife(person: Person): Life {
  const days: Day[] = []
  let carried: Carried = newborn(person)
  return (number) => {
    while (days.length <= number - EPOCH_DAY) {
      const lived = live(person, carried, EPOCH_DAY + days.length)
      carried = lived.carried
      days.push(lived.day)
    }
    const day = days[number - EPOCH_DAY]
    if (!day) throw new RangeError('Nobody in the sandbox lived before July 2009.')
    return day
  }
}

function newborn(person: Person): Carried {
  return { load: 1, acute: 1, chronic: 1, debt: HOUR_MS, nap: 0, form: 0, bedtime: usualBedtime(person), wobble: 25 }
}

function live(person: Person, before: Carried, number: number): { day: Day; carried: Carried } {
  const luck = random(person.seed, person.index, number)
  const now = circumstances(person, number, luck)
  const night = sleep(person, before, now, luck)
  const form = before.form * 0.6 + normal(luck) * 0.8
  const recovery = recover(person, { ...before, form }, now, night, luck)
  const busyness = Math.max(0.08, person.restless * (now.free ? 0.85 : 1) * (1 + normal(luck) * 0.28) - now.cold * 0.15)
  const exercises = train(person, now, night, recovery.score, luck)
  const nap = afternoonNap(before, now, night, exercises, luck)
  const load = exercises.reduce((sum, { load }) => sum + load, busyness)
  const { offset, cold, jetLag, drunk } = now
  const consistency = clamp(Math.round(103 - before.wobble * 0.72), 15, 100)
  return {
    day: {
      number,
      offset,
      ...night,
      consistency,
      recovery,
      cold,
      jetLag,
      drunk,
      busyness,
      exercises,
      ...(nap && { nap }),
    },
    carried: {
      load,
      acute: before.acute + (load - before.acute) / 6,
      chronic: before.chronic + (load - before.chronic) / 30,
      debt: nextDebt(before.debt, night),
      nap: nap ? (nap.end - nap.start) * 0.85 : 0,
      form,
      bedtime: before.bedtime + (night.bedtime - before.bedtime) * 0.2,
      wobble: before.wobble + (Math.abs(night.bedtime - before.bedtime) - before.wobble) * 0.25,
    },
  }
}

function circumstances(person: Person, day: number, luck: Random): Circumstances {
  const [sunday, saturday] = [weekday(day) === 0, weekday(day) === 6]
  const cold = coldOn(person, day)
  const thirst = sunday ? person.drinks : saturday ? person.drinks * 0.35 : 0.01
  return {
    day,
    cold,
    free: sunday || saturday,
    offset: offsetOn(person, day),
    tomorrow: offsetOn(person, day + 1),
    jetLag: jetLagOn(person, day),
    drunk: cold === 0 && chance(luck, thirst) ? between(luck, 0.5, 1) : 0,
  }
}

function recover(person: Person, before: Carried, now: Circumstances, night: Night, luck: Random): Recovery {
  const tired = clamp((before.load - before.chronic) / (before.chronic + 0.3), -0.8, 2)
  const overreached = clamp((before.acute - before.chronic) / (before.chronic + 0.3), -0.5, 1)
  const rested = night.asleep / (night.need.baseline + night.need.strain) - 0.91
  const feeling =
    0.6 * before.form -
    0.55 * tired -
    0.7 * overreached +
    2.6 * rested -
    1.5 * now.drunk -
    2 * now.cold -
    0.7 * now.jetLag
  const shape = 0.05 * wave((now.day - 30) / 365.25) + 0.12 * drift(now.day, person.seed, person.index, 3)
  const score = 56 + 22 * feeling + normal(luck) * 5
  return {
    score: Math.round(clamp(score, 1, 99)),
    restingHeartRate: Math.round(
      person.restingHeartRate * (1 - shape * 0.4) -
        1.7 * feeling +
        3.5 * now.cold +
        1.5 * now.drunk +
        normal(luck) * 0.7,
    ),
    hrv: Math.max(9, person.hrv * (1 + shape) * clamp(1 + 0.17 * feeling + normal(luck) * 0.035, 0.3, 1.8)),
    respiratoryRate: person.respiratoryRate + 1.3 * now.cold + 0.3 * now.drunk + normal(luck) * 0.22,
    oxygen: clamp(95.4 - 0.9 * now.cold + normal(luck) * 0.9, 87, 100),
    skinTemperature: person.skinTemperature + 0.85 * now.cold + 0.3 * now.drunk + normal(luck) * 0.22,
  }
}
