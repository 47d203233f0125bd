// A member for one test: a database, a sandbox and a login, all gone when the test is over.
import { randomBytes } from 'node:crypto'
import { drizzle } from 'drizzle-orm/pg-proxy'
import postgres from 'postgres'
import { onTestFinished } from 'vitest'
import type { Db } from '../../src/db/connection/index.ts'
import { startSandbox, type Sandbox, type SandboxOptions, type World } from '../../src/sandbox/index.ts'
import type { RunResult } from '../../src/sync/result.ts'
import type { TypeResult } from '../../src/db/runs.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, keepAsTemplate, type TestDatabase } from './database.ts'
import { storeLogin } from './login.ts'
import { databaseUrl, withSql, type OwnServer } from './postgres.ts'
import { secrets } from './secrets.ts'
import { createClock, envFor, run, TEST_KEY, type Ran, type RunOptions, type TestClock } from './world.ts'

export interface Member {
  database: TestDatabase
  sandbox: Sandbox
  env: Env
  clock: TestClock
  run(line: string | readonly string[], options?: RunOptions): Promise<Ran>
  /** A sync, and the summary it printed. */
  sync(line?: string, options?: RunOptions): Promise<RunResult & { code: number; err: string }>
  /** How many requests each collection got since the last time this was asked. */
  requests(): Record<string, number>
}

type MemberOptions = SandboxOptions & { clock?: TestClock }

export async function newMember({
  loggedIn = true,
  grant,
  clock = createClock(),
  ...options
}: MemberOptions & { grant?: string[]; loggedIn?: boolean } = {}): Promise<Member> {
  const database = await createDatabase()
  onTestFinished(database.drop)
  const sandbox = await sandboxFor(clock, options)
  onTestFinished(() => sandbox.close())
  if (loggedIn) await putLogin(database, sandbox, { clock, ...(grant && { grant }) })
  return memberOf({ database, sandbox, env: envFor(sandbox, database.url), clock })
}

/**
 * One who has synced all there is. The first of its kind does so, and the others get a copy of its database. What `before`
 * does to the world is done to each one's before that sync; as a function of the file it is of the same kind each time.
 */
export async function syncedMember({
  before,
  clock = createClock(),
  ...options
}: MemberOptions & { before?: (world: World) => void } = {}): Promise<Member> {
  const kind = JSON.stringify([options, clock.now()])
  const known = templates.get(before) ?? new Map<string, Promise<string>>()
  templates.set(before, known)
  const template = known.get(kind) ?? syncTemplate({ before, clock, ...options })
  known.set(kind, template)
  const database = await createDatabase(await template)
  onTestFinished(database.drop)
  const sandbox = await sandboxFor(clock, options)
  onTestFinished(() => sandbox.close())
  before?.(sandbox.world)
  await putLogin(database, sandbox, { clock })
  return memberOf({ database, sandbox, env: envFor(sandbox, database.url), clock })
}

/** Once a process: of each change to the world, of each kind of member, the name of the database. */
const templates = new Map<((world: World) => void) | undefined, Map<string, Promise<string>>>()

async function syncTemplate({
  before,
  clock,
  ...options
}: MemberOptions & { before: ((world: World) => void) | undefined; clock: TestClock }): Promise<string> {
  const [database, sandbox] = [await createDatabase(), await sandboxFor(clock, options)]
  before?.(sandbox.world)
  await putLogin(database, sandbox, { clock })
  const { code, err } = await run('sync', envFor(sandbox, database.url), { clock: createClock(clock.now()) })
  if (code !== 0) throw new Error(err)
  await sandbox.close()
  return keepAsTemplate(database)
}

function sandboxFor(clock: TestClock, options: SandboxOptions): Promise<Sandbox> {
  return startSandbox({ days: 60, limits: 'none', now: clock.now, ...options })
}

/** The row that a login leaves, of tokens that WHOOP has just given, for tests that are about something else. */
export async function putLogin(
  { sql }: Pick<TestDatabase, 'sql'>,
  sandbox: Sandbox,
  { clock, ...decision }: { clock: TestClock; member?: number; grant?: string[] },
): Promise<void> {
  // Not drizzle's own way to postgres.js, which would change how this client reads times.
  const db = drizzle(async (text, values) => ({ rows: await sql.unsafe(text, values).values() })) as unknown as Db
  const answer = await storeLogin(db, sandbox, { key: TEST_KEY, at: clock.now(), ...decision })
  for (const secret of [answer.access_token, answer.refresh_token ?? '']) secrets.add(secret)
}

/** The same on a server of its own, which goes down, or changes, with whatever is in it. */
export async function newMemberOn(server: OwnServer): Promise<Member> {
  const clock = createClock()
  const url = await copyOn(server)
  const sandbox = await startSandbox({ days: 60, limits: 'none', now: clock.now })
  onTestFinished(() => sandbox.close())
  const env = envFor(sandbox, url)
  const sql = postgres(url, { max: 1, idle_timeout: 1, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  await putLogin({ sql }, sandbox, { clock })
  return memberOf({ database: { url, sql, drop: async () => {} }, sandbox, env, clock })
}

const migrated = new WeakSet<OwnServer>()

async function copyOn(server: OwnServer): Promise<string> {
  const template = databaseUrl(server.url, 'whoopster_template')
  const name = `whoopster_${randomBytes(6).toString('hex')}`
  await withSql(server.url, async (admin) => {
    if (!migrated.has(server)) {
      await admin`create database whoopster_template`
      const { code, err } = await run('migrate', { DATABASE_URL: template })
      if (code !== 0) throw new Error(err)
    }
    migrated.add(server)
    await admin`create database ${admin(name)} template whoopster_template`
  })
  return databaseUrl(server.url, name)
}

/** A member of this sandbox, stored in this database. */
export function memberOf({
  database,
  sandbox,
  env,
  clock,
}: Pick<Member, 'database' | 'sandbox' | 'env' | 'clock'>): Member {
  let seen = sandbox.requests.length
  return {
    database,
    sandbox,
    env,
    clock,
    run: (line, more) => run(line, env, { clock, ...more }),
    sync: async (line = '', more) => {
      const { code, out, err } = await run(`sync --json ${line}`, env, { clock, ...more })
      return { ...(JSON.parse(out) as RunResult), code, err }
    },
    requests: () => {
      const fresh = sandbox.requests.slice(seen)
      seen = sandbox.requests.length
      return count(fresh.map(({ path }) => path.replace('/developer/v2/', '')))
    },
  }
}

function count(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

/** What a run has to say of one type, for the first of its members. */
export function typeOf(result: { users: { types: Record<string, TypeResult | undefined> }[] }, type: string) {
  return result.users[0]?.types[type]
}

/** An id that the sandbox never makes, nor another number. */
export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

/** Everything that would betray a write or a lock in the record tables, and a write elsewhere. */
export async function written({ database: { sql } }: Member) {
  const tables = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records', 'body_measurements']
  const versions = []
  for (const table of [...tables, 'record_history']) {
    versions.push(await sql`select ctid::text, xmin::text, xmax::text, id::text from ${sql(table)} order by id::text`)
  }
  await sql`select pg_stat_force_next_flush()`
  const counted = [...tables, 'record_history', 'chased_records']
  const counters = await sql`
    select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables where relname in ${sql(counted)} order by 1`
  return { versions, counters }
}
