// What a measurement needs around the program: a database, a simulated WHOOP, and members who are logged in.
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { withDatabase } from '../src/db/connection/index.ts'
import { resources } from '../src/resources/index.ts'
import { startSandbox, type Sandbox, type SandboxOptions } from '../src/sandbox/index.ts'
import { storeLogin } from '../test/support/login.ts'
import { databaseUrl, startPostgres, withSql } from '../test/support/postgres.ts'
import { run, whoopster, type Env } from './program.ts'

type StageEnv = Env & { DATABASE_URL: string; TOKEN_ENCRYPTION_KEY: string }

export interface Stage {
  sandbox: Sandbox
  /** What the program is given. */
  env: StageEnv
  /** For looking at what it did. */
  sql: postgres.Sql
  /** As it was before the first sync. */
  empty: () => Promise<void>
  /** How many requests each collection has got since the last time this was asked; anything else is `other`. */
  requests(): Record<string, number>
}

export interface Stages {
  /** What the table says of PostgreSQL. */
  postgres: string
  with<T>(options: SandboxOptions, work: (stage: Stage) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** As somebody's own server runs: what is committed is on the disk. The tests' server does without. */
const DURABLE = ['fsync=on', 'synchronous_commit=on', 'full_page_writes=on']

export async function openStages(): Promise<Stages> {
  const given = process.env.TEST_DATABASE_URL
  const server = given ? await startPostgres() : await startDurable()
  const [version] = await withSql(server.url, (sql) => sql<{ server_version: string }[]>`show server_version`)
  return {
    postgres: `PostgreSQL ${version?.server_version ?? '?'}`,
    with: (options, work) => withStage(server.url, options, work),
    close: server.stop,
  }
}

async function startDurable() {
  const server = await startPostgres({ fresh: true })
  await server.restart(DURABLE)
  return server
}

async function withStage<T>(
  serverUrl: string,
  options: SandboxOptions,
  work: (stage: Stage) => Promise<T>,
): Promise<T> {
  const name = `whoopster_bench_${randomBytes(6).toString('hex')}`
  await withSql(serverUrl, (admin) => admin`create database ${admin(name)} template template0`)
  const url = databaseUrl(serverUrl, name)
  const sandbox = await startSandbox({ limits: 'none', ...options })
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const env = envFor(sandbox, url)
    await logIn(sandbox, env)
    return await work({ sandbox, env, sql, empty: () => empty(sql), requests: counting(sandbox) })
  } finally {
    await sql.end({ timeout: 1 })
    await sandbox.close()
    await withSql(serverUrl, (admin) => admin`drop database ${admin(name)} with (force)`)
  }
}

function envFor(sandbox: Sandbox, url: string) {
  return {
    DATABASE_URL: url,
    TOKEN_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    WHOOP_API_BASE_URL: sandbox.url,
    WHOOP_CLIENT_ID: sandbox.clientId,
    WHOOP_CLIENT_SECRET: sandbox.clientSecret,
    MAX_REQUESTS_PER_MINUTE: '100000',
  }
}

/** The first as a person does; the others get the row that this leaves, in a thousandth of the time. */
async function logIn(sandbox: Sandbox, env: StageEnv): Promise<void> {
  const [first, ...others] = sandbox.world.members()
  const { out } = await run(process.execPath, whoopster('auth url'), env)
  const redirected = await sandbox.consent(out.trim(), { member: first?.user_id ?? 0 })
  await run(process.execPath, [...whoopster('auth complete'), redirected], env)
  if (others.length === 0) return
  const { signal } = new AbortController()
  await withDatabase(
    { DATABASE_URL: env.DATABASE_URL, WHOOPSTER_DATA_DIR: undefined },
    env,
    async ({ db }) => {
      for (const { user_id: member } of others)
        await storeLogin(db, sandbox, { key: env.TOKEN_ENCRYPTION_KEY, at: new Date(), member })
    },
    signal,
  )
}

const KEPT = ['users', 'oauth_tokens', 'pending_logins', 'whoopster_migrations']

/** Truncates whatever tables there are but the login's and the migrations': those of a later version, too. */
async function empty(sql: postgres.Sql): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> all(${KEPT})`
  await sql`truncate ${sql.unsafe(tables.map(({ name }) => `"${name}"`).join(', '))}`
}

function counting({ requests }: Sandbox): Stage['requests'] {
  let seen = requests.length
  return () => {
    const fresh = requests.slice(seen)
    seen = requests.length
    const counts: Record<string, number> = {}
    for (const { path } of fresh) {
      const name = resources.find((resource) => path === `/developer${resource.path}`)?.name ?? 'other'
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }
}
