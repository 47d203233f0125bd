import { getTableColumns, sql, type SQL } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Understood } from '../resources/read.ts'
import { toJson } from '../resources/json.ts'
import { keyOf, tableOf, type Collection } from './scope.ts'

/** Records as a relation: one parameter, whatever their number, with the table's own column names and types. */
export interface Relation {
  /** `select … , ordinality` in the records' order. */
  source: SQL
  target: ReturnType<typeof sql.identifier>
  key: ReturnType<typeof sql.identifier>
  /** What WHOOP fills, and whose it is; without our own times. */
  columns: PgColumn[]
}

const OURS = new Set(['createdAt', 'updatedAt'])

export function asPage(
  { member, resource }: { member: { id: number }; resource: Collection['resource'] },
  records: readonly Understood[],
): Relation {
  const entries = Object.entries(getTableColumns(resource.table)).filter(([property]) => !OURS.has(property))
  const rows = records.map(({ row, raw }) => ({
    ...Object.fromEntries(entries.map(([property, column]) => [column.name, row[property]])),
    user_id: member.id,
    raw_data: raw,
  }))
  const target = tableOf(resource)
  return {
    source: sql`select * from jsonb_populate_recordset(null::${target}, ${toJson(rows)}::text::jsonb) with ordinality`,
    target,
    key: keyOf(resource),
    columns: entries.map(([, column]) => column),
  }
}
