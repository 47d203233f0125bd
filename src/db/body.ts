import { sql } from 'drizzle-orm'
import type * as v from 'valibot'
import type { body } from '../resources/body.ts'
import type { Db } from './connect.ts'
import type { Fence } from './lock.ts'
import type { Member } from './tokens.ts'

/** Adds a row when a measurement is not what it was. */
export async function saveBody(
  db: Db,
  fence: Fence,
  member: Member,
  measured: v.InferOutput<typeof body.row>,
  raw: unknown,
): Promise<'inserted' | 'unchanged'> {
  const { heightMeter, weightKilogram, maxHeartRate } = measured
  const inserted = await db.execute(sql`
    insert into body_measurements (user_id, height_meter, weight_kilogram, max_heart_rate, raw_data)
    select ${member.id}::int, ${heightMeter}::float8, ${weightKilogram}::float8, ${maxHeartRate}::int,
      ${JSON.stringify(raw)}::text::jsonb
    where pg_backend_pid() = ${fence.pid} and (${heightMeter}::float8, ${weightKilogram}::float8, ${maxHeartRate}::int)
      is distinct from (
        select (height_meter, weight_kilogram, max_heart_rate) from body_measurements
        where user_id = ${member.id} order by created_at desc, id desc limit 1
      )
    returning 1`)
  return inserted.length > 0 ? 'inserted' : 'unchanged'
}
