import { getTableName, sql, type SQL } from 'drizzle-orm'
import { resources } from '../resources/index.ts'
import type { TypeName } from '../resources/names.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db } from './connection/index.ts'
import type { Member } from './members.ts'

/** What is stored of one type. Days are the member's own, by each record's offset, and wake days as in daily_summary. */
export interface TypeStats {
  records: number
  scored: number
  firstDay: string | null
  lastDay: string | null
}

/** Of each day from the first to the last, oldest first: what a member looks at. */
export interface Day {
  day: string
  /** False while its cycle is open: strain and energy still grow, and count in no average. */
  finished: boolean
  recovery: number | null
  hrv: number | null
  restingHeartRate: number | null
  spo2: number | null
  skinTemp: number | null
  strain: number | null
  kilojoules: number | null
  averageHeartRate: number | null
  maxHeartRate: number | null
  inBedMs: number | null
  asleepMs: number | null
  lightMs: number | null
  deepMs: number | null
  remMs: number | null
  awakeMs: number | null
  sleepNeedMs: number | null
  sleepDebtMs: number | null
  sleepPerformance: number | null
  sleepConsistency: number | null
  sleepEfficiency: number | null
  respiratoryRate: number | null
  disturbances: number | null
  naps: number
  /** Null when workouts have never been fetched: then nobody knows. */
  workouts: number | null
  workoutMs: number | null
}

const columns: Readonly<Record<Exclude<keyof Day, 'day' | 'finished' | 'naps' | 'workouts' | 'workoutMs'>, string>> = {
  recovery: 'recovery_score',
  hrv: 'hrv_rmssd',
  restingHeartRate: 'resting_heart_rate',
  spo2: 'spo2_percentage',
  skinTemp: 'skin_temp_celsius',
  strain: 'strain_score',
  kilojoules: 'kilojoules',
  averageHeartRate: 'average_heart_rate',
  maxHeartRate: 'max_heart_rate',
  inBedMs: 'in_bed_duration',
  asleepMs: 'asleep_duration',
  lightMs: 'light_sleep_duration',
  deepMs: 'slow_wave_sleep_duration',
  remMs: 'rem_sleep_duration',
  awakeMs: 'awake_time',
  sleepNeedMs: 'sleep_need',
  sleepDebtMs: 'sleep_debt',
  sleepPerformance: 'sleep_performance_percentage',
  sleepConsistency: 'sleep_consistency_percentage',
  sleepEfficiency: 'sleep_efficiency_percentage',
  respiratoryRate: 'respiratory_rate',
  disturbances: 'disturbance_count',
}

/** One sport of a member's, all of its workouts together. */
export interface Sport {
  name: string
  workouts: number
  durationMs: number
  strain: number | null
  kilojoules: number | null
  distanceMeters: number | null
  /** Time in the heart rate zones 0 to 5. */
  zonesMs: number[]
}

export interface Measurement {
  day: string
  heightMeter: number | null
  weightKilogram: number | null
  maxHeartRate: number | null
}

const dayOf: Readonly<Record<Resource['name'], SQL>> = {
  sleep: sql`local_time(coalesce(r.end_time, r.start_time), r.timezone_offset)::date`,
  recovery: sql`local_time(coalesce(s.end_time, s.start_time), s.timezone_offset)::date`, // it has no offset of its own
  workout: sql`local_time(r.start_time, r.timezone_offset)::date`,
  cycle: sql`local_time(r.start_time + coalesce((r.end_time - r.start_time) / 2, interval '12 hours'), r.timezone_offset)::date`, // its middle
}

/** Per type counts of one member's records. */
export async function loadTypeStats(db: Db, member: Member): Promise<Record<TypeName, TypeStats>> {
  const counts = resources.map(({ name, table }) => {
    const day = dayOf[name]
    const sleep =
      name === 'recovery' ? sql`left join sleep_records s on s.user_id = r.user_id and s.id = r.sleep_id` : sql``
    return sql`
      select ${name} as type, count(*)::int as records, (count(*) filter (where r.score_state = 'SCORED'))::int as scored,
        min(${day})::text as first, max(${day})::text as last
      from ${sql.identifier(getTableName(table))} r ${sleep} where r.user_id = ${member.id}`
  })
  const body = sql`
    select 'body', count(*)::int, count(*)::int, min(created_at::date)::text, max(created_at::date)::text
    from body_measurements where user_id = ${member.id}`
  const rows = await db.execute<{ type: TypeName; records: number; scored: number; first: string; last: string }>(
    sql.join([...counts, body], sql` union all `),
  )
  const stats = rows.map(({ type, records, scored, first, last }) => {
    return [type, { records, scored, firstDay: first, lastDay: last }] as const
  })
  return Object.fromEntries(stats) as Record<TypeName, TypeStats>
}

export async function loadDays(db: Db, member: Member): Promise<Day[]> {
  const cells = Object.entries(columns).map(
    ([name, column]) => sql`${sql.identifier(column)} as ${sql.identifier(name)}`,
  )
  const rows = await db.execute<Day & Record<string, unknown>>(sql`
    select day::text, day is distinct from (select day from open_days where user_id = ${member.id}) as finished, ${sql.join(cells, sql`, `)}, naps::int, workout_duration::float8 as "workoutMs",
      case when exists (
        select from sync_status where user_id = ${member.id} and data_type = 'workout' and last_sync_time is not null
      ) or exists (select from workout_records where user_id = ${member.id}) then workouts::int end as workouts
    from daily_summary where user_id = ${member.id} order by day`)
  return [...rows]
}

/** Since `since`, a day of the member's; the most frequent first. Named as in Grafana. */
export async function loadSports(db: Db, member: Member, since: string | undefined): Promise<Sport[]> {
  const zones = ['zero', 'one', 'two', 'three', 'four', 'five'].map(
    (zone) => sql`coalesce(sum(60000 * ${sql.identifier(`zone_${zone}_minutes`)}), 0)::float8`,
  )
  const rows = await db.execute<Omit<Sport, 'zonesMs'> & { zonesMs: number[] | string } & Record<string, unknown>>(sql`
    select coalesce(sport, 'Unknown') as name, count(*)::int as workouts,
      (extract(epoch from sum(end_time - start_time)) * 1000)::float8 as "durationMs", avg(strain_score) as strain,
      sum(kilojoules) as kilojoules, sum(distance_meters) as "distanceMeters",
      to_json(array[${sql.join(zones, sql`, `)}]) as "zonesMs"
    from workout_log
    where user_id = ${member.id} and (${since ?? null}::date is null or day >= ${since ?? null}::date)
    group by 1 order by 2 desc, 1`)
  return rows.map(({ zonesMs, ...sport }) => ({
    ...sport,
    zonesMs: typeof zonesMs === 'string' ? (JSON.parse(zonesMs) as number[]) : zonesMs,
  }))
}

/** Each change of the body measurements, oldest first. */
export async function loadMeasurements(db: Db, member: Member): Promise<Measurement[]> {
  const rows = await db.execute<Measurement & Record<string, unknown>>(sql`
    select created_at::date::text as day, height_meter as "heightMeter", weight_kilogram as "weightKilogram",
      max_heart_rate as "maxHeartRate"
    from body_measurements where user_id = ${member.id} order by created_at`)
  return [...rows]
}
