// A member for one test: a database, a sandbox and a login, all gone when the test is over.
import { randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { onTestFinished } from 'vitest'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/index.ts'
import type { RunResult } from '../../src/sync/result.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { databaseUrl, withSql, type OwnServer } from './postgres.ts'
import { createClock, envFor, logIn, run, type Ran, type RunOptions, type TestClock } from './world.ts'

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

export async function newMember(
  options: SandboxOptions & { grant?: string[]; loggedIn?: boolean; clock?: TestClock } = {},
): Promise<Member> {
  const { grant, loggedIn = true, clock = createClock(), ...sandboxOptions } = options
  const database = await createDatabase()
  onTestFinished(database.drop)
  const sandbox = await startSandbox({ days: 60, limits: 'none', now: clock.now, ...sandboxOptions })
  onTestFinished(() => sandbox.close())
  const env = envFor(sandbox, database.url)
  if (loggedIn) await logIn(sandbox, env, grant ? { clock, grant } : { clock })
  return memberOf({ database, sandbox, env, clock })
}

/** The same on a server of its own, which goes down, or changes, with whatever is in it. */
export async function newMemberOn(server: OwnServer): Promise<Member> {
  const name = `whoopster_${randomBytes(6).toString('hex')}`
  await withSql(server.url, (admin) => admin`create database ${admin(name)}`)
  const url = databaseUrl(server.url, name)
  const clock = createClock()
  const sandbox = await startSandbox({ days: 60, limits: 'none', now: clock.now })
  onTestFinished(() => sandbox.close())
  const env = envFor(sandbox, url)
  await logIn(sandbox, env, { clock })
  const sql = postgres(url, { max: 1, idle_timeout: 1, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  return memberOf({ database: { url, sql, drop: async () => {} }, sandbox, env, clock })
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
