import { describe, expect, it } from 'vitest'
import { newBudget, type Budget } from '../../src/whoop/budget.ts'
import { createRateLimiter, readLimit, type BudgetStore } from '../../src/whoop/limiter.ts'
import type { Answer } from '../../src/world.ts'
import { createClock, type TestClock } from '../support/world.ts'
import { DAY_MS, MINUTE_MS } from '../support/time.ts'

const running = new AbortController().signal

/** An answer that says only what its rate-limit headers say. */
function saying(limit: string | undefined, remaining: string, reset: string): Answer {
  const headers = new Headers({ 'x-ratelimit-remaining': remaining, 'x-ratelimit-reset': reset })
  if (limit !== undefined) headers.set('x-ratelimit-limit', limit)
  return { status: 200, headers, text: async () => '' }
}

const MINUTE_HEAD = '100, 100;window=60, 10000;window=86400'
const DAY_HEAD = '10000, 100;window=60, 10000;window=86400'

/** The most requests in any 60 s; the window includes its first instant, not its last. */
function busiestMinute(times: readonly number[]): number {
  return Math.max(...times.map((from) => times.filter((time) => time >= from && time < from + MINUTE_MS).length))
}

describe('the minute', () => {
  it.each([
    { perMinute: 100, most: 90 },
    { perMinute: 50, most: 45 },
    { perMinute: 7, most: 6 },
    { perMinute: 1, most: 1 },
  ])('never sees more than nine tenths of $perMinute, wherever it begins', async ({ perMinute, most }) => {
    const clock = createClock()
    const limiter = createRateLimiter(clock, perMinute)
    const times: number[] = []
    for (let index = 0; index < 5 * most + 5; index++) {
      clock.pass((index * 7919) % 1000) // now and then somebody dawdles
      await limiter.acquire(running)
      times.push(clock.now().getTime())
    }
    expect(busiestMinute(times)).toBe(most)
  })

  it('lets nine tenths go at once, and the next as soon as the first is a minute old', async () => {
    const clock = createClock()
    const limiter = createRateLimiter(clock, 100)
    for (let index = 0; index < 90; index++) {
      await limiter.acquire(running)
      clock.pass(100)
    }
    expect(clock.slept).toEqual([])
    expect(await limiter.acquire(running)).toBe(51_000)
    expect(await limiter.acquire(running)).toBe(100)
    expect(clock.slept).toEqual([51_000, 100])
  })

  it('keeps many callers at once in line, and in their order', async () => {
    const clock = createClock()
    const limiter = createRateLimiter(clock, 10)
    const begun = clock.now().getTime()
    const went: [number, number][] = []
    await Promise.all(
      Array.from({ length: 20 }, async (_, caller) => {
        await limiter.acquire(running)
        went.push([caller, clock.now().getTime() - begun])
      }),
    )
    expect(went.map(([caller]) => caller)).toEqual(Array.from({ length: 20 }, (_, caller) => caller))
    expect(went.map(([, at]) => at)).toEqual([...Array(9).fill(0), ...Array(9).fill(60_000), 120_000, 120_000])
    expect(clock.slept).toEqual([60_000, 60_000])
  })

  it('waits the rest when it was woken too early', async () => {
    const clock = createClock()
    const slept: number[] = []
    const sleep = async (ms: number) => {
      slept.push(ms)
      clock.pass(slept.length === 1 ? ms - 1 : ms)
    }
    const limiter = createRateLimiter({ ...clock, sleep }, 1)
    await limiter.acquire(running)
    expect(await limiter.acquire(running)).toBe(60_000)
    expect(slept).toEqual([60_000, 1])
  })
})

describe('what WHOOP says', () => {
  it('is believed when it is stricter: nothing goes out before the reset', async () => {
    const clock = createClock()
    const limiter = createRateLimiter(clock, 100)
    await limiter.acquire(running)
    limiter.observe(saying(MINUTE_HEAD, '0', '31'))
    expect(limiter.spentForMs()).toBe(31_000)
    expect(await limiter.acquire(running)).toBe(31_000)
    expect(limiter.spentForMs()).toBe(0)
    expect(await limiter.acquire(running)).toBe(0)
  })

  it.each([
    ['10', 0],
    ['9', 31_000],
  ])('is heard before the end: with %s left, the next waits %i ms', async (left, wait) => {
    const limiter = createRateLimiter(createClock(), 100)
    await limiter.acquire(running)
    limiter.observe(saying(MINUTE_HEAD, left, '31'))
    expect(await limiter.acquire(running)).toBe(wait)
  })

  it.each([
    ['429, by Retry-After, whatever else is left', { 'retry-after': '600' }, 600_000],
    ['429, by the reset, whatever else is left', {}, 3_600_000],
  ])('is believed when it is a %s', (_, headers, closedMs) => {
    const limiter = createRateLimiter(createClock(), 100)
    const said = new Headers({
      'x-ratelimit-limit': DAY_HEAD,
      'x-ratelimit-remaining': '37',
      'x-ratelimit-reset': '3600',
    })
    for (const [name, value] of Object.entries(headers)) said.set(name, value)
    limiter.observe({ status: 429, headers: said, text: async () => '' })
    expect(limiter.spentForMs()).toBe(closedMs)
  })

  it('is not forgotten when an older answer comes late', () => {
    const clock = createClock()
    const limiter = createRateLimiter(clock, 100)
    limiter.observe(saying(MINUTE_HEAD, '0', '40'))
    limiter.observe(saying(MINUTE_HEAD, '30', '41'))
    limiter.observe(saying(MINUTE_HEAD, '0', '10'))
    expect(limiter.spentForMs()).toBe(40_000)
  })

  it('tells what is left of the day only while the day is the nearest limit', () => {
    const limiter = createRateLimiter(createClock(), 100)
    limiter.observe(saying(MINUTE_HEAD, '99', '60'))
    expect(limiter.remainingToday()).toBeUndefined()
    limiter.observe(saying(DAY_HEAD, '12', '3600'))
    expect(limiter.remainingToday()).toBe(12)
    limiter.observe(saying(MINUTE_HEAD, '98', '60'))
    expect(limiter.remainingToday()).toBe(12)
  })

  it('may be nothing at all', async () => {
    const limiter = createRateLimiter(createClock(), 100)
    limiter.observe({ status: 502, headers: new Headers(), text: async () => '' })
    expect([limiter.spentForMs(), limiter.remainingToday(), await limiter.acquire(running)]).toEqual([0, undefined, 0])
  })
})

describe('a day that is spent', () => {
  it('is not waited for', async () => {
    const clock = createClock()
    const limiter = createRateLimiter(clock, 100)
    limiter.observe(saying(DAY_HEAD, '0', '86400'))
    expect(await limiter.acquire(running)).toBe(0)
    expect(clock.slept).toEqual([])
    expect(limiter.spentForMs()).toBe(DAY_MS)
    expect(limiter.remainingToday()).toBe(0)
  })

  it('is not waited for by those either who stood in line already', async () => {
    const clock = createClock()
    const limiter = createRateLimiter(clock, 1)
    await limiter.acquire(running)
    const waiting = [limiter.acquire(running), limiter.acquire(running), limiter.acquire(running)]
    limiter.observe(saying(DAY_HEAD, '0', '86400')) // the first one's answer
    await Promise.all(waiting)
    expect(Math.max(0, ...clock.slept)).toBeLessThanOrEqual(MINUTE_MS)
    expect(limiter.spentForMs()).toBeGreaterThan(DAY_MS - 2 * MINUTE_MS)
  })
})

it('lets everybody go when it is interrupted while they wait', async () => {
  const clock = createClock()
  const interruption = new AbortController()
  const slept: number[] = []
  const sleep = async (ms: number) => {
    slept.push(ms)
    clock.pass(3_000)
    interruption.abort(143)
  }
  const limiter = createRateLimiter({ ...clock, sleep }, 1)
  await limiter.acquire(interruption.signal)
  const waiting = [1, 2, 3].map(() => limiter.acquire(interruption.signal))
  expect(await Promise.all(waiting)).toEqual([3_000, 0, 0])
  expect(slept).toEqual([60_000])
})

describe('a ledger that is far away', () => {
  /** Answers so late; everything else takes no time. */
  function farAway(clock: TestClock, ms: number) {
    let state = newBudget
    const store: BudgetStore<Budget> = {
      read: async () => state,
      revise: async (change) => {
        const changed = change(state)
        clock.pass(ms)
        state = changed.state
        return changed.outcome
      },
    }
    return { store, granted: () => state.day.reduce((sum, [, current, history]) => sum + current + history, 0) }
  }

  it.each([0, 240, 2_100, 30_000])('by %i ms gives no more than is sent, and all that is given is used', async (ms) => {
    const clock = createClock()
    const { store, granted } = farAway(clock, ms)
    const limiter = createRateLimiter(clock, 100, { store })
    const times: number[] = []
    limiter.expect('history', 4)
    for (let page = 0; page < 40; page++) {
      await limiter.acquire(running)
      times.push(clock.now().getTime())
      clock.pass(ms * 3) // its page is stored by the same database
    }
    await limiter.flush()
    expect(granted()).toBe(40)
    expect(busiestMinute(times)).toBeLessThanOrEqual(90)
  })

  it.each(['current', 'history'] as const)('loses no more than a batch when the process dies (%s)', async (purpose) => {
    const clock = createClock()
    const { store, granted } = farAway(clock, 100)
    const limiter = createRateLimiter(clock, 100, { store })
    limiter.expect(purpose, 4)
    for (let sent = 1; sent <= 30; sent++) {
      await limiter.acquire(running)
      expect(granted() - sent).toBeLessThanOrEqual(8) // dies here
    }
  })

  /** As many as a promise takes that waits for nobody. */
  async function fewSteps(): Promise<void> {
    for (let step = 0; step < 50; step++) await Promise.resolve()
  }

  it('is asked while requests are on their way, so that hardly any waits for it', async () => {
    const clock = createClock()
    const { store } = farAway(clock, 0)
    let [asked, awaited] = [0, 0]
    const slow: BudgetStore<Budget> = {
      read: () => store.read(),
      revise: async (change) => {
        asked++
        await new Promise((resolve) => setImmediate(resolve)) // as a server's answer, not before everything else is done
        return store.revise(change)
      },
    }
    const limiter = createRateLimiter(clock, 1000, { store: slow })
    limiter.expect('history', 4)
    await new Promise((resolve) => setTimeout(resolve))
    for (let page = 0; page < 40; page++) {
      const turn = limiter.acquire(running)
      if ((await Promise.race([turn.then(() => 'at once'), fewSteps()])) !== 'at once') awaited++
      await turn
      await new Promise((resolve) => setTimeout(resolve, 1)) // WHOOP answers
    }
    expect(asked).toBeLessThanOrEqual(12)
    expect(awaited).toBe(0)
  })

  it('gives to all who stand in line at once', async () => {
    const clock = createClock()
    const { store } = farAway(clock, 2_100)
    const limiter = createRateLimiter(clock, 100, { store })
    const begun = clock.now().getTime()
    await Promise.all(Array.from({ length: 8 }, () => limiter.acquire(running)))
    expect(clock.now().getTime() - begun).toBeLessThanOrEqual(2 * 2_100)
  })
})

describe('the headers', () => {
  const windows = { 60: 100, 86_400: 10_000 }
  it.each([
    [MINUTE_HEAD, '99', '60', { remaining: 99, resetMs: 60_000, windowSeconds: 60, windows }],
    [DAY_HEAD, '0', '86400', { remaining: 0, resetMs: DAY_MS, windowSeconds: 86_400, windows }],
    [
      '10000,100;window=60,10000;window=86400',
      '7',
      '1',
      { remaining: 7, resetMs: 1_000, windowSeconds: 86_400, windows },
    ],
    [
      '10, 100;window=60, 10;window=1',
      '9',
      '1',
      { remaining: 9, resetMs: 1_000, windowSeconds: 1, windows: { 60: 100, 1: 10 } },
    ],
    ['100', '99', '60', { remaining: 99, resetMs: 60_000, windowSeconds: undefined, windows: {} }],
    [undefined, '5', '2.5', { remaining: 5, resetMs: 2_500, windowSeconds: undefined, windows: {} }],
    [undefined, '', '60', undefined],
    [undefined, '3', 'soon', undefined],
  ])('%s, %s left, %s s', (limit, remaining, reset, read) => {
    expect(readLimit(saying(limit, remaining, reset))).toEqual(read)
  })
})
