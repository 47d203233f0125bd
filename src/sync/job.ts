import type { Database } from '../db/connection/index.ts'
import type { Range } from '../db/coverage.ts'
import type { Fence } from '../db/lock.ts'
import type { TypeState, Tally } from '../db/runs.ts'
import type { Scope } from '../db/scope.ts'
import type { Keys } from '../db/seal.ts'
import type { Member } from '../db/members.ts'
import type { Log } from '../log.ts'
import type { Leader } from './leader.ts'
import type { TypeName } from '../resources/names.ts'
import type { Whoop } from '../whoop/client.ts'
import type { OAuth } from '../whoop/oauth.ts'
import type { RateLimiter } from '../whoop/limiter.ts'
import type { Clock, Fetch, World } from '../world.ts'

/** What is asked of a run. */
export interface Options {
  /** Undefined: every type. */
  types?: readonly TypeName[] | undefined
  /** To be read again, though it is stored. */
  again?: Range | undefined
  /** Only members whose last sync began longer ago. */
  olderThanMs?: number | undefined
  /** How many members to sync, and until when to begin with another one; the rest is left for a later run. */
  maxMembers?: number | undefined
  deadline?: Date | undefined
}

/** Everything a run works with; the same for all of its members. */
export interface Dependencies {
  database: Database
  keys: Keys
  oauth: OAuth
  limiter: RateLimiter
  baseUrl: string
  fetch: Fetch
  clock: Clock
  log: Log
  interrupted: AbortSignal
  hold: World['hold']
  report(progress: Progress): void
}

/** One page of one type has been stored, or the type has come to its end. */
export interface Progress {
  whoopUserId: number
  type: TypeName
  fetched: number
  /** How far back the page reached (RFC 3339). */
  reached: string | undefined
  done: boolean
}

/** What the types of one member share while they are synced. */
export interface Context extends Dependencies {
  member: Member
  options: Options
  fence: Fence
  /** A client that counts for itself, with the member's session. */
  openClient(): Whoop
}

/** One type of one member, and all that its sync needs. */
export interface Job extends Scope {
  database: Database
  whoop: Whoop
  /** How earlier runs left the type. */
  state: TypeState
  clock: Clock
  log: Log
  tally: Tally
  /** The type that places these records in time, when it is being read at the same time. */
  leader?: Leader | undefined
  /** Told after each page: how far back it reached. */
  report(reached: string): void
}
