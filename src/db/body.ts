import { sql } from 'drizzle-orm'
import type * as v from 'valibot'
import type { body } from '../resources/body.ts'
import { toJson } from '../resources/json.ts'
import type { Db } from './connection/index.ts'
import type { Fence } from './lock.ts'
import type { Member } from './members.ts'

/** Adds a row, seen `at` (RFC 3339), when a measurement is not what it was; refuses when this run's locks are gone. */
export async function saveBody(
  db: Db,
  fence: Fence,
  member: Member,
  measured: v.InferOutput<typeof body.row>,
  raw: unknown,
  at: string,
): Promise<'inserted' | 'unchanged'> {
  const { heightMeter, weightKilogram, maxHeartRate } = measured
  const [outcome] = await db.execute<{ fenced: boolean; inserted: boolean }>(sql`
    with known as (
      update sync_status set empty_runs = 0
      where user_id = ${member.id} and data_type = 'body' and empty_runs > 0 and pg_backend_pid() = ${fence.pid}
    ), added as (
      insert into body_measurements (user_id, height_meter, weight_kilogram, max_heart_rate, raw_data, created_at)
      select ${member.id}::int, ${heightMeter}::float8, ${weightKilogram}::float8, ${maxHeartRate}::int,
        ${toJson(raw)}::text::jsonb, ${at}::timestamptz
      where pg_backend_pid() = ${fence.pid} and (${heightMeter}::float8, ${weightKilogram}::float8, ${maxHeartRate}::int)
        is distinct from (
          select (height_meter, weight_kilogram, max_heart_rate) from body_measurements
          where user_id = ${member.id} order by id desc limit 1 -- a clock may have been ahead
        )
      returning 1
    )
    select pg_backend_pid() = ${fence.pid} as fenced, exists (select from added) as inserted`)
  if (!outcome?.fenced) throw fence.lost()
  return outcome.inserted ? 'inserted' : 'unchanged'
}

export async function holdsBody(db: Db, member: Member): Promise<boolean> {
  return (await db.execute(sql`select from body_measurements where user_id = ${member.id} limit 1`)).length > 0
}
