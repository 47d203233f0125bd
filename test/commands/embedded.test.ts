// Without DATABASE_URL: the same program on the embedded PostgreSQL.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'
import postgres from 'postgres'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openEmbedded } from '../../src/db/connection/embedded.ts'
import { hasScreen } from '../../src/commands/demo.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import { readyDirectory } from '../support/ready.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock, logIn, run } from '../support/world.ts'

describe('the embedded database', () => {
  it('takes a login, a first sync and a quiet one, and answers stats and status', async () => {
    const { env, clock, sandbox, dir } = await newMember({ days: 120 })
    await logIn(sandbox, env, { clock })
    expect((await stat(join(dir, 'token.key'))).mode & 0o777).toBe(0o600)
    expect(await run('status', env, { clock })).toMatchObject({ code: 1 })
    expect(await run('sync', env, { clock })).toMatchObject({ code: 0 })
    const quiet = JSON.parse((await run('sync --json', env, { clock })).out)
    expect(quiet).toMatchObject({
      outcome: 'ok',
      requests: 4,
      users: [{ types: { sleep: { inserted: 0, updated: 0 } } }],
    })
    expect(await run('stats', env, { clock })).toMatchObject({ code: 0, out: expect.stringContaining('recovery') })
    expect(await run('status', env, { clock })).toMatchObject({ code: 0, out: expect.stringContaining('healthy') })
    expect((await run('migrate --status', env, { clock })).out).toContain('applied  0000_tables')
    await onEmbedded(dir, (sql) => expectFaithful({ sql }, sandbox))
  })

  it('is used by one process at a time: a second sync says so and ends with 0, stats with 75', async () => {
    const { env, clock, sandbox, dir } = await newMember({ days: 5 })
    await logIn(sandbox, env, { clock })
    await onEmbedded(dir, async () => {
      expect(await run('sync', env, { clock })).toMatchObject({
        code: 0,
        err: expect.stringContaining('Another whoopster'),
      })
      const stats = await run('stats', env, { clock })
      expect(stats).toMatchObject({ code: 75 })
      expect(stats.err).toMatch(new RegExp(`Another whoopster \\(process ${process.pid}, since 20.* UTC\\)`))
      const status = await run('status', env, { clock })
      expect(status).toMatchObject({ code: 0, out: expect.stringContaining('at work') as string })
      expect((await run('', env, { clock })).out).toContain('Another whoopster')
    })
    expect(await run('sync', env, { clock })).toMatchObject({ code: 0 })
  })

  it('is waited for by who only looks, for as long as a quiet sync takes', async () => {
    const { env, clock, dir } = await newMember({ days: 5 })
    const embedded = await openEmbedded(dir)
    const looking = run('status --json', env, { clock })
    setTimeout(() => void embedded.close(), 500)
    expect(JSON.parse((await looking).out)).toMatchObject({ database: { reachable: true } })
  })

  it('is said to be made, the first time', async () => {
    const dir = await newDirectory()
    const first = await run('migrate', { WHOOPSTER_DATA_DIR: dir }, { isTTY: true })
    expect(first.err).toContain(`making an embedded PostgreSQL in ${dir}`)
    expect((await run('migrate', { WHOOPSTER_DATA_DIR: dir }, { isTTY: true })).err).toBe('')
  })

  it('refreshes a login that has expired', async () => {
    const { env, clock, sandbox } = await newMember({ days: 5 })
    await logIn(sandbox, env, { clock })
    clock.pass(3 * 3_600_000)
    expect(JSON.parse((await run('sync --json', env, { clock })).out)).toMatchObject({
      outcome: 'ok',
      tokenRefreshes: 1,
    })
  })

  it('says what to do when its key is lost', async () => {
    const { env, clock, sandbox, dir } = await newMember({ days: 5 })
    await logIn(sandbox, env, { clock })
    await rm(join(dir, 'token.key'))
    const { code, out } = await run('doctor', env, { clock })
    expect({ code, out }).toEqual({
      code: 1,
      out: expect.stringMatching(/✘ key .*token\.key is lost\n.*a backup, or log in/),
    })
    const { err } = await run('sync', env, { clock })
    expect(err).toContain('token.key')
    expect(err).toContain('whoopster auth')
  })
})

describe('demo', () => {
  it('shows a login, a first sync and what came of it, and says what to do next', async () => {
    const dir = await newDirectory()
    const { code, out, err } = await run('demo --days 40', { WHOOPSTER_DATA_DIR: dir })
    expect({ code, err: err.replaceAll(/^\{"level":"info".*\n/gm, '') }).toEqual({ code: 0, err: '' })
    expect(out).toContain('$ whoopster sync')
    expect(out).toContain('Logged in: ')
    expect(out).toMatch(/sleep +\d+ +\d{4}-/)
    expect(out).toContain('whoopster auth')
    expect(out).toContain(`$ whoopster report\n${join(dir, 'demo', 'report.html')}\n`)
    expect(await run('status', { WHOOPSTER_DATA_DIR: join(dir, 'demo') })).toMatchObject({ code: 0 })
  })

  it('opens the report where there is a screen', async () => {
    const dir = await newDirectory()
    const opened: string[] = []
    const openBrowser = async (url: string) => opened.push(url) > 0
    const { code } = await run(
      'demo --days 3',
      { DISPLAY: ':0', WHOOPSTER_DATA_DIR: dir },
      { isTTY: true, openBrowser },
    )
    expect(code).toBe(0)
    expect(opened).toEqual([pathToFileURL(join(dir, 'demo', 'report.html')).href])
  }, 120_000)

  it.each([
    [true, 'linux', { DISPLAY: ':0' }],
    [true, 'linux', { WAYLAND_DISPLAY: 'wayland-0' }],
    [true, 'darwin', {}],
    [true, 'win32', {}],
    [false, 'linux', {}],
    [false, 'linux', { DISPLAY: ':0', CI: '1' }],
    [false, 'darwin', { SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' }],
  ])('sees a screen (%s): %s, %j', (is, platform, env) => {
    const tty = { isTTY: true, write: () => true }
    const terminal = { stdin: Object.assign(new PassThrough(), { isTTY: true }), stdout: tty, stderr: tty }
    expect(hasScreen({ env, terminal, machine: { runtime: `Node 20.19.0, ${platform} x64` } })).toBe(is)
    expect(hasScreen({ env, terminal: { ...terminal, stdout: { write: () => true } }, machine: { runtime: '' } })).toBe(
      false,
    )
  })
})

async function newMember({ days }: { days: number }) {
  const clock = createClock()
  const dir = await readyDirectory()
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const sandbox = await startSandbox({ days, limits: 'none', now: clock.now })
  onTestFinished(() => sandbox.close())
  const env = {
    WHOOPSTER_DATA_DIR: dir,
    WHOOP_API_BASE_URL: sandbox.url,
    WHOOP_CLIENT_ID: sandbox.clientId,
    WHOOP_CLIENT_SECRET: sandbox.clientSecret,
    MAX_REQUESTS_PER_MINUTE: '100000',
  }
  return { env, clock, sandbox, dir }
}

async function newDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

async function onEmbedded(dir: string, work: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const embedded = await openEmbedded(dir)
  const sql = postgres({ max: 1, fetch_types: false, socket: () => embedded.socket() } as never)
  try {
    await work(sql)
  } finally {
    await sql.end()
    await embedded.close()
  }
}
