import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withDatabase } from '../../src/db/connection/index.ts'
import { createBudgetStore } from '../../src/db/budget.ts'
import { newBudget } from '../../src/whoop/budget.ts'
import { createRateLimiter } from '../../src/whoop/limiter.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { createClock, type TestClock } from '../support/world.ts'

const running = new AbortController().signal
let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

/** A process of an app: its own connection, its own limiter, the app's store. */
function join<T>(
  app: string,
  clock: TestClock,
  work: (limiter: ReturnType<typeof createRateLimiter>) => Promise<T>,
): Promise<T> {
  const config = { DATABASE_URL: database.url, WHOOPSTER_DATA_DIR: undefined }
  return withDatabase(config, {}, (opened) =>
    work(createRateLimiter(clock, 100, { store: createBudgetStore(opened, app, newBudget) })),
  )
}

/** A clock on which nobody waits: who has to gives up. */
function standingClock(): TestClock & { waits: number } {
  const clock = { ...createClock(), waits: 0 }
  clock.sleep = async (ms) => {
    clock.waits++
    clock.pass(ms)
  }
  return clock
}

describe('a budget that is shared', () => {
  it('gives nine tenths of a minute to ten processes together, and nothing twice', async () => {
    const clock = createClock()
    const stop = new AbortController()
    let sent = 0
    const impatient = { ...clock, sleep: async () => stop.abort() }
    await Promise.all(
      Array.from({ length: 10 }, () =>
        join('ten', impatient, async (limiter) => {
          for (;;) {
            limiter.expect('current', 3)
            await limiter.acquire(stop.signal)
            if (stop.signal.aborted) return
            sent++
          }
        }),
      ),
    )
    expect(sent).toBeGreaterThan(80) // who was interrupted may have held some
    expect(sent).toBeLessThanOrEqual(90)
    const [row] = await database.sql<{ state: { minute: [number, number][] } }[]>`
      select state from request_budgets where client_id = 'ten'`
    expect(row?.state.minute.reduce((total, [, count]) => total + count, 0)).toBe(90)
  })

  it('is another one for another app', async () => {
    const clock = standingClock()
    for (const app of ['one', 'other']) {
      await join(app, clock, async (limiter) => {
        for (let index = 0; index < 90; index++) await limiter.acquire(running)
      })
    }
    expect(clock.waits).toBe(0)
  })

  it('costs two statements when a member is current, not one a request', async () => {
    const clock = createClock()
    const before = await versionOf('quiet')
    await join('quiet', clock, async (limiter) => {
      limiter.expect('current', 4)
      for (let index = 0; index < 4; index++) await limiter.acquire(running)
      await limiter.flush()
    })
    expect((await versionOf('quiet')) - before).toBe(1)
  })

  it('tells the others at once what WHOOP has said to one', async () => {
    const clock = createClock()
    const headers = new Headers({
      'x-ratelimit-limit': '80, 80;window=60, 7000;window=86400',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': '31',
    })
    await join('told', clock, async (limiter) => {
      await limiter.acquire(running)
      limiter.observe({ status: 429, headers, text: async () => '' })
      await limiter.flush()
    })
    await join('told', clock, async (limiter) => {
      expect(await limiter.acquire(running)).toBe(31_000)
      await limiter.acquire(running)
    })
    const [row] = await database.sql`select state from request_budgets where client_id = 'told'`
    expect(row?.['state']).toMatchObject({ minuteLimit: 80, dayLimit: 7_000 })
  })

  it('puts back requests that were taken and not sent in time', async () => {
    const clock = createClock()
    await join('late', clock, async (limiter) => {
      limiter.expect('current', 40)
      await limiter.acquire(running)
      clock.pass(5_000)
      await limiter.acquire(running)
      await limiter.flush()
    })
    const [row] = await database.sql<{ state: { minute: [number, number][] } }[]>`
      select state from request_budgets where client_id = 'late'`
    expect(row?.state.minute.map(([, count]) => count)).toEqual([1, 1])
  })
})

async function versionOf(app: string): Promise<number> {
  const [row] = await database.sql<{ version: string }[]>`select version from request_budgets where client_id = ${app}`
  return Number(row?.version ?? 0)
}
