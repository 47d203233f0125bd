import type { Answer, Clock } from '../world.ts'

const MINUTE_MS = 60_000
const SHARE = 0.9 // of what WHOOP allows; the rest is for logins and for other users of the same app
const DAY_SECONDS = 86_400
/** Longer waits than this are better spent outside of the process: the run ends with 75. */
export const LONGEST_WAIT_MS = 120_000

export interface Pace {
  /**
   * Resolves with the milliseconds that were waited: when the next request may go out, when the wait is interrupted, or
   * as soon as WHOOP is known to be closed for longer than is worth waiting (`spentForMs`).
   */
  turn(signal: AbortSignal): Promise<number>
  /** Learns from an answer's rate-limit headers. */
  learn(answer: Answer): void
  /** When WHOOP will answer again, if it has said that the budget in front is spent; milliseconds from now. */
  spentForMs(): number
  /** WHOOP's requests left today, when it has said so. */
  remainingToday(): number | undefined
}

/** A sliding window of one minute over this process's own requests, corrected by what WHOOP says. */
export function createPace(clock: Clock, perMinute: number, waiting: (ms: number) => void = () => {}): Pace {
  const allowed = Math.max(1, Math.floor(perMinute * SHARE))
  const sent: number[] = [] // when the last `allowed` requests went out, oldest first
  let closedUntil = 0
  let today: number | undefined
  let line: Promise<unknown> = Promise.resolve()

  async function takeTurn(signal: AbortSignal): Promise<number> {
    const asked = clock.now().getTime()
    for (;;) {
      const now = clock.now().getTime()
      const windowFree = sent.length < allowed ? 0 : (sent[0] ?? 0) + MINUTE_MS
      const wait = Math.max(windowFree, closedUntil) - now
      if (wait <= 0) {
        sent.push(now)
        if (sent.length > allowed) sent.shift()
        return now - asked
      }
      if (signal.aborted || closedUntil - now > LONGEST_WAIT_MS) return now - asked
      waiting(wait)
      await clock.sleep(wait, signal)
    }
  }

  return {
    turn: (signal) => {
      const turn = line.then(() => takeTurn(signal)) // one after the other: each sees what the last one took
      line = turn
      return turn
    },
    learn: (answer) => {
      const limit = readLimit(answer)
      if (!limit) return
      if (limit.windowSeconds === DAY_SECONDS) today = limit.remaining
      const now = clock.now().getTime()
      if (limit.remaining <= 0) closedUntil = Math.max(closedUntil, now + limit.resetMs)
    },
    spentForMs: () => Math.max(0, closedUntil - clock.now().getTime()),
    remainingToday: () => today,
  }
}

export interface Limit {
  remaining: number
  resetMs: number
  /** Of the window that is nearest to its end. */
  windowSeconds: number | undefined
}

/**
 * Reads `X-RateLimit-Limit: 100, 100;window=60, 10000;window=86400`: the first item is the limit that the other two
 * headers speak of, the rest say which window that is. Reset counts seconds from now.
 */
export function readLimit({ headers }: Pick<Answer, 'headers'>): Limit | undefined {
  const remaining = readNumber(headers.get('x-ratelimit-remaining'))
  const reset = readNumber(headers.get('x-ratelimit-reset'))
  if (remaining === undefined || reset === undefined) return undefined
  const [head, ...windows] = (headers.get('x-ratelimit-limit') ?? '').split(',').map((item) => item.trim())
  const window = windows.find((item) => item.startsWith(`${head};`))
  return { remaining, resetMs: reset * 1000, windowSeconds: readNumber(window?.split('window=')[1] ?? null) }
}

function readNumber(text: string | null): number | undefined {
  const number = text === null || text.trim() === '' ? Number.NaN : Number(text)
  return Number.isFinite(number) ? number : undefined
}
