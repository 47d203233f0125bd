import { sql, type SQL } from 'drizzle-orm'
import type { Db, Tx } from './connection/index.ts'
import type { TypeName } from '../resources/names.ts'
import type { Member } from './members.ts'
import { isOf, keyOf, tableOf, type Collection } from './scope.ts'

// What a list leaves out. A page shows everything between its last record and where it was asked to end, and so what is
// stored there and not on it may be gone; but lists err, too. A page that leaves out a few is asked about those at once,
// by their ids. One that leaves out many, or the end of its list, is not believed before another run, a day later at
// the earliest, has seen the same.

/** Which part of the list a page is. */
export interface Listed {
  /** It has no continuation: what lies below its last record is not on the list either. */
  last: boolean
  /** Where its list was asked to end (RFC 3339); undefined: it begins with the newest record. */
  before: string | undefined
  /** Keys that are on the list, though not in this batch. */
  shown: readonly string[]
}

const FEW = 3
const SMALL_SHARE = 10 // a tenth of what is stored in the page's span
const BELIEVED_AFTER = sql`interval '1 day'`
const AT_MOST = 100 // remembered of a list that is not believed: 20 a run could be asked for

/** What is stored where the page lists everything, and is not on it. Needs `page`, with its places. */
export function missing(scope: Collection, listed: Listed): SQL {
  return sql`select from (${spanOf(scope, listed)}) span where is_omitted`
}

/** The parts of a statement that remember what a page has left out. They need `page`, with its places, and give `verdict`. */
export function suspected(scope: Collection, listed: Listed, at: SQL): SQL {
  const continued = sql`, continued as (
      delete from chased_records where ${isContinued(scope)} returning record_key
    ), refuted as (
      delete from chased_records c using continued
      where ${isOf(scope, sql`c`)} and c.record_key = continued.record_key and c.reason = 'missing'
        and c.record_key not in (select key from omitted)
    )`
  return sql`
    span as materialized (${spanOf(scope, listed)}), ${suspicions(scope, sql`(select min(place) from page)`, at)}
    ${listed.last ? sql`` : continued}`
}

/** The suspicions that are over when a page, which is not the last, goes on where the list had ended. Needs `page`. */
export function isContinued(scope: Collection): SQL {
  return sql`${isOf(scope)} and reason = 'cut'
    and (select min(place) from page) <= (select cut_at from sync_status where ${isOf(scope)})`
}

/**
 * After the whole list has been read, in whatever order: remembers what is stored and was not on it. Tells whether that is
 * too much to believe the list.
 */
export async function suspectUnseen(tx: Tx, scope: Collection, seen: readonly string[], at: string): Promise<boolean> {
  const { member, resource } = scope
  const key = keyOf(resource)
  const [row] = await tx.execute<{ is_doubted: boolean }>(sql`
    with seen as (
      select value as key from jsonb_array_elements_text(${JSON.stringify(seen)}::text::jsonb)
    ), span as materialized (
      select r.${key}::text as key, ${resource.place(sql`r`)} as place, seen.key is null as is_omitted
      from ${tableOf(resource)} r left join seen on seen.key = r.${key}::text where r.user_id = ${member.id}
    ), ${suspicions(scope, sql`(select min(place) from span where not is_omitted)`, sql`${at}::timestamptz`)}
    select is_doubted from verdict`)
  return row?.is_doubted ?? false
}

/**
 * Forgets the doubts of a list that no run has had again since `at`, and what is to be asked for because they were believed.
 * What is `missing` without a doubt beside it stays.
 */
export function forgetDoubts({ id }: Pick<Member, 'id'>, type: TypeName, at: SQL): SQL {
  return sql`
    delete from chased_records c using chased_records doubt
    where c.user_id = ${id} and c.data_type = ${type} and c.reason in ('missing', 'omitted', 'cut') and c.seen_at < ${at}
      and doubt.user_id = ${id} and doubt.data_type = ${type} and doubt.record_key = c.record_key
      and doubt.reason in ('omitted', 'cut') and doubt.seen_at < ${at}`
}

/** Whether any of what lists have left out is still stored. */
export async function holdsSuspects(db: Db, scope: Collection): Promise<boolean> {
  const rows = await db.execute(sql`
    select from chased_records where ${isOf(scope)} and reason in ('missing', 'omitted', 'cut') limit 1`)
  return rows.length > 0
}

/** What was placed in time by a record that is gone may be gone with it. */
export async function suspectDependents(
  tx: Tx,
  { member, resource }: Collection,
  on: string,
  at: string,
): Promise<void> {
  const key = keyOf(resource)
  await tx.execute(sql`
    insert into chased_records (user_id, data_type, record_key, reason, since, seen_at)
    select ${member.id}::int, ${resource.name}::text, r.${key}::text, 'missing', ${at}::timestamptz, ${at}::timestamptz
    from ${tableOf(resource)} r where r.user_id = ${member.id} and r.${key}::text = ${on}
    on conflict (user_id, data_type, record_key, reason) do update set seen_at = excluded.seen_at`)
}

/** The stored records that a page must show, by their key and place, and whether it has left them out; none of a page that is not stored. */
function spanOf({ member, resource }: Collection, { last, before, shown }: Listed): SQL {
  const key = keyOf(resource)
  const isListed = (place: SQL) => sql`
    ${last ? sql`true` : sql`${place} > (select min(place) from page)`}
    ${before === undefined ? sql`` : sql`and ${place} < ${before}::timestamptz`}`
  return sql`
    select r.${key}::text as key, ${resource.place(sql`r`)} as place,
      not exists (select from page where page.${key} = r.${key})
        ${shown.length === 0 ? sql`` : sql`and r.${key}::text not in ${[...shown]}`} as is_omitted
    from (${resource.within(member.id, isListed)}) r
    where exists (select from page)`
}

/** From `span`, the stored records that must be on a list which ends at `bottom`. */
function suspicions(scope: Collection, bottom: SQL, at: SQL): SQL {
  const { member, resource } = scope
  const whose = sql`${member.id}::int, ${resource.name}::text`
  return sql`
    verdict as (
      select count(*) filter (where is_omitted) > ${FEW}
        and count(*) filter (where is_omitted) * ${SMALL_SHARE} > count(*) as is_doubted
      from span
    ), omitted as (
      select key, case when place < ${bottom} then 'cut' when is_doubted then 'omitted' else 'missing' end as reason
      from span, verdict where is_omitted order by place desc limit ${AT_MOST}
    ), believed as ( -- a run of a day ago has seen the same
      select key from omitted join chased_records c
        on ${isOf(scope, sql`c`)} and c.record_key = key and c.reason = omitted.reason
      where omitted.reason <> 'missing' and c.since <= ${at} - ${BELIEVED_AFTER}
    ), suspicions as (
      insert into chased_records (user_id, data_type, record_key, reason, since, seen_at)
      select ${whose}, key, reason, ${at}, ${at} from omitted
      union select ${whose}, key, 'missing', ${at}, ${at} from believed
      on conflict (user_id, data_type, record_key, reason) do update set seen_at = excluded.seen_at
    ), seen_again as (
      update chased_records set seen_at = ${at}
      where ${isOf(scope)} and reason = 'missing' and record_key in (
        select key from omitted where reason <> 'missing' except select key from believed
      )
    )`
}
