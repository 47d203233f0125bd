import type { Answer, Clock } from '../world.ts'
import {
  account,
  believable,
  hasRoom,
  keptFree,
  newBudget,
  take,
  withWaiting,
  type Budget,
  type Given,
  type Plan,
  type Purpose,
  type Taken,
  type Use,
} from './budget.ts'
import { readRetryAfter } from './retry.ts'

const MINUTE_SECONDS = 60
const DAY_SECONDS = 86_400
/** Longer waits than this are better spent outside of the process: the run ends with 75. */
export const LONGEST_WAIT_MS = 120_000
const LONGEST_WINDOW_MS = DAY_SECONDS * 1000
const HOLD_MS = 2_000 // of a request that others cannot use meanwhile
const HISTORY_GOES_ON = 8 // each of four types will go on for two pages more

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
  /** Begins to read what the app's other processes have asked, which the first request has to know. */
  look(): void
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

/** Requests that were given together. */
interface Grant extends Use {
  given: Given
  /** For how long they may be sent, from when they came. */
  until: number
}

/**
 * Lets requests go as the app's budget allows: nine tenths of WHOOP's limits, less when WHOOP says so. Where the budget is
 * shared, requests are taken some at a time, and the next ones are asked for while the last are on their way: no more than
 * those are ever held, and lost if the process dies.
 */
export function createRateLimiter(clock: Clock, perMinute: number, options: RateLimiterOptions = {}): RateLimiter {
  const { waiting = () => {}, store = createMemory(newBudget), plan = { members: 0, cost: 0 } } = options
  const isShared = options.store !== undefined
  let held: Grant[] = []
  let used: Grant[] = [] // which the store still counts as if they were held
  let reserving: Promise<Taken> | undefined
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
      const ready = closedUntil <= now ? held.find((one) => one.unsent > 0 && now <= one.until) : undefined
      if (ready) {
        send(ready)
        return waited
      }
      const { granted, waitMs: wait } = await reserve()
      const fresh = held.at(-1)
      if (fresh && granted > 0) {
        send(fresh) // however long the store took: what was given is used
        return waited
      }
      if (wait > LONGEST_WAIT_MS) close(now, wait)
      if (signal.aborted || wait > LONGEST_WAIT_MS) return waited
      if (wait > 0) {
        waiting(wait)
        await clock.sleep(wait, signal)
      }
      waited += clock.now().getTime() - now
    }
  }

  function close(now: number, ms: number): void {
    if (now + ms <= closedUntil) return
    closedUntil = now + ms
    closedAt = now
  }

  function send(one: Grant): void {
    one.unsent--
    one.sent++
    one.sentAt = clock.now().getTime()
    expected = Math.max(0, expected - 1)
    goOn()
  }

  /** As many as are sure to be sent soon. */
  function soon(): number {
    return Math.max(expected, purpose === 'history' ? HISTORY_GOES_ON : 0)
  }

  /** Asks for the next ones before the last are sent, so that nobody has to wait for the store. */
  function goOn(): void {
    const unsent = held.reduce((sum, one) => sum + one.unsent, 0)
    if (!isShared || unsent * 2 >= soon() || closedUntil > clock.now().getTime()) return
    reserve().catch(() => {}) // a request that needs one asks again
  }

  /** What stands in line needs one each; more is taken while there is plenty: a statement for each would cost more than it is worth. */
  function reserve(): Promise<Taken> {
    reserving ??= ask().finally(() => (reserving = undefined))
    return reserving
  }

  async function ask(): Promise<Taken> {
    const now = clock.now().getTime()
    const told = done((one) => one.unsent === 0 || one.until < now)
    const unsent = held.reduce((sum, one) => sum + one.unsent, 0)
    const [urgent, wanted] = isShared ? [Math.max(0, inLine - unsent), soon() - unsent] : [1, 1]
    const given = { now, purpose, holdMs: isShared ? HOLD_MS + tripMs : 0 }
    const taken = await tell(told, (before) => {
      const outcome = take(heard(before, now), perMinute, plan, { ...given, urgent, wanted })
      return { state: outcome.budget, outcome }
    })
    const answered = clock.now().getTime()
    tripMs = answered - now
    const until = answered + (isShared ? HOLD_MS : 0)
    if (taken.granted > 0) held.push({ given, sent: 0, sentAt: undefined, unsent: taken.granted, until })
    return taken
  }

  /** Those that are over, which are no longer held. */
  function done(isOver: (one: Grant) => boolean): Grant[] {
    const over = [...used, ...held.filter(isOver)]
    held = held.filter((one) => !isOver(one))
    used = []
    return over
  }

  /** Tells the store what has become of requests, along with what else is to change; what it has not heard is told again. */
  async function tell<Outcome>(
    grants: Grant[],
    change: (budget: Budget) => { state: Budget; outcome: Outcome },
  ): Promise<Outcome> {
    try {
      return await store.revise((before) =>
        change(grants.reduce((budget, one) => account(budget, one.given, one), before)),
      )
    } catch (error) {
      used.push(...grants)
      throw error
    }
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
      line = turn.catch(() => undefined) // the error is its caller's
      return turn
    },
    observe: (answer) => {
      const now = clock.now()
      const limit = readLimit(answer)
      const refusedForMs = answer.status === 429 ? refusalOf(answer, now) : undefined
      if (refusedForMs !== undefined) close(now.getTime(), Math.min(refusedForMs, LONGEST_WINDOW_MS))
      if (!limit) return
      if (limit.windowSeconds === DAY_SECONDS) today = limit.remaining
      const { [MINUTE_SECONDS]: minuteLimit, [DAY_SECONDS]: dayLimit } = limit.windows
      said = { ...said, ...(minuteLimit ? { minuteLimit } : {}), ...(dayLimit ? { dayLimit } : {}) }
      const isShort = limit.windowSeconds === MINUTE_SECONDS && limit.remaining < keptFree(minuteLimit ?? 0)
      if (isShort || limit.remaining <= 0) close(now.getTime(), Math.min(limit.resetMs, LONGEST_WINDOW_MS))
    },
    spentForMs: () => Math.max(0, closedUntil - clock.now().getTime()),
    remainingToday: () => today,
    expect: (what, requests) => {
      purpose = what
      expected = requests
      goOn()
    },
    look: () => void store.read().catch(() => {}), // its error is for the first request
    hasRoom: async (what) => {
      const now = clock.now().getTime()
      if (hasRoom(heard(await store.read(), now), perMinute, plan, what, now)) return true
      await tell([], (before) => ({ state: withWaiting(heard(before, now), what, now), outcome: undefined }))
      return false
    },
    flush: async () => {
      await reserving?.catch(() => undefined)
      const over = done(() => true)
      const now = clock.now().getTime()
      const toTell = over.some(({ unsent }) => unsent > 0) ? over : [] // that something was sent early can wait
      if (toTell.length === 0) used = over
      await tell(toTell, (before) => ({ state: heard(before, now), outcome: undefined }))
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

/** For how long a 429 shuts the door, as it says itself; WHOOP's other headers may speak of another limit. */
export function refusalOf(answer: Pick<Answer, 'headers'>, now: Date): number | undefined {
  return readRetryAfter(answer.headers.get('retry-after'), now) ?? readLimit(answer)?.resetMs
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
