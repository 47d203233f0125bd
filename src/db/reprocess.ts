import { getTableName, sql } from 'drizzle-orm'
import type { Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db } from './connect.ts'
import { asPage } from './page.ts'

export interface StoredRaw {
  key: string
  userId: number
  whoopUserId: number
  raw: unknown
}

/** The next records of a table by their key, as WHOOP sent them. */
export async function loadRaw(
  db: Db,
  resource: Resource,
  after: string | undefined,
  limit: number,
): Promise<StoredRaw[]> {
  const key = sql.identifier(resource.key.name)
  const type = sql.raw(resource.key.getSQLType())
  const rows = await db.execute<{ key: string; user_id: number; whoop: string; raw: string }>(sql`
    select r.${key}::text as key, user_id, whoop_user_id as whoop, raw_data::text as raw
    from ${sql.identifier(getTableName(resource.table))} r join users on users.id = user_id
    where ${after === undefined ? sql`true` : sql`r.${key} > ${after}::${type}`}
    order by r.${key} limit ${limit}`)
  return rows.map((row) => ({
    key: row.key,
    userId: row.user_id,
    whoopUserId: Number(row.whoop),
    raw: JSON.parse(row.raw) as unknown,
  }))
}

/** Writes the columns that are not what they should be; returns how many rows that were. */
export async function rewrite(
  db: Db,
  resource: Resource,
  userId: number,
  records: readonly Understood[],
): Promise<number> {
  const { source, target, key, columns } = asPage(resource, { id: userId }, records)
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
    where stored.${key} = page.${key} and stored.raw_data = page.raw_data -- a sync may have brought a newer version
      and (${mine}) is distinct from (${theirs})
    returning 1`)
  return rows.length
}
