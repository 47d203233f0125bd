import { sql, type SQL } from 'drizzle-orm'
import type { Unreadable } from '../resources/read.ts'
import { due } from './chase.ts'
import type { Db, Tx } from './connection/index.ts'
import { isOf, type Collection } from './scope.ts'

const AT_MOST = 20 // per type and run

/** Keeps what could not be read, with the reason and where it was listed; returns how many of them are new. */
export async function quarantine(
  tx: Tx,
  { member, resource }: Collection,
  records: readonly Unreadable[],
  at: string,
  listedBelow: (record: Unreadable) => string | undefined,
): Promise<number> {
  if (records.length === 0) return 0
  const values = records.map((record) => {
    const { key, text, reason } = record
    const below = listedBelow(record) ?? null
    return sql`(${member.id}::int, ${resource.name}, ${key}, ${text}, ${reason}, ${at}::timestamptz, ${at}::timestamptz, ${below}::timestamptz)`
  })
  const rows = await tx.execute<{ is_new: boolean }>(sql`
    insert into quarantined_records (user_id, data_type, record_key, raw, reason, first_seen, last_seen, listed_below)
    values ${sql.join(values, sql`, `)}
    on conflict (user_id, data_type, record_key)
    do update set raw = excluded.raw, reason = excluded.reason, last_seen = excluded.last_seen,
      listed_below = coalesce(excluded.listed_below, quarantined_records.listed_below)
    returning xmax = 0 as is_new`)
  return rows.filter(({ is_new }) => is_new).length
}

/** A record in quarantine, by its key or a hash, and where it was listed (a timestamptz's text). */
export interface Held {
  key: string
  /** What stands in its address, as far as its text tells. */
  address: string
  below: string | null
}

/** Quarantined records that no run since `at` has seen, and that are due to be tried again. */
export function quarantinedDue(scope: Collection, at: string): SQL {
  const asked = sql`greatest(q.last_seen, q.asked_at)`
  const { addressedBy } = scope.resource
  const address = addressedBy
    ? sql`coalesce(substring(raw from ${`"${addressedBy.field}"\\s*:\\s*"?([\\w-]+)`}), '')`
    : sql`record_key`
  return sql`
    select record_key as key, ${address} as address, listed_below as below, ${asked} as asked from quarantined_records q
    where ${isOf(scope, sql`q`)} and last_seen < ${at} and ${due(sql`q.first_seen`, asked, at)}`
}

export async function dueQuarantined(db: Db, scope: Collection, at: string): Promise<Held[]> {
  const rows = await db.execute<Held & Record<string, unknown>>(sql`
    select key, address, below from (${quarantinedDue(scope, at)}) due order by asked limit ${AT_MOST}`)
  return rows.map(({ key, address, below }) => ({ key, address, below }))
}

/** WHOOP has been asked for it, and it stays where it is. */
export async function markQuarantinedAsked(tx: Tx, scope: Collection, key: string, at: string): Promise<void> {
  await tx.execute(sql`update quarantined_records set asked_at = ${at} where ${isOf(scope)} and record_key = ${key}`)
}

/** WHOOP no longer has it, or it has been read: either way it is no longer in question. */
export async function releaseQuarantined(tx: Tx, scope: Collection, key: string): Promise<void> {
  await tx.execute(sql`delete from quarantined_records where ${isOf(scope)} and record_key = ${key}`)
}

export interface Quarantined {
  whoopUserId: number
  type: string
  key: string
  reason: string
  firstSeen: Date
  lastSeen: Date
}

export async function loadQuarantined(db: Db): Promise<Quarantined[]> {
  const rows = await db.execute<Record<'id' | 'type' | 'key' | 'reason' | 'first' | 'last', string>>(sql`
    select whoop_user_id as id, data_type as type, record_key as key, reason, first_seen as first, last_seen as last
    from quarantined_records q join users on users.id = q.user_id order by first_seen, q.id`)
  return rows.map((row) => ({
    whoopUserId: Number(row.id),
    type: row.type,
    key: row.key,
    reason: row.reason,
    firstSeen: new Date(row.first),
    lastSeen: new Date(row.last),
  }))
}
