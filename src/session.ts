import type { Database } from './db/connect.ts'
import type { Keys } from './db/seal.ts'
import {
  loadTokens,
  proveWritable,
  rememberDead,
  saveTokens,
  withTokensLocked,
  type Member,
  type StoredTokens,
  type Tokens,
} from './db/tokens.ts'
import { WhoopsterError } from './errors.ts'
import type { Log } from './log.ts'
import type { Authority } from './whoop/client.ts'
import type { Grant, OAuth } from './whoop/oauth.ts'
import type { Clock } from './world.ts'

export interface Session extends Authority {
  refreshes(): number
}

/** An access token must outlive the request it is sent with. */
const MUST_OUTLIVE_MS = 60_000

/** A member's access tokens, refreshed as needed. The database row is the only authority on them. */
export function createSession(options: {
  database: Database
  keys: Keys
  oauth: OAuth
  member: Member
  clock: Clock
  log: Log
}): Session {
  const { database, keys, oauth, member, clock, log } = options
  let current: StoredTokens | undefined
  let refreshing: Promise<StoredTokens> | undefined
  let refreshes = 0
  let warned = false
  let postponed = false // an early refresh got no answer: this run does not insist

  async function token(): Promise<string> {
    current ??= await database.alone((db) => loadTokens(db, keys, member))
    if (current && !current.dead && !mustRefresh(current)) {
      warnOfEnd(current)
      return current.access
    }
    return (await refreshOnce()).access
  }

  function mustRefresh(tokens: StoredTokens): boolean {
    const now = clock.now()
    return postponed ? tokens.expiresAt.getTime() - now.getTime() < MUST_OUTLIVE_MS : isDue(tokens, now)
  }

  function warnOfEnd({ expiresAt }: StoredTokens): void {
    const seconds = Math.floor((expiresAt.getTime() - clock.now().getTime()) / 1000)
    if (warned || seconds >= 300) return
    log.warn('the access token ends soon; it is renewed once it must, or after the full hour', { seconds })
    warned = true
  }

  async function renew(refused: string): Promise<string | undefined> {
    const tokens = await refreshOnce(refused)
    return tokens.access === refused ? undefined : tokens.access
  }

  /** All types of one run share one refresh. */
  function refreshOnce(refused?: string): Promise<StoredTokens> {
    refreshing ??= refresh(refused).finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  /** WHOOP forgets both old tokens with each refresh, so the row is held from the last look until the new pair is in it. */
  async function refresh(refused: string | undefined): Promise<StoredTokens> {
    const outcome = await withTokensLocked(database, keys, member, async (tx, stored) => {
      if (!stored) throw loginNeeded(member, 'Nobody is logged in')
      if (stored.dead) return loginNeeded(member, 'WHOOP has ended the login')
      const someoneElseDid = refused === undefined ? !isDue(stored, clock.now()) : stored.access !== refused
      if (someoneElseDid) return stored
      await proveWritable(tx, member)
      const grant = await spend(stored.refresh)
      const left = stored.expiresAt.getTime() - clock.now().getTime()
      if (isLost(grant) && refused === undefined && left > MUST_OUTLIVE_MS) {
        log.warn('the token could not be refreshed; the old one is used while it lasts', { reason: grant.message })
        postponed = true
        return stored
      }
      if (grant instanceof WhoopsterError) {
        if (grant.reason === 'login') await rememberDead(tx, member, stored.refresh)
        return grant
      }
      refreshes++
      const tokens: Tokens = {
        ...grant,
        refresh: grant.refresh ?? stored.refresh,
        scopes: grant.scopes ?? stored.scopes,
      }
      await saveTokens(tx, keys, member, tokens)
      return { ...tokens, dead: false }
    })
    if (outcome instanceof WhoopsterError) throw outcome
    current = outcome
    return outcome
  }

  /** WHOOP's tokens, or why not. One replay after a lost answer is harmless, and saves the login when WHOOP had not acted yet. */
  async function spend(refreshToken: string): Promise<Grant | WhoopsterError> {
    const first = await attempt(refreshToken)
    if (!isLost(first)) return first
    log.warn('the answer to a token refresh was lost; asking once more', { reason: first.message })
    return attempt(refreshToken)
  }

  function attempt(refreshToken: string): Promise<Grant | WhoopsterError> {
    return oauth.refresh(refreshToken).catch((error: unknown) => {
      if (error instanceof WhoopsterError) return error
      throw error
    })
  }

  return { token, renew, refreshes: () => refreshes }
}

/**
 * From half its life on, so that a failed refresh leaves time for another; but not around the full hour, when WHOOP has
 * been seen to lose its answers, unless the token would not last.
 */
export function isDue(tokens: Pick<Tokens, 'grantedAt' | 'expiresAt'>, now: Date): boolean {
  const left = tokens.expiresAt.getTime() - now.getTime()
  if (left < MUST_OUTLIVE_MS) return true
  const minute = now.getUTCMinutes()
  const aroundTheHour = minute >= 58 || minute < 5
  const life = tokens.expiresAt.getTime() - tokens.grantedAt.getTime()
  return left <= life / 2 && !aroundTheHour
}

/** Nobody can know whether WHOOP acted; every other failure is an answer, and is not asked for again. */
function isLost(grant: Grant | WhoopsterError): grant is WhoopsterError {
  return grant instanceof WhoopsterError && grant.reason === 'unavailable'
}

function loginNeeded(member: Member, why: string): WhoopsterError {
  return new WhoopsterError('login', `${why} (WHOOP user ${member.whoopUserId}).`, { hint: 'run: whoopster auth' })
}
