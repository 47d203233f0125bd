import { sql } from 'drizzle-orm'
import type { Db, Tx } from './connection/index.ts'
import { isOf, keyOf, keyValue, tableOf, type Collection } from './scope.ts'
import type { Member } from './members.ts'

/** When a record happened that is gone, and whether the list that left it out was long in doubt. */
export interface Gone {
  place: string
  wasDoubted: boolean
}

/** Moves a record that WHOOP no longer has into the history; undefined when it was gone already. */
export async function moveToHistory(tx: Tx, scope: Collection, key: string, at: string): Promise<Gone | undefined> {
  const { member, resource } = scope
  const [name, table] = [keyOf(resource), tableOf(resource)]
  const [gone] = await tx.execute<Gone & Record<string, unknown>>(sql`
    with gone as (
      select r.*, ${resource.place(sql`r`)} as place from ${table} r
      where r.user_id = ${member.id} and r.${name} = ${keyValue(resource, key)}
    ), deleted as (
      delete from ${table} r using gone where r.user_id = gone.user_id and r.${name} = gone.${name}
    ), kept as (
      insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
      select user_id, ${resource.name}::text, ${key}::text, raw_data, updated_at, ${at}::timestamptz, 'deleted' from gone
    ), forgotten as (
      delete from chased_records where ${isOf(scope)} and record_key = ${key}
    )
    select place, exists (
      select from chased_records where ${isOf(scope)} and record_key = ${key} and reason in ('omitted', 'cut')
    ) as "wasDoubted"
    from gone`)
  return gone
}

/** How many settled versions WHOOP has changed, and how many records it has deleted. */
export async function countHistory(db: Db, member: Member): Promise<{ changed: number; deleted: number }> {
  const [row] = await db.execute<{ changed: number; deleted: number }>(sql`
    select (count(*) filter (where reason = 'changed'))::int as changed,
      (count(*) filter (where reason = 'deleted'))::int as deleted
    from record_history where user_id = ${member.id}`)
  return { changed: row?.changed ?? 0, deleted: row?.deleted ?? 0 }
}
