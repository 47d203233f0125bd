import { sql } from 'drizzle-orm'
import { parseJson } from '../resources/json.ts'
import type { Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connection/index.ts'
import { asPage } from './records.ts'
import { keyOf, keyValue, tableOf } from './scope.ts'

/** A record's place in a table, by which it is gone through: member by member. */
export interface Place {
  userId: number
  key: string
}

export interface StoredRaw extends Place {
  whoopUserId: number
  raw: unknown
}

/** The next records of a table, as WHOOP sent them. */
export async function loadRaw(
  db: Db | Tx,
  resource: Resource,
  after: Place | undefined,
  limit: number,
): Promise<StoredRaw[]> {
  const key = keyOf(resource)
  const rows = await db.execute<{ key: string; user_id: number; whoop: string; raw: string }>(sql`
    select r.${key}::text as key, user_id, whoop_user_id as whoop, raw_data::text as raw
    from ${tableOf(resource)} r join users on users.id = user_id
    where ${after ? sql`(r.user_id, r.${key}) > (${after.userId}::int, ${keyValue(resource, after.key)})` : sql`true`}
    order by r.user_id, r.${key} limit ${limit}`)
  return rows.map((row) => ({
    key: row.key,
    userId: row.user_id,
    whoopUserId: Number(row.whoop),
    raw: parseJson(row.raw),
  }))
}

/** Writes the columns that are not what they should be; returns how many rows that were. */
export async function rewrite(
  db: Db | Tx,
  resource: Resource,
  userId: number,
  records: readonly Understood[],
): Promise<number> {
  const { source, target, key, columns } = asPage({ resource, member: { id: userId } }, records)
  const names = columns.map(({ name }) => sql.identifier(name))
  const assignments = names.map((name) => sql`${name} = page.${name}`)
  const mine = sql.join(
    names.map((name) => sql`stored.${name}`),
    sql`, `,
  )
  const theirs = sql.join(
    names.map((name) => sql`page.${name}`),
    sql`, `,
  )
  const rows = await db.execute(sql`
    with page as (${source})
    update ${target} stored set ${sql.join(assignments, sql`, `)}
    from page
    where stored.user_id = ${userId} and stored.${key} = page.${key}
      and stored.raw_data = page.raw_data -- a sync may have brought a newer version
      and (${mine}) is distinct from (${theirs})
    returning 1`)
  return rows.length
}

/** The tables that a migration wants to be built again, and how far each has come. */
export async function loadReprocesses(db: Db): Promise<{ type: string; done: Place | undefined }[]> {
  const rows = await db.execute<{ type: string; user: number | null; key: string | null }>(sql`
    select data_type as type, done_user as user, done_key as key from reprocesses order by data_type`)
  return rows.map(({ type, user, key }) => ({
    type,
    done: user === null || key === null ? undefined : { userId: user, key },
  }))
}

/** Remembers how far a table has come; undefined: to its end. */
export async function saveReprocess(tx: Tx, type: string, done: Place | undefined): Promise<void> {
  if (!done) await tx.execute(sql`delete from reprocesses where data_type = ${type}`)
  else {
    await tx.execute(sql`
      update reprocesses set done_user = ${done.userId}, done_key = ${done.key} where data_type = ${type}`)
  }
}
