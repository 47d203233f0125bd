import type { WhoopConfig } from '../config.ts'
import type { Database } from '../db/connection/index.ts'
import type { Keys } from '../db/seal.ts'
import { deletePendingLogin, claimPendingLogin, savePendingLogin, saveTokens } from '../db/tokens.ts'
import { saveProfile } from '../db/members.ts'
import { WhoopsterError } from '../errors.ts'
import type { Log } from '../log.ts'
import { clientWith, probe, type Refused } from './scopes.ts'
import { allScopes, profile, scopeOf } from '../resources/index.ts'
import { readOne } from '../resources/read.ts'
import type { Profile } from '../resources/users.ts'
import { createOAuth, oauthProblem, randomText, type Grant } from '../whoop/oauth.ts'
import type { World } from '../world.ts'

/** What a login works with. */
export interface LoginDependencies {
  database: Database
  keys: Keys
  config: WhoopConfig
  world: Pick<World, 'fetch' | 'clock' | 'interrupted'>
  log: Log
}

export interface LoggedIn {
  profile: Profile
  scopes: readonly string[]
  /** The types that cannot be synced, because their scope was not granted. */
  missing: string[]
  /** What was granted, and is refused all the same. */
  refused: Refused[]
}

export const LOGIN_MINUTES = 10

/** Starts a login: the consent URL to show, and the `state` that WHOOP will bring back. */
export async function beginLogin({
  database,
  keys,
  config,
  world,
}: LoginDependencies): Promise<{ url: string; state: string }> {
  const login = { state: randomText(), verifier: randomText() }
  await savePendingLogin(database.db, keys, { ...login, now: world.clock.now(), minutes: LOGIN_MINUTES })
  return { url: createOAuth(config, world).consentUrl({ ...login, scopes: allScopes }), state: login.state }
}

/** Finishes the login that the redirected URL belongs to. Until it succeeds, the login stays under way. */
export async function completeLogin(dependencies: LoginDependencies, redirected: string): Promise<LoggedIn> {
  const { database, keys, config, world } = dependencies
  const { code, state } = readRedirect(redirected)
  const { member, scopes, whoop } = await database.apart((db) =>
    db.transaction(async (tx) => {
      const claim = await claimPendingLogin(tx, keys, state, world.clock.now())
      if (typeof claim === 'string') throw notOurs(claim)
      const grant = await createOAuth(config, world).exchange(code, claim.verifier)
      const scopes = grant.scopes ?? allScopes
      const refresh = requireLasting(grant, scopes)
      const whoop = clientWith(grant.access, dependencies)
      const member = readOne('profile', profile.row, await whoop.get(profile.path, profile.scope))
      const id = await saveProfile(tx, member, world.clock.now())
      await saveTokens(tx, keys, { id }, { ...grant, refresh, scopes }, config.WHOOP_CLIENT_ID)
      await deletePendingLogin(tx, state)
      return { member, scopes, whoop }
    }),
  )
  const missing = Object.entries(scopeOf).flatMap(([type, scope]) => (scopes.includes(scope) ? [] : [type]))
  return { profile: member, scopes, missing, refused: await probe(whoop, scopes) }
}

function notOurs(claim: 'busy' | 'none'): WhoopsterError {
  if (claim === 'busy') {
    return new WhoopsterError('busy', 'Another process is finishing this login right now.', {
      hint: 'see how it went: whoopster auth status',
    })
  }
  return new WhoopsterError('login', `No login is under way for this URL; each lasts ${LOGIN_MINUTES} minutes.`, {
    hint: 'it may be finished (whoopster auth status); if not, begin again: whoopster auth url',
  })
}

/** The code and the state of a redirect, however it was pasted: quoted, broken over lines, or the query alone. */
export function readRedirect(pasted: string): { code: string; state: string } {
  const text = pasted.replace(/[\s"'<>]/g, '')
  const query = new URLSearchParams(text.slice(text.indexOf('?') + 1).replace(/#.*$/, ''))
  const problem = query.get('error')
  if (problem) throw oauthProblem(problem, query.get('error_description'), query.get('error_hint'))
  const code = query.get('code')
  const state = query.get('state')
  if (code && state && !/\p{Cc}/u.test(code + state)) return { code, state } // PostgreSQL takes no NUL
  if (code && !state) {
    throw new WhoopsterError('usage', 'The address ends before its state: a shell cuts it at an & without quotes.', {
      hint: "put it between quotes: whoopster auth complete 'http://…?code=…&state=…'",
    })
  }
  throw new WhoopsterError('usage', 'That is not the URL WHOOP redirected to: it has no code and state.', {
    hint: "paste the whole address from the browser's address bar",
  })
}

function requireLasting({ refresh }: Grant, scopes: readonly string[]): string {
  for (const scope of [profile.scope, 'offline']) {
    if (scopes.includes(scope)) continue
    throw new WhoopsterError('login', `The login was granted without ${scope}, and cannot do without.`, {
      hint: `tick ${scope} for the app at developer.whoop.com, and on the consent page; then run: whoopster auth`,
    })
  }
  if (refresh) return refresh
  throw new WhoopsterError('login', 'WHOOP gave no refresh token: the login would end within the hour.', {
    hint: 'run: whoopster auth, and grant everything that is asked for',
  })
}
