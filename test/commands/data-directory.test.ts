// A data directory that this user cannot use: one `sudo whoopster` is enough for that.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startSandbox } from '../../src/sandbox/index.ts'
import { isLong } from '../support/long.ts'
import { readyDirectory } from '../support/ready.ts'
import { surroundings } from '../support/surroundings.ts'
import { createClock, logIn, run } from '../support/world.ts'

const isRoot = process.getuid?.() === 0
const user = isRoot ? 54_321 : (process.getuid?.() ?? 0) // root may do everything, and would stumble over nothing
const root = fileURLToPath(new URL('../..', import.meta.url))
const place = mkdtempSync(join(tmpdir(), 'whoopster-directory-'))
afterAll(() => rmSync(place, { recursive: true }))

beforeAll(() => {
  chmodSync(place, 0o755)
  for (const name of ['bin', 'dist', 'drizzle', 'package.json', 'node_modules/@electric-sql/pglite'])
    cpSync(join(root, name), join(place, name), { recursive: true })
})

/** The program as that user starts it. */
function start(args: readonly string[], dir: string) {
  const settings = { WHOOPSTER_DATA_DIR: dir, WHOOP_CLIENT_ID: 'app', WHOOP_CLIENT_SECRET: 'of-a-test' }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(place, 'bin/whoopster.js'), ...args], {
    cwd: place,
    env: { ...surroundings, ...settings, WHOOP_API_BASE_URL: 'http://127.0.0.1:1' },
    encoding: 'utf8',
    ...(isRoot && { uid: user, gid: user }),
  })
  return { code: status, said: stdout + stderr }
}

async function newDirectory(): Promise<string> {
  const dir = await readyDirectory()
  onTestFinished(() => {
    chmodSync(dir, 0o700)
    rmSync(dir, { recursive: true })
  })
  if (isRoot) execFileSync('chown', ['-R', `${user}:${user}`, dir])
  return dir
}

const all = [['sync'], ['stats'], ['status'], ['export', '--type', 'sleep'], []]
const commands = isLong ? all : [['sync'], ['stats'], []] // these three open it differently

describe('a data directory', () => {
  it.each([
    ['that may not be written', (dir: string) => chmodSync(dir, 0o500), /cannot be used.*may not be written/],
    ['that may not be read', (dir: string) => chmodSync(dir, 0o000), /cannot be used.*may not be read/],
    [
      'with a key that may not be read',
      (dir: string) => {
        cpSync(join(dir, 'postgres', 'PG_VERSION'), join(dir, 'token.key'))
        chmodSync(join(dir, 'token.key'), 0o000)
        if (isRoot) chownSync(join(dir, 'token.key'), user, user)
      },
      /cannot be used.*token\.key may not be read/,
    ],
  ])('%s: every command says so, and what to do', async (_, spoil, sentence) => {
    const dir = await newDirectory()
    spoil(dir)
    for (const args of commands) {
      const { code, said } = start(args, dir)
      expect({ args, code }).toEqual({ args, code: 78 })
      expect(said).toContain(dir)
      expect(oneLine(said)).toMatch(sentence)
      expect(said).toContain('chmod -R u+rwX')
      expect(said).not.toContain('    at ')
    }
    const { code, said } = start(['doctor'], dir)
    expect(code).toBe(1)
    expect(oneLine(said)).toMatch(new RegExp(`✘ database .*${sentence.source}`))
  })

  it.skipIf(!isRoot)('that one `sudo whoopster` has left to root: how to take it back', async () => {
    const dir = await newDirectory()
    chownSync(join(dir, 'postgres', 'base'), 0, 0)
    chmodSync(join(dir, 'postgres', 'base'), 0o700)
    for (const args of commands) {
      const { code, said } = start(args, dir)
      expect({ args, code }).toEqual({ args, code: 78 })
      expect(oneLine(said)).toContain('postgres/base belongs to root')
      expect(oneLine(said)).toContain(`sudo chown -R ${user} '${dir}'`)
    }
    expect(start(['doctor'], dir)).toMatchObject({ code: 1, said: expect.stringContaining('chown') as string })
  })

  it.skipIf(!isRoot)('of a user is not opened by root, whose files that user could not use', async () => {
    const dir = await newDirectory()
    const { code, err } = await run('migrate', { WHOOPSTER_DATA_DIR: dir }, { isTTY: true, columns: 1_000 })
    expect({ code, err: err.replaceAll(dir, 'DIR') }).toMatchInlineSnapshot(`
      {
        "code": 78,
        "err": "error: The data directory DIR belongs to another user (54321), who could not use what root makes in it.
        → run it as that user, without sudo; or set WHOOPSTER_DATA_DIR or DATABASE_URL
      ",
      }
    `)
  })

  it('that cannot be made: the same', () => {
    mkdirSync(join(place, 'closed'), { mode: 0o555, recursive: true })
    const { code, said } = start(['migrate'], join(place, 'closed', 'new'))
    expect(code).toBe(78)
    expect(said).toContain(`${join(place, 'closed', 'new')} cannot be made: permission denied`)
  })
})

describe('a key that is lost while somebody is logged in', () => {
  it('is not replaced in silence, but by a new login', async () => {
    const clock = createClock()
    const dir = await readyDirectory()
    onTestFinished(() => rmSync(dir, { recursive: true }))
    const sandbox = await startSandbox({ days: 5, limits: 'none', now: clock.now })
    onTestFinished(() => sandbox.close())
    const env = {
      WHOOPSTER_DATA_DIR: dir,
      WHOOP_API_BASE_URL: sandbox.url,
      WHOOP_CLIENT_ID: sandbox.clientId,
      WHOOP_CLIENT_SECRET: sandbox.clientSecret,
      MAX_REQUESTS_PER_MINUTE: '100000',
    }
    await logIn(sandbox, env, { clock })
    const file = join(dir, 'token.key')
    const key = readFileSync(file, 'utf8')
    rmSync(file)
    for (const line of ['sync', 'auth status', 'verify', 'auth logout --user 10001']) {
      const { code, err } = await run(line, env, { clock })
      expect({ line, code }).toEqual({ line, code: 78 })
      expect(err).toContain('token.key')
      expect(existsSync(file)).toBe(false)
    }
    const health = await run('status', env, { clock })
    expect(health.code).toBe(1)
    expect(oneLine(health.out)).toContain(`The key file ${file} is lost, and with it what opens the logins.`)
    expect((await run('auth', env, { clock })).code).toBe(64) // it lacks a terminal, and makes no key for that
    expect(existsSync(file)).toBe(false)
    expect((await run('stats', env, { clock })).code).toBe(0)
    expect(oneLine((await run('auth url', env, { clock })).err)).toContain('a new one is made')
    expect((await logIn(sandbox, env, { clock })).code).toBe(0)
    expect(readFileSync(file, 'utf8')).not.toBe(key)
    expect((await run('sync', env, { clock })).code).toBe(0)
  })
})

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}
