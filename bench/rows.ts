import { getTableColumns } from 'drizzle-orm'
import type postgres from 'postgres'
import type { Understood } from '../src/resources/read.ts'
import type { Resource } from '../src/resources/resource.ts'

/** A record as a row that postgres.js inserts, without the columns that have a default. */
export function rowOf(sql: postgres.Sql, { table }: Resource, { row, raw }: Understood, userId: number) {
  const columns = Object.entries(getTableColumns(table)).filter(([property]) => property in row)
  const values = columns.map(([property, { name }]) => [name, row[property] ?? null])
  const read = Object.fromEntries(values) as Record<string, string | number | boolean | null>
  return { ...read, user_id: userId, raw_data: sql.json(raw as postgres.JSONValue) }
}
