import { getTableName, sql } from 'drizzle-orm'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connect.ts'
import type { Member } from './tokens.ts'

/** Moves a record that WHOOP no longer has into the history; returns when it happened, or undefined when it was gone. */
export async function moveToHistory(
  tx: Tx,
  member: Member,
  resource: Resource,
  key: string,
  at: string,
): Promise<string | undefined> {
  const keyName = sql.identifier(resource.key.name)
  const table = sql.identifier(getTableName(resource.table))
  const type = sql.raw(resource.key.getSQLType())
  const [gone] = await tx.execute<{ place: string }>(sql`
    with gone as (
      select r.*, ${resource.place(sql`r`)} as place from ${table} r
      where r.${keyName} = ${key}::${type} and r.user_id = ${member.id}
    ), deleted as (
      delete from ${table} r using gone where r.${keyName} = gone.${keyName}
    ), kept as (
      insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
      select user_id, ${resource.name}::text, ${key}::text, raw_data, updated_at, ${at}::timestamptz, 'deleted' from gone
    ), forgotten as (
      delete from chased_records
      where user_id = ${member.id} and data_type = ${resource.name} and record_key = ${key}
    )
    select place from gone`)
  return gone?.place
}

/** How many settled versions WHOOP has changed, and how many records it has deleted. */
export async function countHistory(db: Db, member: Member): Promise<{ changed: number; deleted: number }> {
  const [row] = await db.execute<{ changed: number; deleted: number }>(sql`
    select (count(*) filter (where reason = 'changed'))::int as changed,
      (count(*) filter (where reason = 'deleted'))::int as deleted
    from record_history where user_id = ${member.id}`)
  return { changed: row?.changed ?? 0, deleted: row?.deleted ?? 0 }
}
