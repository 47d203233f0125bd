import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isDue } from '../../src/login/session.ts'
import { newMember, syncedMember, type Member } from '../support/member.ts'
import { freePort } from '../support/postgres.ts'
import { secrets } from '../support/secrets.ts'
import { expectNoSecrets, logIn, run, TEST_KEY, type TestClock } from '../support/world.ts'
import { HOUR_MS } from '../support/time.ts'

describe('what cannot be taken back', () => {
  const typing = (text: string) => {
    const stdin = new PassThrough()
    stdin.write(text)
    return { stdin }
  }

  it.each([
    ['auth logout', 'This ends the login of everybody here: WHOOP user 10001. The records stay.'],
    ['migrate --down 1', 'with the data that only it holds.'],
  ])('%s asks on a terminal, and needs --yes without one', async (line, question) => {
    const member = await newMember({ days: 5 })
    const refused = await member.run(line)
    expect(refused).toMatchObject({ code: 64, out: '' })
    expect(JSON.parse(refused.err)).toMatchObject({ hint: 'if it is meant, add: --yes' })
    const declined = await member.run(line, typing('no\n'))
    expect(declined).toMatchObject({ code: 64, out: '' })
    expect(declined.err).toContain(question)
    expect((await member.run('status --json')).out).toContain('"login": "ok"')
    expect(await member.run(line, typing('yes\n'))).toMatchObject({ code: 0 })
  })

  it('is not asked for one member’s logout', async () => {
    const member = await newMember({ days: 5 })
    expect(await member.run('auth logout --user 10001')).toMatchObject({ code: 0 })
  })
})

describe('auth url and auth complete', () => {
  it('log a member in without a terminal, and keep the same row when it happens again', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const first = await logIn(member.sandbox, member.env, { clock: member.clock })
    expect(first).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Logged in: .*WHOOP user 10001\. Next: whoopster sync\n$/),
    })
    await logIn(member.sandbox, member.env, { clock: member.clock })
    expect(await member.database.sql`select count(*)::int as n from oauth_tokens`).toEqual([{ n: 1 }])
    expect(await member.database.sql`select count(*)::int as n from pending_logins`).toEqual([{ n: 0 }])
  })

  it('take a URL that was pasted with quotes and line breaks', async () => {
    const { member, redirected } = await underWay()
    const broken = `"${redirected.slice(0, 40)}\n  ${redirected.slice(40)}" `
    expect(await complete(member, broken)).toMatchObject({ code: 0 })
  })

  it('do not spoil the login that is under way when one try fails', async () => {
    const { member, redirected } = await underWay()
    const answer = { status: 502, body: '<html>bad gateway</html>' }
    member.sandbox.world.faults.next = [{ path: '/oauth/oauth2/token', answer }]
    expect(await complete(member, redirected)).toMatchObject({ code: 69 })
    expect(await complete(member, 'http://localhost:8000/callback?code=wrong')).toMatchObject({ code: 64 })
    expect(await complete(member, redirected)).toMatchObject({ code: 0 })
  })

  it.each(['state=a%00b&code=c', 'state=a&code=c%00', 'state=%1B&code=c'])(
    'refuse control characters: %s',
    async (query) => {
      const { member } = await underWay()
      expect(await complete(member, `http://localhost:8000/callback?${query}`)).toMatchObject({
        code: 64,
        err: expect.not.stringContaining('stack'),
      })
    },
  )

  it('refuse a state that nobody asked for, and one that is older than ten minutes', async () => {
    const { member, redirected } = await underWay()
    expect(await complete(member, redirected.replace(/state=[^&]+/, 'state=somebody-elses'))).toMatchObject({
      code: 77,
    })
    member.clock.pass(11 * 60_000)
    expect(await complete(member, redirected)).toMatchObject({
      code: 77,
      err: expect.stringContaining('begin again: whoopster auth url'),
    })
  })

  it('spend a code once, however many of them are given it at once', async () => {
    const { member, redirected } = await underWay()
    let exchanges = 0
    member.sandbox.world.faults.token = { slowMs: 1_000 }
    member.sandbox.world.faults.onRequest = ({ path }) => {
      if (path.endsWith('/token')) exchanges++
    }
    const runs = await Promise.all(Array.from({ length: 4 }, () => complete(member, redirected)))
    expect(exchanges).toBe(1)
    expect(runs.map(({ code }) => code).toSorted((a, b) => a - b)).toEqual([0, 75, 75, 75])
    for (const { code, err } of runs) {
      if (code === 75) expect(err).toContain('Another process is finishing this login right now.')
    }
    Object.assign(member.sandbox.world.faults, { token: 'normal', onRequest: undefined })
    expect((await member.sync()).outcome).toBe('ok')
  })

  it('are free to finish a login again when the process that was at it is gone', async () => {
    const { member, redirected } = await underWay()
    const claimed = member.database.sql.begin(async (sql) => {
      await sql`select * from pending_logins for update`
      expect(await complete(member, redirected)).toMatchObject({ code: 75 })
      throw new Error('killed')
    })
    await expect(claimed).rejects.toThrow('killed')
    expect(await complete(member, redirected)).toMatchObject({ code: 0 })
  })

  it('refuse a code that was used before', async () => {
    const { member, redirected } = await underWay()
    const saved = await member.database.sql`select * from pending_logins`
    await complete(member, redirected)
    await member.database.sql`insert into pending_logins ${member.database.sql(saved)}`
    expect(await complete(member, redirected)).toMatchObject({
      code: 77,
      err: expect.stringContaining('invalid_grant'),
    })
  })

  it("show WHOOP's own reason and hint, though it brings back no state", async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const redirected =
      'http://localhost:8000/callback?error=invalid_scope&error_description=No.&error_hint=Tick%20it.&state='
    const { code, err } = await complete(member, redirected)
    expect(code).toBe(77)
    expect(JSON.parse(err)).toMatchObject({
      msg: 'WHOOP refused (invalid_scope): No. Tick it.',
      hint: expect.stringContaining('developer.whoop.com'),
    })
  })

  it('say which types cannot be synced when a scope was not granted', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const grant = ['offline', 'read:profile', 'read:sleep', 'read:recovery']
    const { code, err } = await logIn(member.sandbox, member.env, { clock: member.clock, grant })
    expect(code).toBe(0)
    expect(err).toContain('workout, cycle, body')
  })

  it.each([['offline'], ['read:profile']])('refuse a login without %s', async (missing) => {
    const member = await newMember({ days: 5, loggedIn: false })
    const all = ['offline', 'read:profile', 'read:sleep', 'read:recovery', 'read:cycles', 'read:workout']
    const grant = all.filter((scope) => scope !== missing)
    const { code, err } = await logIn(member.sandbox, member.env, { clock: member.clock, grant })
    expect(code).toBe(77)
    expect(err).toContain(missing)
    expect(await member.database.sql`select * from oauth_tokens`).toEqual([])
  })

  it('name the two settings when WHOOP does not know the app', async () => {
    const { member, redirected } = await underWay()
    const env = { ...member.env, WHOOP_CLIENT_SECRET: 'another secret' }
    const { code, err } = await run(['auth', 'complete', redirected], env, { clock: member.clock })
    expect(code).toBe(78)
    expect(err).toContain('WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET')
  })
})

describe('auth on a terminal', () => {
  it('takes the redirect from the browser, past a favicon and a second tab', async () => {
    const origin = `http://127.0.0.1:${await freePort()}`
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: [`${origin}/callback`] })
    const env = { ...member.env, WHOOP_REDIRECT_URI: `${origin}/callback` }
    const pages: number[] = []
    const { code, out } = await run('auth', env, {
      clock: patient(member),
      stdin: new PassThrough(),
      openBrowser: async (url) => {
        const redirected = await member.sandbox.consent(url)
        for (const address of [`${origin}/favicon.ico`, `${redirected}x`, redirected]) {
          pages.push((await fetch(address)).status)
        }
        return true
      },
    })
    expect(pages).toEqual([404, 400, 200])
    expect(code).toBe(0)
    expect(out).toContain('WHOOP user 10001')
  })

  it('takes the pasted URL at the same prompt', async () => {
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: ['https://example.com/callback'] })
    const env = { ...member.env, WHOOP_REDIRECT_URI: 'https://example.com/callback' }
    const stdin = new PassThrough()
    const { code, out, err } = await run('auth', env, {
      clock: patient(member),
      stdin,
      heard: pasting(member, stdin),
    })
    expect(err).toContain('in a browser of any machine')
    expect(code).toBe(0)
    expect(out).toContain('WHOOP user 10001')
  })

  it('asks again when what was pasted cannot be the URL', async () => {
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: ['https://example.com/callback'] })
    const env = { ...member.env, WHOOP_REDIRECT_URI: 'https://example.com/callback' }
    const stdin = new PassThrough()
    const { code, err } = await run('auth', env, {
      clock: patient(member),
      stdin,
      heard: pasting(member, stdin, 'what?\n'),
    })
    expect(code).toBe(0)
    expect(err).toContain('That is not the URL WHOOP redirected to')
  })

  it('is left with pasting when the port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: [`http://127.0.0.1:${port}/callback`] })
    const env = { ...member.env, WHOOP_REDIRECT_URI: `http://127.0.0.1:${port}/callback` }
    const stdin = new PassThrough()
    const { code, err } = await run('auth', env, {
      clock: patient(member),
      stdin,
      heard: pasting(member, stdin),
    })
    expect(code).toBe(0)
    expect(err).toContain(`Cannot wait for the browser on port ${port}`)
  })

  it('gives up after ten minutes, with a sentence', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const env = { ...member.env, WHOOP_REDIRECT_URI: 'https://example.com/callback' }
    const { code, err } = await run('auth', env, { clock: member.clock, stdin: new PassThrough() })
    expect(code).toBe(77)
    expect(err).toContain('Nobody came back from WHOOP within 10 minutes.')
  })

  it('never prompts without a terminal', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const { code, err } = await member.run('auth')
    expect(code).toBe(64)
    expect(err).toContain('whoopster auth url')
  })
})

describe('auth status, logout and keygen', () => {
  it('status shows scopes, expiry and the key, and changes nothing', async () => {
    const member = await newMember({ days: 5 })
    const before = await member.database.sql`select * from oauth_tokens`
    const { code, out } = await member.run('auth status')
    expect(code).toBe(0)
    expect(out).toContain('WHOOP user 10001')
    expect(out).toContain('read:sleep')
    expect(out).toContain('access token for another 1 hour, renewed by itself')
    const json = JSON.parse((await member.run('auth status --json')).out) as unknown
    expect(json).toMatchObject({
      users: [
        {
          whoopUserId: 10_001,
          member: 1,
          login: 'ok',
          expiresAt: '2026-11-22T11:20:00.000Z',
          refusedScopes: [],
          sealedUnder: { key: 'current' },
        },
      ],
    })
    expect(out).toContain('under the current key')
    const rotated = { ...member.env, TOKEN_ENCRYPTION_KEY: `${newKey(1)},${TEST_KEY}` }
    expect((await run('auth status', rotated, { clock: member.clock })).out).toContain('under an older key')
    const lost = { ...member.env, TOKEN_ENCRYPTION_KEY: newKey(2) }
    expect((await run('auth status --json', lost, { clock: member.clock })).out).toContain('"key": "not set"')
    expect(await member.database.sql`select * from oauth_tokens`).toEqual(before)
  })

  it('status says when a token has ended, and gives programs an empty list when nobody is logged in', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(3 * 3_600_000)
    expect((await member.run('auth status')).out).toContain(
      'access token ended 2 hours ago, and is renewed by the next',
    )
    expect((await member.run('auth status --json')).out).toContain('"login": "expired"')
    await member.run('auth logout --yes')
    const { code, out } = await member.run('auth status --json')
    expect({ code, out: JSON.parse(out) as unknown }).toEqual({ code: 77, out: { users: [] } })
  })

  it.each([40, 80, 120])('status breaks no word at %i columns', async (columns) => {
    const member = await newMember({ days: 2 })
    const { out } = await member.run('auth status', { isTTY: true, columns })
    const lines = out.split('\n')
    expect(lines.filter((line) => line.length > columns)).toEqual([])
    for (const scope of ['read:body_measurement', 'read:recovery', 'offline']) expect(out).toContain(scope)
  })

  it('logout revokes at WHOOP, forgets the tokens and keeps the records', async () => {
    const member = await syncedMember({ days: 5 })
    expect(await member.run('auth logout --yes')).toMatchObject({
      code: 0,
      out: expect.stringContaining('revoked at WHOOP'),
    })
    expect(member.sandbox.requests.at(-1)).toMatchObject({ method: 'DELETE', status: 204 })
    expect(await member.database.sql`select * from oauth_tokens`).toEqual([])
    expect((await member.database.sql`select * from sleep_records`).length).toBeGreaterThan(0)
    expect(await member.run('sync')).toMatchObject({ code: 77 })
    expect(await member.run('auth logout --yes')).toMatchObject({ code: 77 })
  })

  it('logout revokes though WHOOP refuses the access token before its time', async () => {
    const member = await newMember({ days: 5 })
    member.sandbox.revokeAccess()
    expect(await member.run('auth logout --yes')).toMatchObject({
      code: 0,
      out: expect.stringContaining('revoked at WHOOP'),
    })
    expect(member.sandbox.requests.at(-1)).toMatchObject({ method: 'DELETE', status: 204 })
  })

  it.each([
    ['of the refresh', '/oauth/oauth2/token'],
    ['that revokes', '/developer/v2/user/access'],
  ])('logout says what is left to do when WHOOP is down at the request %s', async (_, path) => {
    const member = await newMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    member.sandbox.world.faults.next = [{ path, times: 9, answer: { status: 503, body: 'down' } }]
    const { code, err } = await member.run('auth logout --yes')
    expect(code).toBe(69)
    expect(err).toContain('is still logged in, at WHOOP and here')
    expect(err).toContain('run it again later: whoopster auth logout --user 10001')
    member.sandbox.world.faults.next = []
    expect(await member.run('auth logout --yes')).toMatchObject({ code: 0 })
  })

  it('logout leaves the records to be looked at', async () => {
    const member = await syncedMember({ days: 5 })
    await member.run('auth logout --yes')
    expect(await member.run('stats')).toMatchObject({ code: 0, out: expect.stringContaining('WHOOP user 10001') })
  })

  it('keygen prints a key that works, another one each time', async () => {
    const first = await run('auth keygen', {})
    const second = await run('auth keygen', {})
    expect(Buffer.from(first.out, 'base64')).toHaveLength(32)
    expect(first.out).not.toBe(second.out)
  })
})

describe('a login', () => {
  it('that nears its end around the full hour is used with a warning', async () => {
    const member = await newMember({ days: 5 })
    member.clock.set('2026-11-22T10:30:00Z')
    await logIn(member.sandbox, member.env, { clock: member.clock })
    await member.database.sql`update oauth_tokens set expires_at = '2026-11-22T11:03:00Z'`
    member.clock.set('2026-11-22T11:00:00Z')
    const { code, err, tokenRefreshes } = await member.sync()
    expect({ code, tokenRefreshes }).toEqual({ code: 0, tokenRefreshes: 0 })
    expect(err).toContain('the access token ends soon')
  })

  it('is refreshed once for all types when its token has expired', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 1 })
    expect(posts(member)).toBe(2) // the login's and this one
  })

  it('is not refreshed while its token is young', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(20 * 60_000)
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 0 })
  })

  it('costs one POST for ten runs at once on one expired token', async () => {
    const member = await syncedMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    const before = posts(member)
    const runs = await Promise.all(Array.from({ length: 10 }, () => member.run('sync')))
    expect(runs.map(({ code }) => code)).toEqual(Array.from({ length: 10 }, () => 0))
    expect(posts(member) - before).toBe(1)
  })

  it('survives a refused access token with one refresh and one more try', async () => {
    const member = await newMember({ days: 5 })
    member.sandbox.revokeAccess()
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 1 })
  })

  it('survives an answer that was lost before WHOOP acted', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    member.sandbox.world.faults.next = [{ path: '/oauth/oauth2/token', act: 'reset' }]
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 1 })
  })

  it('uses its old token while that lasts when an early refresh gets no answer', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(31 * 60_000)
    const answer = { status: 503, body: 'down' }
    member.sandbox.world.faults.next = [{ path: '/oauth/oauth2/token', times: 2, answer }]
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 0 })
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 1 })
  })

  it.each([
    [429, 'Too Many Requests'],
    [403, '<html>blocked</html>'],
  ])('uses its old token while that lasts when an early refresh is answered with %i', async (status, body) => {
    const member = await newMember({ days: 5 })
    member.clock.pass(31 * 60_000)
    member.sandbox.world.faults.next = [{ path: '/oauth/oauth2/token', answer: { status, body } }]
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 0 })
    expect(await member.sync()).toMatchObject({ code: 0, tokenRefreshes: 1 })
  })

  it('is asked for once when WHOOP answers with a refusal of another kind', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    const answer = { status: 403, body: '<html>blocked</html>' }
    member.sandbox.world.faults.next = [{ path: '/oauth/oauth2/token', times: 1, answer }]
    const before = posts(member)
    expect(await member.sync()).toMatchObject({ code: 76 })
    expect(posts(member) - before).toBe(1)
    expect(await member.sync()).toMatchObject({ code: 0 })
  })

  it('that WHOOP has ended is asked about once, and then says what to do until somebody does it', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    member.sandbox.killGrant()
    const before = posts(member)
    const first = await member.sync()
    expect(first).toMatchObject({
      code: 77,
      outcome: 'failed',
      users: [{ error: { reason: 'login', hint: expect.stringContaining('whoopster auth') } }],
    })
    expect(await member.sync()).toMatchObject({ code: 77 })
    expect(posts(member) - before).toBe(1)
    expect(await member.run('status')).toMatchObject({ code: 1, out: expect.stringContaining('run: whoopster auth') })
    await logIn(member.sandbox, member.env, { clock: member.clock })
    expect(await member.sync()).toMatchObject({ code: 0 })
  })

  it('of one member that has ended does not stop the others, and decides the exit code', async () => {
    const member = await newMember({ days: 5, members: 2 })
    await logIn(member.sandbox, member.env, { clock: member.clock, member: 10_002 })
    member.clock.pass(2 * HOUR_MS)
    member.sandbox.killGrant(10_001)
    const result = await member.sync()
    expect(result).toMatchObject({ code: 77, outcome: 'partial' })
    expect(result.users.map(({ outcome }) => outcome)).toEqual(['failed', 'ok'])
  })

  it('is not touched when WHOOP does not know the app', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    const env = { ...member.env, WHOOP_CLIENT_SECRET: 'another secret' }
    const { code, err } = await run('sync', env, { clock: member.clock })
    expect(code).toBe(78)
    expect(err).toContain('WHOOP_CLIENT_ID')
    expect(await member.sync()).toMatchObject({ code: 0 })
  })

  it('sealed with another key says so, and is left as it is', async () => {
    const member = await newMember({ days: 5 })
    const before = await member.database.sql`select * from oauth_tokens`
    const env = { ...member.env, TOKEN_ENCRYPTION_KEY: newKey(2) }
    expect(await run('sync', env, { clock: member.clock })).toMatchObject({
      code: 78,
      err: expect.stringContaining('TOKEN_ENCRYPTION_KEY'),
    })
    expect(await member.database.sql`select * from oauth_tokens`).toEqual(before)
  })

  it('reads under the old key and writes under the new one while keys rotate', async () => {
    const member = await newMember({ days: 5 })
    const rotating = { ...member.env, TOKEN_ENCRYPTION_KEY: `${newKey(3)},${TEST_KEY}` }
    member.clock.pass(2 * HOUR_MS)
    expect((await run('sync', rotating, { clock: member.clock })).code).toBe(0)
    const rotated = { ...member.env, TOKEN_ENCRYPTION_KEY: newKey(3) }
    expect((await run('sync', rotated, { clock: member.clock })).code).toBe(0)
  })

  it('is nowhere in the database unsealed, nor in anything that was printed', async () => {
    const member = await newMember({ days: 5 })
    member.clock.pass(2 * HOUR_MS)
    const { out, err } = await member.run('sync --verbose --json')
    expectNoSecrets(out + err)
    member.sandbox.world.faults.next = [
      { path: '/developer/v2/cycle', answer: { status: 200, body: '{"records":[{"id":1}]}' } },
    ]
    await member.sync('--full')
    const url = `${member.env['DATABASE_URL']}?lock_timeout=1`
    await member.database.sql.begin(async (tx) => {
      await tx`lock table oauth_tokens`
      const locked = await run('sync --verbose --json', { ...member.env, DATABASE_URL: url }, { clock: member.clock })
      expectNoSecrets(locked.out + locked.err)
    })
    const tables = ['oauth_tokens', 'pending_logins', 'sync_runs', 'sync_status', 'users', 'quarantined_records']
    for (const table of [...tables, 'record_history', 'chased_records']) {
      expectNoSecrets(JSON.stringify(await member.database.sql`select * from ${member.database.sql(table)}`))
    }
    expect(secrets.size).toBeGreaterThan(5)
  })
})

describe('the time for a refresh', () => {
  const granted = new Date('2026-11-22T10:20:00Z')
  const tokens = { grantedAt: granted, expiresAt: new Date('2026-11-22T11:20:00Z') }
  it.each([
    ['10:49:59', false, 'before half its life'],
    ['10:50:00', true, 'from half its life on'],
    ['10:57:59', true, 'just before the hour'],
    ['10:58:00', false, 'around the full hour'],
    ['11:04:59', false, 'around the full hour'],
    ['11:05:00', true, 'after it'],
    ['11:19:01', true, 'when it would not outlive the next request'],
    ['12:00:00', true, 'when it has expired, whatever the minute'],
  ])('at %s is %s: %s', (time, due) => {
    expect(isDue(tokens, new Date(`2026-11-22T${time}Z`))).toBe(due)
  })
})

async function underWay() {
  const member = await newMember({ days: 5, loggedIn: false })
  const { out } = await member.run('auth url')
  return { member, redirected: await member.sandbox.consent(out.trim()) }
}

function complete({ env, clock }: Member, redirected: string) {
  return run(['auth', 'complete', redirected], env, { clock })
}

/** Allows what the shown URL asks for, and pastes where that led to. */
function pasting({ sandbox }: Member, stdin: PassThrough, first = '') {
  return (text: string) => {
    const [url] = /https?:\S+\/oauth2\/auth\S+/.exec(text) ?? []
    if (!url) return
    if (first) stdin.write(first)
    void sandbox.consent(url).then((redirected) => stdin.write(`${redirected}\n`))
  }
}

/** Its ten minutes do not pass by being waited for. */
function patient({ clock }: Member): TestClock {
  return { ...clock, sleep: () => new Promise(() => {}) }
}

function posts({ sandbox }: Member): number {
  return sandbox.requests.filter(({ path }) => path.endsWith('/token')).length
}

function newKey(seed: number): string {
  return Buffer.alloc(32, seed).toString('base64')
}
