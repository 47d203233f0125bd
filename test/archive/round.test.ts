// An archive goes from database to database, and nothing is lost on the way.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openEmbedded } from '../../src/db/connection/embedded.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import type { RunResult } from '../../src/sync/result.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase } from '../support/database.ts'
import { newMember } from '../support/member.ts'
import { readyDirectory } from '../support/ready.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock, envFor, logIn, run, type TestClock } from '../support/world.ts'
import { archiveTo, everything, folder, leaveOddNumbers, liveThrough, restoreFrom, sha256 } from './stage.ts'

async function embedded(sandbox: Sandbox): Promise<Env> {
  const dir = await readyDirectory()
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const { DATABASE_URL: _, TOKEN_ENCRYPTION_KEY: __, ...env } = envFor(sandbox, '')
  return { ...env, WHOOPSTER_DATA_DIR: dir }
}

async function server(sandbox: Sandbox): Promise<Env> {
  const database = await createDatabase()
  onTestFinished(database.drop)
  return envFor(sandbox, database.url)
}

/** The member logs in again, WHOOP has nothing else than what is stored, and a sync asks no more than ever. */
async function expectAtHome(sandbox: Sandbox, env: Env, clock: TestClock): Promise<void> {
  await logIn(sandbox, env, { clock })
  const verified = await run('verify', env, { clock })
  expect(verified).toMatchObject({ code: 0 })
  const synced = JSON.parse((await run('sync --json', env, { clock })).out) as RunResult
  expect(synced).toMatchObject({ outcome: 'ok', requests: 4 })
}

describe('an archive', () => {
  it('goes from embedded to server to embedded, byte for byte, is as WHOOP says, and a sync goes on from there', async () => {
    const clock = createClock()
    const sandbox = await startSandbox({ days: 20, limits: 'none', now: clock.now })
    onTestFinished(() => sandbox.close())
    const home = await folder()
    const file = (name: string) => join(home, name)

    const first = await embedded(sandbox)
    await logIn(sandbox, first, { clock })
    expect(await run('sync', first, { clock })).toMatchObject({ code: 0 })
    const one = await archiveTo(file('1.zip'), first, clock)

    const second = await server(sandbox)
    await restoreFrom(file('1.zip'), second, clock)
    const two = await archiveTo(file('2.zip'), second, clock)
    expect(sha256(two)).toBe(sha256(one))
    expect(sha256(await archiveTo(file('again.zip'), second, clock))).toBe(sha256(one))
    await expectAtHome(sandbox, second, clock)

    const third = await embedded(sandbox)
    await restoreFrom(file('2.zip'), third, clock)
    const three = await archiveTo(file('3.zip'), third, clock)
    expect(sha256(three)).toBe(sha256(one))
    await expectAtHome(sandbox, third, clock)
    const dir = third['WHOOPSTER_DATA_DIR'] ?? ''
    const database = await openEmbedded(dir)
    const options: object = { max: 1, socket: () => database.socket() }
    const sql = postgres({ ...options, fetch_types: false } as postgres.Options<Record<string, never>>)
    try {
      await expectFaithful({ sql }, sandbox)
    } finally {
      await sql.end()
      await database.close()
    }
  }, 300_000) // three embedded databases, on a busy machine

  it('brings back every odd thing that the tables can hold, as it was', async () => {
    const member = await newMember({ days: 60 })
    await liveThrough(member)
    await leaveOddNumbers(member.database.sql)
    const held = await everything(member.database.sql)
    expect(held['quarantined_records']).toHaveLength(2)
    expect(held['record_history']?.filter((row) => row.includes('"deleted"')).length).toBeGreaterThanOrEqual(2)
    expect(held['record_history']?.filter((row) => row.includes('"changed"')).length).toBeGreaterThanOrEqual(1)
    expect(held['chased_records']?.length).toBeGreaterThanOrEqual(1)

    const file = join(await folder(), 'whoop.zip')
    const bytes = await archiveTo(file, member.env, member.clock)
    const other = await createDatabase()
    onTestFinished(other.drop)
    const env = { ...member.env, DATABASE_URL: other.url }
    await restoreFrom(file, env, member.clock)
    expect(await everything(other.sql)).toEqual(held)
    expect(sha256(await archiveTo(`${file}.2`, env, member.clock))).toBe(sha256(bytes))

    await restoreFrom(file, env, member.clock) // again
    expect(await everything(other.sql)).toEqual(held)
    expect((await run(['archive', '--verify', file], env, { clock: member.clock })).out).toContain('holds the same')
  })
})
