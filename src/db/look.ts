import { sql } from 'drizzle-orm'
import type { Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import { unsettledDue } from './chase.ts'
import type { Db } from './connect.ts'
import type { Fence } from './lock.ts'
import { asPage } from './page.ts'
import { quarantinedDue } from './quarantine.ts'
import type { Member } from './tokens.ts'
import { missing, placed } from './upsert.ts'

/**
 * Whether the newest page is stored as it is, everything below it is covered, and nothing is due to be asked for: then a
 * type is as its last run left it, and nothing has to be written.
 */
export async function isAsLeft(
  db: Db,
  fence: Fence,
  member: Member,
  resource: Resource,
  page: { records: readonly Understood[]; last: boolean; at: string },
): Promise<boolean> {
  const { source, target, key } = asPage(resource, member, page.records)
  const listed = { last: page.last, before: undefined, shown: [] }
  const mine = sql`user_id = ${member.id} and data_type = ${resource.name}`
  const bottom = sql`(select place from page order by ordinality desc limit 1)`
  const [row] = await db.execute<{ fenced: boolean; same: boolean }>(sql`
    with page as (${placed(resource, source)})
    select pg_backend_pid() = ${fence.pid} as fenced,
      not exists (
        select from page left join ${target} old using (${key}) where old.raw_data is distinct from page.raw_data
      )
      and not exists (${missing(resource, member, listed, sql`null::timestamptz`)})
      and not exists (select from chased_records where ${mine} and reason = 'missing')
      and not exists (${unsettledDue(member, resource, bottom, page.at)})
      and not exists (${quarantinedDue(member, resource, page.at)})
      and not exists (
        select from quarantined_records where ${mine} and record_key in (select ${key}::text from page)
      )
      and coalesce((
        select last_record_time = top and covered @> tstzrange(null, top)
        from sync_status, (select place as top from page order by ordinality limit 1) newest where ${mine}
      ), false) as same`)
  if (!row?.fenced) throw fence.lost()
  return row.same
}
