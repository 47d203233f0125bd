import { sql, type SQL } from 'drizzle-orm'
import { resourceOf } from '../resources/index.ts'
import { keyOf as keyTextOf, type Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connection/index.ts'
import { covering } from './coverage.ts'
import { iso } from '../time.ts'
import type { Fence } from './lock.ts'
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
  /** When they happened; undefined when there are none. */
  span: Span | undefined
  /** The list leaves out too much of what is stored to be believed yet. */
  isDoubted: boolean
  /** Something is stored that happened before the last record. */
  hasBelow: boolean
}

/** The times between which records happened (RFC 3339, to the millisecond). */
export interface Span {
  top: string
  bottom: string
  /** The first of them whose place in time is known. */
  placedTop: string | undefined
  /** Newest first, as far as the places are known. */
  isOrdered: boolean
}

/** Records from WHOOP, and what their coming together says. */
export interface Batch {
  records: readonly Understood[]
  /** When they are stored (RFC 3339). */
  at: string
  /** They answer what WHOOP has told before then, as PostgreSQL writes it; undefined: nothing. */
  answersUntil?: string
  /** Set when the records are a page of the list. */
  listed?: Listed
  /** Set when they are to say, in the same breath, what is complete now. */
  completes?: Completes
}

/** What a page completes, and by which run. */
export interface Completes {
  fence: Fence
  /** Whether it may claim what lies between its records: their order and its continuation confirm it. */
  isConfirmed: boolean
  /** Up to when (RFC 3339, exclusive); undefined: up to its first record. */
  upTo: string | undefined
  /** The list ends with it. */
  last: boolean
  /** It begins with the newest record of all. */
  isNewest: boolean
}

/** For each row by itself: while a table grows by a history, the planner may think that it is small, and read all of it. */
const BY_INDEX = sql`offset 0`

/**
 * Stores a batch with one statement; returns what became of each record, in the batch's order. Content decides: a row
 * whose `raw_data` is equal is not written and not even locked, and no clock gates a row that differs. The same
 * statement keeps the settled versions it replaces, remembers which records are not final and which are left out, and says
 * what is complete now: rows and coverage are committed together, with one round trip. It refuses to when this run's locks
 * are gone.
 */
export async function upsert(db: Db | Tx, scope: Collection, batch: Batch): Promise<StoredBatch> {
  if (batch.records.length === 0) return { records: [], span: undefined, isDoubted: false, hasBelow: false }
  const { member, resource } = scope
  const { source, target, key, columns } = asPage(scope, batch.records)
  const names = list(columns.map(({ name }) => sql.identifier(name)))
  const updates = list(columns.map(({ name }) => sql`${sql.identifier(name)} = excluded.${sql.identifier(name)}`))
  const at = sql`${batch.at}::timestamptz`
  const { listed, completes } = batch
  const mine = isOf(scope, sql`sync_status`)
  const fenced = completes
    ? sql`where pg_backend_pid() = ${completes.fence.pid} and exists (select from sync_status where ${mine})`
    : sql``
  const rows = await db.execute<Row>(sql`
    with page as (${placed(resource, source)} ${fenced}), known as (
      select old.* from page, lateral (
        select * from ${target} where user_id = ${member.id} and ${key} = page.${key} ${BY_INDEX}
      ) old
    ), stored as ( -- the type's own table
      insert into ${target} (${names}, created_at, updated_at)
      select ${names}, ${at}, ${at} from page
      where not exists (select from known where known.${key} = page.${key} and known.raw_data = page.raw_data)
      on conflict (user_id, ${key}) do update set ${updates}, updated_at = excluded.updated_at
      returning ${key} -- no xmax: a partitioned table has none to return
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
        and (c.reason <> 'event' or c.since < ${batch.answersUntil ?? null}::timestamptz)
    ), unsettled as (
      insert into chased_records (user_id, data_type, record_key, reason, since)
      select ${member.id}::int, ${resource.name}::text, ${key}::text, 'unsettled', ${at} from page where unsettled
      on conflict do nothing
    )${listed ? sql`, ${suspected(scope, listed, at)}` : sql``}, outcome as (
      select page.${key}::text as key, place, is_placed, ordinality, coalesce(covered @> place, false) as claimed,
        case when stored.${key} is null then 'unchanged' when old.${key} is null then 'inserted' else 'updated' end as change
      from page
        left join stored on stored.${key} = page.${key}
        left join known old on old.${key} = page.${key}
        left join sync_status on ${mine}
    ), facts as (
      select extent.*, ${listed ? sql`(select is_doubted from verdict)` : sql`false`} as is_doubted,
        ${listed ? sql`exists (${below(scope)})` : sql`false`} as has_below
      from (${extentOf(sql`outcome`)}) extent
    )${completes ? sql`, ${completed(scope, completes)}` : sql``}
    select key, place, change, claimed, outcome.is_placed as "isPlaced", top, bottom, placed_top as "placedTop",
      is_ordered as "isOrdered", is_doubted as "isDoubted", has_below as "hasBelow"
    from outcome, facts order by ordinality`)
  const [first] = rows
  if (!first && completes) throw completes.fence.lost()
  return {
    records: rows.map(({ key, place, isPlaced, change, claimed }) => ({ key, place, isPlaced, change, claimed })),
    span: first && spanOf(first),
    isDoubted: first?.isDoubted ?? false,
    hasBelow: first?.hasBelow ?? false,
  }
}

const isBelowPage = (place: SQL) => sql`${place} < (select min(place) from page)`

/** What is stored below the page's last record, and has not been moved onto the page. Needs `page`. */
function below({ member, resource }: Collection): SQL {
  const key = keyOf(resource)
  return sql`
    select from (${resource.within(member.id, isBelowPage)}) r where not exists (select from page where page.${key} = r.${key})`
}

interface Row extends Stored, Record<string, unknown> {
  top: string
  bottom: string
  placedTop: string | null
  isOrdered: boolean
  isDoubted: boolean
  hasBelow: boolean
}

function spanOf({ top, bottom, placedTop, isOrdered }: Row): Span {
  return { top: iso(top), bottom: iso(bottom), placedTop: placedTop === null ? undefined : iso(placedTop), isOrdered }
}

/** When stored records happened, to WHOOP's millisecond, and whether one is new where everything was thought to be known. */
function extentOf(outcome: SQL): SQL {
  return sql`
    select min(at) as bottom, max(at) as top, max(at) filter (where is_placed) as placed_top,
      coalesce(bool_and(at <= above) filter (where is_placed), true) as is_ordered,
      bool_or(claimed and change = 'inserted') as is_surprise
    from (
      select *, lag(at) over (partition by is_placed order by ordinality) as above
      from (select *, date_trunc('milliseconds', place) as at from ${outcome}) outcome
    ) outcome`
}

const DOUBTED_BELOW = sql`interval '720 hours'` // what is new in the middle may not have come alone
const MOMENT = sql`interval '1 millisecond'`

/**
 * What a page completes: from its last record, or the beginning of time where the list ends with it, unless it is to be
 * doubted itself, or tells that something below has to be. Needs `facts` and `outcome`.
 */
function completed(scope: Collection, { fence, isConfirmed, upTo, last, isNewest }: Completes): SQL {
  const to = upTo === undefined ? sql`top` : sql`${upTo}::timestamptz`
  const isSurprised = last ? sql`false` : sql`is_surprise`
  const isEnd = last ? sql`not has_below` : sql`false`
  const claim = fact(sql`
    case when not ${isConfirmed ? sql`true` : sql`false`} or is_doubted or not is_ordered then '{}'::tstzmultirange
      when ${isEnd} then tstzmultirange(tstzrange(null, ${to}))
      when bottom + ${MOMENT} < ${to} then tstzmultirange(tstzrange(bottom + ${MOMENT}, ${to}))
      else '{}'::tstzmultirange end`)
  const invalid = fact(sql`
    case when not ${isSurprised} and not is_doubted then '{}'::tstzmultirange
      else tstzmultirange(tstzrange(
        case when ${isSurprised} then bottom - ${DOUBTED_BELOW} else bottom end,
        case when is_doubted then top else bottom end + ${MOMENT})) end`)
  const newest = isNewest ? fact(sql`top`) : sql`null::timestamptz`
  const cutAt = last ? fact(sql`case when has_below then bottom end`) : sql`null::timestamptz`
  const unseen = sql`(select count(*) from outcome where change = 'inserted')`
  return sql`completed as (${covering({ ...scope, fence }, { claim, invalid, newest, cutAt, unseen })})`
}

/** A page's records, with what their own type says of them. */
export function placed(resource: Resource, source: SQL): SQL {
  return sql`
    select read.*, ${resource.place(sql`read`)} as place, ${resource.isPlaced(sql`read`)} as is_placed,
      ${unsettled(resource, sql`read`)} as unsettled
    from (${source}) read`
}

function fact(what: SQL): SQL {
  return sql`(select ${what} from facts)`
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
