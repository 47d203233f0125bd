import { sql } from 'drizzle-orm'
import type { Understood } from '../resources/read.ts'
import type { Db } from './connect.ts'
import { asPage } from './page.ts'
import { keyOf, tableOf, type Collection } from './scope.ts'

/** How a record of WHOOP's compares with what is stored. */
export interface Comparison {
  key: string
  stored: boolean
  /** The columns that differ, `raw_data` among them; none when it is equal. */
  columns: string[]
}

export async function compare(db: Db, scope: Collection, records: readonly Understood[]): Promise<Comparison[]> {
  if (records.length === 0) return []
  const { source, target, key, columns } = asPage(scope, records)
  const differences = columns.map(({ name }) => {
    const column = sql.identifier(name)
    return sql`case when page.${column} is distinct from stored.${column} then ${name}::text end`
  })
  const rows = await db.execute<{ key: string; stored: boolean; columns: string[] | string }>(sql`
    with page as (${source})
    select page.${key}::text as key, stored.${key} is not null as stored,
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
