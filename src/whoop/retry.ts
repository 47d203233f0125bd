/** What a failed attempt looked like; no status means that the connection broke or the answer was unreadable. */
export interface Attempt {
  status?: number | undefined
  /** What WHOOP says to wait, in milliseconds. */
  saysMs?: number | undefined
}

export const MAX_ATTEMPTS = 4
const FIRST_WAIT_MS = 500
const LONGEST_BACKOFF_MS = 5_000

/** Milliseconds until the next attempt, or undefined when there should be none. `random` is in [0, 1). */
export function waitBeforeRetry(attempt: number, { status, saysMs }: Attempt, random: number): number | undefined {
  if (attempt >= MAX_ATTEMPTS || !mayPass(status)) return undefined
  const backoff = Math.min(FIRST_WAIT_MS * 3 ** (attempt - 1), LONGEST_BACKOFF_MS) * (0.5 + random / 2)
  return Math.ceil(Math.max(backoff, saysMs ?? 0))
}

function mayPass(status: number | undefined): boolean {
  return status === undefined || status === 429 || status >= 500
}

/** `Retry-After` as seconds or as a date, in milliseconds from `now`. */
export function readRetryAfter(header: string | null, now: Date): number | undefined {
  if (!header?.trim()) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now.getTime()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
