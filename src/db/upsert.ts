import { getTableName, sql, type SQL } from 'drizzle-orm'
import { resourceOf } from '../resources/index.ts'
import { valueOf, type Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connect.ts'
import { asPage } from './page.ts'
import type { Member } from './tokens.ts'

/** What became of one record of a page. */
export interface Stored {
  key: string
  /** When it happened, as WHOOP's filters and order see it. */
  place: string
  change: 'inserted' | 'updated' | 'unchanged'
  /** The place was already claimed to be stored completely. */
  claimed: boolean
}

/** Records from WHOOP, and what their coming together says. */
export interface Batch {
  records: readonly Understood[]
  /** When they are stored (RFC 3339). */
  at: string
  /**
   * Set when the records are a page of the list: then it shows everything between its last record, or the beginning of
   * time where it is the `last` page, and `before`. What is stored there, not on it and not otherwise `shown` will be
   * asked for by id.
   */
  listed?: { last: boolean; before: string | undefined; shown: readonly string[] }
}

/** For each row by itself: while a table grows by a history, the planner may think that it is small, and read all of it. */
const BY_INDEX = sql`offset 0`

/**
 * Stores a batch with one statement; returns what became of each record, in the batch's order. Content decides: a row
 * whose `raw_data` is equal is not written and not even locked, and no clock gates a row that differs. The same
 * statement keeps the settled versions it replaces, and remembers which records are not final and which are missing.
 */
export async function upsert(tx: Tx, resource: Resource, member: Member, batch: Batch): Promise<Stored[]> {
  if (batch.records.length === 0) return []
  const { source, target, key: keyName, columns } = asPage(resource, member, batch.records)
  const names = list(columns.map(({ name }) => sql.identifier(name)))
  const updates = list(columns.map(({ name }) => sql`${sql.identifier(name)} = excluded.${sql.identifier(name)}`))
  const at = sql`${batch.at}::timestamptz`
  const mine = sql`user_id = ${member.id} and data_type = ${resource.name}`
  const rows = await tx.execute<{ key: string; place: string; change: Stored['change']; claimed: boolean }>(sql`
    with page as (${placed(resource, source)}), known as (
      select old.* from page, lateral (select * from ${target} where ${keyName} = page.${keyName} ${BY_INDEX}) old
    ), stored as (
      insert into ${target} (${names}, created_at, updated_at)
      select ${names}, ${at}, ${at} from page
      where not exists (
        select from known where known.${keyName} = page.${keyName} and known.raw_data = page.raw_data
      )
      on conflict (${keyName}) do update set ${updates}, updated_at = excluded.updated_at
      returning ${keyName}, xmax = 0 as is_new
    ), replaced as (
      insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
      select ${member.id}::int, ${resource.name}::text, old.${keyName}::text, old.raw_data, old.updated_at, ${at}, 'changed'
      from page join known old using (${keyName})
      where old.raw_data <> page.raw_data and ${settled(resource, at)}
    ), final as (
      delete from chased_records c using page
      where c.${mine} and c.record_key = page.${keyName}::text and not page.unsettled
    ), readable as (
      delete from quarantined_records q using page where q.${mine} and q.record_key = page.${keyName}::text
    ), chased as (
      insert into chased_records as c (user_id, data_type, record_key, reason, since)
      select ${member.id}::int, ${resource.name}::text, ${keyName}::text, 'unsettled', ${at} from page where unsettled
      ${batch.listed ? sql`union all ${missing(resource, member, batch.listed, at)}` : sql``}
      on conflict (user_id, data_type, record_key) do update set reason = excluded.reason, asked_at = null
      where c.reason <> excluded.reason
    )
    select page.${keyName}::text as key, place,
      case when is_new then 'inserted' when not is_new then 'updated' else 'unchanged' end as change,
      coalesce(covered @> place, false) as claimed
    from page
      left join stored using (${keyName})
      left join sync_status on sync_status.${mine}
    order by ordinality`)
  return [...rows]
}

/** A page's records, with what their own type says of them. */
export function placed(resource: Resource, source: SQL): SQL {
  return sql`
    select read.*, ${resource.place(sql`read`)} as place, ${unsettled(resource, sql`read`)} as unsettled
    from (${source}) read`
}

/** What is stored where the page lists everything, and is not on it. */
export function missing(resource: Resource, member: Member, listed: NonNullable<Batch['listed']>, at: SQL): SQL {
  const keyName = sql.identifier(resource.key.name)
  const bottom = sql`(select place from page order by ordinality desc limit 1)`
  const isListed = (place: SQL) => sql`
    ${listed.last ? sql`true` : sql`${place} > ${bottom}`}
    ${listed.before === undefined ? sql`` : sql`and ${place} < ${listed.before}::timestamptz`}`
  return sql`
    select ${member.id}::int, ${resource.name}::text, r.${keyName}::text, 'missing', ${at}
    from (${resource.within(member.id, isListed)}) r
    where not exists (select from page where page.${keyName} = r.${keyName})
      ${listed.shown.length === 0 ? sql`` : sql`and r.${keyName}::text not in ${[...listed.shown]}`}`
}

/** Nothing about the old version would have changed by itself any more. What placed it in time may be gone by now. */
function settled(resource: Resource, at: SQL): SQL {
  const end = resource.end(resource.after ? sql`page` : sql`old`)
  return sql`(not ${unsettled(resource, sql`old`)} and ${end} < ${at} - interval '24 hours')`
}

/** Not scored yet, or not over yet. */
function unsettled(resource: Resource, alias: SQL): SQL {
  return sql`(${alias}.score_state not in ('SCORED', 'UNSCORABLE') or ${resource.end(alias)} is null)`
}

function list(parts: SQL[] | ReturnType<typeof sql.identifier>[]): SQL {
  return sql.join(parts, sql`, `)
}

/** When a stored record happened; undefined when it is not stored. */
export async function placeOf(tx: Tx, member: Member, resource: Resource, key: string): Promise<string | undefined> {
  const [row] = await tx.execute<{ place: string }>(sql`
    select ${resource.place(sql`r`)} as place from ${sql.identifier(getTableName(resource.table))} r
    where r.${sql.identifier(resource.key.name)} = ${key}::${sql.raw(resource.key.getSQLType())} and user_id = ${member.id}`)
  return row?.place
}

/** Whether what places these records in time is stored, and when the last of them happened, if its own is. */
export async function placesOf(
  db: Db,
  { after, afterKey, table }: Resource,
  records: readonly Understood[],
): Promise<{ all: boolean; last: string | undefined }> {
  const leader = resourceOf(after)
  if (!leader || !afterKey || records.length === 0) return { all: true, last: undefined }
  const keys = JSON.stringify(records.map(({ row }) => valueOf(table, afterKey, row)))
  const key = sql.identifier(leader.key.name)
  const [row] = await db.execute<{ all: boolean; last: string | null }>(sql`
    select bool_and(r.${key} is not null) as all,
      (array_agg(${leader.place(sql`r`)} order by ordinality desc))[1] as last
    from jsonb_array_elements_text(${keys}::text::jsonb) with ordinality wanted (key, ordinality)
      left join ${sql.identifier(getTableName(leader.table))} r on r.${key} = wanted.key::${sql.raw(leader.key.getSQLType())}`)
  return { all: row?.all ?? true, last: row?.last ?? undefined }
}

/** Whether any record of the member's is stored that began before `before`, or at all. */
export async function holdsBefore(db: Db, member: Member, resource: Resource, before?: string): Promise<boolean> {
  const table = sql.identifier(getTableName(resource.table))
  const rows = await db.execute(sql`
    select from ${table} r where user_id = ${member.id}
      and (${before ?? null}::timestamptz is null or ${resource.place(sql`r`)} < ${before ?? null}::timestamptz) limit 1`)
  return rows.length > 0
}
