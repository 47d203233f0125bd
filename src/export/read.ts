import { sql, type SQL } from 'drizzle-orm'
import type { Tx } from '../db/connection/index.ts'
import type { Range } from '../db/coverage.ts'
import { csvLine } from './format.ts'
import type { Format } from './names.ts'
import { RAW_DATA, type Column, type Source } from './sources.ts'

export interface Wish {
  format: Format
  range: Range
  /** Undefined: every member. */
  user: number | undefined
  raw: boolean
}

const AT_ONCE = 500 // rows; more are not faster

export function columnsFor(source: Source, wish: Pick<Wish, 'raw'>): readonly Column[] {
  return wish.raw && source.name !== 'daily' ? [...source.columns, RAW_DATA] : source.columns
}

/** The rows as lines of the format, oldest first, a few hundred at a time. PostgreSQL writes the values: no number of its is rounded here. */
export async function* readLines(tx: Tx, source: Source, wish: Wish): AsyncGenerator<string[]> {
  const columns = columnsFor(source, wish)
  // One member after the other: thousands sorted at once are gigabytes of temporary files, and never met before.
  for (const member of await loadMembersOf(tx, wish.user)) {
    await tx.execute(sql`declare export no scroll cursor for ${query(source, columns, wish, member)}`)
    for (;;) {
      const rows = await tx.execute<Record<string, string | null>>(sql`fetch ${sql.raw(String(AT_ONCE))} from export`)
      yield rows.map((row) =>
        wish.format === 'csv' ? csvLine(columns.map(({ name }) => row[name] ?? null)) : (row['line'] ?? ''),
      )
      if (rows.length < AT_ONCE) break
    }
    await tx.execute(sql`close export`)
  }
}

interface Exportee {
  id: number
  whoopUserId: string
}

async function loadMembersOf(tx: Tx, whoopUserId: number | undefined): Promise<readonly Exportee[]> {
  return tx.execute<Exportee & Record<string, unknown>>(sql`
    select id, whoop_user_id::text as "whoopUserId" from users
    where ${whoopUserId === undefined ? sql`true` : sql`whoop_user_id = ${whoopUserId}`} order by whoop_user_id`)
}

function query(source: Source, columns: readonly Column[], { format, range }: Wish, member: Exportee): SQL {
  const names = columns.map(({ name }) => sql.identifier(name))
  // JSON's way of writing is the one that is the same in every session; as text, each value is what it says there.
  const cells = sql.join(
    names.map((name) => sql`to_json(${name}) #>> '{}' as ${name}`),
    sql`, `,
  )
  const line = sql`row_to_json(x)::text as line`
  const inner = sql.join(
    names.map((name) =>
      name.value === 'whoop_user_id' ? sql`${member.whoopUserId}::bigint as whoop_user_id` : sql`r.${name}`,
    ),
    sql`, `,
  )
  const { from, to } = range
  return sql`
    select ${format === 'csv' ? cells : line} from (
      select ${inner} from ${sql.identifier(source.relation)} r
      where r.user_id = ${member.id}
        and (${from ?? null}::timestamptz is null or ${source.at} >= ${from ?? null}::timestamptz)
        and (${to ?? null}::timestamptz is null or ${source.at} < ${to ?? null}::timestamptz)
      order by ${source.at}, r.${sql.identifier(source.key)}
    ) x`
}
