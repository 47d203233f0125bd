import { createHash } from 'node:crypto'
import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readConfig, whoopSettings } from '../../src/config.ts'
import { failure, type Failure } from '../../src/errors.ts'
import { version } from '../../src/version.ts'
import { createOAuth, oauthProblem, randomText, type OAuth } from '../../src/whoop/oauth.ts'
import type { Clock, Env } from '../../src/world.ts'
import { secrets } from '../support/secrets.ts'
import { builtInFetch, createClock, expectNoSecrets } from '../support/world.ts'
import { serve } from '../support/serve.ts'

const ORIGIN = 'https://api.prod.whoop.com'
const REDIRECT = 'http://localhost:8000/callback'
const SECRET = 'client-secret-that-nobody-may-see'
const CODE = 'code-that-nobody-may-see'
const VERIFIER = 'verifier-that-nobody-may-see'
const REFRESH = 'refresh-token-that-nobody-may-see'
const ACCESS = 'access-token-that-nobody-may-see'

const TOKENS = {
  access_token: 'new-access',
  expires_in: 3599,
  refresh_token: 'new-refresh',
  scope: 'offline read:sleep read:profile',
  token_type: 'bearer',
}

const said: string[] = [] // everything that a person could read afterwards

function expectNone(unused: readonly string[]): void {
  expect(unused, 'stubs that nobody used').toEqual([])
}

beforeAll(() => {
  nock.disableNetConnect()
  nock.enableNetConnect('127.0.0.1')
  for (const secret of [SECRET, CODE, VERIFIER, REFRESH, ACCESS]) secrets.add(secret)
})
afterEach(() => {
  const unused = nock.pendingMocks()
  nock.cleanAll()
  expectNone(unused)
  expectNoSecrets(said.splice(0).join('\n'))
})
afterAll(() => {
  nock.restore()
})

function open(env: Env = {}, clock: Partial<Clock> = {}): OAuth {
  const settings = { WHOOP_CLIENT_ID: 'my-app', WHOOP_CLIENT_SECRET: SECRET, ...env }
  return createOAuth(readConfig(settings, whoopSettings), {
    fetch: builtInFetch,
    clock: { ...createClock(), ...clock },
  })
}

const tokenEndpoint = () => nock(ORIGIN).post('/oauth/oauth2/token')
const accessEndpoint = () =>
  nock(ORIGIN, { reqheaders: { authorization: `Bearer ${ACCESS}` } }).delete('/developer/v2/user/access')

/** What a person or a program gets to see of a failure; its whole chain is searched for secrets. */
async function failing(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => expect.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  const seen = failure(error)
  said.push(JSON.stringify(seen))
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) said.push(String(cause.stack))
  return seen
}

describe('the consent URL', () => {
  const login = { state: 'a-state', verifier: VERIFIER, scopes: ['offline', 'read:sleep', 'read:profile'] }

  it('asks for a code, with PKCE, the state and all scopes', () => {
    const url = new URL(open().consentUrl(login))
    expect(url.origin + url.pathname).toBe('https://api.prod.whoop.com/oauth/oauth2/auth')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: 'my-app',
      redirect_uri: REDIRECT,
      scope: 'offline read:sleep read:profile',
      state: 'a-state',
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
    })
  })

  it('contains neither the verifier nor the secret', () => {
    expect(open().consentUrl(login)).not.toMatch(/nobody-may-see/)
  })

  it('may be somewhere else, and carry a query of its own', () => {
    const url = new URL(open({ WHOOP_AUTH_URL: 'https://proxy.example/auth?tenant=1' }).consentUrl(login))
    expect(url.origin + url.pathname).toBe('https://proxy.example/auth')
    expect(url.searchParams.get('tenant')).toBe('1')
    expect(url.searchParams.get('response_type')).toBe('code')
  })

  it('has a state and a verifier that nobody guesses', () => {
    const texts = Array.from({ length: 100 }, randomText)
    expect(new Set(texts).size).toBe(100)
    for (const text of texts) expect(text).toMatch(/^[\w-]{43}$/) // RFC 7636 wants 43 to 128 of these
  })
})

describe('a token request', () => {
  const withoutBasic = { badheaders: ['authorization'], reqheaders: { 'user-agent': `whoopster/${version}` } }
  const form = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
  const endpoint = (body: Record<string, string>) =>
    nock(ORIGIN, { ...withoutBasic, reqheaders: { ...withoutBasic.reqheaders, ...form } }).post(
      '/oauth/oauth2/token',
      body,
    )

  it('exchanges the code, with the secret in the body and no Basic header', async () => {
    endpoint({
      grant_type: 'authorization_code',
      code: CODE,
      redirect_uri: REDIRECT,
      code_verifier: VERIFIER,
      client_id: 'my-app',
      client_secret: SECRET,
    }).reply(200, TOKENS)
    expect(await open().exchange(CODE, VERIFIER)).toEqual({
      access: 'new-access',
      refresh: 'new-refresh',
      grantedAt: new Date('2026-11-22T10:20:00Z'),
      expiresAt: new Date('2026-11-22T11:19:59Z'),
      scopes: ['offline', 'read:sleep', 'read:profile'],
    })
  })

  it('refreshes with scope=offline, which is what brings the next refresh token', async () => {
    endpoint({
      grant_type: 'refresh_token',
      refresh_token: REFRESH,
      scope: 'offline',
      client_id: 'my-app',
      client_secret: SECRET,
    }).reply(200, TOKENS)
    expect(await open().refresh(REFRESH)).toMatchObject({ access: 'new-access', refresh: 'new-refresh' })
  })

  it('goes where WHOOP_TOKEN_URL says', async () => {
    nock('https://proxy.example').post('/token').reply(200, TOKENS)
    const elsewhere = open({ WHOOP_TOKEN_URL: 'https://proxy.example/token' })
    expect(await elsewhere.refresh(REFRESH)).toMatchObject({ access: 'new-access' })
  })

  it('counts the life of a token from before it was asked for', async () => {
    const clock = createClock()
    const slowly = async () => {
      clock.pass(80_000)
      return new Response(JSON.stringify(TOKENS))
    }
    const config = readConfig({ WHOOP_CLIENT_ID: 'my-app', WHOOP_CLIENT_SECRET: SECRET }, whoopSettings)
    const { expiresAt } = await createOAuth(config, { fetch: slowly, clock }).refresh(REFRESH)
    expect(expiresAt).toEqual(new Date('2026-11-22T11:19:59Z'))
  })

  it.each([
    ['no refresh token', { refresh_token: undefined }, { refresh: undefined }],
    ['null for one', { refresh_token: null }, { refresh: undefined }],
    ['an empty one', { refresh_token: '' }, { refresh: undefined }],
    ['no scope', { scope: undefined }, { scopes: undefined }],
    ['null for one', { scope: null }, { scopes: undefined }],
    ['an empty one', { scope: '' }, { scopes: undefined }],
    ['scopes with wide gaps', { scope: ' offline  read:sleep ' }, { scopes: ['offline', 'read:sleep'] }],
    ['fields nobody knows', { id_token: 'x' }, { access: 'new-access' }],
  ])('may bring %s', async (_, change, grant) => {
    tokenEndpoint().reply(200, { ...TOKENS, ...change })
    expect(await open().refresh(REFRESH)).toMatchObject(grant)
  })
})

describe('a refusal', () => {
  const HYDRA = 'The provided authorization grant or refresh token is invalid, expired or revoked.'

  it.each([
    { status: 400, error: 'invalid_grant', reason: 'login', hint: /whoopster auth/ },
    { status: 400, error: 'invalid_request', reason: 'login', hint: /whoopster auth/ },
    { status: 400, error: 'invalid_scope', reason: 'login', hint: /tick every read scope and offline.*whoopster auth/ },
    { status: 401, error: 'invalid_client', reason: 'settings', hint: /WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET/ },
    { status: 400, error: 'unauthorized_client', reason: 'settings', hint: /WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET/ },
  ])('$error is $reason', async ({ status, error, reason, hint }) => {
    tokenEndpoint().reply(status, { error, error_description: HYDRA, error_hint: 'Ask again.' })
    expect(await failing(open().refresh(REFRESH))).toEqual({
      reason,
      message: `WHOOP refused (${error}): ${HYDRA} Ask again.`,
      hint: expect.stringMatching(hint),
    })
  })

  it.each([
    ['a limit', 429, '{"error":"rate_limit_exceeded"}', 'later'],
    ['a limit, in plain text', 429, 'Too Many Requests', 'later'],
    ['a grant type nobody knows', 400, '{"error":"unsupported_grant_type"}', 'protocol'],
    ['a firewall that speaks JSON', 403, '{"error":"forbidden"}', 'protocol'],
    ['a firewall', 403, '<h1>Sorry, you have been blocked</h1>', 'protocol'],
    ['a wrong address', 404, 'Not Found', 'protocol'],
    ['a redirect', 302, '', 'protocol'],
    ['an error without a name', 400, '{"message":"no"}', 'protocol'],
    ['an internal error', 500, '{"error":"server_error"}', 'unavailable'],
    ['an internal error that claims to be a no', 503, '{"error":"invalid_grant"}', 'unavailable'],
    ['a bad gateway', 502, '<h1>502 Bad Gateway</h1>', 'unavailable'],
  ])('does not end the login when it is %s', async (_, status, body, reason) => {
    tokenEndpoint().reply(status, body, status === 302 ? { location: 'https://elsewhere.example/' } : {})
    expect(await failing(open().refresh(REFRESH))).toMatchObject({ reason })
  })

  it('says it in one line that steers no terminal', () => {
    const { message } = oauthProblem('access\u001B[2Jdenied', 'The\n\nmember\tsaid \u009B31mno.')
    expect(message).toMatchInlineSnapshot(`"WHOOP refused (access [2Jdenied): The member said 31mno."`)
  })

  it.each([
    ['access_denied', 'login', /whoopster auth/],
    ['request_forbidden', 'login', /WHOOP_REDIRECT_URI/],
    ['invalid_state', 'login', /whoopster auth/],
    ['server_error', 'unavailable', /later/],
    ['temporarily_unavailable', 'unavailable', /later/],
  ])('on the redirect may be %s', (code, reason, hint) => {
    expect(failure(oauthProblem(code))).toEqual({
      reason,
      message: `WHOOP refused (${code}): it gave no reason`,
      hint: expect.stringMatching(hint),
    })
  })

  it('repeats no secret, even when WHOOP does', async () => {
    tokenEndpoint()
      .twice()
      .reply(400, (_, body) => ({ error: 'invalid_grant', error_description: JSON.stringify(body) }))
    expect((await failing(open().refresh(REFRESH))).message).toContain('refresh_token')
    expect((await failing(open().exchange(CODE, VERIFIER))).message).toContain('code_verifier')
  })
})

describe('what WHOOP says of how long a token lasts', () => {
  it.each([
    [3600, 3600],
    [3599.5, 3599.5],
    ['3600', 3600],
    [undefined, 300],
    [null, 300],
    ['', 300],
    ['soon', 300],
    [0, 300],
    [-1, 300],
    [[3600], 300],
    [1e308, 86_400_000],
  ])('%j is taken as %d seconds', async (said, seconds) => {
    tokenEndpoint().reply(200, JSON.stringify({ ...TOKENS, expires_in: said }))
    const { grantedAt, expiresAt } = await open().refresh(REFRESH)
    expect((expiresAt.getTime() - grantedAt.getTime()) / 1000).toBe(seconds)
  })
})

describe('a lost answer', () => {
  it.each([
    ['is cut off', JSON.stringify(TOKENS).slice(0, 40)],
    ['is HTML', '<h1>Log in to the Wi-Fi</h1>'],
    ['is empty', ''],
    ['has no access token', JSON.stringify({ ...TOKENS, access_token: undefined })],
    ['has an empty access token', JSON.stringify({ ...TOKENS, access_token: '' })],
    ['has one that fits into no header', JSON.stringify({ ...TOKENS, access_token: 'new\naccess' })],
  ])('%s', async (_, body) => {
    tokenEndpoint().reply(200, body)
    expect(await failing(open().refresh(REFRESH))).toEqual({
      reason: 'protocol',
      message: "WHOOP's login server sent no tokens.",
      hint: 'run it again',
    })
  })

  it('is named when the connection is reset', async () => {
    const url = await serve((request) => request.socket.destroy())
    expect(await failing(open({ WHOOP_TOKEN_URL: url }).refresh(REFRESH))).toMatchInlineSnapshot(`
      {
        "hint": "check the network, then run it again",
        "message": "WHOOP's login server cannot be reached: other side closed",
        "reason": "unavailable",
      }
    `)
  })

  it('is named when the connection breaks in the middle', async () => {
    const url = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"access_token":"new', () => request.socket.destroy())
    })
    expect(await failing(open({ WHOOP_TOKEN_URL: url }).refresh(REFRESH))).toMatchObject({ reason: 'unavailable' })
  })

  it('is named when the name cannot be found', async () => {
    tokenEndpoint().replyWithError(new Error('getaddrinfo ENOTFOUND api.prod.whoop.com'))
    expect((await failing(open().refresh(REFRESH))).message).toMatch(/ENOTFOUND api\.prod\.whoop\.com$/)
  })

  it('is waited for for 90 seconds, and asked for only once', async () => {
    let requests = 0
    const patience = new AbortController()
    const url = await serve(() => {
      requests++
      patience.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    })
    const asked: number[] = []
    const timeout = (ms: number) => {
      asked.push(ms)
      return patience.signal
    }
    const refreshing = open({ WHOOP_TOKEN_URL: url }, { timeout }).refresh(REFRESH)
    expect(await failing(refreshing)).toMatchInlineSnapshot(`
      {
        "hint": "check the network, then run it again",
        "message": "WHOOP's login server cannot be reached: no answer in time",
        "reason": "unavailable",
      }
    `)
    expect([requests, asked]).toEqual([1, [90_000]])
  })
})

describe('revoking', () => {
  it('ends the grant', async () => {
    accessEndpoint().reply(204)
    expect(await open().revoke(ACCESS)).toBeUndefined()
  })

  it('of a grant that has ended already says so', async () => {
    accessEndpoint().reply(401, 'Authorization was not valid')
    expect(await failing(open().revoke(ACCESS))).toMatchInlineSnapshot(`
      {
        "hint": "to log in: whoopster auth",
        "message": "WHOOP no longer knows this login.",
        "reason": "login",
      }
    `)
  })

  it.each([
    [500, 'unavailable'],
    [429, 'later'],
    [404, 'protocol'],
    [200, 'protocol'],
  ])('may fail with %i', async (status, reason) => {
    accessEndpoint().reply(status, `nothing for ${ACCESS}`)
    expect(await failing(open().revoke(ACCESS))).toMatchObject({ reason })
  })
})
