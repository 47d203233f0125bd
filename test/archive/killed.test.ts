// `kill -9` of a restore: what it leaves is made whole by the next one, and nothing is there twice.
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox } from '../../src/sandbox/index.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { memberOf, putLogin } from '../support/member.ts'
import { startProgram } from '../support/program.ts'
import { startProxy, type When } from '../support/proxy.ts'
import { createClock, envFor, run } from '../support/world.ts'
import { everything, liveThrough } from './stage.ts'

const clock = createClock()
const step = isLong ? 10 : 40
let home: string
let file: string
let env: Env
let truth: Record<string, string[]>

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'whoopster-killed-'))
  file = join(home, 'whoop.zip')
  const sandbox = await startSandbox({ days: 60, limits: 'none', now: clock.now })
  const database = await createDatabase()
  try {
    env = envFor(sandbox, database.url)
    await putLogin(database, sandbox, { clock })
    await liveThrough(memberOf({ database, sandbox, env, clock }))
    truth = await everything(database.sql)
    const { code, err } = await run(['archive', '--out', file], env, { clock })
    if (code !== 0) throw new Error(err)
  } finally {
    await database.drop()
    await sandbox.close()
  }
}, 120_000)
afterAll(() => rm(home, { recursive: true, force: true }))

async function withEmpty<T>(work: (database: TestDatabase) => Promise<T>): Promise<T> {
  const database = await createDatabase()
  try {
    return await work(database)
  } finally {
    await database.drop()
  }
}

/** A restore in a process of its own that dies at this statement; which statements it sent. */
async function restoreKilled(url: string, at: { statement: number; when: When } | undefined): Promise<string[]> {
  let child: ChildProcess | undefined
  const proxy = await startProxy(url, at && { ...at, strike: () => void child?.kill('SIGKILL') })
  const running = startProgram(['restore', file], { ...env, DATABASE_URL: proxy.url })
  child = running.child
  const { code, err } = await running.ended
  await proxy.close()
  expect(code, err).toBe(at ? null : 0)
  return proxy.statements
}

describe('kill -9 of a restore', () => {
  it('costs nothing, wherever it strikes: the next one completes it', async () => {
    const statements = await withEmpty(async ({ url, sql }) => {
      const sent = await restoreKilled(url, undefined)
      expect(await everything(sql)).toEqual(truth)
      return sent.length
    })
    expect(statements).toBeGreaterThan(40)
    const whens: When[] = ['before', 'torn', 'after']
    let begun = 0
    for (let statement = 5; statement < statements; statement += step) {
      const when = whens[((statement / step) % 3) | 0] ?? 'after'
      await withEmpty(async ({ url, sql }) => {
        await restoreKilled(url, { statement, when })
        const left = Object.values(await everything(sql)).flat().length
        if (left > 0 && left < Object.values(truth).flat().length) begun++
        await letGo(sql)
        const { code, err } = await run(['restore', file], { ...env, DATABASE_URL: url }, { clock })
        expect({ code, err }).toMatchObject({ code: 0 })
        expect(await everything(sql), `killed ${when} statement ${statement} of ${statements}`).toEqual(truth)
      })
    }
    expect(begun).toBeGreaterThan(0) // some were really in the middle
  }, 600_000)
})

/** A backend notices that its client has died when it has done what it was sent. */
async function letGo(sql: TestDatabase['sql']): Promise<void> {
  await expect
    .poll(
      async () =>
        (await sql`select from pg_stat_activity where datname = current_database() and application_name = 'whoopster'`)
          .length,
      { timeout: 20_000 },
    )
    .toBe(0)
}
