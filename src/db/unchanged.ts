import { sql } from 'drizzle-orm'
import type { Understood } from '../resources/read.ts'
import { eventsDue, missingDue, unsettledDue } from './chase.ts'
import type { Db } from './connection/index.ts'
import { isContinued, missing } from './omissions.ts'
import { asPage } from './records.ts'
import { quarantinedDue } from './quarantine.ts'
import { ended, type Ending } from './runs.ts'
import { isOf, type Scope } from './scope.ts'
import { placed } from './upsert.ts'

/**
 * Whether the newest page is stored as it is, everything below it is covered, and nothing is due to be asked for: then a
 * type is as its last run left it, nothing has to be written of its records, and the type is ended by the same statement.
 */
export async function endAsLeft(
  db: Db,
  scope: Scope,
  page: { records: readonly Understood[]; last: boolean; at: string },
  ending: Ending,
): Promise<boolean> {
  const { fence, member, resource } = scope
  const { source, target, key } = asPage(scope, page.records)
  const listed = { last: page.last, before: undefined, shown: [] }
  const mine = isOf(scope)
  const [row] = await db.execute<{ fenced: boolean; same: boolean }>(sql`
    with page as (${placed(resource, source)}), found as (
      select pg_backend_pid() = ${fence.pid} as fenced,
        not exists (
          select from page left join ${target} old on old.user_id = ${member.id} and old.${key} = page.${key}
          where old.raw_data is distinct from page.raw_data
        )
        and not exists (${missing(scope, listed)})
        and not exists (${missingDue(scope, page.at)})
        and not exists (${eventsDue(scope, page.at)})
        ${page.last ? sql`` : sql`and not exists (select from chased_records where ${isContinued(scope)})`}
        and not exists (${unsettledDue(scope, sql`(select min(place) from page)`, page.at)})
        and not exists (${quarantinedDue(scope, page.at)})
        and not exists (
          select from quarantined_records where ${mine} and record_key in (select ${key}::text from page)
        )
        and coalesce((
          select empty_runs = 0 and last_record_time = top and covered @> tstzrange(null, top)
          from sync_status, (select max(place) as top from page) newest where ${mine}
        ), false) as same
    ), ended as (
      update sync_status set ${ended(ending)} from found where ${mine} and fenced and same
    )
    select fenced, same from found`)
  if (!row?.fenced) throw fence.lost()
  return row.same
}
