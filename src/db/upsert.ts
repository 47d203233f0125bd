import { getTableColumns, getTableName, sql } from 'drizzle-orm'
import type { Understood } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connect.ts'
import type { Member } from './tokens.ts'

/** What became of one record of a page. */
export interface Stored {
  key: string
  /** When it happened, as WHOOP's filters and order see it; undefined when only a stand-in is known. */
  place: string
  change: 'inserted' | 'updated' | 'unchanged'
  /** The place was already claimed to be stored completely. */
  claimed: boolean
}

/**
 * Stores a page with one statement; returns what became of each record, in the page's order. Content decides: a row
 * whose `raw_data` is equal is not written and not even locked, and no clock gates a row that differs.
 */
export async function upsert(
  tx: Tx,
  resource: Resource,
  member: Member,
  records: readonly Understood[],
): Promise<Stored[]> {
  if (records.length === 0) return []
  const { table, key } = resource
  const columns = Object.entries(getTableColumns(table)).filter(([property]) => !OURS.has(property))
  const page = records.map(({ row, raw }) => ({
    ...Object.fromEntries(columns.map(([property, column]) => [column.name, row[property]])),
    user_id: member.id,
    raw_data: raw,
  }))
  const target = sql.identifier(getTableName(table))
  const keyName = sql.identifier(key.name)
  const names = sql.join(
    columns.map(([, column]) => sql.identifier(column.name)),
    sql`, `,
  )
  const updates = sql.join(
    columns.map(([, column]) => sql`${sql.identifier(column.name)} = excluded.${sql.identifier(column.name)}`),
    sql`, `,
  )
  const rows = await tx.execute<{ key: string; place: string; change: Stored['change']; claimed: boolean }>(sql`
    with page as (
      select * from jsonb_populate_recordset(null::${target}, ${JSON.stringify(page)}::text::jsonb) with ordinality
    ), stored as (
      insert into ${target} (${names})
      select ${names} from page
      where not exists (
        select from ${target} old where old.${keyName} = page.${keyName} and old.raw_data = page.raw_data
      )
      on conflict (${keyName}) do update set ${updates}, updated_at = now()
      returning ${keyName}, xmax = 0 as is_new
    )
    select page.${keyName}::text as key, located.place,
      case when is_new then 'inserted' when not is_new then 'updated' else 'unchanged' end as change,
      coalesce(covered @> located.place, false) as claimed
    from page
      cross join lateral (select ${resource.place(sql`page`)} as place) located
      left join stored using (${keyName})
      left join sync_status on sync_status.user_id = ${member.id} and data_type = ${resource.name}
    order by ordinality`)
  return [...rows]
}

/** Whether any record of the member's is stored that began before `before`, or at all. */
export async function holdsBefore(db: Db, member: Member, resource: Resource, before?: string): Promise<boolean> {
  const table = sql.identifier(getTableName(resource.table))
  const rows = await db.execute(sql`
    select from ${table} r where user_id = ${member.id}
      and (${before ?? null}::timestamptz is null or ${resource.place(sql`r`)} < ${before ?? null}::timestamptz) limit 1`)
  return rows.length > 0
}

const OURS = new Set(['createdAt', 'updatedAt'])
