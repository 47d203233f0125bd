import { getTableName, sql, type SQL } from 'drizzle-orm'
import { resources } from '../resources/index.ts'
import type { TypeName } from '../resources/names.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db } from './connect.ts'
import type { Member } from './tokens.ts'

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
  recovery: number | null
  hrv: number | null
  restingHeartRate: number | null
  strain: number | null
  asleepMs: number | null
  sleepPerformance: number | null
  workouts: number
}

const dayOf: Readonly<Record<Resource['name'], SQL>> = {
  sleep: sql`local_time(r.end_time, r.timezone_offset)::date`,
  recovery: sql`local_time(s.end_time, s.timezone_offset)::date`, // it has no offset of its own
  workout: sql`local_time(r.start_time, r.timezone_offset)::date`,
  cycle: sql`local_time(r.start_time + interval '12 hours', r.timezone_offset)::date`, // it begins with falling asleep
}

/** Per type counts of one member's records. */
export async function loadTypeStats(db: Db, member: Member): Promise<Record<TypeName, TypeStats>> {
  const counts = resources.map(({ name, table }) => {
    const day = dayOf[name]
    const sleep = name === 'recovery' ? sql`left join sleep_records s on s.id = r.sleep_id` : sql``
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
  const rows = await db.execute<Day & Record<string, unknown>>(sql`
    select day::text, recovery_score as recovery, hrv_rmssd as hrv, resting_heart_rate as "restingHeartRate",
      strain_score as strain, asleep_duration as "asleepMs", sleep_performance_percentage as "sleepPerformance",
      workouts::int
    from daily_summary where user_id = ${member.id} order by day`)
  return [...rows]
}
