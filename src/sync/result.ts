import type { Outcome, TypeResult } from '../db/runs.ts'
import { failure, worst, type Failure, type Reason } from '../errors.ts'
import type { TypeName } from '../resources/names.ts'

export interface MemberResult {
  whoopUserId: number
  outcome: Outcome
  error: Failure | null
  types: Partial<Record<TypeName, TypeResult>>
}

/** What a run did, as `sync --json` prints it. */
export interface RunResult {
  startedAt: string
  finishedAt: string
  outcome: Outcome
  error: Failure | null
  users: MemberResult[]
  /** Members whose turn did not come in this run. */
  waiting: number
  requests: number
  /** Requests that were made again, because there was no answer, or one of trouble. */
  retries: number
  waitedMs: number
  /** As much of it as was for WHOOP's limit. */
  limitedMs: number
  tokenRefreshes: number
}

/** A run that did not come to its members. */
export function emptyRun(now: Date, error: unknown): RunResult {
  const at = now.toISOString()
  const named = error === undefined ? null : failure(error)
  const outcome = named ? 'failed' : 'skipped'
  return {
    startedAt: at,
    finishedAt: at,
    outcome,
    error: named,
    users: [],
    waiting: 0,
    requests: 0,
    retries: 0,
    waitedMs: 0,
    limitedMs: 0,
    tokenRefreshes: 0,
  }
}

/** Of parts the whole: what was skipped counts only when everything was. */
export function overall(outcomes: readonly Outcome[]): Outcome {
  const tried = outcomes.filter((outcome) => outcome !== 'skipped')
  if (tried.length === 0 && outcomes.length > 0) return 'skipped'
  if (tried.every((outcome) => outcome === 'ok')) return 'ok'
  return tried.every((outcome) => outcome === 'failed') ? 'failed' : 'partial'
}

/** What went wrong in a run: for the run, a member or a type. */
function failuresOf({ error, users }: RunResult): Failure[] {
  const types = users.flatMap((user) => Object.values(user.types))
  return [error, ...users.map((user) => user.error), ...types.map((type) => type.error)].filter((one) => one !== null)
}

/** Each sentence once: when WHOOP is down, every type says the same. */
export function errorsOf(result: RunResult): string[] {
  return [...new Set(failuresOf(result).map(({ message }) => message))]
}

/** Of everything that went wrong in a run, what decides the exit code. */
export function worstReason(result: RunResult): Reason | undefined {
  const reasons = failuresOf(result).map(({ reason }) => reason)
  const isQuarantined = result.users.some(({ types }) =>
    Object.values(types).some(({ quarantined, unanswered }) => quarantined + unanswered > 0),
  )
  return worst(isQuarantined ? [...reasons, 'quarantine'] : reasons)
}
