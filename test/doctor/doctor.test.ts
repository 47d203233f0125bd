// Each test breaks one thing of a healthy member's, and expects that check, and no other, to say so.
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Finding } from '../../src/doctor/findings.ts'
import { startListener } from '../listen/listener.ts'
import { createEmptyDatabase } from '../support/database.ts'
import { newMember, type Member } from '../support/member.ts'
import { freePort } from '../support/postgres.ts'
import { builtInFetch, logIn, run, type RunOptions } from '../support/world.ts'

interface Diagnosis {
  code: number
  healthy: boolean
  /** What is not well, as `check: message → hint`. */
  amiss: string[]
  checks: Finding[]
}

async function doctor(member: Member, env = member.env, options: RunOptions = {}): Promise<Diagnosis> {
  const { code, out } = await run('doctor --json', env, { clock: member.clock, ...options })
  const { healthy, checks } = JSON.parse(out) as Pick<Diagnosis, 'healthy' | 'checks'>
  const amiss = checks
    .filter(({ verdict }) => verdict === 'problem' || verdict === 'warning')
    .map(({ check, message, hint }) => `${check}: ${message} → ${hint}`)
  return { code, healthy, amiss, checks }
}

async function directory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-doctor-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return dir
}

describe('doctor', () => {
  it('finds nothing where nothing is wrong, and changes nothing', async () => {
    const member = await newMember({ days: 5 })
    const tokens = await member.database.sql`select * from oauth_tokens`
    const { code, healthy, amiss } = await doctor(member)
    expect({ code, healthy, amiss }).toEqual({ code: 0, healthy: true, amiss: [] })
    expect(await member.database.sql`select * from oauth_tokens`).toEqual(tokens)
    expect(await member.database.sql`select * from sync_status`).toEqual([])
  })

  it('is safe to paste: no name, no e-mail, no id, no home directory', async () => {
    const member = await newMember({ days: 5, grant: ['offline', 'read:profile', 'read:sleep'] })
    const [user] = await member.database.sql`select * from users`
    const options = { machine: { directory: '/home/milo/whoopster' }, isTTY: true }
    const { out } = await member.run('doctor', options)
    const personal = [
      user?.['email'],
      user?.['first_name'],
      user?.['last_name'],
      '10001',
      member.env['WHOOP_CLIENT_ID'],
    ]
    for (const word of [...personal, '/home/milo']) expect(out).not.toContain(String(word))
    expect(out).toContain('member 1 has not granted')
    expect(out).toContain('✘')
  })

  it.each([
    ['settings', { WHOOP_CLIENT_SECRET: '' }, /WHOOP_CLIENT_SECRET is not set → run: whoopster auth/],
    ['settings', { LOG_LEVEL: 'loud' }, /LOG_LEVEL is none of debug, info, warn, error → correct/],
    ['DNS', { WHOOP_API_BASE_URL: 'https://whoop.invalid' }, /whoop\.invalid cannot be looked up.*HTTPS_PROXY/],
    ['WHOOP', { WHOOP_API_BASE_URL: 'http://127.0.0.1:65535' }, /127\.0\.0\.1 cannot be reached: .*ECONNREFUSED/],
    ['database', { DATABASE_URL: 'postgres://me@127.0.0.1:1/x' }, /refuses connections.*is it running/],
    ['key', { TOKEN_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64') }, /does not open the login of member 1/],
  ])('finds what is wrong with %s when the environment is %j', async (check, broken, message) => {
    const member = await newMember({ days: 5 })
    const { code, amiss, checks } = await doctor(member, { ...member.env, ...broken })
    expect(code).toBe(1)
    const own = checks.filter((one) => one.check === check && one.verdict === 'problem')
    expect(own.map(({ message: said, hint }) => `${said} → ${hint}`)).toEqual([expect.stringMatching(message)])
    expect(amiss).toHaveLength(1)
  })

  it('says when the last archive was made, if ever, and of whom none was', async () => {
    const member = await newMember({ days: 5 })
    const archive = async () => (await doctor(member)).checks.find(({ check }) => check === 'archive')
    const hint = 'for a copy that outlives this database, run: whoopster archive --out whoop.zip'
    expect(await archive()).toEqual({ check: 'archive', verdict: 'ok', message: 'none was ever made here', hint })
    const file = join(await directory(), 'whoop.zip')
    expect((await member.run(['archive', '--out', file])).code).toBe(0)
    member.clock.pass(3 * 86_400_000)
    expect(await archive()).toEqual({ check: 'archive', verdict: 'ok', message: 'made 3 days ago', hint: null })
    await member.database.sql`insert into users (whoop_user_id) values (7)`
    expect(await archive()).toMatchObject({ message: 'made 3 days ago, but not of 1 of 2 members', hint })
  })

  it('finds a certificate that nobody vouches for', async () => {
    const member = await newMember({ days: 5 })
    const file = (name: string) => readFile(new URL(`../fixtures/tls/${name}`, import.meta.url))
    const server = createServer({ cert: await file('server.crt'), key: await file('server.key') })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const url = `https://localhost:${(server.address() as AddressInfo).port}`
    const { amiss } = await doctor(member, { ...member.env, WHOOP_API_BASE_URL: url })
    expect(amiss[0]).toMatch(/^TLS: no trust in who answers for localhost: .* → .*NODE_EXTRA_CA_CERTS/)
  })

  it('finds WHOOP in trouble', async () => {
    const member = await newMember({ days: 5 })
    member.sandbox.world.faults.next = [{ path: '/developer/v2/user/profile/basic', answer: { status: 503 } }]
    expect((await doctor(member)).amiss).toEqual(['WHOOP: answers 503 → WHOOP has trouble: try it again later'])
  })

  it.each([
    [2 * 3_600_000, /^clock: is 2 hours ahead of WHOOP's → set the clock/],
    [11 * 60_000, /^clock: is 11 minutes ahead of WHOOP's → set the clock/],
    [-11 * 60_000, /^clock: is 11 minutes behind WHOOP's → set the clock/],
  ])('finds a clock that is %i ms off', async (offset, message) => {
    const member = await newMember({ days: 5 })
    const whoops = new Date(member.clock.now().getTime() - offset).toUTCString()
    const { amiss } = await doctor(member, member.env, {
      fetch: async (url, init) => {
        const answer = await builtInFetch(url, init)
        const get = (name: string) => (name === 'date' ? whoops : answer.headers.get(name))
        return { status: answer.status, headers: { get }, text: () => answer.text() }
      },
    })
    expect(amiss).toEqual([expect.stringMatching(message)])
  })

  it('finds a setting whose name has a slip in it', async () => {
    const member = await newMember({ days: 5 })
    const { amiss, code } = await doctor(member, { ...member.env, WHOOP_REDIRECT_URL: 'http://localhost/' })
    expect({ amiss, code }).toEqual({
      amiss: ['settings: WHOOP_REDIRECT_URL is set, and is no setting of whoopster → did you mean WHOOP_REDIRECT_URI?'],
      code: 0,
    })
  })

  it('finds a .env that others may read', async () => {
    const member = await newMember({ days: 5 })
    const dir = await directory()
    await writeFile(join(dir, '.env'), '')
    await chmod(join(dir, '.env'), 0o644)
    const open = await doctor(member, member.env, { machine: { directory: dir } })
    expect(open.amiss).toEqual(['.env: others may read .env in this directory (0644) → run: chmod 600 .env'])
    expect(open.code).toBe(0) // it works all the same
    await chmod(join(dir, '.env'), 0o600)
    expect((await doctor(member, member.env, { machine: { directory: dir } })).amiss).toEqual([])
  })

  it('finds a disk that is nearly full, and makes no database to find out', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const dir = join(await directory(), 'data')
    const env = { ...member.env, DATABASE_URL: '', WHOOPSTER_DATA_DIR: dir }
    const { amiss, code } = await doctor(member, env, { machine: { freeBytes: async () => 50e6 } })
    expect({ amiss, code }).toEqual({ amiss: [expect.stringMatching(/^disk: 50 MB free .* → make room/)], code: 1 })
    const little = await doctor(member, env, { machine: { freeBytes: async () => 500e6 } })
    expect(little).toMatchObject({ amiss: [expect.stringMatching(/^disk: 500 MB/)], code: 0 })
    await expect(readFile(join(dir, 'lock'))).rejects.toThrow('ENOENT')
  })

  it('finds a database that may only be read', async () => {
    const member = await newMember({ days: 5 })
    const name = new URL(member.database.url).pathname.slice(1)
    await member.database.sql.unsafe(`alter database "${name}" set default_transaction_read_only = on`)
    const { amiss } = await doctor(member)
    expect(amiss).toEqual([expect.stringMatching(/^database: .* is read-only → point DATABASE_URL at the primary$/)])
  })

  it('finds a schema that lags behind', async () => {
    const member = await newMember({ days: 5 })
    await member.run('migrate --down 1 --yes')
    expect((await doctor(member)).amiss).toEqual([
      expect.stringMatching(/^schema: lacks \S+ → run: whoopster migrate$/),
    ])
  })

  it('has nothing against a database in which nothing is yet', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const empty = await createEmptyDatabase()
    onTestFinished(empty.drop)
    const env = { ...member.env, DATABASE_URL: empty.url }
    expect((await doctor(member, env)).amiss).toEqual([])
    const { out } = await run('doctor', env, { clock: member.clock })
    expect(out).toContain('nobody is logged in yet')
    expect(out).not.toContain('All is well')
  })

  it('finds that nobody is logged in, or that WHOOP has ended a login', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    expect((await doctor(member)).amiss).toEqual(['logins: nobody is logged in → run: whoopster auth'])
    await logIn(member.sandbox, member.env, { clock: member.clock })
    await member.database.sql`update oauth_tokens set dead_fingerprint = 'dead'`
    expect((await doctor(member)).amiss).toEqual([
      'logins: WHOOP has ended the login of member 1 → run: whoopster auth',
    ])
  })

  it('looks whether WEBHOOK_URL leads to a listener', async () => {
    const member = await newMember({ days: 5 })
    const answering =
      (status: number): RunOptions['fetch'] =>
      async (url, init) =>
        url.includes('/hooks')
          ? { status, headers: { get: () => null }, text: async () => '' }
          : builtInFetch(url, init)
    const looked = async (url: string, fetch?: RunOptions['fetch']) => {
      const { amiss, checks } = await doctor(member, { ...member.env, WEBHOOK_URL: url }, fetch ? { fetch } : {})
      expect(JSON.stringify(checks)).not.toContain('example.org')
      return amiss
    }
    const url = 'https://whoop.example.org/hooks'
    const start = 'is whoopster listen running, and reached by what stands before it? see docs/webhooks.md'
    expect(await looked(url, answering(401))).toEqual([])
    expect(await looked(url, answering(200))).toEqual([
      `webhook: WEBHOOK_URL answers 200 to what nobody has signed: it is no listener → ${start}`,
    ])
    expect(await looked(url, answering(404))).toEqual([
      'webhook: WEBHOOK_URL answers 404 → does it end with /webhook, as the listener’s path does?',
    ])
    expect(await looked(url, answering(502))).toEqual([`webhook: WEBHOOK_URL answers 502 → ${start}`])
    expect(await looked('http://whoop.example.org/hooks')).toEqual([
      `webhook: WEBHOOK_URL is no https address, and WHOOP takes no other → ${start}`,
    ])
    expect(await looked(`http://127.0.0.1:${await freePort()}/webhook`)).toEqual([
      expect.stringMatching(/^webhook: WEBHOOK_URL does not answer: .*ECONNREFUSED/),
    ])
    const listener = await startListener(member)
    expect(await looked(`http://127.0.0.1:${listener.port}/webhook`)).toEqual([])
  })

  it('finds scopes that were not granted, and those that WHOOP no longer gives', async () => {
    const member = await newMember({ days: 5, grant: ['offline', 'read:profile', 'read:sleep', 'read:recovery'] })
    expect((await doctor(member)).amiss).toEqual([
      expect.stringMatching(
        /^scopes: member 1 has not granted read:workout, read:cycles, read:body_measurement → tick/,
      ),
    ])
    await logIn(member.sandbox, member.env, { clock: member.clock })
    member.sandbox.revokeAccess()
    expect((await doctor(member)).amiss).toEqual([
      expect.stringMatching(/^scopes: member 1, sleep: WHOOP does not permit/),
    ])
  })

  it('fits a narrow terminal, and wraps nothing in a pipe', async () => {
    const member = await newMember({ days: 5 })
    const { out } = await member.run('doctor', { columns: 60, isTTY: true })
    const widths = stripVTControlCharacters(out)
      .split('\n')
      .map((line) => line.length)
    expect(Math.max(...widths)).toBeLessThanOrEqual(60)
    expect((await member.run('doctor')).out).not.toContain('\u001B')
  })
})
