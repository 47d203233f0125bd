import { createHash } from 'node:crypto'
import { formatOffset, MINUTE_MS } from './calendar.ts'
import { float32 } from './json.ts'
import type { Day } from './day.ts'
import { momentsOf, NAP, NAP_RECOVERY, NIGHT, WORKOUT, workoutMoments, type Moments } from './moments.ts'
import type { Person } from './person.ts'
import { between, chance, drift, random } from './random.ts'
import type { Body, Cycle, Profile, Recovery, Sleep, Workout } from './records.ts'
import { cycleScore, recoveryScore, sleepScore, workoutScore } from './scores.ts'
import type { Exercise } from './sports.ts'

export interface Shown {
  cycle: Cycle[]
  sleep: Sleep[]
  recovery: Recovery[]
  workout: Workout[]
}

export interface View {
  person: Person
  day: Day
  next: Day // its onset is this cycle's end
  membership: number // 0 on a member's first day
  at: number
}

// What WHOOP would serve of one day at one instant. It follows from nothing else, so time can be travelled to.
export function show(view: View): Shown {
  const moments = momentsOf(view.person, view.day)
  const { cycle, sleep, fate } = moments
  const slept = view.at >= sleep && !fate.sleepless
  const naps = napAt(view, moments)
  return {
    cycle: view.at >= cycle ? [cycleAt(view, moments)] : [],
    sleep: [...(slept ? [nightAt(view, moments)] : []), ...naps],
    recovery: [
      ...(slept && !fate.unrecovered ? [recoveryAt(view, moments)] : []),
      ...naps.flatMap((nap) => recoveryFrom(view, nap)),
    ],
    workout: view.day.exercises.flatMap((exercise, nth) => workoutAt(view, exercise, nth)),
  }
}

function cycleAt(view: View, moments: Moments): Cycle {
  const { person, day, next, at } = view
  const closes = momentsOf(person, next).closesPrevious
  const end = at >= closes ? next.onset : undefined
  const scored = moments.fate.sleepless ? [] : [moments.sleep + 92, moments.settled + 92]
  const state = moments.fate.cycleUnscorable ? 'UNSCORABLE' : stateOf(view, moments)
  return {
    id: moments.cycleId,
    user_id: person.id,
    created_at: time(moments.cycle),
    updated_at: time(latest(at, [moments.cycle, ...scored, closes])), // and not whenever strain grows
    start: time(day.onset),
    end: end === undefined ? null : time(end),
    timezone_offset: formatOffset(day.offset),
    score_state: state,
    score: state === 'SCORED' ? cycleScore(person, day, end ?? at) : null,
  }
}

function nightAt(view: View, moments: Moments): Sleep {
  const { person, day, at } = view
  const { cycleId, cycle, sleep, settled, early, fate } = moments
  const end = early && at < settled ? cycle - 3 * MINUTE_MS : day.wake
  const asleep = Math.round((day.asleep * (end - day.onset)) / (day.wake - day.onset))
  const state = fate.nightUnscorable ? 'UNSCORABLE' : stateOf(view, moments)
  const luck = random(person.seed, person.index, day.number, NIGHT)
  const slumber = { start: day.onset, end, asleep, nap: false, newcomer: view.membership < 3 }
  return {
    id: uuid(person, day, 'sleep'),
    cycle_id: cycleId,
    v1_id: null,
    user_id: person.id,
    created_at: time(sleep),
    updated_at: time(latest(at, [sleep, settled])),
    start: time(day.onset),
    end: time(end),
    timezone_offset: formatOffset(day.offset),
    nap: false,
    score_state: state,
    score: state === 'SCORED' ? sleepScore(day, slumber, luck) : null,
  }
}

function recoveryAt(view: View, moments: Moments): Recovery {
  const { person, day, at } = view
  const { cycleId, sleep, settled, early, fate } = moments
  const state = fate.nightUnscorable ? 'UNSCORABLE' : stateOf(view, moments)
  const measured = { calibrating: view.membership < 4, provisional: early && at < settled }
  return {
    cycle_id: cycleId,
    sleep_id: uuid(person, day, 'sleep'),
    user_id: person.id,
    created_at: time(sleep),
    updated_at: time(latest(at, [sleep, settled])),
    score_state: state,
    score: state === 'SCORED' ? recoveryScore(person, day, measured) : null,
  }
}

function napAt({ person, day, at }: View, { cycleId }: Moments): Sleep[] {
  if (!day.nap) return []
  const luck = random(person.seed, person.index, day.number, NAP)
  const { start, end } = day.nap
  const created = end + Math.round(between(luck, 3, 15) * MINUTE_MS)
  if (at < created) return []
  const asleep = Math.round((end - start) * between(luck, 0.78, 0.94))
  return [
    {
      id: uuid(person, day, 'nap'),
      cycle_id: cycleId,
      v1_id: null,
      user_id: person.id,
      created_at: time(created),
      updated_at: time(created),
      start: time(start),
      end: time(end),
      timezone_offset: formatOffset(day.offset),
      nap: true,
      score_state: 'SCORED',
      score: sleepScore(day, { start, end, asleep, nap: true, newcomer: false }, luck),
    },
  ]
}

// WHOOP computes a recovery from some naps, too: a poor one, beside the night's of the same cycle.
function recoveryFrom({ person, day }: View, nap: Sleep): Recovery[] {
  const luck = random(person.seed, person.index, day.number, NAP_RECOVERY)
  if (!chance(luck, 0.5)) return []
  const night = recoveryScore(person, day, { calibrating: false, provisional: false })
  return [
    {
      cycle_id: nap.cycle_id,
      sleep_id: nap.id,
      user_id: nap.user_id,
      created_at: nap.created_at,
      updated_at: nap.updated_at,
      score_state: 'SCORED',
      score: {
        ...night,
        recovery_score: Math.round(between(luck, 1, 28)),
        hrv_rmssd_milli: float32(night.hrv_rmssd_milli * between(luck, 0.6, 0.9)),
        resting_heart_rate: night.resting_heart_rate + Math.round(between(luck, 4, 15)),
      },
    },
  ]
}

function workoutAt({ person, day, at }: View, exercise: Exercise, nth: number): Workout[] {
  const luck = random(person.seed, person.index, day.number, WORKOUT, nth)
  const { created, updated, unscorable } = workoutMoments(exercise, luck)
  if (at < created) return []
  const state = at < updated ? 'PENDING_SCORE' : unscorable ? 'UNSCORABLE' : 'SCORED'
  return [
    {
      id: uuid(person, day, `workout ${nth}`),
      v1_id: null,
      user_id: person.id,
      created_at: time(created),
      updated_at: time(latest(at, [created, updated])),
      start: time(exercise.start),
      end: time(exercise.end),
      timezone_offset: formatOffset(day.offset),
      sport_name: exercise.sport.name,
      score_state: state,
      score: state === 'SCORED' ? workoutScore(person, exercise, luck) : null,
      sport_id: exercise.sport.id,
    },
  ]
}

export function showProfile({ id, email, firstName, lastName }: Person): Profile {
  return { user_id: id, email, first_name: firstName, last_name: lastName }
}

// People weigh themselves about once a month, and WHOOP keeps no history of it.
export function showBody({ seed, index, height, weight, maxHeartRate }: Person, at: number): Body {
  const gained = drift(Math.floor(at / (30 * 24 * 60 * MINUTE_MS)) * 30, seed, index, 9) * 3
  const kilograms = float32(Math.round((weight + gained) * 10) / 10)
  return { height_meter: float32(height), weight_kilogram: kilograms, max_heart_rate: maxHeartRate }
}

function stateOf({ at }: View, { late, settled }: Moments): 'PENDING_SCORE' | 'SCORED' {
  return late && at < settled ? 'PENDING_SCORE' : 'SCORED'
}

function latest(at: number, moments: number[]): number {
  return Math.max(...moments.filter((moment, nth) => nth === 0 || moment <= at))
}

function time(instant: number): string {
  return new Date(instant).toISOString()
}

// From a digest, not from the die: 32 bits of luck would meet themselves among many members.
function uuid({ seed, index }: Person, { number }: Day, what: string): string {
  const digest = createHash('sha256').update(`${seed}/${index}/${number}/${what}`).digest('hex')
  const variant = '89ab'[Number.parseInt(digest.slice(16, 17), 16) % 4]
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `4${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-')
}
