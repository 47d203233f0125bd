// daily_summary in plain TypeScript, from the truth.
import type { Cycle, Recovery, Sleep, Workout, World } from '../../src/sandbox/index.ts'
import { HOUR_MS } from './time.ts'

export type Summary = Record<string, number | string | boolean | null>

type Facts = { cycles: Cycle[]; sleeps: Sleep[]; recoveries: Recovery[]; workouts: Workout[] }

/** Every day from the first to the last, oldest first. */
export function summarize(world: World, member: number): Summary[] {
  const facts: Facts = {
    cycles: world.list('cycle', member),
    sleeps: world.list('sleep', member),
    recoveries: world.list('recovery', member),
    workouts: world.list('workout', member),
  }
  const known = [...nightsOf(facts).map(wakeDay), ...facts.cycles.map((one) => cycleDay(one, facts))]
  const all = [...known, ...[...facts.workouts, ...napsIn(facts)].map((one) => dayOf(one, facts))].toSorted()
  return calendar(all[0], all.at(-1)).map((day) => summaryOf(day, facts))
}

/** The day on which each of a member's workouts counts, by the workout's id. */
export function workoutDays(world: World, member: number): Map<string, string> {
  const facts: Facts = {
    cycles: world.list('cycle', member),
    sleeps: world.list('sleep', member),
    recoveries: [],
    workouts: [],
  }
  return new Map(world.list('workout', member).map((one) => [one.id, dayOf(one, facts)]))
}

export function localDay(time: string, offset: string, laterMs = 0): string {
  const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? []
  const shift = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000)
  return new Date(Date.parse(time) + shift + laterMs).toISOString().slice(0, 10)
}

function summaryOf(day: string, facts: Facts): Summary {
  const night = longest(nightsOf(facts).filter((sleep) => wakeDay(sleep) === day))
  const cycles = facts.cycles.filter((one) => cycleDay(one, facts) === day).map(({ score }) => score)
  const workouts = facts.workouts.filter((one) => dayOf(one, facts) === day)
  return {
    day,
    ...recoveryOf(facts.recoveries.find(({ sleep_id }) => sleep_id === night?.id)),
    strain_score: most(cycles.map((score) => score?.strain)),
    kilojoules: sum(cycles.map((score) => score?.kilojoule)),
    max_heart_rate: most(cycles.map((score) => score?.max_heart_rate)),
    average_heart_rate: mean(cycles.map((score) => score?.average_heart_rate)),
    ...nightOf(night),
    ...napsOf(napsIn(facts).filter((one) => dayOf(one, facts) === day)),
    ...workoutsOf(workouts),
  }
}

function recoveryOf(recovery: Recovery | undefined): Summary {
  const score = recovery?.score
  return {
    recovery_score: score?.recovery_score ?? null,
    hrv_rmssd: score?.hrv_rmssd_milli ?? null,
    resting_heart_rate: score?.resting_heart_rate ?? null,
    spo2_percentage: score?.spo2_percentage ?? null,
    skin_temp_celsius: score?.skin_temp_celsius ?? null,
    user_calibrating: score?.user_calibrating ?? null,
  }
}

function nightOf(night: Sleep | undefined): Summary {
  const score = night?.score
  const [stages, need] = [score?.stage_summary, score?.sleep_needed]
  return {
    sleep_start: night?.start ?? null,
    sleep_end: night?.end ?? null,
    timezone_offset: night?.timezone_offset ?? null,
    in_bed_duration: stages?.total_in_bed_time_milli ?? null,
    asleep_duration: stages
      ? stages.total_light_sleep_time_milli +
        stages.total_slow_wave_sleep_time_milli +
        stages.total_rem_sleep_time_milli
      : null,
    light_sleep_duration: stages?.total_light_sleep_time_milli ?? null,
    slow_wave_sleep_duration: stages?.total_slow_wave_sleep_time_milli ?? null,
    rem_sleep_duration: stages?.total_rem_sleep_time_milli ?? null,
    awake_time: stages?.total_awake_time_milli ?? null,
    no_data_duration: stages?.total_no_data_time_milli ?? null,
    sleep_need: need ? (sum(Object.values(need)) ?? null) : null,
    sleep_debt: need?.need_from_sleep_debt_milli ?? null,
    sleep_performance_percentage: score?.sleep_performance_percentage ?? null,
    sleep_consistency_percentage: score?.sleep_consistency_percentage ?? null,
    sleep_efficiency_percentage: score?.sleep_efficiency_percentage ?? null,
    respiratory_rate: score?.respiratory_rate ?? null,
    sleep_cycle_count: stages?.sleep_cycle_count ?? null,
    disturbance_count: stages?.disturbance_count ?? null,
  }
}

function napsOf(naps: readonly Sleep[]): Summary {
  const asleep = naps.map(({ score }) => {
    const stages = score?.stage_summary
    return stages && stages.total_in_bed_time_milli - stages.total_awake_time_milli - stages.total_no_data_time_milli
  })
  return { naps: naps.length, nap_duration: sum(asleep) }
}

function workoutsOf(workouts: readonly Workout[]): Summary {
  const zones = (['zero', 'one', 'two', 'three', 'four', 'five'] as const).map((zone) => {
    const ms = sum(workouts.map(({ score }) => score?.zone_durations[`zone_${zone}_milli`]))
    return [`zone_${zone}_minutes`, ms === null ? null : ms / 60_000]
  })
  return {
    workouts: workouts.length,
    workout_duration: sum(workouts.map(lengthOf)),
    ...(Object.fromEntries(zones) as Summary),
  }
}

function wakeDay({ end, timezone_offset }: Sleep): string {
  return localDay(end, timezone_offset)
}

/** A cycle without a night counts where its middle lies. */
function cycleDay({ id, start, end, timezone_offset }: Cycle, { sleeps }: Facts): string {
  const night = longest(sleeps.filter(({ cycle_id }) => cycle_id === id))
  if (night) return wakeDay(night)
  return localDay(start, timezone_offset, end ? (Date.parse(end) - Date.parse(start)) / 2 : 12 * HOUR_MS)
}

/** A workout's and a nap's: its cycle's, unless that is too long to be a day. */
function dayOf(one: Workout | Sleep, facts: Facts): string {
  const cycle = facts.cycles.find(({ start, end }) => start <= one.start && (end === null || one.start < end))
  const isDay = cycle && Date.parse(cycle.end ?? one.start) - Date.parse(cycle.start) <= 36 * HOUR_MS
  return isDay ? cycleDay(cycle, facts) : localDay(one.start, one.timezone_offset)
}

function nightsOf({ sleeps }: Facts): Sleep[] {
  return sleeps.filter(({ nap }) => !nap)
}

function napsIn({ sleeps }: Facts): Sleep[] {
  return sleeps.filter(({ nap }) => nap)
}

function longest(sleeps: readonly Sleep[]): Sleep | undefined {
  return sleeps.filter(({ nap }) => !nap).toSorted((a, b) => lengthOf(b) - lengthOf(a))[0]
}

function lengthOf({ start, end }: Sleep | Workout): number {
  return Date.parse(end) - Date.parse(start)
}

function calendar(first = '', last = ''): string[] {
  const days: string[] = []
  for (let day = first; day !== '' && day <= last; day = localDay(`${day}T00:00:00Z`, 'Z', 86_400_000)) days.push(day)
  return days
}

type Known = readonly (number | undefined)[]

function sum(values: Known): number | null {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

function most(values: Known): number | null {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? null : Math.max(...known)
}

function mean(values: Known): number | null {
  const known = values.filter((value) => value !== undefined)
  const total = sum(known)
  return total === null ? null : total / known.length
}
