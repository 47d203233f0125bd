import { sql } from 'drizzle-orm'
import type { Understood } from '../resources/read.ts'
import type { Db } from './connection/index.ts'
import { asPage } from './records.ts'
import { isOf, keyOf, tableOf, type Collection } from './scope.ts'

/** How a record of WHOOP's compares with what is stored. */
export interface Comparison {
  key: string
  stored: boolean
  /** The columns that differ, `raw_data` among them; none when it is equal. */
  columns: string[]
  /** It happened since the time that was asked for: WHOOP also lists what only ended after it. */
  asked: boolean
}

/** When a type's last successful sync was; undefined: there was none. */
export async function loadLastSync(db: Db, scope: Collection): Promise<Date | undefined> {
  const [row] = await db.execute<{ at: string | null }>(
    sql`select last_sync_time as at from sync_status where ${isOf(scope)}`,
  )
  return row?.at ? new Date(row.at) : undefined
}

/** In the records' order. */
export async function compare(
  db: Db,
  scope: Collection,
  records: readonly Understood[],
  since: string | undefined,
): Promise<Comparison[]> {
  if (records.length === 0) return []
  const { source, target, key, columns } = asPage(scope, records)
  const differences = columns.map(({ name }) => {
    const column = sql.identifier(name)
    return sql`case when page.${column} is distinct from stored.${column} then ${name}::text end`
  })
  const rows = await db.execute<Omit<Comparison, 'columns'> & { columns: string[] | string }>(sql`
    with page as (${source})
    select page.${key}::text as key, stored.${key} is not null as stored,
      coalesce(${scope.resource.place(sql`page`)} >= ${since ?? null}::timestamptz, true) as asked,
      to_json(array_remove(array[${sql.join(differences, sql`, `)}], null)) as columns
    from page left join ${target} stored on stored.user_id = ${scope.member.id} and stored.${key} = page.${key}
    order by ordinality`)
  return rows.map((row) => ({
    ...row,
    columns: typeof row.columns === 'string' ? JSON.parse(row.columns) : row.columns,
  }))
}

/** What is stored from `since` on, except what was seen, with what stands in its address. */
export async function storedExcept(
  db: Db,
  { member, resource }: Collection,
  since: string | undefined,
  seen: readonly string[],
): Promise<{ key: string; address: string }[]> {
  const key = keyOf(resource)
  const place = resource.place(sql`r`)
  const address = resource.addressedBy ? sql.identifier(resource.addressedBy.column.name) : key
  const rows = await db.execute<{ key: string; address: string }>(sql`
    select r.${key}::text as key, r.${address}::text as address from ${tableOf(resource)} r
    where r.user_id = ${member.id} and (${since ?? null}::timestamptz is null or ${place} >= ${since ?? null}::timestamptz)
      and r.${key}::text not in (select jsonb_array_elements_text(${JSON.stringify(seen)}::text::jsonb))
    order by ${place} desc`)
  return [...rows]
}
