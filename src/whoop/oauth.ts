import { createHash, randomBytes } from 'node:crypto'
import * as v from 'valibot'
import type { WhoopConfig } from '../config.ts'
import { WhoopsterError } from '../errors.ts'
import type { Answer, Clock, Fetch } from '../world.ts'
import { userAgent } from '../version.ts'
import { isAboutTls, oneLine, reasonOf, TLS_HINT, without } from './wording.ts'

/** What WHOOP grants, with times by our clock. */
export interface Grant {
  access: string
  /** Absent when `offline` was not granted. */
  refresh: string | undefined
  grantedAt: Date
  expiresAt: Date
  scopes: readonly string[] | undefined
}

export interface OAuth {
  /** The app that asks: what it is granted, no other one can renew. */
  clientId: string
  consentUrl(login: { state: string; verifier: string; scopes: readonly string[] }): string
  exchange(code: string, verifier: string): Promise<Grant>
  /**
   * Spends the refresh token. WHOOP's own no is a `login` or `settings` error; with every other error the answer was
   * lost, and WHOOP may or may not have forgotten the old tokens.
   */
  refresh(refreshToken: string): Promise<Grant>
  /** Ends the member's grant at WHOOP. */
  revoke(accessToken: string): Promise<void>
}

// WHOOP has answered after more than a minute, having already forgotten the old tokens.
const TOKEN_TIMEOUT_MS = 90_000

/** WHOOP's OAuth 2.0 (Ory Hydra): the secret goes into the body, a Basic header is refused. */
export function createOAuth(config: WhoopConfig, { fetch, clock }: { fetch: Fetch; clock: Clock }): OAuth {
  const base = `${config.WHOOP_API_BASE_URL}/oauth/oauth2`
  const authUrl = config.WHOOP_AUTH_URL ?? `${base}/auth`
  const tokenUrl = config.WHOOP_TOKEN_URL ?? `${base}/token`
  const client = { client_id: config.WHOOP_CLIENT_ID, client_secret: config.WHOOP_CLIENT_SECRET }

  async function requestTokens(form: Record<string, string>): Promise<Grant> {
    const asked = clock.now()
    const { status, text } = await send(tokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ ...form, ...client }).toString(),
    })
    if (status !== 200) throw refusal(status, without(text, secretsOf(form)))
    return readGrant(text, asked)
  }

  /** What WHOOP's answer must not bring into a message, should it repeat the question. */
  function secretsOf({ code, code_verifier, refresh_token }: Record<string, string>): string[] {
    return [client.client_secret, code ?? '', code_verifier ?? '', refresh_token ?? '']
  }

  async function send(url: string, init: { method: string; headers: Record<string, string>; body?: string }) {
    try {
      const answer: Answer = await fetch(url, {
        ...init,
        headers: { ...init.headers, 'user-agent': userAgent },
        signal: clock.timeout(TOKEN_TIMEOUT_MS), // and no other signal: an interrupted refresh is a lost login
        redirect: 'manual',
      })
      return { status: answer.status, text: await answer.text() }
    } catch (cause) {
      if (cause instanceof WhoopsterError) throw cause // a setting that is wrong
      throw new WhoopsterError('unavailable', `WHOOP's login server cannot be reached: ${reasonOf(cause)}`, {
        hint: isAboutTls(cause) ? TLS_HINT : 'check the network, then run it again',
        cause,
      })
    }
  }

  return {
    clientId: client.client_id,
    consentUrl: ({ state, verifier, scopes }) => {
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: client.client_id,
        redirect_uri: config.WHOOP_REDIRECT_URI,
        scope: scopes.join(' '),
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      })
      return `${authUrl}${authUrl.includes('?') ? '&' : '?'}${query.toString()}`
    },
    exchange: (code, verifier) =>
      requestTokens({
        grant_type: 'authorization_code',
        code,
        redirect_uri: config.WHOOP_REDIRECT_URI,
        code_verifier: verifier,
      }),
    refresh: (refreshToken) =>
      requestTokens({ grant_type: 'refresh_token', refresh_token: refreshToken, scope: 'offline' }),
    revoke: async (accessToken) => {
      const { status, text } = await send(`${config.WHOOP_API_BASE_URL}/developer/v2/user/access`, {
        method: 'DELETE',
        headers: { authorization: `Bearer ${accessToken}` },
      })
      if (status === 401) {
        throw new WhoopsterError('login', 'WHOOP no longer knows this login.', { hint: 'to log in: whoopster auth' })
      }
      if (status !== 204) throw refusal(status, without(text, [accessToken]))
    },
  }
}

/** An unguessable text for `state` or a PKCE verifier. */
export function randomText(): string {
  return randomBytes(32).toString('base64url')
}

const UNKNOWN_LIFETIME_S = 300 // short enough to be true
const LONGEST_LIFETIME_S = 86_400 * 1000 // no date is further away

/** Seconds. What WHOOP has granted is not thrown away for not saying how long it lasts. */
function readLifetime(said: unknown): number {
  const seconds = typeof said === 'string' && said.trim() !== '' ? Number(said) : said
  if (typeof seconds !== 'number' || !(seconds >= 1)) return UNKNOWN_LIFETIME_S
  return Math.min(seconds, LONGEST_LIFETIME_S)
}

const TokenAnswer = v.looseObject({
  access_token: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)), // it has to fit into a header
  expires_in: v.optional(v.unknown()), // RFC 6749 only recommends it
  refresh_token: v.nullish(v.string()),
  scope: v.nullish(v.string()),
})

function readGrant(text: string, grantedAt: Date): Grant {
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), TokenAnswer), text)
  if (!answer.success) {
    throw new WhoopsterError('protocol', "WHOOP's login server sent no tokens.", { hint: 'run it again' })
  }
  const { access_token, expires_in, refresh_token, scope } = answer.output
  return {
    access: access_token,
    refresh: refresh_token || undefined,
    grantedAt,
    expiresAt: new Date(grantedAt.getTime() + readLifetime(expires_in) * 1000),
    scopes: scope ? scope.split(' ').filter(Boolean) : undefined,
  }
}

const OAuthProblem = v.pipe(
  v.string(),
  v.parseJson(),
  v.looseObject({
    error: v.string(),
    error_description: v.nullish(v.string(), ''),
    error_hint: v.nullish(v.string(), ''),
  }),
)

/** WHOOP's answers that mean no, to whoever asks again with the same token. */
const NO = new Set(['invalid_grant', 'invalid_request', 'invalid_scope', 'invalid_client', 'unauthorized_client'])

function refusal(status: number, text: string): WhoopsterError {
  const problem = v.safeParse(OAuthProblem, text)
  const { error, error_description, error_hint } = problem.success ? problem.output : {}
  if (error !== undefined && NO.has(error) && status < 500) {
    return oauthProblem(error, error_description, error_hint)
  }
  const reason = status === 429 ? 'later' : status >= 500 ? 'unavailable' : 'protocol'
  return new WhoopsterError(reason, `WHOOP's login server answered ${status}.`, { hint: 'run it again later' })
}

/** Names a problem in OAuth's own terms: on WHOOP's redirect, or in an answer to a token request. */
export function oauthProblem(code: string, description?: string | null, hint?: string | null): WhoopsterError {
  const why = [description, hint].filter(Boolean).join(' ') || 'it gave no reason'
  const said = oneLine(`WHOOP refused (${code}): ${why}`) // any web page can make up a redirect
  if (code === 'invalid_client' || code === 'unauthorized_client') {
    return new WhoopsterError('settings', said, { hint: 'check WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET' })
  }
  if (code === 'server_error' || code === 'temporarily_unavailable') {
    return new WhoopsterError('unavailable', said, { hint: 'WHOOP has trouble: try it again later' })
  }
  return new WhoopsterError('login', said, { hint: HINTS[code] ?? 'log in again: whoopster auth' })
}

const HINTS: Readonly<Record<string, string>> = {
  invalid_scope: 'tick every read scope and offline for the app at developer.whoop.com, then run: whoopster auth',
  request_forbidden: 'compare WHOOP_REDIRECT_URI and the scopes with the app at developer.whoop.com',
}

/** When WHOOP has been seen to lose the answers to a refresh. */
export function isAroundTheHour(minute: number): boolean {
  return minute >= 58 || minute < 5
}
