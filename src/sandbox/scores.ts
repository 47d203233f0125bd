import { HOUR_MS, MINUTE_MS } from './calendar.ts'
import { float32 } from './json.ts'
import type { Day } from './day.ts'
import type { Person } from './person.ts'
import { between, chance, clamp, normal, random, whole, type Random } from './random.ts'
import { strainOf, track, type Exercise } from './sports.ts'
import type { CycleScore, RecoveryScore, SleepScore, WorkoutScore } from './records.ts'

const ZONE_TOP = [0.5, 0.6, 0.7, 0.8, 0.9, 1] // of the maximum heart rate
const ZONE_MIDDLE = [0.44, 0.55, 0.65, 0.75, 0.85, 0.93]
const KILOJOULES = [0.12, 0.3, 0.45, 0.62, 0.8, 0.95] // per kilogram and minute

// The day's score as it stands at an instant: strain and energy only ever grow.
export function cycleScore(person: Person, day: Day, until: number): CycleScore {
  const awake = clamp((until - day.wake) / (15 * HOUR_MS), 0, 1)
  const parts = day.exercises.map((one) => ({ one, done: clamp((until - one.start) / (one.end - one.start), 0, 1) }))
  const sum = (amount: (one: Exercise) => number) => parts.reduce((all, { one, done }) => all + amount(one) * done, 0)
  const resting = person.weight * ((until - day.onset) / 1000) * 0.00106
  return {
    strain: float32(strainOf(0.02 + day.busyness * awake + sum(({ load }) => load))),
    kilojoule: float32(resting + day.busyness * awake * 3000 + sum((one) => energy(person, one) * 0.85)),
    average_heart_rate: averageHeartRate(person, day, until),
    max_heart_rate: Math.max(
      day.recovery.restingHeartRate + (awake > 0.2 ? 68 : 41) + (day.number % 17),
      ...parts.filter(({ done }) => done > 0).map(({ one }) => peak(person, one)),
    ),
  }
}

function averageHeartRate(person: Person, { recovery, onset, wake, exercises }: Day, until: number): number {
  const asleep = Math.min(until, wake) - onset
  const awake = Math.max(0, until - wake)
  const trained = exercises.map((one) => ({ one, time: clamp(until - one.start, 0, one.end - one.start) }))
  const extra = trained.reduce(
    (sum, { one, time }) => sum + time * (average(person, one) - recovery.restingHeartRate - 23),
    0,
  )
  const beats = asleep * (recovery.restingHeartRate + 4) + awake * (recovery.restingHeartRate + 23) + extra
  return Math.round(beats / Math.max(1, asleep + awake))
}

function average({ maxHeartRate }: Person, { zones }: Exercise): number {
  const time = zones.reduce((sum, ms) => sum + ms, 0)
  return (maxHeartRate * zones.reduce((sum, ms, zone) => sum + ms * (ZONE_MIDDLE[zone] ?? 0), 0)) / Math.max(1, time)
}

function peak({ maxHeartRate }: Person, { zones, start }: Exercise): number {
  const highest = zones.findLastIndex((ms) => ms > 0)
  return Math.round(maxHeartRate * (ZONE_TOP[highest] ?? 0.5)) - (start % 7)
}

function energy({ weight }: Person, { zones }: Exercise): number {
  return zones.reduce((sum, ms, zone) => sum + (ms / MINUTE_MS) * weight * (KILOJOULES[zone] ?? 0), 0)
}

export function workoutScore(person: Person, one: Exercise, luck: Random): WorkoutScore {
  const way = track(luck, one)
  const [zero = 0, first = 0, second = 0, third = 0, fourth = 0, fifth = 0] = one.zones
  return {
    strain: float32(strainOf(one.load)),
    average_heart_rate: Math.round(average(person, one)),
    max_heart_rate: peak(person, one),
    kilojoule: float32(energy(person, one)),
    percent_recorded: chance(luck, 0.85) ? 1 : float32(between(luck, 0.9, 0.999)),
    distance_meter: way ? float32(way.distance) : null,
    altitude_gain_meter: way ? float32(way.gain) : null,
    altitude_change_meter: way ? float32(way.change) : null,
    zone_durations: {
      zone_zero_milli: zero,
      zone_one_milli: first,
      zone_two_milli: second,
      zone_three_milli: third,
      zone_four_milli: fourth,
      zone_five_milli: fifth,
    },
  }
}

export interface Slumber {
  start: number
  end: number
  asleep: number
  nap: boolean
  newcomer: boolean // WHOOP does not know this member's bedtimes yet
}

export function sleepScore(day: Day, slumber: Slumber, luck: Random): SleepScore {
  const { need, recovery, consistency } = day
  const inBed = slumber.end - slumber.start
  const total = need.baseline + need.debt + need.strain + need.nap
  const measured = (100 * slumber.asleep) / inBed
  return {
    stage_summary: stages(slumber, luck),
    sleep_needed: {
      baseline_milli: need.baseline,
      need_from_sleep_debt_milli: need.debt,
      need_from_recent_strain_milli: need.strain,
      need_from_recent_nap_milli: need.nap,
    },
    respiratory_rate: Math.round((recovery.respiratoryRate + (slumber.nap ? 0.4 : 0)) * 128) / 128,
    sleep_performance_percentage: clamp(Math.round((100 * slumber.asleep) / total + normal(luck) * 2.5), 1, 100),
    sleep_consistency_percentage: slumber.nap ? null : slumber.newcomer ? 0 : consistency,
    sleep_efficiency_percentage: float32(chance(luck, 0.15) ? measured - luck() * 0.2 : measured),
  }
}

function stages({ start, end, asleep, nap }: Slumber, luck: Random): SleepScore['stage_summary'] {
  const inBed = end - start
  const unseen = chance(luck, 0.05) ? Math.round((inBed - asleep) * between(luck, 0.1, 0.6)) : 0
  const slow = Math.round(asleep * clamp((nap ? 0.1 : 0.2) + normal(luck) * 0.03, 0.02, 0.35))
  const dreaming = Math.round(asleep * clamp((nap ? 0.07 : 0.23) + normal(luck) * 0.035, 0, 0.38))
  return {
    total_in_bed_time_milli: inBed,
    total_awake_time_milli: inBed - asleep - unseen,
    total_no_data_time_milli: unseen,
    total_light_sleep_time_milli: asleep - slow - dreaming,
    total_slow_wave_sleep_time_milli: slow,
    total_rem_sleep_time_milli: dreaming,
    sleep_cycle_count: Math.max(nap ? 0 : 1, Math.round(asleep / (100 * MINUTE_MS) + normal(luck) * 0.7)),
    disturbance_count: Math.max(0, Math.round((inBed / HOUR_MS) * 1.4 + normal(luck) * 2)),
  }
}

interface Measured {
  calibrating: boolean
  provisional: boolean // the night was not over yet
}

export function recoveryScore(person: Person, day: Day, { calibrating, provisional }: Measured): RecoveryScore {
  const { recovery } = day
  const luck = random(person.seed, person.index, day.number, 15)
  const guess = provisional ? 1 + normal(luck) * 0.05 : 1
  const [breaths, touches] = [whole(luck, 4, 12), whole(luck, 20, 60)]
  const blind = person.oldStrap || chance(luck, 0.008)
  return {
    user_calibrating: calibrating,
    recovery_score: clamp(Math.round(recovery.score * guess), 1, 100),
    resting_heart_rate: recovery.restingHeartRate + (provisional ? 1 : 0),
    hrv_rmssd_milli: float32(recovery.hrv * guess),
    spo2_percentage: blind ? null : float32(Math.round(recovery.oxygen * breaths) / breaths),
    skin_temp_celsius: blind ? null : float32(Math.round(recovery.skinTemperature * 10 * touches) / (10 * touches)),
  }
}
