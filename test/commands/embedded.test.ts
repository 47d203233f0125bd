// Without DATABASE_URL: the same program on the embedded PostgreSQL.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openEmbedded } from '../../src/db/connection/embedded.ts'
import { hasScreen } from '../../src/commands/demo.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import type { Env } from '../../src/world.ts'
import { readyDirectory } from '../support/ready.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock, logIn, run } from '../support/world.ts'

describe('the embedded database', () => {
  // One after the other on the same one: to open it takes a second.
  const clock = createClock()
  let sandbox: Sandbox
  let dir: string
  let env: Env

  beforeAll(async () => {
    dir = await readyDirectory()
    sandbox = await startSandbox({ days: 60, limits: 'none', now: clock.now })
    env = {
      WHOOPSTER_DATA_DIR: dir,
      WHOOP_API_BASE_URL: sandbox.url,
      WHOOP_CLIENT_ID: sandbox.clientId,
      WHOOP_CLIENT_SECRET: sandbox.clientSecret,
      MAX_REQUESTS_PER_MINUTE: '100000',
    }
  }, 120_000)
  afterAll(async () => {
    await sandbox.close()
    await rm(dir, { recursive: true, force: true })
  })

  it('takes a login, a first sync and a quiet one, and answers stats and status', async () => {
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
    await onEmbedded(dir, async () => {
      expect(await run('sync', env, { clock })).toMatchObject({
        code: 0,
        err: expect.stringContaining('Another whoopster'),
      })
      const lines = ['stats', 'status', ''] // each of which waits for some seconds
      const [stats, status, none] = await Promise.all(lines.map((line) => run(line, env, { clock })))
      expect(stats).toMatchObject({ code: 75 })
      expect(stats?.err).toMatch(new RegExp(`Another whoopster \\(process ${process.pid}, since 20.* UTC\\)`))
      expect(status).toMatchObject({ code: 0, out: expect.stringContaining('at work') as string })
      expect(none?.out).toContain('Another whoopster')
    })
    expect(await run('sync', env, { clock })).toMatchObject({ code: 0 })
  })

  it('is waited for by who only looks, for as long as a quiet sync takes', async () => {
    const embedded = await openEmbedded(dir)
    const looking = run('status --json', env, { clock })
    setTimeout(() => void embedded.close(), 500)
    expect(JSON.parse((await looking).out)).toMatchObject({ database: { reachable: true } })
  })

  it('refreshes a login that has expired', async () => {
    clock.pass(3 * 3_600_000)
    expect(JSON.parse((await run('sync --json', env, { clock })).out)).toMatchObject({
      outcome: 'ok',
      tokenRefreshes: 1,
    })
  })

  it('says what to do when its key is lost', async () => {
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

  it('is said to be made, the first time', async () => {
    const place = await newDirectory()
    const first = await run('migrate', { WHOOPSTER_DATA_DIR: place }, { isTTY: true })
    expect(first.err).toContain(`making an embedded PostgreSQL in ${place}`)
    expect((await run('migrate', { WHOOPSTER_DATA_DIR: place }, { isTTY: true })).err).toBe('')
  })
})

describe('demo', () => {
  it('shows a login, a first sync and what came of it, says what to do next, and opens the report where there is a screen', async () => {
    const dir = await newDirectory()
    const opened: string[] = []
    const openBrowser = async (url: string) => opened.push(url) > 0
    const env = { DISPLAY: ':0', WHOOPSTER_DATA_DIR: dir }
    const { code, out } = await run('demo --days 14', env, { isTTY: true, openBrowser })
    expect(code).toBe(0)
    const text = stripVTControlCharacters(out)
    expect(text).toContain('$ whoopster sync')
    expect(text).toContain('Logged in: ')
    expect(text).toMatch(/sleep +\d+ +\d{4}-/)
    expect(text).toContain('whoopster auth')
    expect(text).toContain('$ whoopster report\n')
    expect(opened).toEqual([pathToFileURL(join(dir, 'demo', 'report.html')).href])
    expect(await run('status', { WHOOPSTER_DATA_DIR: join(dir, 'demo') })).toMatchObject({ code: 0 })
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
