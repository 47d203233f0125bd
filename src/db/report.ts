import { sql } from 'drizzle-orm'
import type { Db } from './connection/index.ts'
import type { Member } from './members.ts'

type Figure = number | null

/** A row of the view daily_trends: a calendar day of the member's, and what was normal for it. */
export interface TrendDay {
  day: string
  recovery: Figure
  recoveryWeek: Figure
  hrv: Figure
  hrvBaseline: Figure
  hrvSpread: Figure
  resting: Figure
  restingBaseline: Figure
  restingSpread: Figure
  respiratory: Figure
  respiratoryBaseline: Figure
  respiratorySpread: Figure
  skin: Figure
  skinBaseline: Figure
  skinSpread: Figure
  spo2: Figure
  signsOfIllness: Figure
  /** 0 to 21, and its means over 7 and 28 days. */
  strain: Figure
  acuteStrain: Figure
  chronicStrain: Figure
  loadRatio: Figure
  /** Durations are milliseconds. */
  asleep: Figure
  light: Figure
  deep: Figure
  rem: Figure
  awake: Figure
  sleepNeed: Figure
  sleepPerformance: Figure
  workouts: number
  workoutDuration: Figure
  /** Minutes in the heart rate zones 0 to 5. */
  zone0: Figure
  zone1: Figure
  zone2: Figure
  zone3: Figure
  zone4: Figure
  zone5: Figure
}

const columns: Readonly<Record<Exclude<keyof TrendDay, 'day'>, string>> = {
  recovery: 'recovery_score',
  recoveryWeek: 'recovery_week',
  hrv: 'hrv_rmssd',
  hrvBaseline: 'hrv_baseline',
  hrvSpread: 'hrv_spread',
  resting: 'resting_heart_rate',
  restingBaseline: 'resting_baseline',
  restingSpread: 'resting_spread',
  respiratory: 'respiratory_rate',
  respiratoryBaseline: 'respiratory_baseline',
  respiratorySpread: 'respiratory_spread',
  skin: 'skin_temp_celsius',
  skinBaseline: 'skin_baseline',
  skinSpread: 'skin_spread',
  spo2: 'spo2_percentage',
  signsOfIllness: 'signs_of_illness',
  strain: 'strain_score',
  acuteStrain: 'acute_strain',
  chronicStrain: 'chronic_strain',
  loadRatio: 'load_ratio',
  asleep: 'asleep_duration',
  light: 'light_sleep_duration',
  deep: 'slow_wave_sleep_duration',
  rem: 'rem_sleep_duration',
  awake: 'awake_time',
  sleepNeed: 'sleep_need',
  sleepPerformance: 'sleep_performance_percentage',
  workouts: 'workouts',
  workoutDuration: 'workout_duration',
  zone0: 'zone_zero_minutes',
  zone1: 'zone_one_minutes',
  zone2: 'zone_two_minutes',
  zone3: 'zone_three_minutes',
  zone4: 'zone_four_minutes',
  zone5: 'zone_five_minutes',
}

/** Oldest first, no day left out; `last` of them, or all. */
export async function loadTrends(db: Db, member: Member, last?: number): Promise<TrendDay[]> {
  const cells = Object.entries(columns).map(
    ([name, column]) => sql`${sql.identifier(column)}::float8 as ${sql.identifier(name)}`,
  )
  const rows = await db.execute<TrendDay & Record<string, unknown>>(sql`
    select day::text, ${sql.join(cells, sql`, `)} from daily_trends where user_id = ${member.id}
    order by daily_trends.day desc limit ${last ?? null}::bigint`)
  return [...rows].toReversed()
}

/** A row of the view workout_log. */
export interface LoggedWorkout {
  day: string
  sport: string | null
  minutes: Figure
  strain: Figure
  averageHeartRate: Figure
}

/** From the day `since` on, newest first. */
export async function loadWorkouts(db: Db, member: Member, since: string): Promise<LoggedWorkout[]> {
  const rows = await db.execute<LoggedWorkout & Record<string, unknown>>(sql`
    select started::date::text as day, sport, minutes, strain_score as strain, average_heart_rate::float8 as "averageHeartRate"
    from workout_log where user_id = ${member.id} and started >= ${since}::date order by start_time desc`)
  return [...rows]
}

/** A settled version that WHOOP has replaced or deleted, and when we saw that. */
export interface Change {
  type: string
  reason: string
  seenUntil: string
  /** The day on which what it describes began, as WHOOP's own text has it. */
  began: string | null
  before: Figure
  /** What is stored now of the same figure: a recovery's or a sleep's percentage, or a strain. */
  after: Figure
}

/** The newest of them first, and how many there are. */
export async function loadChanges(
  db: Db,
  member: Member,
  since: string,
  most: number,
): Promise<{ changes: Change[]; count: number }> {
  const rows = await db.execute<Change & { count: number } & Record<string, unknown>>(sql`
    select h.data_type as type, h.reason, h.seen_until::date::text as "seenUntil",
      left(coalesce(h.raw_data ->> 'start', s.start_time::text, h.raw_data ->> 'created_at'), 10) as began,
      whoop_figure(case h.data_type when 'recovery' then h.raw_data #>> '{score,recovery_score}'
        when 'sleep' then h.raw_data #>> '{score,sleep_performance_percentage}' else h.raw_data #>> '{score,strain}' end::float8) as before,
      whoop_figure(case h.data_type when 'recovery' then r.recovery_score when 'sleep' then s.sleep_performance_percentage
        when 'cycle' then c.strain_score else w.strain_score end) as after,
      (count(*) over ())::int as count
    from record_history h
    left join recovery_records r on h.data_type = 'recovery' and r.user_id = h.user_id and r.id::text = h.record_key
    left join sleep_records s on h.data_type in ('sleep', 'recovery') and s.user_id = h.user_id and s.id::text = h.record_key
    left join cycle_records c on h.data_type = 'cycle' and c.user_id = h.user_id and c.id::text = h.record_key
    left join workout_records w on h.data_type = 'workout' and w.user_id = h.user_id and w.id::text = h.record_key
    where h.user_id = ${member.id} and h.seen_until >= ${since}::date
    order by h.seen_until desc, h.id desc limit ${most}`)
  return { changes: [...rows], count: rows[0]?.count ?? 0 }
}

/** A row of the view behaviour_effects: what a habit of the journal goes with. */
export interface Effect {
  question: string
  metric: string
  daysYes: number
  daysNo: number
  difference: Figure
  ciLow: Figure
  ciHigh: Figure
  qValue: Figure
}

/** None where no journal is kept yet. */
export async function loadEffects(db: Db, member: Member): Promise<Effect[]> {
  const [view] = await db.execute<{ exists: boolean }>(
    sql`select to_regclass('behaviour_effects') is not null as exists`,
  )
  if (!view?.exists) return []
  const rows = await db.execute<Effect & Record<string, unknown>>(sql`
    select question, metric, days_yes::int as "daysYes", days_no::int as "daysNo", difference::float8, ci_low::float8 as "ciLow",
      ci_high::float8 as "ciHigh", q_value::float8 as "qValue"
    from behaviour_effects where user_id = ${member.id} and metric = 'recovery_score'
    order by q_value nulls last, abs(difference) desc, question limit 12`)
  return [...rows]
}
