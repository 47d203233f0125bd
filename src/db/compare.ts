import { getTableName, sql } from 'drizzle-orm'
import type { Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db } from './connect.ts'
import { asPage } from './page.ts'
import type { Member } from './tokens.ts'

/** How a record of WHOOP's compares with what is stored. */
export interface Comparison {
  key: string
  stored: boolean
  /** The columns that differ, `raw_data` among them; none when it is equal. */
  columns: string[]
}

export async function compare(
  db: Db,
  resource: Resource,
  member: Member,
  records: readonly Understood[],
): Promise<Comparison[]> {
  if (records.length === 0) return []
  const { source, target, key, columns } = asPage(resource, member, records)
  const differences = columns.map(({ name }) => {
    const column = sql.identifier(name)
    return sql`case when page.${column} is distinct from stored.${column} then ${name}::text end`
  })
  const rows = await db.execute<{ key: string; stored: boolean; columns: string[] | string }>(sql`
    with page as (${source})
    select page.${key}::text as key, stored.${key} is not null as stored,
      to_json(array_remove(array[${sql.join(differences, sql`, `)}], null)) as columns
    from page left join ${target} stored using (${key})
    order by ordinality`)
  return rows.map((row) => ({
    ...row,
    columns: typeof row.columns === 'string' ? JSON.parse(row.columns) : row.columns,
  }))
}

/** The keys of what is stored from `since` on, except those that were seen. */
export async function storedExcept(
  db: Db,
  resource: Resource,
  member: Member,
  since: string | undefined,
  seen: readonly string[],
): Promise<string[]> {
  const key = sql.identifier(resource.key.name)
  const place = resource.place(sql`r`)
  const rows = await db.execute<{ key: string }>(sql`
    select r.${key}::text as key from ${sql.identifier(getTableName(resource.table))} r
    where r.user_id = ${member.id} and (${since ?? null}::timestamptz is null or ${place} >= ${since ?? null}::timestamptz)
      and r.${key}::text not in (select jsonb_array_elements_text(${JSON.stringify(seen)}::text::jsonb))
    order by ${place} desc`)
  return rows.map((row) => row.key)
}
