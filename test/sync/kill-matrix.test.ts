// `kill -9` at every step of a sync that has everything to do: what it leaves is made good by plain syncs, row by row.
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { createDatabase, keepAsTemplate } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { putLogin } from '../support/member.ts'
import { withSql } from '../support/postgres.ts'
import { startProgram } from '../support/program.ts'
import { startProxy, type When } from '../support/proxy.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock, envFor, realClock, run } from '../support/world.ts'
import { DAY_MS } from '../support/time.ts'

const RUNS_AFTER = 2

let sandbox: Sandbox
let base: string // the template that each of them gets a copy of
let twin: State
let steps: { statements: number; requests: number; claims: number[] }

beforeAll(async () => {
  const now = Date.now()
  await prepare(now)
  await withClone(async (url) => {
    const proxy = await startProxy(url)
    let requests = 0
    sandbox.world.faults.onRequest = () => void requests++
    const { code, err } = await start(proxy.url).ended
    sandbox.world.faults.onRequest = undefined
    await proxy.close()
    if (code !== 65) throw new Error(`the uninterrupted run ended with ${code}: ${err}`)
    steps = { statements: proxy.statements.length, requests, claims: claimsIn(proxy.statements) }
    await syncAgain(url)
    twin = await stateOf(url)
    await withSql(url, (sql) => expectFaithful({ sql }, sandbox, { only: ['sleep', 'recovery', 'cycle'] }))
  })
})

afterAll(() => sandbox.close())

describe('the uninterrupted run', () => {
  it('has everything to do that a sync can do', () => {
    const count = (table: keyof State, has: RegExp) => twin[table]?.filter((row) => has.test(row)).length ?? 0
    expect(count('history', /"changed"/)).toBeGreaterThanOrEqual(3)
    expect(count('history', /"deleted"/)).toBeGreaterThanOrEqual(3)
    expect(count('quarantined', /workout/)).toBe(2)
    expect(count('chased', /unsettled/)).toBeGreaterThanOrEqual(2)
    expect(count('coverage', /"covered": "\{\(,/)).toBe(4)
    expect(steps.requests).toBeGreaterThan(15)
    expect(steps.statements).toBeGreaterThan(100)
  })
})

describe('kill -9', () => {
  const timeout = isLong ? 3_600_000 : 60_000

  it(
    'after any claim to be complete costs nothing',
    async () => {
      expect(steps.claims.length).toBeGreaterThan(8)
      for (const statement of sample(steps.claims, 2)) {
        expect(await stateAfter({ statement, when: 'after' }), `killed after statement ${statement}`).toEqual(twin)
      }
    },
    timeout,
  )

  it.each([
    ['before', 1],
    ['torn', 1],
    ['after', 1],
  ] as const)(
    '%s any statement costs nothing',
    async (when, few) => {
      for (const statement of sample(upTo(steps.statements), few)) {
        const name = `killed ${when} statement ${statement} of ${steps.statements}`
        expect(await stateAfter({ statement, when }), name).toEqual(twin)
      }
    },
    timeout,
  )

  it(
    'at any request to WHOOP costs nothing',
    async () => {
      for (const request of sample(upTo(steps.requests), 2)) {
        expect(await stateAfter({ request }), `killed at request ${request} of ${steps.requests}`).toEqual(twin)
      }
    },
    timeout,
  )

  it('of one run after the other costs nothing', async () => {
    const statements = (isLong ? [0.9, 0.75, 0.5, 0.3] : [0.75, 0.3]).map((part) => Math.ceil(steps.statements * part))
    const moments = statements.map((statement): Moment => ({ statement, when: 'after' }))
    expect(await stateAfter(...moments)).toEqual(twin)
  })
})

type Moment = { statement: number; when: When } | { request: number }

/** What is stored in the end when the first runs died at these moments. Only the first is sure to get that far. */
async function stateAfter(...[first, ...more]: Moment[]): Promise<State> {
  return withClone(async (url) => {
    if (first) await killed(url, first)
    for (const moment of more) await killed(url, moment, { maybe: true })
    await syncAgain(url)
    return stateOf(url)
  })
}

/** A sync that dies at this moment; `maybe` it is through before. */
async function killed(url: string, moment: Moment, { maybe = false } = {}): Promise<void> {
  let child: ChildProcess | undefined
  const strike = () => void child?.kill('SIGKILL')
  const proxy = await startProxy(url, 'statement' in moment ? { ...moment, strike } : undefined)
  let requests = 0
  sandbox.world.faults.onRequest = () => {
    if ('request' in moment && ++requests === moment.request) strike()
  }
  const running = start(proxy.url)
  child = running.child
  const { code, err } = await running.ended
  sandbox.world.faults.onRequest = undefined
  await gone(url)
  await proxy.close()
  if (!maybe) expect(code, `${JSON.stringify(moment)} was never reached\n${err}`).toBe(null)
}

/** What comes after a crash: a plain run, and another one for what takes two. */
async function syncAgain(url: string): Promise<void> {
  for (let count = 0; count < RUNS_AFTER; count++) {
    const { code, err } = await run('sync', envFor(sandbox, url), { clock: realClock() })
    expect([0, 65], err).toContain(code)
    expect(err).not.toContain('another run is syncing')
  }
}

function start(url: string) {
  return startProgram(['sync'], envFor(sandbox, url))
}

/** The statements that store pages: what they say is complete is stored with them. */
function claimsIn(statements: readonly string[]): number[] {
  const isClaim = (sql: string) => sql.includes('insert into "') && sql.includes('covered = covered +')
  return statements.flatMap((sql, index) => (isClaim(sql) ? [index + 1] : []))
}

/** All of them when there is time; else some, from the first to the last. */
function sample(all: readonly number[], few: number): readonly number[] {
  if (isLong) return all
  return Array.from({ length: few }, (_, index) => all[Math.round(((index + 0.5) / few) * (all.length - 1))] ?? 1)
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** A backend notices that its client has died when it has done what it was sent. */
async function gone(url: string): Promise<void> {
  await withSql(url, async (sql) => {
    for (let waited = 0; waited < 10_000; waited += 20) {
      const [others] = await sql<{ n: number }[]>`
        select count(*)::int as n from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`
      if (others?.n === 0) return
      await sleep(20)
    }
    throw new Error('a backend outlives its client')
  })
}

async function withClone<T>(work: (url: string) => Promise<T>): Promise<T> {
  const { url, drop } = await createDatabase(base)
  try {
    return await work(url)
  } finally {
    await drop()
  }
}

interface State {
  [table: string]: string[]
}

/** Everything that must not depend on whether a run was killed: all but when things were done. */
async function stateOf(url: string): Promise<State> {
  return withSql(url, async (sql) => {
    const rows = async (table: string, without: string[], name = table) => {
      const found = await sql<{ row: string }[]>`
        select (to_jsonb(t) - ${without}::text[])::text as row from ${sql(table)} t order by 1`
      return { [name]: found.map(({ row }) => row) }
    }
    const records = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records']
    const ours = ['created_at', 'updated_at']
    const parts = []
    for (const table of records) parts.push(await rows(table, ours))
    parts.push(await rows('body_measurements', ['id', 'created_at']))
    parts.push(await rows('record_history', ['id', 'seen_from', 'seen_until'], 'history'))
    parts.push(await rows('quarantined_records', ['id', 'first_seen', 'last_seen'], 'quarantined'))
    parts.push(await rows('chased_records', ['since', 'asked_at'], 'chased'))
    const times = ['id', 'last_sync_time', 'records_fetched', 'recent_at', 'swept_at', 'swept_to', ...ours]
    parts.push(await rows('sync_status', times, 'coverage'))
    return Object.assign({}, ...parts) as State
  })
}

/**
 * A member who was synced 20 days ago, all but the older workouts and recoveries, and has lived on: `base` holds that, and WHOOP has
 * since changed what it can change.
 */
async function prepare(now: number): Promise<void> {
  const clock = createClock(new Date(now - 20 * DAY_MS))
  const accessTokenSeconds = 400 * 86_400 // every clone has the same login: none may refresh it
  sandbox = await startSandbox({ days: 60, limits: 'none', now: clock.now, accessTokenSeconds })
  const { world } = sandbox
  const database = await createDatabase()
  await putLogin(database, sandbox, { clock })

  const before = (days: number) => new Date(now - days * DAY_MS).toISOString()
  const pick = <K extends 'sleep' | 'cycle' | 'workout'>(kind: K, days: number) => {
    const found = world.list(kind).find((one) => one.start < before(days) && one.end !== null)
    if (!found) throw new Error(`the sandbox made no ${kind} ${days} days ago`)
    return found
  }
  const [lateCycle, lateSleep, deletedLate] = [pick('cycle', 40), pick('sleep', 41), pick('sleep', 43)]
  world.put('cycle', { ...lateCycle, score_state: 'PENDING_SCORE', score: null })
  world.put('sleep', { ...lateSleep, score_state: 'PENDING_SCORE', score: null })
  world.put('sleep', { ...deletedLate, score_state: 'PENDING_SCORE', score: null })
  const unfinished = ['/developer/v2/activity/workout', '/developer/v2/recovery']
  world.faults.next = unfinished.map((path) => ({ path, skip: 1, times: 4, act: 'not-json' }))
  await run('sync', envFor(sandbox, database.url), { clock })
  world.faults.next = []
  base = await keepAsTemplate(database)

  clock.set(new Date(now))
  world.advanceTo(clock.now())
  world.put('cycle', lateCycle)
  world.put('sleep', lateSleep)
  world.removeSleep(deletedLate.id)
  world.removeSleep(pick('sleep', 25).id)
  world.remove('workout', pick('workout', 22).id)
  world.put('cycle', { ...pick('cycle', 28), score_state: 'PENDING_SCORE', score: null })
  world.put('cycle', { ...pick('cycle', 45), timezone_offset: '+05:30' })
  const edited = pick('workout', 24)
  world.put('workout', { ...edited, sport_name: 'edited' })
  const older = pick('sleep', 50)
  world.put('sleep', { ...older, nap: !older.nap })
  for (const [index, days] of [2, 26, 70].entries()) {
    const start = before(days)
    const end = new Date(Date.parse(start) + 3_600_000).toISOString()
    world.put('workout', { ...edited, id: `00000000-0000-4000-8000-00000000000${index}`, start, end })
  }
  for (const days of [1, 23]) {
    const unreadable: object = { ...pick('workout', days), sport_name: 7 }
    world.put('workout', unreadable as typeof edited)
  }
}
