import { getTableName, sql, type SQL } from 'drizzle-orm'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connect.ts'
import type { Member } from './tokens.ts'

const AT_MOST = 20 // of each sort, per type and run; the rest next time

/**
 * The unsettled records below `below` that are due to be asked for: in every run for a day after we saw them become so,
 * then each time that age has grown by a tenth.
 */
export function unsettledDue(member: Member, resource: Resource, below: SQL, at: string): SQL {
  return sql`
    select c.record_key as key, c.asked_at from chased_records c ${joined(resource)}
    where c.user_id = ${member.id} and c.data_type = ${resource.name} and c.reason = 'unsettled'
      and ${resource.place(sql`r`)} <= ${below} and ${due(sql`c.since`, sql`c.asked_at`, at)}`
}

export async function dueUnsettled(
  db: Db,
  member: Member,
  resource: Resource,
  below: string,
  at: string,
): Promise<string[]> {
  const rows = await db.execute<{ key: string }>(sql`
    select key from (${unsettledDue(member, resource, sql`${below}::timestamptz`, at)}) due
    order by asked_at nulls first limit ${AT_MOST}`)
  return rows.map(({ key }) => key)
}

/** Records that were missing on a page that should have shown them. */
export async function loadMissing(db: Db, member: Member, resource: Resource): Promise<string[]> {
  const rows = await db.execute<{ key: string }>(sql`
    select record_key as key from chased_records
    where user_id = ${member.id} and data_type = ${resource.name} and reason = 'missing'
    order by since, record_key limit ${AT_MOST}`)
  return rows.map(({ key }) => key)
}

/** When a whole list is missing, nothing is concluded from it but that its newest records have to be asked for. */
export async function suspectNewest(db: Tx, member: Member, resource: Resource, at: string): Promise<void> {
  const key = sql.identifier(resource.key.name)
  await db.execute(sql`
    insert into chased_records (user_id, data_type, record_key, reason, since)
    select ${member.id}::int, ${resource.name}::text, r.${key}::text, 'missing', ${at}::timestamptz
    from ${sql.identifier(getTableName(resource.table))} r where r.user_id = ${member.id}
    order by ${resource.place(sql`r`)} desc limit ${AT_MOST}
    on conflict (user_id, data_type, record_key) do update set reason = 'missing'`)
}

/** What was placed in time by a record that is gone may be gone with it. */
export async function suspectDependents(
  tx: Tx,
  member: Member,
  dependent: Resource,
  on: string,
  at: string,
): Promise<void> {
  const { afterKey, key } = dependent
  if (!afterKey) return
  await tx.execute(sql`
    insert into chased_records (user_id, data_type, record_key, reason, since)
    select ${member.id}::int, ${dependent.name}::text, r.${sql.identifier(key.name)}::text, 'missing', ${at}::timestamptz
    from ${sql.identifier(getTableName(dependent.table))} r
    where r.user_id = ${member.id} and r.${sql.identifier(afterKey.name)}::text = ${on}
    on conflict (user_id, data_type, record_key) do update set reason = 'missing'`)
}

export async function markAsked(tx: Tx, member: Member, resource: Resource, key: string, at: string): Promise<void> {
  await tx.execute(sql`
    update chased_records set asked_at = ${at} where ${one(member, resource, key)}`)
}

/** It was there after all. */
export async function clearMissing(tx: Tx, member: Member, resource: Resource, key: string): Promise<void> {
  await tx.execute(sql`delete from chased_records where ${one(member, resource, key)} and reason = 'missing'`)
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

function joined(resource: Resource): SQL {
  const type = sql.raw(resource.key.getSQLType())
  return sql`join ${sql.identifier(getTableName(resource.table))} r
    on r.${sql.identifier(resource.key.name)} = c.record_key::${type}`
}

function one(member: Member, resource: Resource, key: string): SQL {
  return sql`user_id = ${member.id} and data_type = ${resource.name} and record_key = ${key}`
}
