import { createHash } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/index.ts'
import { NOW, open, post } from './open.ts'

const REDIRECT = 'http://localhost:8000/callback'
const GENERIC =
  'The request is missing a required parameter, includes an invalid parameter value, includes a parameter more than once, or is otherwise malformed'

async function start(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ days: 3, now: () => NOW, ...options })
  onTestFinished(() => sandbox.close())
  return sandbox
}

function consentUrl({ url }: Sandbox, change: Record<string, string> = {}): string {
  const query = {
    response_type: 'code',
    client_id: 'sandbox',
    redirect_uri: REDIRECT,
    scope: 'offline read:sleep',
    state: 'eight888',
    ...change,
  }
  return `${url}/oauth/oauth2/auth?${new URLSearchParams(query).toString()}`
}

const queryOf = (location: string) => Object.fromEntries(new URL(location).searchParams)

async function newCode(sandbox: Sandbox, change: Record<string, string> = {}): Promise<string> {
  return queryOf(await sandbox.consent(consentUrl(sandbox, change)))['code'] ?? ''
}

const redeem = (sandbox: Sandbox, code: string, form: Record<string, string> = {}) =>
  post(sandbox, { grant_type: 'authorization_code', redirect_uri: REDIRECT, code, ...form })

const renew = (sandbox: Sandbox, refresh_token: string) =>
  post(sandbox, { grant_type: 'refresh_token', refresh_token, scope: 'offline' })

interface Tokens {
  access_token: string
  refresh_token: string
}
const tokensOf = async (answer: Response) => (await answer.json()) as Tokens

const reads = async ({ url }: Sandbox, token: string) =>
  (await fetch(`${url}/developer/v2/activity/sleep`, { headers: { authorization: `Bearer ${token}` } })).status

describe('the consent page', () => {
  it('lists the invented members and the scopes, and says what it is', async () => {
    const sandbox = await start({ members: 3 })
    const answer = await fetch(consentUrl(sandbox))
    const page = await answer.text()
    expect(answer.headers.get('content-type')).toMatch('text/html')
    for (const { email } of sandbox.world.members()) expect(page).toContain(email)
    expect(page).toContain('value="read:sleep"')
    expect(page).not.toContain('value="read:cycles"')
    expect(page).toMatch(/sandbox.*not WHOOP.*invented/)
    expect(page).not.toMatch(/https?:\/\//)
  })

  it('is a form that a person can send: allow', async () => {
    const sandbox = await start({ members: 2 })
    const page = await (await fetch(consentUrl(sandbox))).text()
    expect(page).toContain('<form method="post" action="/oauth/oauth2/consent">')
    const challenge = /name="challenge" value="([^"]+)"/.exec(page)?.[1] ?? ''
    const body = new URLSearchParams({ challenge, member: '10002', grant: 'read:sleep', decision: 'allow' })
    const answer = await fetch(`${sandbox.url}/oauth/oauth2/consent`, { method: 'POST', body, redirect: 'manual' })
    expect(answer.status).toBe(303)
    const location = answer.headers.get('location') ?? ''
    expect(location.startsWith(`${REDIRECT}?code=`)).toBe(true)
    expect(queryOf(location)).toMatchObject({ scope: 'read:sleep', state: 'eight888' })
    const again = await fetch(`${sandbox.url}/oauth/oauth2/consent`, { method: 'POST', body, redirect: 'manual' })
    expect([again.status, again.headers.get('location')]).toEqual([400, null])
  })

  it('comes back with the state when the person denies', async () => {
    const sandbox = await start()
    const location = await sandbox.consent(consentUrl(sandbox), { deny: true })
    expect(queryOf(location)).toMatchObject({ error: 'access_denied', state: 'eight888' })
  })

  it('lets a person grant less than was asked for, never more', async () => {
    const sandbox = await start()
    const location = await sandbox.consent(consentUrl(sandbox), { grant: ['read:sleep', 'read:cycles'] })
    expect(queryOf(location)['scope']).toBe('read:sleep')
  })

  it.each([{ client_id: 'somebody' }, { redirect_uri: `${REDIRECT}/` }, { redirect_uri: 'https://evil.example.com' }])(
    'sends nobody anywhere for %j',
    async (change) => {
      const sandbox = await start()
      const answer = await fetch(consentUrl(sandbox, change), { redirect: 'manual' })
      expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
      await expect(sandbox.consent(consentUrl(sandbox, change))).rejects.toThrow('400')
    },
  )

  it.each([
    [{ state: 'seven77' }, 'invalid_state'],
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ scope: 'read:bogus_scope' }, 'invalid_scope'],
    [{ code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' }, 'invalid_request'],
    [{ code_challenge: 'short', code_challenge_method: 'S256' }, 'invalid_request'],
  ])('refuses %j before the login, and forgets the state', async (change, error) => {
    const sandbox = await start()
    const answer = await fetch(consentUrl(sandbox, change), { redirect: 'manual' })
    expect(answer.status).toBe(303)
    const query = queryOf(answer.headers.get('location') ?? '')
    expect(query).toMatchObject({ error, error_description: expect.any(String), state: '' })
  })

  it('names the scope that the app does not have', async () => {
    const sandbox = await start({ scopes: ['read:sleep'] })
    const query = queryOf(await sandbox.consent(consentUrl(sandbox)))
    expect(query['error_hint']).toBe('The OAuth 2.0 Client is not allowed to request scope "offline".')
  })
})

describe('a code', () => {
  it('buys a pair of opaque tokens, once', async () => {
    const sandbox = await start()
    const code = await newCode(sandbox)
    const answer = await redeem(sandbox, code)
    const tokens: unknown = await answer.json()
    expect(tokens).toEqual({
      access_token: expect.stringMatching(/^[\w.-]{87}$/),
      expires_in: 3600,
      refresh_token: expect.any(String),
      scope: 'offline read:sleep',
      token_type: 'bearer',
    })
    const again = await redeem(sandbox, code)
    expect(again.status).toBe(400)
    expect(await again.json()).toMatchObject({ error: 'invalid_grant', status_code: 400 })
  })

  it('lives ten minutes', async () => {
    let now = NOW
    const sandbox = await start({ now: () => now })
    const [first, second] = [await newCode(sandbox), await newCode(sandbox)]
    now = new Date(NOW.getTime() + 599_000)
    expect((await redeem(sandbox, first)).status).toBe(200)
    now = new Date(NOW.getTime() + 600_000)
    expect((await redeem(sandbox, second)).status).toBe(400)
  })

  it('is bound to its redirect_uri', async () => {
    const sandbox = await start()
    const answer = await redeem(sandbox, await newCode(sandbox), { redirect_uri: 'http://localhost:9/' })
    expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
  })

  it('needs the verifier of its challenge', async () => {
    const sandbox = await start()
    const verifier = 'v'.repeat(50)
    const code_challenge = createHash('sha256').update(verifier).digest('base64url')
    const code = () => newCode(sandbox, { code_challenge, code_challenge_method: 'S256' })
    expect((await redeem(sandbox, await code())).status).toBe(400)
    expect((await redeem(sandbox, await code(), { code_verifier: 'w'.repeat(50) })).status).toBe(400)
    expect((await redeem(sandbox, await code(), { code_verifier: verifier })).status).toBe(200)
  })

  it('brings no refresh token without offline', async () => {
    const sandbox = await start()
    const answer = await redeem(sandbox, await newCode(sandbox, { scope: 'read:sleep' }))
    expect(await answer.json()).not.toHaveProperty('refresh_token')
  })
})

describe('the token endpoint', () => {
  it.each([{ client_secret: 'wrong' }, { client_id: 'wrong' }])('does not know %j', async (wrong) => {
    const sandbox = await start()
    const answer = await redeem(sandbox, await newCode(sandbox), wrong)
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({ error: 'invalid_client', status_code: 401 })
  })

  it('refuses a Basic header, even beside the right form', async () => {
    const sandbox = await start()
    const authorization = `Basic ${Buffer.from('sandbox:sandbox-secret').toString('base64')}`
    const answer = await post(sandbox, { grant_type: 'refresh_token', refresh_token: 'x' }, { authorization })
    expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_client' }])
  })

  it('reads forms only, and POSTs only', async () => {
    const sandbox = await start()
    const headers = { 'content-type': 'application/json' }
    const url = `${sandbox.url}/oauth/oauth2/token`
    expect((await fetch(url, { method: 'POST', headers, body: '{}' })).status).toBe(400)
    expect((await fetch(url)).status).toBe(405)
  })

  it('knows two kinds of grant', async () => {
    const answer = await post(await start(), { grant_type: 'password' })
    expect(await answer.json()).toMatchObject({ error: 'unsupported_grant_type' })
  })
})

describe('a refresh', () => {
  it('rotates: the old refresh token dies, and the old access token with it', async () => {
    const { access, refresh, sandbox } = await open()
    const fresh = await tokensOf(await renew(sandbox, refresh))
    expect(await reads(sandbox, access)).toBe(401)
    expect(await reads(sandbox, fresh.access_token)).toBe(200)
    const reused = await renew(sandbox, refresh)
    expect([reused.status, await reused.json()]).toEqual([
      400,
      { error: 'invalid_request', error_description: GENERIC, status_code: 400 },
    ])
    expect(await reads(sandbox, fresh.access_token)).toBe(200)
    expect((await renew(sandbox, fresh.refresh_token)).status).toBe(200)
  })

  it('is won by one of two that come at once', async () => {
    const { refresh, sandbox } = await open()
    const answers = await Promise.all([renew(sandbox, refresh), renew(sandbox, refresh)])
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400])
  })

  it('leaves other logins of the same member alone', async () => {
    const { access, refresh, sandbox } = await open()
    const other = await sandbox.login()
    await renew(sandbox, refresh)
    expect([await reads(sandbox, access), await reads(sandbox, other.access_token)]).toEqual([401, 200])
  })

  it('is refused when a scope was unticked, and when the grant was killed', async () => {
    const { refresh, sandbox } = await open()
    const ticked = sandbox.app.scopes
    sandbox.app.scopes = ['offline']
    expect(await (await renew(sandbox, refresh)).json()).toMatchObject({ error: 'invalid_scope' })
    sandbox.app.scopes = ticked
    sandbox.killGrant(10_001)
    expect(await (await renew(sandbox, refresh)).json()).toMatchObject({ error: 'invalid_request' })
  })

  it('can be committed although the answer is a 502', async () => {
    const { access, refresh, sandbox } = await open()
    sandbox.world.faults.token = 'commit-then-502'
    const lost = await renew(sandbox, refresh)
    expect([lost.status, lost.headers.get('content-type')]).toEqual([502, expect.stringContaining('text/html')])
    sandbox.world.faults.token = 'normal'
    expect((await renew(sandbox, refresh)).status).toBe(400)
    expect(await reads(sandbox, access)).toBe(401)
  })

  it('can be committed although nobody waits for the answer', async () => {
    const { refresh, sandbox } = await open()
    sandbox.world.faults.token = { slowMs: 60_000 }
    const seen = new Promise<void>((resolve) => {
      sandbox.world.faults.onRequest = () => void setImmediate(resolve)
    })
    const patience = new AbortController()
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: refresh,
      client_id: 'sandbox',
      client_secret: 'sandbox-secret',
    })
    const lost = fetch(`${sandbox.url}/oauth/oauth2/token`, { method: 'POST', body, signal: patience.signal })
    await seen
    patience.abort()
    await expect(lost).rejects.toThrow('aborted')
    sandbox.world.faults.token = 'normal'
    expect((await renew(sandbox, refresh)).status).toBe(400)
  })
})
