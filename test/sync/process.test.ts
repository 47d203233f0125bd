// The program as it is installed: a process of its own, which can be killed.
import { spawnSync, type ChildProcess } from 'node:child_process'
import { chmod, chown, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isLong } from '../support/long.ts'
import { newMember, type Member } from '../support/member.ts'
import { startProgram, type Running } from '../support/program.ts'
import { expectFaithful } from '../support/truth.ts'
import { realClock } from '../support/world.ts'

describe('kill -9', () => {
  it.each(isLong ? [1, 2, 5, 9, 14, 20] : [9])(
    'at request %i of a first sync costs nothing that was committed',
    async (request) => {
      const member = await newMember({ days: 200, clock: realClock() })
      const whole = wholeSync(member)
      await killAt(member, request, ['sync'])
      const kept = await storedRecords(member)
      const rest = await member.sync()
      expect(rest.outcome).toBe('ok')
      await expectFaithful(member.database, member.sandbox)
      // each type asks for its newest page again, and for the page it died on
      expect(rest.requests).toBeLessThanOrEqual(whole - Math.floor(kept / 25) + 8)
    },
  )

  it('in the middle of --full is made good by a plain sync', async () => {
    const member = await newMember({ days: 90, clock: realClock() })
    await member.sync()
    const oldest = member.sandbox.world.list('workout').at(-1)
    if (!oldest) throw new Error('the sandbox made no workout')
    member.sandbox.world.put('workout', { ...oldest, sport_name: 'edited' })
    await killAt(member, 8, ['sync', '--full'])
    expect((await member.sync()).outcome).toBe('ok')
    await expectFaithful(member.database, member.sandbox)
  })
})

describe('two at once', () => {
  it('share the work: one syncs, the other says so, both end with 0', async () => {
    const member = await newMember({ days: 60, clock: realClock() })
    let second: Running | undefined
    member.sandbox.world.faults.onRequest = async ({ path }) => {
      if (second || !path.includes('/v2/')) return
      second = start(member, ['sync', '--json'])
      await second.ended
    }
    const first = await start(member, ['sync', '--json']).ended
    const other = await second?.ended
    expect([first.code, other?.code]).toEqual([0, 0])
    expect(JSON.parse(first.out)).toMatchObject({ outcome: 'ok' })
    expect(JSON.parse(other?.out ?? '')).toMatchObject({ outcome: 'skipped', requests: 0 })
    expect(other?.err).toContain('another run is syncing sleep')
    await expectFaithful(member.database, member.sandbox)
  })

  it('take different types at the same time', async () => {
    const member = await newMember({ days: 30, clock: realClock() })
    const runs = [start(member, ['sync', '--type', 'sleep']), start(member, ['sync', '--type', 'cycle', 'workout'])]
    expect((await Promise.all(runs.map(({ ended }) => ended))).map(({ code }) => code)).toEqual([0, 0])
    await expectFaithful(member.database, member.sandbox, { only: ['sleep', 'cycle', 'workout'] })
  })
})

describe('a signal', () => {
  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGQUIT', 131],
    ['SIGTERM', 143],
  ] as const)('%s ends a sync with %i, and what was committed is kept', async (signal, code) => {
    const member = await newMember({ days: 90, clock: realClock() })
    let requests = 0
    let child: ChildProcess | undefined
    member.sandbox.world.faults.onRequest = async ({ path }) => {
      if (path.includes('/v2/') && ++requests === 8) child?.kill(signal)
    }
    const running = start(member, ['sync'])
    child = running.child
    const { code: ended, err } = await running.ended
    expect(ended).toBe(code)
    expect(err).toMatch(/everything committed is kept \(this run read (\d+ \w+(, )?)+\)/)
    expect(err).toContain('whoopster sync')
    expect(await storedRecords(member)).toBeGreaterThan(0)
    member.sandbox.world.faults.onRequest = undefined
    await member.sync()
    await expectFaithful(member.database, member.sandbox)
  })

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ...(isLong
      ? ([
          ['SIGHUP', 129],
          ['SIGQUIT', 131],
        ] as const)
      : []),
  ] as const)('%s does not cut a refresh short: the new login is stored first', async (signal, code) => {
    const member = await newMember({ days: 5, accessTokenSeconds: 30, clock: realClock() })
    let child: ChildProcess | undefined
    member.sandbox.world.faults.token = { slowMs: 500 }
    member.sandbox.world.faults.onRequest = ({ path }) => {
      if (path.endsWith('/token')) child?.kill(signal)
    }
    const running = start(member, ['sync'])
    child = running.child
    expect((await running.ended).code).toBe(code)
    Object.assign(member.sandbox.world.faults, { token: 'normal', onRequest: undefined })
    expect((await member.sync()).outcome).toBe('ok')
  })

  it('given again and again ends it at once, but not before a refresh', async () => {
    const member = await newMember({ days: 5, accessTokenSeconds: 30, clock: realClock() })
    let impatience: NodeJS.Timeout | undefined
    let child: ChildProcess | undefined
    member.sandbox.world.faults.token = { slowMs: 500 }
    member.sandbox.world.faults.onRequest = ({ path }) => {
      if (path.endsWith('/token')) impatience ??= setInterval(() => child?.kill('SIGINT'), 20)
    }
    const running = start(member, ['sync'])
    child = running.child
    const { code, err } = await running.ended
    clearInterval(impatience)
    expect(code).toBe(130)
    expect(err).toContain('a login is being renewed')
    expect(err).not.toContain('everything committed is kept') // for that it would have had to go on
    Object.assign(member.sandbox.world.faults, { token: 'normal', onRequest: undefined })
    expect((await member.sync()).outcome).toBe('ok')
  })
})

describe('the program', () => {
  it('reads .env in the working directory, and the environment comes first', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'whoopster-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    await writeFile(join(dir, '.env'), 'DATABASE_URL=mysql://from-the-file\n')
    const fromFile = await startIn(dir, ['stats'], {}).ended
    expect(fromFile.code).toBe(78)
    expect(fromFile.err).toContain('DATABASE_URL does not begin with postgres://')
    const fromBoth = await startIn(dir, ['stats'], { DATABASE_URL: 'postgres://u@127.0.0.1:1/x' }).ended
    expect(fromBoth.code).toBe(69)
  })

  it.each([0o666, 0o602])('does not read a .env that others may write: %o', async (mode) => {
    const { code, err } = await withDotenv((path) => chmod(path, mode))
    expect(code).toBe(78)
    expect(JSON.parse(err)).toMatchObject({
      level: 'error',
      msg: '.env in this directory is not read: others may write to it.',
      reason: 'settings',
      hint: 'look at it, then: chmod 600 .env',
    })
  })

  it.runIf(process.getuid?.() === 0)('does not read a .env that belongs to another user', async () => {
    const { code, err } = await withDotenv((path) => chown(path, 12_345, 12_345))
    expect({ code, err }).toMatchObject({ code: 78, err: expect.stringContaining('belongs to another user (12345)') })
    expect((await withDotenv((path) => chmod(path, 0o644))).err).toContain(
      'DATABASE_URL does not begin with postgres://',
    )
  })

  it('says so when .env cannot be read', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'whoopster-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    await mkdir(join(dir, '.env'))
    expect(await startIn(dir, ['stats'], {}).ended).toMatchObject({ code: 78, err: expect.stringContaining('.env') })
    const { err } = await startIn(dir, ['stats', '--log-format', 'text'], {}).ended
    expect(err).toMatch(/^error: \.env in this directory cannot be read: .*\n {2}→ mend it, or run /)
  })

  it('reads a .env whose first line bears an editor’s mark', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'whoopster-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    await writeFile(join(dir, '.env'), '\uFEFFDATABASE_URL=mysql://from-the-file\n')
    expect((await startIn(dir, ['stats'], {}).ended).err).toContain('DATABASE_URL does not begin with postgres://')
  })

  it('does without a working directory that is gone', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'whoopster-'))
    const from = (args: string) =>
      spawnSync('sh', ['-c', `cd "${dir}" && rmdir "${dir}" && exec "${process.execPath}" "${installed}" ${args}`], {
        env: { PATH: process.env.PATH, DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' },
        encoding: 'utf8',
      })
    expect(from('--version')).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/^\d/) as string })
    await mkdir(dir)
    expect(from('stats')).toMatchObject({
      status: 69,
      stderr: expect.stringContaining('refuses connections') as string,
    })
  })

  it.skipIf(process.getuid?.() !== 0)(
    'does without a working directory that is somebody else’s, as with sudo -u',
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'whoopster-'))
      onTestFinished(() => rm(dir, { recursive: true }))
      const program = await copyOfProgram()
      const { status, stderr } = spawnSync(process.execPath, [program, 'stats'], {
        cwd: dir, // 0700, and root's
        uid: 65_534,
        gid: 65_534,
        env: { PATH: process.env.PATH, DATABASE_URL: 'postgres://u:p@127.0.0.1:1/x' },
        encoding: 'utf8',
      })
      expect([status, stderr]).toEqual([69, expect.stringContaining('refuses connections')])
    },
  )

  it('prints its version and its help on stdout, and ends with 0', async () => {
    expect(await startIn(undefined, ['--version'], {}).ended).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d/),
    })
    expect(await startIn(undefined, ['--help'], {}).ended).toMatchObject({
      code: 0,
      out: expect.stringContaining('sync'),
    })
    expect(await startIn(undefined, [], { WHOOPSTER_DATA_DIR: join(tmpdir(), 'whoopster-none') }).ended).toMatchObject({
      code: 0,
      out: expect.stringContaining('→ '),
    })
  })
})

const installed = fileURLToPath(new URL('../../bin/whoopster.js', import.meta.url))

/** Where everybody may read it, wherever the repository lies. */
async function copyOfProgram(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-copy-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const root = dirname(dirname(installed))
  for (const name of ['bin', 'dist', 'drizzle', 'package.json'])
    await cp(join(root, name), join(dir, name), { recursive: true })
  await chmod(dir, 0o755)
  return join(dir, 'bin', 'whoopster.js')
}

async function withDotenv(change: (path: string) => Promise<void>) {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, '.env'), 'DATABASE_URL=mysql://from-the-file\n', { mode: 0o600 })
  await change(join(dir, '.env'))
  return startIn(dir, ['stats'], {}).ended
}

function start({ env }: Member, args: readonly string[]): Running {
  return startIn(undefined, args, env)
}

/** Without a directory: in one where nothing lies, least of all a developer's `.env`. */
function startIn(cwd: string | undefined, args: readonly string[], env: Record<string, string | undefined>): Running {
  const { child, ended } = startProgram(args, env, cwd === undefined ? {} : { cwd })
  const searched = ended.then((result) => {
    expect(result.out + result.err).not.toMatch(/[\w-]{80,}/) // nor a token that only this process knew
    return result
  })
  return { child, ended: searched }
}

/** Kills a run the moment its nth request arrives at WHOOP. */
async function killAt(member: Member, request: number, args: readonly string[]): Promise<void> {
  let seen = 0
  let child: ChildProcess | undefined
  member.sandbox.world.faults.onRequest = ({ path }) => {
    if (path.includes('/v2/') && ++seen === request) child?.kill('SIGKILL')
  }
  const running = start(member, args)
  child = running.child
  expect((await running.ended).code).toBe(null)
  member.sandbox.world.faults.onRequest = undefined
}

/** What a first sync may cost this member. */
function wholeSync(member: Member): number {
  const { world } = member.sandbox
  const pages = (['sleep', 'recovery', 'workout', 'cycle'] as const).map((kind) => world.list(kind).length / 24)
  return pages.reduce((total, count) => total + Math.ceil(count) + 1, 2)
}

async function storedRecords({ database: { sql } }: Member): Promise<number> {
  const [row] = await sql<{ n: number }[]>`
    select ((select count(*) from sleep_records) + (select count(*) from workout_records)
      + (select count(*) from cycle_records) + (select count(*) from recovery_records))::int as n`
  return row?.n ?? 0
}
