import { EPOCH_DAY, HOUR_MS, MINUTE_MS } from './calendar.ts'
import type { Day } from './day.ts'
import type { Person } from './person.ts'
import { between, chance, random, whole, type Random } from './random.ts'
import type { Exercise } from './sports.ts'

// When WHOOP gets to know of a day, and how well it measured it.
export interface Moments {
  cycleId: number
  cycle: number // created
  sleep: number // created, usually five seconds later
  settled: number // the sleep's last score
  early: boolean // created in the middle of the night, scored again in the morning
  late: boolean // the strap was slow to tell: pending until settled
  closesPrevious: number
  fate: Fate
}

interface Fate {
  sleepless: boolean // the strap lay on the charger
  unrecovered: boolean
  nightUnscorable: boolean
  cycleUnscorable: boolean
}

export const MOMENTS = 11
export const NIGHT = 12
export const NAP = 13
export const WORKOUT = 14
export const NAP_RECOVERY = 16

export function momentsOf(person: Person, day: Day): Moments {
  const luck = random(person.seed, person.index, day.number, MOMENTS)
  const fate = fateOf(luck)
  const habit = luck()
  const early = !fate.sleepless && habit < 0.28
  const late = !fate.sleepless && habit > 0.965
  const cycle = Math.round(early ? partOfNight(day, luck) : day.wake + between(luck, 4, 14) * MINUTE_MS)
  const sleep = cycle + Math.round(chance(luck, 0.08) ? between(luck, 2, 8) * MINUTE_MS : between(luck, 4700, 5600))
  const wait = late ? between(luck, 0.7, 4) * HOUR_MS : between(luck, 5, 14) * MINUTE_MS
  const settled = early || late ? Math.round(day.wake + wait) : sleep
  const closesPrevious = cycle + whole(luck, 5100, 5140)
  return { cycleId: cycleIdOf(person, day, luck), cycle, sleep, settled, early, late, closesPrevious, fate }
}

export function workoutMoments({ end }: Exercise, luck: Random) {
  const created = end + Math.round(chance(luck, 0.5) ? between(luck, 100, 5000) : between(luck, 0.1, 20) * MINUTE_MS)
  const scored = chance(luck, 0.02) ? between(luck, 0.5, 5) * HOUR_MS : between(luck, 4000, 93_000)
  return { created, updated: created + Math.round(scored), unscorable: chance(luck, 0.007) }
}

function partOfNight({ onset, wake }: Day, luck: Random): number {
  return onset + (wake - onset) * between(luck, 0.5, 0.85)
}

function fateOf(luck: Random): Fate {
  const roll = luck()
  return {
    sleepless: roll < 0.006,
    unrecovered: roll >= 0.006 && roll < 0.012,
    nightUnscorable: roll >= 0.012 && roll < 0.02,
    cycleUnscorable: roll >= 0.02 && roll < 0.023,
  }
}

// A counter that all of WHOOP shares: it grows by so many a day, and members' ids lie scattered in it. 229,981 is prime,
// so that no two members ever meet.
function cycleIdOf({ index }: Person, { number }: Day, luck: Random): number {
  const scattered = ((index * 150 + whole(luck, 0, 149)) * 48_271) % 229_981
  return 100_000_000 + (number - EPOCH_DAY) * 230_000 + scattered
}
