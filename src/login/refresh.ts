import type { Database } from '../db/connection/index.ts'
import { databaseFailure, rootCause } from '../db/connection/failure.ts'
import type { Keys } from '../db/seal.ts'
import {
  backendOf,
  endBackend,
  noteRefresh,
  rememberDead,
  renewTokens,
  withTokensLocked,
  type Backend,
  type StoredTokens,
} from '../db/tokens.ts'
import type { Member } from '../db/members.ts'
import { failure, LostTokens, WhoopsterError } from '../errors.ts'
import type { Log } from '../log.ts'
import { MINUTE_MS } from '../time.ts'
import type { Grant, OAuth } from '../whoop/oauth.ts'
import type { Clock, World } from '../world.ts'

/** What a refresh works with. */
export interface RefreshDependencies {
  database: Database
  keys: Keys
  oauth: OAuth
  member: Member
  clock: Clock
  hold: World['hold']
  log: Log
}

/** The pair that is stored, and whether it was this refresh that brought it. */
export interface Refreshed {
  tokens: StoredTokens
  isOurs: boolean
}

/**
 * Renews a member's tokens, unless somebody else has: `isDue` decides, with the row locked. WHOOP forgets both old tokens
 * with each refresh, so at every step it must be known where the only good pair is. Returns what is stored, or why WHOOP
 * gave nothing.
 */
export async function refresh(
  dependencies: RefreshDependencies,
  isDue: (stored: StoredTokens) => boolean,
): Promise<Refreshed | WhoopsterError> {
  const { database, keys, member, clock, oauth } = dependencies
  // 1. Note in the row that a refresh begins: once committed, it proves that PostgreSQL can be written.
  const before = await withTokensLocked(database, keys, member, async (tx, stored) => {
    const tokens = alive(member, stored)
    const due = isDue(tokens)
    if (due) requireOwn(dependencies, tokens)
    if (due) await noteRefresh(tx, member, tokens.refreshingSince ?? clock.now())
    return { ...tokens, due }
  })
  if (!before.due) return theirs(before)
  let renewed: Renewed | undefined
  let release: (() => void) | undefined
  try {
    // 2. Lock the row, and read it again.
    return await withTokensLocked(database, keys, member, async (tx, stored) => {
      const old = alive(member, stored)
      if (!isDue(old)) {
        // Time goes on: what was due a moment ago may have to wait for the full hour to pass, and has not begun.
        if (old.refresh === before.refresh) await noteRefresh(tx, member, before.refreshingSince)
        return theirs(old)
      }
      requireOwn(dependencies, old) // somebody may have logged in to another app meanwhile
      const backend = await backendOf(tx)
      // 3. Ask WHOOP, and be cut short by nothing.
      release = dependencies.hold()
      const { grant, isReplay } = await spend(dependencies, old)
      if (grant instanceof WhoopsterError) {
        // A no that spent nothing has ended this attempt, and is no reason to blame it later.
        if (grant.reason === 'settings' || grant.reason === 'later')
          await noteRefresh(tx, member, before.refreshingSince)
        if (grant.reason !== 'login') return grant
        if (!(await rememberDead(tx, member, old.refresh, oauth.clientId))) {
          await noteRefresh(tx, member, before.refreshingSince)
          return notOurs(member, 'may have been given to another app: WHOOP refuses to renew it')
        }
        return ended(grant, before.refreshingSince, isReplay)
      }
      // 4. Commit the new pair, before anybody uses it.
      renewed = { old, fresh: toTokens(grant, old), backend }
      await renewTokens(tx, keys, member, renewed.fresh, oauth.clientId)
      return ours(renewed.fresh)
    })
  } catch (error) {
    // 5. It is in no other place than here: try again, on connections of its own.
    if (renewed) return await rescue(dependencies, renewed, error)
    throw error
  } finally {
    release?.()
  }
}

interface Renewed {
  old: StoredTokens
  fresh: StoredTokens
  /** What still holds the row, if the connection to it is lost. */
  backend: Backend | undefined
}

/** WHOOP's tokens, or why not. One replay after a lost answer is harmless, and saves the login when WHOOP had not acted yet. */
async function spend(
  { oauth, log }: RefreshDependencies,
  { refresh: token }: StoredTokens,
): Promise<{ grant: Grant | WhoopsterError; isReplay: boolean }> {
  const first = await attempt(oauth, token)
  if (!isLost(first)) return { grant: first, isReplay: false }
  log.warn('the answer to a token refresh was lost; asking once more', { reason: first.message })
  return { grant: await attempt(oauth, token), isReplay: true }
}

function attempt(oauth: OAuth, token: string): Promise<Grant | WhoopsterError> {
  return oauth.refresh(token).catch((error: unknown) => {
    if (error instanceof WhoopsterError) return error
    throw error
  })
}

/** Whether asking once more may help; an answer, even one that cannot be read, is not asked for again. */
function isLost(outcome: object): outcome is WhoopsterError {
  return outcome instanceof WhoopsterError && outcome.reason === 'unavailable'
}

function toTokens(grant: Grant, old: StoredTokens): StoredTokens {
  return {
    ...grant,
    refresh: grant.refresh ?? old.refresh,
    scopes: grant.scopes ?? old.scopes,
    clientId: old.clientId,
    refusedScopes: old.refusedScopes,
    refreshingSince: undefined,
    dead: false,
  }
}

const RESCUE_MS = MINUTE_MS
const PAUSE_MS = 1_000

/** Stores what WHOOP gave for a minute long: whatever became of the connection, the row holds the old pair or the new one. */
async function rescue(
  dependencies: RefreshDependencies,
  { old, fresh, backend }: Renewed,
  first: unknown,
): Promise<Refreshed> {
  const { database, keys, member, clock, log, oauth } = dependencies
  log.warn('the new tokens could not be stored; trying again for a minute', { reason: wordsOf(database, first) })
  const until = clock.now().getTime() + RESCUE_MS
  for (;;) {
    try {
      if (backend) await database.apart((db) => endBackend(db, backend))
      return await withTokensLocked(database, keys, member, async (tx, stored) => {
        if (stored?.refresh === old.refresh) {
          // Another run may have read the spent token meanwhile and called it dead: ours is its successor, and clears that.
          await renewTokens(tx, keys, member, fresh, oauth.clientId)
          return ours(fresh)
        }
        const now = alive(member, stored)
        return now.access === fresh.access ? ours(now) : theirs(now) // only the answer to the commit was lost; or somebody has logged in
      })
    } catch (cause) {
      if (cause instanceof WhoopsterError && cause.reason === 'login') throw cause
      if (clock.now().getTime() >= until) throw unstored(dependencies, cause)
      await clock.sleep(PAUSE_MS)
    }
  }
}

function ours(tokens: StoredTokens): Refreshed {
  return { tokens, isOurs: true }
}

function theirs(tokens: StoredTokens): Refreshed {
  return { tokens, isOurs: false }
}

function alive(member: Member, stored: StoredTokens | undefined): StoredTokens {
  if (!stored) throw loginNeeded(member, 'Nobody is logged in')
  if (stored.dead) throw loginNeeded(member, 'WHOOP has ended the login')
  return stored
}

/** WHOOP refuses a refresh by another app than the one it gave the tokens to, in the same words as a login that has ended. */
function requireOwn({ member, oauth }: RefreshDependencies, { clientId }: StoredTokens): void {
  if (clientId === null || clientId === oauth.clientId) return
  throw notOurs(member, 'was given to another app')
}

function notOurs({ whoopUserId }: Member, why: string): WhoopsterError {
  return new WhoopsterError('settings', `The login of WHOOP user ${whoopUserId} ${why}.`, {
    hint: 'set WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET to that app’s, or log in to this one: whoopster auth',
  })
}

function loginNeeded(member: Member, why: string): WhoopsterError {
  return new WhoopsterError('login', `${why} (WHOOP user ${member.whoopUserId}).`, { hint: 'run: whoopster auth' })
}

/** Says, as far as anybody can know, whether WHOOP ended the login or new tokens got lost on their way. */
function ended(refusal: WhoopsterError, since: Date | undefined, isReplay: boolean): WhoopsterError {
  const begun = since?.toISOString()
  const why = isReplay
    ? ' The answer just before was lost: if WHOOP had acted on it, the new tokens went with it.'
    : begun
      ? ` A refresh that began at ${begun} never ended: if WHOOP had acted on it, the new tokens went with it.`
      : ''
  return new WhoopsterError('login', `${refusal.message}${why}`, {
    cause: refusal,
    ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
  })
}

function unstored({ member, database }: RefreshDependencies, cause: unknown): WhoopsterError {
  return new LostTokens(
    'login',
    `WHOOP renewed the login of user ${member.whoopUserId}, but the new tokens could not be stored: ${wordsOf(database, cause)}`,
    { hint: 'mend the database, then run: whoopster auth', cause: rootCause(cause) }, // Drizzle's own repeats what it was to store
  )
}

function wordsOf({ where }: Database, error: unknown): string {
  return failure(databaseFailure(error, where)).message
}
