import { sql, type SQL } from 'drizzle-orm'
import type { Db, Tx } from './connection/index.ts'
import { isOf, keyOf, keyValue, tableOf, type Collection } from './scope.ts'

const AT_MOST = 20 // of each sort, per type and run; the rest next time

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
}

/** Not final yet; left out by a list, or said to be deleted; said to have changed. */
export type ChaseReason = 'unsettled' | 'missing' | 'told'

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

/** What a list has left out, or WHOOP has told of, and is due to be asked for. */
export function missingDue(scope: Collection, at: string): SQL {
  return sql`
    select ${chasedColumns(scope)} from chased_records c left join ${joined(scope)}
    where ${isOf(scope, sql`c`)} and c.reason in ('missing', 'told') and ${due(sql`c.since`, sql`c.asked_at`, at)}`
}

export async function dueUnsettled(db: Db, scope: Collection, below: string, at: string): Promise<Chased[]> {
  return take(db, unsettledDue(scope, sql`${below}::timestamptz`, at), sql`asked_at nulls first`)
}

/** The newest suspicion first: what has been asked for in vain must not keep it waiting. */
export async function dueMissing(db: Db, scope: Collection, at: string): Promise<Chased[]> {
  return take(db, missingDue(scope, at), sql`asked_at is not null, since desc, key`)
}

async function take(db: Db, due: SQL, order: SQL): Promise<Chased[]> {
  const rows = await db.execute<Chased & Record<string, unknown>>(sql`
    select key, address, asked_at is not null as "askedBefore", seen_at > since as "isOmittedTwice", reason
    from (${due}) due order by ${order} limit ${AT_MOST}`)
  return rows.map(({ key, address, askedBefore, isOmittedTwice, reason }) => {
    return { key, address, askedBefore, isOmittedTwice, reason }
  })
}

function chasedColumns({ resource: { addressedBy } }: Collection): SQL {
  const address = addressedBy ? sql`r.${sql.identifier(addressedBy.column.name)}::text` : sql`c.record_key`
  return sql`c.record_key as key, coalesce(${address}, '') as address, c.reason, c.asked_at, c.since, c.seen_at`
}

export interface Asked {
  key: string
  reason: ChaseReason
  /** RFC 3339. */
  at: string
}

/** WHOOP has answered: what was told of is done with, and the rest is remembered as asked for. */
export async function markAnswered(tx: Tx, scope: Collection, asked: Asked): Promise<void> {
  if (asked.reason !== 'told') return markAsked(tx, scope, asked)
  await tx.execute(sql`
    delete from chased_records where ${isOf(scope)} and record_key = ${asked.key} and reason = 'told'`)
}

/** WHOOP has been asked for it, and it stays what it is. */
export async function markAsked(tx: Tx, scope: Collection, { key, reason, at }: Asked): Promise<void> {
  await tx.execute(sql`
    update chased_records set asked_at = ${at}
    where ${isOf(scope)} and record_key = ${key} and reason = ${reason}`)
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
