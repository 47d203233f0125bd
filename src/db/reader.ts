import { getTableName, isTable, sql, type SQL } from 'drizzle-orm'
import type { Db } from './connection/index.ts'
import { codeOf } from './connection/failure.ts'
import * as schema from './schema.ts'

/** Whom Grafana's user is a member of: reads every record and view, no login, and writes nothing. */
export const READER = 'whoopster_reader'

/** Tables that hold secrets, or nothing that a chart would show. */
export const SECRET_TABLES = ['oauth_tokens', 'pending_logins', 'request_budgets', 'reprocesses']
export const VIEWS = [
  'daily_summary',
  'daily_trends',
  'weekly_summary',
  'workout_log',
  'nap_log',
  'behaviour_effects',
  'journal_days',
  'journeys',
  'night_log',
  'open_days',
  'latest_vitals',
  'logins',
  'sync_gaps',
]

const tables = Object.values(schema).filter(isTable).map(getTableName)
const readable = [...tables.filter((name) => !SECRET_TABLES.includes(name)), ...VIEWS]

const WRITES = 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'

/** The statements that bring the role and its rights into the state in which they should be: none, when they are. */
export async function readerLacks(db: Db): Promise<string[]> {
  const [role] = await db.execute<{ exists: boolean }>(sql`select to_regrole(${READER}) is not null as exists`)
  if (!role?.exists) {
    const names = await relations(db, readable, sql`true`)
    return [`CREATE ROLE ${READER} NOLOGIN`, `GRANT SELECT ON ${names} TO ${READER}`]
  }
  const [schema] = await db.execute<{ lacking: string }>(sql`
    select quote_ident(current_schema()) as lacking where not has_schema_privilege(${READER}, current_schema(), 'USAGE')`)
  const unread = await relations(db, readable, sql`not has_table_privilege(${READER}, oid, 'SELECT')`)
  const written = await relations(db, readable, sql`has_table_privilege(${READER}, oid, ${WRITES})`)
  const told = await relations(db, SECRET_TABLES, sql`has_table_privilege(${READER}, oid, ${`SELECT, ${WRITES}`})`)
  return [
    ...(schema ? [`GRANT USAGE ON SCHEMA ${schema.lacking} TO ${READER}`] : []),
    ...(unread ? [`GRANT SELECT ON ${unread} TO ${READER}`] : []),
    ...(written ? [`REVOKE ${WRITES} ON ${written} FROM ${READER}`] : []),
    ...(told ? [`REVOKE ALL ON ${told} FROM ${READER}`] : []),
  ]
}

/** Those of the names that there are, and of which it is so; empty when there are none. */
async function relations(db: Db, names: readonly string[], isSo: SQL): Promise<string> {
  const wanted = sql.join(
    names.map((name) => sql`${name}`),
    sql`, `,
  )
  const [row] = await db.execute<{ names: string | null }>(sql`
    select string_agg(oid::regclass::text, ', ' order by place) as names
    from unnest(array[${wanted}]::text[]) with ordinality as wanted (name, place),
      lateral (select to_regclass(quote_ident(name))::oid as oid) found where oid is not null and ${isSo}`)
  return row?.names ?? ''
}

const MAY_NOT = '42501'
const MADE_MEANWHILE = new Set(['42710', '23505']) // roles belong to the server: another database made it just now

/**
 * Does what the role lacks, as after `pg_restore` on a server that did not know it. Where this user may not, an
 * administrator is told what to type, in a warning of the server's as a migration would give.
 */
export async function mendReader(db: Db): Promise<void> {
  for (const statement of await readerLacks(db)) {
    try {
      await db.execute(sql.raw(statement))
    } catch (error) {
      const code = codeOf(error instanceof Error ? error.cause : undefined) ?? ''
      if (MADE_MEANWHILE.has(code)) continue
      if (code !== MAY_NOT) throw error
      return warn(db, await readerLacks(db))
    }
  }
}

async function warn(db: Db, statements: readonly string[]): Promise<void> {
  const message = `The role ${READER}, with which Grafana reads, is not as it should be, and this user may not change it.`
  const hint = `as an administrator, in this database: ${statements.join('; ')};`
  await db.execute(
    sql.raw(
      `do $warning$ begin raise warning using message = ${literal(message)}, hint = ${literal(hint)}; end $warning$`,
    ),
  )
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
