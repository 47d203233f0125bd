import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql, type SQL } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { amount } from '../numbers.ts'
import { WhoopsterError } from '../errors.ts'
import type { Db, Tx } from './connection/index.ts'
import { codeOf } from './connection/failure.ts'
import { mendReader } from './reader.ts'

/** A migration of this version: its name, its statements' hash, and the place in the order (`when`, epoch ms). */
export interface Migration {
  name: string
  when: number
  hash: string
  statements: readonly string[]
}

export interface SchemaState {
  applied: Migration[]
  pending: Migration[]
  /** The history is still in the table that all of drizzle's users share; `migrate` moves it. */
  isShared: boolean
}

/** Which migrations the database has; refuses a history that is not the beginning of ours. */
export async function schemaState(db: Db, folder = migrationsFolder()): Promise<SchemaState> {
  const ours = readMigrations(folder)
  const own = await readHistory(db, HISTORY, IS_HERE)
  const rows = own ?? (await sharedRows(db, ours))
  const applied = rows.map((row, index) => matching(ours[index], row, ours))
  return { applied, pending: ours.slice(applied.length), isShared: own === undefined && applied.length > 0 }
}

/** Of a database that is not made yet. */
export function schemaOfNone(folder = migrationsFolder()): SchemaState {
  return { applied: [], pending: readMigrations(folder), isShared: false }
}

/**
 * Brings the schema up to date, one process at a time, all of it or nothing; returns what it applied. What Grafana's role
 * may read is looked at each time: a database that was moved comes without the server's roles.
 */
export async function migrate(db: Db, folder = migrationsFolder()): Promise<Migration[]> {
  return withMigrationLock(db, async () => {
    await requireOwnSchema(db)
    const { applied, pending, isShared } = await schemaState(db, folder)
    if (applied.length === 0) await requireEncoding(db)
    if (isShared) await moveHistory(db, applied)
    if (applied.length > 0) await prepare(db, folder, pending)
    if (pending.length > 0) await apply(db, pending)
    if (!pending.some(({ name }) => name === MAKES_READER)) await mendReader(db)
    return pending
  })
}

const MAKES_READER = '0005_grafana_views' // and says by itself what it may not

/** All of them, or none. */
async function apply(db: Db, pending: readonly Migration[]): Promise<void> {
  await amongWriters(db, async (tx) => {
    await staySchema(tx)
    await createHistory(tx)
    for (const { when, hash, statements } of pending) {
      for (const statement of statements) await tx.execute(sql.raw(statement.replaceAll(GENERATED, '')))
      await tx.execute(sql`insert into ${HISTORY} (created_at, hash) values (${when}, ${hash})`)
    }
  })
}

const DEADLOCK = '40P01'
const TRIES = 5

/** A transaction, anew where somebody who writes waits for it and it for them, and PostgreSQL has ended it. */
async function amongWriters(db: Db, work: (tx: Tx) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction(work)
    } catch (error) {
      if (tries === TRIES || sqlStateOf(error) !== DEADLOCK) throw error
    }
  }
}

/** Of a statement's failure, as drizzle tells of it. */
function sqlStateOf(error: unknown): string | undefined {
  return codeOf(error instanceof Error ? error.cause : undefined)
}

/** drizzle-kit names it before what a foreign key refers to, though the tables are made wherever search_path begins. */
const GENERATED = '"public".'

/** Until the transaction ends: what is called the same in a schema further down search_path is not ours to change. */
async function staySchema(tx: Tx): Promise<void> {
  await tx.execute(sql`select set_config('search_path', quote_ident(current_schema()), true)`)
}

async function requireOwnSchema(db: Db): Promise<void> {
  const [row] = await db.execute<{ name: string | null; path: string }>(
    sql`select current_schema() as name, current_setting('search_path') as path`,
  )
  if (!row || row.name !== null) return
  throw new WhoopsterError('settings', `No schema of search_path (${row.path}) is there for this user.`, {
    hint: "as the database's owner, type: create schema …; grant usage, create on schema … to … (DATABASE_URL's user)",
  })
}

/**
 * Which migrations have been applied is in a table of ours. It used to be in drizzle's own, which all applications that use it
 * share by default: the newest row there makes every one of them believe that it is up to date. What is ours there is moved,
 * and what is theirs left alone.
 */
async function moveHistory(db: Db, applied: readonly Migration[]): Promise<void> {
  await db.transaction(async (tx) => {
    await createHistory(tx)
    for (const { name, when, hash } of applied) {
      await tx.execute(sql`insert into ${HISTORY} (created_at, hash) values (${when}, ${hash})`)
      await tx.execute(
        sql`delete from ${SHARED} where created_at = ${when} and hash in (${hash}, ${earlier[name] ?? hash})`,
      )
    }
  })
}

async function createHistory(tx: Tx): Promise<void> {
  await tx.execute(sql`create table if not exists ${HISTORY} (created_at bigint primary key, hash text not null)`)
  await tx.execute(sql`
    comment on table ${HISTORY} is 'Which of whoopster''s migrations this database has. Other applications keep their own.'`)
}

/** SQL_ASCII takes everything as it comes; an encoding of some letters refuses a record for each that it lacks. */
async function requireEncoding(db: Db): Promise<void> {
  const [row] = await db.execute<{ name: string; encoding: string }>(
    sql`select current_database() as name, current_setting('server_encoding') as encoding`,
  )
  if (!row || ['UTF8', 'SQL_ASCII'].includes(row.encoding)) return
  throw new WhoopsterError(
    'settings',
    `The database ${row.name} is in ${row.encoding}, which lacks characters that WHOOP sends.`,
    { hint: "make another one: create database whoopster encoding 'UTF8' template template0" },
  )
}

/**
 * Does beforehand what takes the migrations long, in a database that is in use: outside of their transaction, so that
 * nobody waits for it. The migrations do what is left, or all of it: so where one of them is to be prepared in something
 * that an earlier one will make, this ends.
 */
async function prepare(db: Db, folder: string, pending: readonly Migration[]): Promise<void> {
  const files = pending.map(({ name }) => join(folder, `${name}.prepare.sql`)).filter((file) => existsSync(file))
  const statements = files.flatMap((file) => readFileSync(file, 'utf8').split('--> statement-breakpoint'))
  try {
    for (const statement of statements) await db.execute(sql.raw(statement))
  } catch (error) {
    const code = sqlStateOf(error)
    if (code !== NO_SUCH_TABLE && code !== NO_SUCH_COLUMN) throw error
  }
}

/** The newest `steps` of what is applied, newest first; refuses when there are fewer. */
export function newest(applied: readonly Migration[], steps: number): Migration[] {
  if (steps <= applied.length) return applied.toReversed().slice(0, steps)
  const message = `Only ${amount(applied.length, 'migration')} can be taken back, not ${steps}.`
  throw new WhoopsterError('usage', message, { hint: 'see: whoopster migrate --status' })
}

/** Takes back the newest `steps` migrations, with what they stored; returns them, newest first. */
export async function migrateDown(db: Db, steps: number, folder = migrationsFolder()): Promise<Migration[]> {
  return withMigrationLock(db, async () => {
    const { applied, isShared } = await schemaState(db, folder)
    const undone = newest(applied, steps)
    if (isShared) await moveHistory(db, applied)
    const scripts = undone.map((migration) => ({ ...migration, script: readDownFile(folder, migration) }))
    await amongWriters(db, async (tx) => {
      await staySchema(tx)
      for (const { script, when } of scripts) {
        await tx.execute(sql.raw(script))
        await tx.execute(sql`delete from ${HISTORY} where created_at = ${when}`)
      }
      if (undone.length === applied.length) {
        await tx.execute(sql`drop table ${HISTORY}`) // nothing of ours is left
        await tx.execute(sql`drop table if exists ${ARCHIVES}`)
      }
    })
    return undone
  })
}

/** Throws unless the schema is exactly this version's. */
export async function requireSchema(db: Db): Promise<void> {
  requireCurrent(await schemaState(db))
}

/** Throws when anything is pending. */
export function requireCurrent({ applied, pending }: SchemaState): void {
  if (pending.length === 0) return
  if (applied.length === 0) throw nothingStored()
  throw new WhoopsterError('settings', `The database's schema lacks ${amount(pending.length, 'migration')}.`, {
    hint: 'run: whoopster migrate',
  })
}

export function nothingStored(): WhoopsterError {
  return new WhoopsterError('settings', 'Nothing is stored here yet.', { hint: 'run: whoopster auth' })
}

interface AppliedRow {
  hash: string
  when: number
}

const HISTORY = sql.raw('whoopster_migrations')
/** When which member was archived: made by the first archive, see db/archive.ts. */
export const ARCHIVES = sql.raw('whoopster_archives')
const SHARED = sql.raw('drizzle.__drizzle_migrations')

/** Another schema may have a history as well, of tables that are not the ones we use. */
const IS_HERE = sql`exists (
  select from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.oid = ${HISTORY}.tableoid and n.nspname = current_schema())`
const IS_OLD_PLACE = sql`current_schema() = 'public'` // where the tables were when the history was kept there

const NO_SUCH_TABLE = '42P01'
const NO_SUCH_COLUMN = '42703'
const NO_SUCH_SCHEMA = '3F000'

/** Undefined when there is no such table. */
async function readHistory(db: Db, table: SQL, condition: SQL): Promise<AppliedRow[] | undefined> {
  try {
    const rows = await db.execute<{ hash: string; created_at: string }>(
      sql`select hash, created_at from ${table} where ${condition} order by created_at`,
    )
    return rows.map((row) => ({ hash: row.hash, when: Number(row.created_at) }))
  } catch (error) {
    const code = sqlStateOf(error)
    if (code === NO_SUCH_TABLE || code === NO_SUCH_SCHEMA) return undefined
    throw error
  }
}

/** What is ours in drizzle's own table. */
async function sharedRows(db: Db, ours: readonly Migration[]): Promise<AppliedRow[]> {
  const rows = (await readHistory(db, SHARED, IS_OLD_PLACE)) ?? []
  return rows.filter(({ when }) => ours.some((migration) => migration.when === when))
}

/** What a migration was when it did the same in another way: a database that it has been applied to need not know. */
const earlier: Readonly<Record<string, string>> = {
  '0007_member_keys': '2afbcd3e0a7e62b794b128dcda065d057dfe075f094f7fd99e913fa8c57c6f36', // it read and built under its locks
}

function matching(mine: Migration | undefined, row: AppliedRow, ours: readonly Migration[]): Migration {
  if (mine?.when === row.when && [mine.hash, earlier[mine.name]].includes(row.hash)) return mine
  if (mine?.when === row.when) {
    throw refusal(`The migration ${mine.name} was changed after it had been applied to this database.`)
  }
  if (row.when > (ours.at(-1)?.when ?? 0)) {
    throw new WhoopsterError('settings', 'This database was migrated by a newer version of whoopster.', {
      hint: 'install that version or a newer one; it can go back with: whoopster migrate --down 1',
    })
  }
  const name = mine?.name ?? ours.at(-1)?.name ?? 'the first'
  throw refusal(`The migrations of this database are out of order around ${name}.`)
}

function refusal(message: string): WhoopsterError {
  return new WhoopsterError('settings', message, {
    hint: 'install the version of whoopster that this database was made with, or restore a backup',
  })
}

/** All that this version has, oldest first. */
function readMigrations(folder: string): Migration[] {
  const journal = JSON.parse(readFileSync(join(folder, 'meta', '_journal.json'), 'utf8')) as {
    entries: { tag: string }[]
  }
  const files = readMigrationFiles({ migrationsFolder: folder })
  const migrations = files.map((file, index) => ({
    name: journal.entries[index]?.tag ?? '',
    when: file.folderMillis,
    hash: file.hash,
    statements: file.sql,
  }))
  const misplaced = migrations.find(({ when }, index) => when <= (migrations[index - 1]?.when ?? 0))
  if (misplaced) throw refusal(`The migration ${misplaced.name} is older than the one before it.`)
  return migrations
}

function readDownFile(folder: string, { name }: Migration): string {
  return readFileSync(join(folder, `${name}.down.sql`), 'utf8')
}

/** `drizzle/` lies beside package.json, for the source, the bundle and an installed package alike. */
function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'drizzle')
}

/** The database's one connection holds the lock. After a failure the process ends, and that frees it. */
async function withMigrationLock<T>(db: Db, work: () => Promise<T>): Promise<T> {
  const key = sql`hashtextextended('whoopster:migrate', 0)`
  await db.execute(sql`set statement_timeout = 0`) // another process may be at a long migration, and so may we
  await waitForLock(db, key)
  await db.execute(sql`set lock_timeout = '5min'`)
  const result = await work()
  await db.execute(sql`select pg_advisory_unlock(${key})`)
  await db.execute(sql`reset lock_timeout`)
  await db.execute(sql`reset statement_timeout`)
  return result
}

const LONGEST_TRIES = 1_500
const PAUSE_S = 0.2

/** A statement that waits for a lock would be waited for by an index that is being built, which is waited for by this lock. */
async function waitForLock(db: Db, key: SQL): Promise<void> {
  for (let tries = 0; tries < LONGEST_TRIES; tries++) {
    const [row] = await db.execute<{ locked: boolean }>(sql`select pg_try_advisory_lock(${key}) as locked`)
    if (row?.locked) return
    await db.execute(sql`select pg_sleep(${PAUSE_S})`)
  }
  throw new WhoopsterError('later', 'Another process has been migrating the database for more than five minutes.', {
    hint: 'try again when it has ended',
  })
}
