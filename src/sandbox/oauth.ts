import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { CLOUDFLARE, type Faults } from './faults.ts'
import type { Grants } from './grants.ts'
import { html, json, redirect, type Answer, type Asked } from './http.ts'
import { consentPage, errorPage } from './page.ts'
import type { Profile } from './records.ts'

export interface App {
  clientId: string
  clientSecret: string
  redirectUris: string[]
  scopes: string[] // ticked in the dashboard
  accessTokenSeconds: number
}

interface Request {
  redirectUri: string
  state: string
  scopes: string[]
  challenge?: string // PKCE
}

interface Code extends Request {
  member: number
  expires: number
}

interface Refusal {
  error: string
  error_description: string
  error_hint?: string
}

export interface OAuth {
  authorize(asked: Asked): Answer
  consent(asked: Asked): Answer
  token(asked: Asked): Answer
}

interface Door {
  app: App
  grants: Grants
  faults: Faults
  members: () => Profile[]
  now: () => Date
}

const CODE_MS = 10 * 60_000

export function createOAuth({ app, grants, faults, members, now }: Door): OAuth {
  const pending = new Map<string, Request>()
  const codes = new Map<string, Code>()

  function authorize({ query }: Asked): Answer {
    const redirectUri = query.get('redirect_uri') ?? ''
    if (query.get('client_id') !== app.clientId) return refuseInPlace('There is no app with this client_id.')
    if (!app.redirectUris.includes(redirectUri))
      return refuseInPlace('This redirect_uri is not registered for the app.')
    const refusal = refusalOf(query, app)
    if (refusal) return redirect(redirectUri, { ...refusal, state: '' }) // before login, WHOOP forgets the state
    const challenge = randomBytes(24).toString('base64url')
    const scopes = listOf(query.get('scope'))
    const pkce = query.get('code_challenge')
    pending.set(challenge, { redirectUri, scopes, state: query.get('state') ?? '', ...(pkce && { challenge: pkce }) })
    return html(200, consentPage({ challenge, clientId: app.clientId, scopes, members: members() }))
  }

  function consent({ body }: Asked): Answer {
    const form = new URLSearchParams(body)
    const request = takeFrom(pending, form.get('challenge'))
    if (!request) return refuseInPlace('This page was used before. Start again from the app.')
    const member = members().find(({ user_id }) => String(user_id) === form.get('member'))
    if (form.get('decision') !== 'allow' || !member)
      return redirect(request.redirectUri, { ...DENIED, state: request.state })
    const scopes = request.scopes.filter((scope) => form.getAll('grant').includes(scope))
    const code = randomBytes(32).toString('base64url')
    codes.set(code, { ...request, scopes, member: member.user_id, expires: now().getTime() + CODE_MS })
    return redirect(request.redirectUri, { code, scope: scopes.join(' '), state: request.state })
  }

  function token(asked: Asked): Answer {
    if (!asked.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) return refuse(400, MALFORMED)
    const form = new URLSearchParams(asked.body)
    if (asked.headers.authorization !== undefined || !isApp(form, app)) return refuse(401, BAD_CLIENT)
    const kind = form.get('grant_type')
    if (kind === 'authorization_code') return redeem(form)
    return kind === 'refresh_token' ? rotate(form) : refuse(400, UNSUPPORTED_GRANT)
  }

  function redeem(form: URLSearchParams): Answer {
    const code = takeFrom(codes, form.get('code'))
    const valid = code && code.expires > now().getTime() && code.redirectUri === form.get('redirect_uri')
    if (!valid || !proves(form.get('code_verifier'), code.challenge)) return refuse(400, BAD_GRANT)
    return answer(grants.begin(code.member, code.scopes))
  }

  function rotate(form: URLSearchParams): Answer {
    const grant = grants.byRefresh(form.get('refresh_token') ?? '')
    if (!grant) return refuse(400, MALFORMED)
    const unticked = grant.scopes.find((scope) => !app.scopes.includes(scope))
    return unticked === undefined ? answer(grant) : refuse(400, badScope(unticked))
  }

  function answer(grant: ReturnType<Grants['begin']>): Answer {
    const { access, refresh } = grants.issue(grant, app.accessTokenSeconds * 1000)
    if (faults.token === 'commit-then-502') return html(502, CLOUDFLARE)
    const tokens = {
      access_token: access,
      expires_in: app.accessTokenSeconds,
      ...(refresh && { refresh_token: refresh }),
      scope: grant.scopes.join(' '),
      token_type: 'bearer',
    }
    return json(200, JSON.stringify(tokens), { 'cache-control': 'no-store', pragma: 'no-cache' })
  }

  return { authorize, consent, token }
}

function refusalOf(query: URLSearchParams, app: App): Refusal | undefined {
  if ((query.get('state') ?? '').length < 8) return BAD_STATE
  if (query.get('response_type') !== 'code') return UNSUPPORTED_RESPONSE
  const scope = listOf(query.get('scope')).find((wanted) => !app.scopes.includes(wanted))
  if (scope !== undefined) return badScope(scope)
  return challengeIsSound(query) ? undefined : BAD_CHALLENGE
}

function challengeIsSound(query: URLSearchParams): boolean {
  const challenge = query.get('code_challenge')
  if (challenge === null) return !query.has('code_challenge_method')
  return query.get('code_challenge_method') === 'S256' && /^[\w-]{43}$/.test(challenge)
}

function proves(verifier: string | null, challenge: string | undefined): boolean {
  if (challenge === undefined) return true
  return verifier !== null && same(digest(verifier).toString('base64url'), challenge)
}

function isApp(form: URLSearchParams, { clientId, clientSecret }: App): boolean {
  return same(form.get('client_id') ?? '', clientId) && same(form.get('client_secret') ?? '', clientSecret)
}

// Digests have one length, which timingSafeEqual insists on.
function same(a: string, b: string): boolean {
  return timingSafeEqual(digest(a), digest(b))
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest()
}

function listOf(scope: string | null): string[] {
  return [...new Set(scope?.split(' ').filter(Boolean))]
}

function takeFrom<T>(map: Map<string, T>, key: string | null): T | undefined {
  const value = map.get(key ?? '')
  map.delete(key ?? '')
  return value
}

function refuse(status: number, refusal: Refusal): Answer {
  return json(status, JSON.stringify({ ...refusal, status_code: status }), { 'cache-control': 'no-store' })
}

function refuseInPlace(explanation: string): Answer {
  return html(400, errorPage('This request is not valid', explanation))
}

function badScope(scope: string): Refusal {
  return {
    error: 'invalid_scope',
    error_description: 'The requested scope is invalid, unknown, or malformed',
    error_hint: `The OAuth 2.0 Client is not allowed to request scope "${scope}".`,
  }
}

const MALFORMED = {
  error: 'invalid_request',
  error_description:
    'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed',
}
const BAD_CHALLENGE = {
  ...MALFORMED,
  error_hint: 'Clients must use code_challenge_method=S256 with a valid challenge.',
}
const BAD_CLIENT = {
  error: 'invalid_client',
  error_description:
    'Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method).',
}
const BAD_GRANT = {
  error: 'invalid_grant',
  error_description:
    'The provided authorization grant (e.g., authorization code, resource owner credentials) or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
}
const BAD_STATE = {
  error: 'invalid_state',
  error_description:
    "The state is missing or does not have enough characters and is therefore considered too weak. Request parameter 'state' must be at least be 8 characters long to ensure sufficient entropy.",
}
const DENIED = { error: 'access_denied', error_description: 'The resource owner denied the request' }
const UNSUPPORTED_RESPONSE = {
  error: 'unsupported_response_type',
  error_description: 'The authorization server does not support obtaining a token using this method',
}
const UNSUPPORTED_GRANT = {
  error: 'unsupported_grant_type',
  error_description: 'The authorization grant type is not supported by the authorization server',
}
