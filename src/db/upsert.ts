import { sql, type SQL } from 'drizzle-orm'
import { resourceOf } from '../resources/index.ts'
import { keyOf as keyTextOf, type Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connection/index.ts'
import { suspected, type Listed } from './omissions.ts'
import { asPage } from './records.ts'
import { isOf, keyOf, keyValue, tableOf, type Collection } from './scope.ts'

/** What became of one record of a page. */
export interface Stored {
  key: string
  /** When it happened, as WHOOP's filters and order see it. */
  place: string
  /** Whether that is known, and not only stood in for. */
  isPlaced: boolean
  change: 'inserted' | 'updated' | 'unchanged'
  /** The place was already claimed to be stored completely. */
  claimed: boolean
}

/** A batch as stored, in its order, and what its list makes of what was stored before. */
export interface StoredBatch {
  records: Stored[]
  /** The list leaves out too much of what is stored to be believed yet. */
  isDoubted: boolean
  /** Something is stored that happened before the last record. */
  hasBelow: boolean
}

/** Records from WHOOP, and what their coming together says. */
export interface Batch {
  records: readonly Understood[]
  /** When they are stored (RFC 3339). */
  at: string
  /** Set when the records are a page of the list. */
  listed?: Listed
}

/** For each row by itself: while a table grows by a history, the planner may think that it is small, and read all of it. */
const BY_INDEX = sql`offset 0`

/**
 * Stores a batch with one statement; returns what became of each record, in the batch's order. Content decides: a row
 * whose `raw_data` is equal is not written and not even locked, and no clock gates a row that differs. The same
 * statement keeps the settled versions it replaces, and remembers which records are not final and which are left out.
 */
export async function upsert(tx: Tx, scope: Collection, batch: Batch): Promise<StoredBatch> {
  if (batch.records.length === 0) return { records: [], isDoubted: false, hasBelow: false }
  const { member, resource } = scope
  const { source, target, key, columns } = asPage(scope, batch.records)
  const names = list(columns.map(({ name }) => sql.identifier(name)))
  const updates = list(columns.map(({ name }) => sql`${sql.identifier(name)} = excluded.${sql.identifier(name)}`))
  const at = sql`${batch.at}::timestamptz`
  const { listed } = batch
  const rows = await tx.execute<Stored & { isDoubted: boolean; hasBelow: boolean } & Record<string, unknown>>(sql`
    with page as (${placed(resource, source)}), known as (
      select old.* from page, lateral (
        select * from ${target} where user_id = ${member.id} and ${key} = page.${key} ${BY_INDEX}
      ) old
    ), stored as ( -- the type's own table
      insert into ${target} (${names}, created_at, updated_at)
      select ${names}, ${at}, ${at} from page
      where not exists (select from known where known.${key} = page.${key} and known.raw_data = page.raw_data)
      on conflict (user_id, ${key}) do update set ${updates}, updated_at = excluded.updated_at
      returning ${key}, xmax = 0 as is_new
    ), replaced as ( -- what had settled, and is not what it was
      insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
      select ${member.id}::int, ${resource.name}::text, old.${key}::text, old.raw_data, old.updated_at, ${at}, 'changed'
      from page join known old using (${key})
      where old.raw_data <> page.raw_data and ${settled(resource, at)}
    ), readable as ( -- what could not be read before
      delete from quarantined_records q using page where ${isOf(scope, sql`q`)} and q.record_key = page.${key}::text
    ), shown as ( -- what is final, and what a list had left out
      delete from chased_records c using page
      where ${isOf(scope, sql`c`)} and c.record_key = page.${key}::text and (not page.unsettled or c.reason <> 'unsettled')
    ), unsettled as (
      insert into chased_records (user_id, data_type, record_key, reason, since)
      select ${member.id}::int, ${resource.name}::text, ${key}::text, 'unsettled', ${at} from page where unsettled
      on conflict do nothing
    )${listed ? sql`, ${suspected(scope, listed, at)}` : sql``}
    select page.${key}::text as key, place, is_placed as "isPlaced",
      case when is_new then 'inserted' when not is_new then 'updated' else 'unchanged' end as change,
      coalesce(covered @> place, false) as claimed,
      ${listed ? sql`(select is_doubted from verdict)` : sql`false`} as "isDoubted",
      ${listed ? sql`exists (${resource.within(member.id, (place) => sql`${place} < (select min(place) from page)`)})` : sql`false`} as "hasBelow"
    from page
      left join stored using (${key})
      left join sync_status on ${isOf(scope, sql`sync_status`)}
    order by ordinality`)
  const [first] = rows
  return {
    records: rows.map(({ key, place, isPlaced, change, claimed }) => ({ key, place, isPlaced, change, claimed })),
    isDoubted: first?.isDoubted ?? false,
    hasBelow: first?.hasBelow ?? false,
  }
}

/** A page's records, with what their own type says of them. */
export function placed(resource: Resource, source: SQL): SQL {
  return sql`
    select read.*, ${resource.place(sql`read`)} as place, ${resource.isPlaced(sql`read`)} as is_placed,
      ${unsettled(resource, sql`read`)} as unsettled
    from (${source}) read`
}

/** Nothing about the old version would have changed by itself any more. What placed it in time may be gone by now. */
function settled(resource: Resource, at: SQL): SQL {
  const end = resource.end(resource.after ? sql`page` : sql`old`)
  return sql`(not ${unsettled(resource, sql`old`)} and ${end} < ${at} - interval '24 hours')`
}

/** Not scored yet, or not over yet. */
export function unsettled(resource: Resource, alias: SQL): SQL {
  return sql`(${alias}.score_state not in ('SCORED', 'UNSCORABLE') or ${resource.end(alias)} is null)`
}

function list(parts: SQL[] | ReturnType<typeof sql.identifier>[]): SQL {
  return sql.join(parts, sql`, `)
}

/** When a stored record happened; undefined when it is not stored. */
export async function placeOf(tx: Tx, { member, resource }: Collection, key: string): Promise<string | undefined> {
  const [row] = await tx.execute<{ place: string }>(sql`
    select ${resource.place(sql`r`)} as place from ${tableOf(resource)} r
    where user_id = ${member.id} and r.${keyOf(resource)} = ${keyValue(resource, key)}`)
  return row?.place
}

/** Whether what places these records in time is stored, and when the last of them happened, if its own is. */
export async function placesOf(
  db: Db,
  { member, resource }: Collection,
  records: readonly Understood[],
): Promise<{ all: boolean; last: string | undefined }> {
  const leader = resourceOf(resource.after)
  if (!leader || records.length === 0) return { all: true, last: undefined }
  const keys = JSON.stringify(records.map(({ row }) => keyTextOf(resource, row)))
  const key = keyOf(leader)
  const [row] = await db.execute<{ all: boolean; last: string | null }>(sql`
    select bool_and(r.${key} is not null) as all,
      (array_agg(${leader.place(sql`r`)} order by ordinality desc))[1] as last
    from jsonb_array_elements_text(${keys}::text::jsonb) with ordinality wanted (key, ordinality)
      left join ${tableOf(leader)} r on r.user_id = ${member.id} and r.${key} = ${keyValue(leader, sql`wanted.key`)}`)
  return { all: row?.all ?? true, last: row?.last ?? undefined }
}

/** Whether any record of the member's is stored that began before `before`, or at all. */
export async function holdsBefore(db: Db, { member, resource }: Collection, before?: string): Promise<boolean> {
  const rows = await db.execute(sql`
    select from ${tableOf(resource)} r where user_id = ${member.id}
      and (${before ?? null}::timestamptz is null or ${resource.place(sql`r`)} < ${before ?? null}::timestamptz) limit 1`)
  return rows.length > 0
}
