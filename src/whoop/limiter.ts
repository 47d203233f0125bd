import type { Answer, Clock } from '../world.ts'
import {
  believable,
  giveBack,
  hasRoom,
  keptFree,
  newBudget,
  take,
  type Budget,
  type Given,
  type Plan,
  type Purpose,
  type Taken,
} from './budget.ts'

const MINUTE_SECONDS = 60
const DAY_SECONDS = 86_400
/** Longer waits than this are better spent outside of the process: the run ends with 75. */
export const LONGEST_WAIT_MS = 120_000
const LONGEST_WINDOW_MS = DAY_SECONDS * 1000
const HOLD_MS = 2_000 // of a request that others cannot use meanwhile
const HISTORY_GOES_ON = 4 // a page of each type will be followed by another one

export interface RateLimiter {
  /**
   * Resolves with the milliseconds that were waited: when the next request may go out, when the wait is interrupted, or
   * as soon as WHOOP is known to be closed for longer than is worth waiting (`spentForMs`).
   */
  acquire(signal: AbortSignal): Promise<number>
  /** Learns from an answer's rate-limit headers. */
  observe(answer: Answer): void
  /** When WHOOP will answer again, if it has said that the budget in front is spent; milliseconds from now. */
  spentForMs(): number
  /** WHOOP's requests left today, when it has said so. */
  remainingToday(): number | undefined
  /** Says what the next requests are for, and how many are sure to come soon. */
  expect(purpose: Purpose, requests: number): void
  /** Whether the day has requests left for another member. */
  hasRoom(purpose: Purpose): Promise<boolean>
  /** Puts back what was not used, and lets the app's other processes know what WHOOP has said since the last request. */
  flush(): Promise<void>
}

/** Where the app's budget is kept, for all of its processes. */
export interface BudgetStore<State> {
  read(): Promise<State>
  /** Stores what `change` makes of the state, which nobody else has changed meanwhile. */
  revise<Outcome>(change: (state: State) => { state: State; outcome: Outcome }): Promise<Outcome>
}

export interface RateLimiterOptions {
  /** Told how long a request has to wait. */
  waiting?: (ms: number) => void
  /** Without one, this process is alone with the app. */
  store?: BudgetStore<Budget>
  plan?: Plan
}

/** Lets requests go as the app's budget allows: nine tenths of WHOOP's limits, less when WHOOP says so. */
export function createRateLimiter(clock: Clock, perMinute: number, options: RateLimiterOptions = {}): RateLimiter {
  const { waiting = () => {}, store = createMemory(newBudget), plan = { members: 0, cost: 0 } } = options
  const isShared = options.store !== undefined
  let held: { given: Given; unsent: number; until: number } | undefined
  let tripMs = 0 // to the store and back, the last time
  let expected = 0
  let purpose: Purpose = 'current'
  let inLine = 0
  let said: Partial<Pick<Budget, 'minuteLimit' | 'dayLimit'>> = {}
  let closedUntil = 0
  let closedAt = 0
  let today: number | undefined
  let line: Promise<unknown> = Promise.resolve()

  async function takeTurn(signal: AbortSignal): Promise<number> {
    let waited = 0 // without the store's own time
    for (;;) {
      const now = clock.now().getTime()
      if (closedUntil - now > LONGEST_WAIT_MS) return waited
      if (held && held.unsent > 0 && now <= held.until && closedUntil <= now) {
        send(held)
        return waited
      }
      const { granted, waitMs: wait } = await reserve(now)
      if (held && granted > 0) {
        send(held) // however long the store took: what was given is used
        return waited
      }
      if (wait > LONGEST_WAIT_MS) close(now, wait)
      if (signal.aborted || wait > LONGEST_WAIT_MS) return waited
      waiting(wait)
      await clock.sleep(wait, signal)
      waited += clock.now().getTime() - now
    }
  }

  function close(now: number, ms: number): void {
    if (now + ms <= closedUntil) return
    closedUntil = now + ms
    closedAt = now
  }

  function send(one: { unsent: number }): void {
    one.unsent--
    expected = Math.max(0, expected - 1)
  }

  /**
   * As many as are about to be sent: a statement for each would cost more than it is worth. What was held for too long
   * is put back by the same statement.
   */
  async function reserve(now: number): Promise<Taken> {
    const soon = Math.max(expected, purpose === 'history' ? HISTORY_GOES_ON : 1)
    const [urgent, wanted] = isShared ? [inLine, soon] : [1, 1]
    const given = { now, purpose, holdMs: isShared ? HOLD_MS + tripMs : 0 }
    const tooLong = held
    held = undefined
    const taken = await store.revise((before) => {
      const outcome = take(putBack(heard(before, now), tooLong), perMinute, plan, { ...given, urgent, wanted })
      return { state: outcome.budget, outcome }
    })
    const answered = clock.now().getTime()
    tripMs = answered - now
    held = { given, unsent: taken.granted, until: Math.max(answered, now + given.holdMs) }
    return taken
  }

  function putBack(budget: Budget, unused: typeof held): Budget {
    return unused && unused.unsent > 0 ? giveBack(budget, unused.given, unused.unsent) : budget
  }

  /** What WHOOP has said to this process, in the budget of all. */
  function heard(before: Budget, now: number): Budget {
    const budget = believable(before, now)
    const { minuteLimit = budget.minuteLimit, dayLimit = budget.dayLimit } = said
    const isNews =
      closedUntil > budget.closedUntil || minuteLimit !== budget.minuteLimit || dayLimit !== budget.dayLimit
    if (budget.closedUntil > closedUntil) [closedUntil, closedAt] = [budget.closedUntil, budget.closedAt ?? 0]
    return isNews ? { ...budget, minuteLimit, dayLimit, closedUntil, closedAt } : budget
  }

  return {
    acquire: (signal) => {
      inLine++
      const turn = line.then(() => takeTurn(signal)).finally(() => inLine--) // each sees what the last one took
      line = turn.catch(() => undefined) // its caller hears of it
      return turn
    },
    observe: (answer) => {
      const limit = readLimit(answer)
      if (!limit) return
      if (limit.windowSeconds === DAY_SECONDS) today = limit.remaining
      const { [MINUTE_SECONDS]: minuteLimit, [DAY_SECONDS]: dayLimit } = limit.windows
      said = { ...said, ...(minuteLimit ? { minuteLimit } : {}), ...(dayLimit ? { dayLimit } : {}) }
      const isShort = limit.windowSeconds === MINUTE_SECONDS && limit.remaining < keptFree(minuteLimit ?? 0)
      const now = clock.now().getTime()
      if (isShort || limit.remaining <= 0) close(now, Math.min(limit.resetMs, LONGEST_WINDOW_MS))
    },
    spentForMs: () => Math.max(0, closedUntil - clock.now().getTime()),
    remainingToday: () => today,
    expect: (what, requests) => {
      purpose = what
      expected = requests
    },
    hasRoom: async (what) => {
      const now = clock.now().getTime()
      return hasRoom(heard(await store.read(), now), perMinute, plan, what, now)
    },
    flush: () => {
      const unused = held
      held = undefined
      const now = clock.now().getTime()
      return store.revise((before) => ({ state: putBack(heard(before, now), unused), outcome: undefined }))
    },
  }
}

/** A ledger that nobody else sees. */
function createMemory<State>(state: State): BudgetStore<State> {
  return {
    read: async () => state,
    revise: async (change) => {
      const changed = change(state)
      state = changed.state
      return changed.outcome
    },
  }
}

export interface Limit {
  remaining: number
  resetMs: number
  /** Of the window that is nearest to its end. */
  windowSeconds: number | undefined
  /** What is allowed in so many seconds. */
  windows: Readonly<Record<number, number>>
}

/**
 * Reads `X-RateLimit-Limit: 100, 100;window=60, 10000;window=86400`: the first item is the limit that the other two
 * headers speak of, the rest say which window that is. Reset counts seconds from now.
 */
export function readLimit({ headers }: Pick<Answer, 'headers'>): Limit | undefined {
  const remaining = readNumber(headers.get('x-ratelimit-remaining'))
  const reset = readNumber(headers.get('x-ratelimit-reset'))
  if (remaining === undefined || reset === undefined) return undefined
  const [head, ...items] = (headers.get('x-ratelimit-limit') ?? '').split(',').map((item) => item.trim())
  const window = items.find((item) => item.startsWith(`${head};`))
  const windows = items.map((item) => [secondsOf(item), readNumber(item.split(';')[0] ?? null)] as const)
  return {
    remaining,
    resetMs: reset * 1000,
    windowSeconds: window === undefined ? undefined : secondsOf(window),
    windows: Object.fromEntries(windows.filter(([seconds, count]) => seconds !== undefined && count !== undefined)),
  }
}

function secondsOf(item: string): number | undefined {
  return readNumber(item.split('window=')[1] ?? null)
}

function readNumber(text: string | null): number | undefined {
  const number = text === null || text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(number) ? number : undefined
}
