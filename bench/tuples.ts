import { getTableName } from 'drizzle-orm'
import type postgres from 'postgres'
import { resources } from '../src/resources/index.ts'

/** Where every row of the record tables is, who wrote it, and who last locked it. */
export interface Tuples {
  versions: ReadonlyMap<string, string>
  /** Inserts, updates and deletes so far, by PostgreSQL's own count. */
  written: number
}

const tables = resources.map(({ table }) => getTableName(table))

export async function tuples(sql: postgres.Sql): Promise<Tuples> {
  const versions = new Map<string, string>()
  for (const table of tables) {
    const rows = await sql<{ id: string; version: string }[]>`
      select id::text, concat_ws(' ', ctid, xmin, xmax) as version from ${sql(table)}`
    for (const { id, version } of rows) versions.set(`${table} ${id}`, version)
  }
  return { versions, written: await countWrites(sql) }
}

async function countWrites(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<{ written: number }[]>`
    select sum(n_tup_ins + n_tup_upd + n_tup_del)::int as written
    from pg_stat_user_tables where relname = any(${tables})`
  return row?.written ?? 0
}

/** How many rows are new, gone, written or locked since. */
export function touched(before: Tuples, after: Tuples): number {
  const keys = new Set([...before.versions.keys(), ...after.versions.keys()])
  return [...keys].filter((key) => before.versions.get(key) !== after.versions.get(key)).length
}
