/** Why a run did not do all it was asked to, and the exit code (sysexits.h) that says so. */
export const exitCodes = {
  usage: 64, // what was typed
  data: 65, // the file that was named is not what it should be
  quarantine: 65, // all is done but for a record that nobody can read
  unavailable: 69, // WHOOP or PostgreSQL does not answer
  bug: 70, // ours
  later: 75, // a limit: try again later
  busy: 75, // somebody else is at it
  protocol: 76, // WHOOP's answer makes no sense
  login: 77, // a person has to log in again
  settings: 78, // the environment has to be mended
} as const

export type Reason = keyof typeof exitCodes

export class WhoopsterError extends Error {
  readonly reason: Reason
  readonly hint: string | undefined

  /** `hint` is the next thing to do, best a command to type. */
  constructor(reason: Reason, message: string, { hint, cause }: { hint?: string; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'WhoopsterError'
    this.reason = reason
    this.hint = hint
  }
}

/** The login is alive at WHOOP, and nobody has its tokens. */
export class LostTokens extends WhoopsterError {}

/** The run was told to end, by Ctrl-C or SIGTERM; what it has to say about that. */
export class Interruption extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string) {
    super(message)
    this.name = 'Interruption'
    this.hint = hint
  }
}

const worstFirst: readonly Reason[] = [
  'usage',
  'bug',
  'settings',
  'login',
  'protocol',
  'unavailable',
  'later',
  'busy',
  'data',
  'quarantine',
]

/** Of several failures the one that decides the exit code. */
export function worst(reasons: readonly Reason[]): Reason | undefined {
  return worstFirst.find((reason) => reasons.includes(reason))
}

export interface Failure {
  reason: Reason
  message: string
  hint: string | null
}

/** What `--json` and the tables keep of an error; what nobody named is a bug of ours. */
export function failure(error: unknown): Failure {
  if (error instanceof WhoopsterError) {
    return { reason: error.reason, message: error.message, hint: error.hint ?? null }
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return { reason: 'bug', message, hint: 'run it again with --verbose and report what it prints' }
}

/** Why something failed, for a message: what the system says, without its code, its call and the path; of a port, who has it. */
export function whyOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if ('code' in cause && cause.code === 'EADDRINUSE') return 'another program has it'
  if (!('syscall' in cause) || typeof cause.syscall !== 'string') return cause.message
  const [, words = cause.message] = /^[A-Z][A-Z0-9]+: (.+?), /.exec(cause.message) ?? []
  return words
}
