import { databaseFailure, isReadOnly, rootCause } from '../db/connection/failure.ts'
import { loadTokens, noteScope, type StoredTokens, type Tokens } from '../db/tokens.ts'
import { WhoopsterError } from '../errors.ts'
import { MINUTE_MS } from '../time.ts'
import { refresh, type RefreshDependencies } from './refresh.ts'
import type { TokenSource } from '../whoop/client.ts'
import { isAroundTheHour } from '../whoop/oauth.ts'

export interface Session extends TokenSource {
  /** Begins to read the tokens, which are sure to be wanted. */
  load(): void
  renew(refused: string, scope?: string): Promise<string | undefined>
  refreshes(): number
}

/** An access token must outlive the request it is sent with. */
const MUST_OUTLIVE_MS = MINUTE_MS

/** A member's access tokens, refreshed as needed. The database row is the only authority on them. */
export function createSession(dependencies: RefreshDependencies): Session {
  const { database, keys, member, clock, log } = dependencies
  let current: StoredTokens | undefined
  let loading: Promise<StoredTokens | undefined> | undefined
  let refreshing: Promise<StoredTokens> | undefined
  let refreshes = 0
  let warned = false
  let postponed = false // an early refresh got no answer: this run does not insist

  function load(): Promise<StoredTokens | undefined> {
    loading ??= database.pipelined((db) => loadTokens(db, keys, member))
    loading.catch(() => {}) // its error is for whoever asks for them
    return loading
  }

  async function token(): Promise<string> {
    current ??= await load()
    if (current && !current.dead && !mustRefresh(current)) {
      warnOfEnd(current)
      return current.access
    }
    return (await refreshOnce()).access
  }

  function mustRefresh(tokens: StoredTokens): boolean {
    return postponed ? isOver(tokens) : isDue(tokens, clock.now())
  }

  function warnOfEnd({ expiresAt }: StoredTokens): void {
    const seconds = Math.floor((expiresAt.getTime() - clock.now().getTime()) / 1000)
    if (warned || seconds >= 300) return
    log.warn('the access token ends soon; it is renewed once it must, or after the full hour', { seconds })
    warned = true
  }

  async function renew(refused: string, scope?: string): Promise<string | undefined> {
    if (scope !== undefined && current?.refusedScopes.includes(scope)) return undefined // a new token has not helped before
    const tokens = await refreshOnce(refused)
    return tokens.access === refused ? undefined : tokens.access
  }

  /** Remembered beyond this run: a scope that is missing must not cost a refresh in each. */
  async function learn(scope: string, isPermitted: boolean): Promise<void> {
    if (!current || current.refusedScopes.includes(scope) !== isPermitted) return
    const others = current.refusedScopes.filter((one) => one !== scope)
    current = { ...current, refusedScopes: isPermitted ? others : [...others, scope] }
    await database
      .pipelined((db) => noteScope(db, member, scope, isPermitted))
      .catch((error: unknown) => log.debug('a scope was not noted', { scope, error: String(rootCause(error)) })) // a memo
  }

  /** All types of one run share one refresh. */
  function refreshOnce(refused?: string): Promise<StoredTokens> {
    refreshing ??= refreshOr(refused).finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  async function refreshOr(refused: string | undefined): Promise<StoredTokens> {
    const old = current
    const outcome = await refresh(dependencies, (stored) =>
      refused === undefined ? isDue(stored, clock.now()) : stored.access === refused,
    ).catch(unlessReadOnly)
    const isEarly = refused === undefined && old && !old.dead && !isOver(old)
    if (outcome instanceof WhoopsterError && isEarly && !needsHuman(outcome)) {
      log.warn('the token could not be refreshed; the old one is used while it lasts', { reason: outcome.message })
      postponed = true
      return old
    }
    if (outcome instanceof WhoopsterError) throw outcome
    if (outcome.isOurs) refreshes++
    current = outcome.tokens
    return outcome.tokens
  }

  /** A standby can renew nothing, which `verify` does not mind while the token lasts. */
  function unlessReadOnly(error: unknown): WhoopsterError {
    const named = databaseFailure(error, database.where)
    if (named instanceof WhoopsterError && isReadOnly(error)) return named
    throw error
  }

  function isOver({ expiresAt }: StoredTokens): boolean {
    return expiresAt.getTime() - clock.now().getTime() < MUST_OUTLIVE_MS
  }

  return { load: () => void load(), token, renew, learn, refreshes: () => refreshes }
}

function needsHuman({ reason }: WhoopsterError): boolean {
  return reason === 'login' || reason === 'settings'
}

/**
 * From half its life on, so that a failed refresh leaves time for another; but not around the full hour, when WHOOP has
 * been seen to lose its answers, unless the token would not last.
 */
export function isDue(tokens: Pick<Tokens, 'grantedAt' | 'expiresAt'>, now: Date): boolean {
  const left = tokens.expiresAt.getTime() - now.getTime()
  if (left < MUST_OUTLIVE_MS) return true
  const life = tokens.expiresAt.getTime() - tokens.grantedAt.getTime()
  return left <= life / 2 && !isAroundTheHour(now.getUTCMinutes())
}
