import { sql, type SQL } from 'drizzle-orm'
import type { Db, Tx } from './connection/index.ts'
import { isOf, keyOf, keyValue, tableOf, type Collection } from './scope.ts'

const AT_MOST = 20 // of each sort, per type and run; the rest next time
const EVENTS_AT_MOST = 100 // WHOOP itself has told of them, and each is asked for once

/** A record to be asked for by id. */
export interface Chased {
  key: string
  /** What stands in its address: its key, or what it is addressed by. */
  address: string
  /** A run before this one has asked for it in vain. */
  askedBefore: boolean
  /** Lists of two runs have left it out. */
  isOmittedTwice: boolean
  reason: ChaseReason
  /** As PostgreSQL writes it: it tells whether what it is asked for has been said again meanwhile. */
  since: string
}

export type ChaseReason = 'unsettled' | 'missing' | 'event'

/**
 * The unsettled records below `below` that are due to be asked for: in every run for a day after we saw them become so,
 * then each time that age has grown by a tenth.
 */
export function unsettledDue(scope: Collection, below: SQL, at: string): SQL {
  const { resource } = scope
  return sql`
    select ${chasedColumns(scope)} from chased_records c join ${joined(scope)}
    where ${isOf(scope, sql`c`)} and c.reason = 'unsettled'
      and ${resource.place(sql`r`)} <= ${below} and ${due(sql`c.since`, sql`c.asked_at`, at)}`
}

/** What a list has left out, and is due to be asked for. */
export function missingDue(scope: Collection, at: string): SQL {
  return sql`
    select ${chasedColumns(scope)} from chased_records c left join ${joined(scope)}
    where ${isOf(scope, sql`c`)} and c.reason = 'missing' and ${due(sql`c.since`, sql`c.asked_at`, at)}`
}

/** What WHOOP has told of, at any age, and no page has shown since. What a list has just left out is about to be asked for anyway. */
export function eventsDue(scope: Collection, at: string): SQL {
  return sql`
    select ${chasedColumns(scope)} from chased_records c left join ${joined(scope)}
    where ${isOf(scope, sql`c`)} and c.reason = 'event' and ${due(sql`c.since`, sql`c.asked_at`, at)}
      and not exists (
        select from chased_records m
        where ${isOf(scope, sql`m`)} and m.record_key = c.record_key and m.reason = 'missing' and m.asked_at is null
      )`
}

/** What is not final below `below`, and what WHOOP has told of: an event first, it is what somebody waits for. */
export async function dueUnsettled(db: Db, scope: Collection, below: string, at: string): Promise<Chased[]> {
  const unsettled = unsettledDue(scope, sql`${below}::timestamptz`, at)
  return take(
    db,
    sql`(select * from (${eventsDue(scope, at)}) told order by asked_at nulls first, since limit ${EVENTS_AT_MOST})
      union all (select * from (${unsettled}) due order by asked_at nulls first limit ${AT_MOST})`,
    sql`reason <> 'event', asked_at nulls first, since`,
    AT_MOST + EVENTS_AT_MOST,
  )
}

/** The newest suspicion first: what has been asked for in vain must not keep it waiting. */
export async function dueMissing(db: Db, scope: Collection, at: string): Promise<Chased[]> {
  return take(db, missingDue(scope, at), sql`asked_at is not null, since desc, key`, AT_MOST)
}

async function take(db: Db, due: SQL, order: SQL, atMost: number): Promise<Chased[]> {
  const rows = await db.execute<Chased & Record<string, unknown>>(sql`
    select key, address, asked_at is not null as "askedBefore", seen_at > since as "isOmittedTwice", reason, since
    from (${due}) due order by ${order} limit ${atMost}`)
  return rows.map(({ key, address, askedBefore, isOmittedTwice, reason, since }) => {
    return { key, address, askedBefore, isOmittedTwice, reason, since }
  })
}

function chasedColumns({ resource: { addressedBy } }: Collection): SQL {
  const address = addressedBy ? sql`r.${sql.identifier(addressedBy.column.name)}::text` : sql`c.record_key`
  return sql`c.record_key as key, coalesce(${address}, '') as address, c.asked_at, c.since, c.seen_at, c.reason`
}

/** WHOOP has been asked for it, and it stays what it is; what has been said again since it was read is as new. */
export async function markAsked(tx: Tx, scope: Collection, one: Chased, at: string): Promise<void> {
  await tx.execute(sql`update chased_records set asked_at = ${at} where ${isStill(scope, one)}`)
}

/** An event has been answered, unless the same has come again since it was read. */
export async function endEvent(tx: Tx, scope: Collection, one: Chased): Promise<void> {
  await tx.execute(sql`delete from chased_records where ${isStill(scope, one)}`)
}

function isStill(scope: Collection, { key, reason, since }: Chased): SQL {
  return sql`${isOf(scope)} and record_key = ${key} and reason = ${reason} and since = ${since}::timestamptz`
}

/**
 * In every run of the first day, then each time the age has grown by a tenth. Times from the future, left by a clock that
 * was wrong, are worth nothing: once a day then.
 */
export function due(since: SQL, askedAt: SQL, at: string): SQL {
  const now = sql`${at}::timestamptz`
  return sql`(${askedAt} is null or ${askedAt} > ${now} or case when ${since} > ${now} then ${now} - ${askedAt} >= interval '1 day'
    else ${now} - ${since} < interval '1 day' or ${now} - ${since} >= (${askedAt} - ${since}) * 1.1 end)`
}

function joined({ member, resource }: Collection): SQL {
  return sql`${tableOf(resource)} r on r.user_id = ${member.id} and r.${keyOf(resource)} = ${keyValue(resource, sql`c.record_key`)}`
}
