// `whoopster` alone, and `whoopster auth` before WHOOP knows the copy.
import { once } from 'node:events'
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { parseEnv, stripVTControlCharacters } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { changeDotenv } from '../../src/commands/dotenv.ts'
import { newMember, syncedMember, type Member } from '../support/member.ts'
import { freePort } from '../support/postgres.ts'
import { startProgram } from '../support/program.ts'
import { logIn, run, TEST_KEY, type RunOptions } from '../support/world.ts'

async function newDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-first-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return dir
}

/** A person at the keyboard: answers each question once, with the answer that follows its words. */
function answering(member: Member, answers: readonly (readonly [RegExp, string])[]): RunOptions {
  const stdin = new PassThrough()
  const left = [...answers]
  return {
    stdin,
    clock: { ...member.clock, sleep: () => new Promise(() => {}) }, // they are quicker than ten minutes
    heard: (text) => {
      const index = left.findIndex(([question]) => question.test(text))
      const [found] = index < 0 ? [] : left.splice(index, 1)
      if (found) setImmediate(() => stdin.write(found[1]))
      const [url] = /https?:\S+\/oauth2\/auth\S+/.exec(text) ?? []
      if (url) void member.sandbox.consent(url).then((redirected) => stdin.write(`${redirected}\n`))
    },
  }
}

describe('auth without an app', () => {
  it('explains how to register one, asks for what it got, writes .env for its owner alone, and logs in', async () => {
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: ['https://example.com/callback'] })
    const directory = await newDirectory()
    await writeFile(join(directory, '.env'), '# mine\nLOG_LEVEL=warn\nWHOOP_CLIENT_ID=\n', { mode: 0o644 })
    const { WHOOP_CLIENT_ID = '', WHOOP_CLIENT_SECRET = '' } = member.env
    const env = {
      ...member.env,
      WHOOP_CLIENT_ID: '',
      WHOOP_CLIENT_SECRET: undefined,
      TOKEN_ENCRYPTION_KEY: '',
      WHOOP_REDIRECT_URI: 'https://example.com/callback',
    }
    const { code, out, err } = await run('auth', env, {
      ...answering(member, [
        [/Client id/, `${WHOOP_CLIENT_ID}\n`],
        [/Client secret/, `${WHOOP_CLIENT_SECRET}\n`],
        [/Write this to \.env/, '\n'],
      ]),
      machine: { directory },
    })
    expect(code, err).toBe(0)
    expect(out).toContain('Next: whoopster sync')
    for (const word of ['developer.whoop.com', 'https://example.com/callback', 'read:body_measurement', 'offline']) {
      expect(err).toContain(word)
    }
    expect(err).not.toContain(WHOOP_CLIENT_SECRET) // nor is it shown while it is typed
    expect(err).toContain('gives all of them')
    const written = await readFile(join(directory, '.env'), 'utf8')
    expect(written).toMatch(/^# mine\nLOG_LEVEL=warn\nWHOOP_CLIENT_ID=/)
    expect(parseEnv(written)).toMatchObject({ WHOOP_CLIENT_ID, WHOOP_CLIENT_SECRET })
    expect((await stat(join(directory, '.env'))).mode & 0o777).toBe(0o600)
    // the key that sealed the login is the one that was written
    const kept = { ...env, ...parseEnv(written) }
    expect(await run('doctor', kept, { clock: member.clock })).toMatchObject({ code: 0 })
  })

  it('writes nothing when that is not wanted, and ends when the keyboard is closed', async () => {
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: ['https://example.com/callback'] })
    const directory = await newDirectory()
    const env = { ...member.env, WHOOP_CLIENT_SECRET: '', WHOOP_REDIRECT_URI: 'https://example.com/callback' }
    const { code } = await run('auth', env, {
      ...answering(member, [
        [/Client id/, ' \n'],
        [/Client id/, 'sandbox\n'],
        [/Client secret/, `${member.env['WHOOP_CLIENT_SECRET']}\n`],
        [/Write this to \.env/, 'no\n'],
      ]),
      machine: { directory },
    })
    expect(code).toBe(0)
    await expect(stat(join(directory, '.env'))).rejects.toThrow('ENOENT')
    const closed = new PassThrough().end()
    expect(await run('auth', env, { stdin: closed })).toMatchObject({
      code: 78,
      err: expect.stringContaining('Without an app at WHOOP nobody can log in.'),
    })
  })

  it.each([
    ['without a terminal', {}, {}],
    ['in CI', { CI: '1' }, { isTTY: true }],
  ])('asks nothing %s, and says where the explanation is', async (_, more, options) => {
    const { code, err } = await run('auth', { DATABASE_URL: 'postgres://u@127.0.0.1:1/x', ...more }, options)
    expect(code).toBe(78)
    expect(err).toContain('WHOOP_CLIENT_ID is not set')
    expect(err).toContain('whoopster auth, on a terminal, explains how to get them')
    expect(err).not.toContain('Client id:')
  })
})

describe('the end of the keyboard (Ctrl-D) at the login prompt', () => {
  it('ends the login when nothing else can bring the URL', async () => {
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: ['https://example.com/callback'] })
    const env = { ...member.env, WHOOP_REDIRECT_URI: 'https://example.com/callback' }
    const clock = { ...member.clock, sleep: () => new Promise<void>(() => {}) }
    const ended = await run('auth', env, { clock, stdin: new PassThrough().end() })
    expect(ended).toMatchObject({ code: 77, err: expect.stringContaining('Nothing was pasted.') })
  })

  it('is told, and the browser is waited for', async () => {
    const uri = `http://127.0.0.1:${await freePort()}/callback`
    const member = await newMember({ days: 5, loggedIn: false, redirectUris: [uri] })
    let consentUrl = ''
    const { code, err } = await run(
      'auth',
      { ...member.env, WHOOP_REDIRECT_URI: uri },
      {
        clock: { ...member.clock, sleep: () => new Promise(() => {}) },
        stdin: new PassThrough().end(),
        openBrowser: async (url) => {
          consentUrl = url
          return true
        },
        heard: (text) => {
          if (text.includes('still waiting for the browser')) void member.sandbox.consent(consentUrl).then(fetch)
        },
      },
    )
    expect(code).toBe(0)
    expect(err).toContain('Ctrl-C ends it')
  })
})

describe('.env', () => {
  it.each([
    ['', 'A=b\n'],
    ['X=1', 'X=1\nA=b\n'],
    ['A=\nX=1\n', 'A=b\nX=1\n'],
    ['# A=c\n', '# A=c\nA=b\n'],
  ])('with %j becomes %j', async (before, after) => {
    const dir = await newDirectory()
    if (before !== '') await writeFile(join(dir, '.env'), before)
    changeDotenv(dir, { A: 'b' })
    expect(await readFile(join(dir, '.env'), 'utf8')).toBe(after)
  })

  it.each(['a#b', "it's", '$1 $& x', TEST_KEY, 'a"b', `it's "both"`, '`"', "'`", "'\\n"])(
    'keeps %s as it is',
    async (value) => {
      const dir = await newDirectory()
      changeDotenv(dir, { A: 'before' })
      changeDotenv(dir, { A: value })
      expect(parseEnv(await readFile(join(dir, '.env'), 'utf8'))).toEqual({ A: value })
    },
  )

  it.each([`'"\``, "'`\\", 'a\nb'])('refuses what it cannot hold, rather than cut it off: %j', async (value) => {
    const dir = await newDirectory()
    changeDotenv(dir, { A: 'before' })
    expect(() => changeDotenv(dir, { A: value })).toThrow('.env cannot hold that')
    expect(await readdir(dir)).toEqual(['.env'])
    expect(await readFile(join(dir, '.env'), 'utf8')).toBe('A=before\n')
  })

  it('writes through no link that somebody has put there', async () => {
    const dir = await newDirectory()
    const victim = join(await newDirectory(), 'victim')
    await writeFile(victim, 'untouched')
    for (const name of ['.env.part', '.env']) await symlink(victim, join(dir, name))
    changeDotenv(dir, { A: 'b' })
    expect(await readFile(victim, 'utf8')).toBe('untouched')
    expect((await lstat(join(dir, '.env'))).isSymbolicLink()).toBe(false)
  })

  it('says so when it cannot be written', () => {
    expect(() => changeDotenv('/dev/null', { A: 'b' })).toThrow('/dev/null/.env cannot be written')
  })
})

describe('whoopster alone', () => {
  it('begins with auth, and offers the demo', async () => {
    const { code, out, err } = await run('', { WHOOPSTER_DATA_DIR: await newDirectory() }, { isTTY: false })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out.split('\n').slice(2).join('\n')).toMatchInlineSnapshot(`
      "
      Nobody is logged in yet.

      → whoopster auth    register an app at WHOOP and log in; it explains each step
        whoopster demo    see it at work first, without an account
        whoopster --help  all commands
      "
    `)
  })

  it('says how the night was of the one who is logged in, and not of one who was', async () => {
    const member = await syncedMember({ days: 20, members: 2 })
    expect((await member.run('auth logout --yes')).code).toBe(0)
    await logIn(member.sandbox, member.env, { clock: member.clock, member: 10_002 })
    await member.sync()
    const nights = await member.database.sql<{ hrv: number }[]>`
      select round(hrv_rmssd)::int as hrv from daily_trends join users on users.id = user_id
      where day = (select max(day) from night_log where recovery_score is not null) order by whoop_user_id`
    const [theirs, mine] = nights.map(({ hrv }) => hrv)
    expect(mine).not.toBe(theirs)
    expect((await member.run('')).out).toMatch(new RegExp(`HRV +${mine} ms`))
  })

  it('follows the member from login to a sync, and to what is wrong', async () => {
    const member = await newMember({ days: 20 })
    const next = async (env = member.env) =>
      /^→ (.*?) {2}/m.exec((await run('', env, { clock: member.clock })).out)?.[1]
    expect(await next()).toBe('whoopster sync')
    await member.sync()
    expect(await next()).toBe('whoopster stats')
    expect((await member.run('')).out).toMatch(
      /: \d+ sleep, \d+ recovery, \d+ workout, \d+ cycle; synced within the hour/,
    )
    const { faults } = member.sandbox.world
    faults.next = [{ path: '/developer/v2/activity/workout', times: 100, answer: { status: 503 } }]
    await member.sync()
    faults.next = []
    expect(await next()).toBe('whoopster sync')
    expect((await member.run('')).out.replaceAll(/\s+/g, ' ')).toContain('but the last sync of workout did not succeed')
    await member.sync()
    const { database } = member
    const [truth] = await database.sql<{ recovery: number; hrv: number }[]>`
      select round(recovery_score)::int as recovery, round(hrv_rmssd)::int as hrv from daily_trends
      where recovery_score is not null order by day desc limit 1`
    const { out } = await member.run('')
    const lines = out.split('\n')
    const morning = lines.slice(lines.indexOf('') + 1).slice(0, 6)
    expect(morning.map((line) => line.replace(/[\d.:]+/g, '#').replace(/ +/g, ' '))).toMatchInlineSnapshot(`
      [
        "Sunday # November #",
        " recovery # % # % over the # days before",
        " HRV # ms normal # to #",
        " resting HR # bpm normal # to #",
        " asleep # of # needed",
        " strain # # over seven days",
      ]
    `)
    expect(morning[1]).toContain(`${truth?.recovery} %`)
    expect(morning[2]).toContain(`${truth?.hrv} ms`)
    expect(out).toContain(
      `Database: ${new URL(database.url).host}${new URL(database.url).pathname}. Settings: the environment.`,
    )
    const directory = await newDirectory()
    await writeFile(join(directory, '.env'), '')
    expect((await member.run('', { machine: { directory }, columns: 200 })).out).toContain(join(directory, '.env'))
    member.clock.pass(3 * 86_400_000)
    expect(await next()).toBe('whoopster sync')
    expect((await member.run('')).out).not.toContain('needed') // what is old is not last night
    await member.database.sql`update oauth_tokens set dead_fingerprint = 'dead'`
    expect(await next()).toBe('whoopster auth')
    expect(await next({ ...member.env, DATABASE_URL: 'postgres://u@127.0.0.1:1/x' })).toBe('whoopster doctor')
    expect(await next({ ...member.env, DATABASE_URL: 'mysql://x' })).toBe('whoopster doctor')
  })
})

describe('help', () => {
  it.each([
    ['help', 'whoopster [options]'],
    ['help sync', 'whoopster sync '],
    ['help auth', 'whoopster auth '],
    ['help auth url', 'whoopster auth url'],
    ['auth help', 'whoopster auth '],
    ['auth help url', 'whoopster auth url'],
    ['sandbox help', 'whoopster sandbox '],
  ])('%s is what --help says', async (line, usage) => {
    const { code, out, err } = await run(line, {})
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(new RegExp(`^Usage: ${usage.replaceAll('[', '\\[')}`))
    expect(out).toContain('Options:')
  })
})

describe('a hint', () => {
  it('of whoopster alone says what the command does, also after a run that was cut short', async () => {
    const member = await newMember({ days: 60 })
    await member.sync()
    await member.database
      .sql`update sync_status set status = 'interrupted', last_sync_time = null where data_type != 'body'`
    const { out } = await member.run('', { isTTY: true })
    expect(out).not.toMatch(/never completely, but|→ .* next$/m)
    expect(stripVTControlCharacters(out).replaceAll(/\s+/g, ' ')).toMatch(
      /never synced completely; the last sync of sleep, recovery, workout, cycle did not succeed\..*→ whoopster sync fetch what is missing/,
    )
  })

  it('for an address that the shell has cut speaks of quotes', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const { code, err } = await member.run(['auth', 'complete', 'http://localhost:8000/callback?code=abc'])
    expect(code).toBe(64)
    expect(JSON.parse(err.trim().split('\n').at(-1) ?? '').hint).toContain('put it between quotes')
  })

  it('after a logout with the wrong key speaks of the key', async () => {
    const member = await newMember({ days: 5 })
    const env = { ...member.env, TOKEN_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') }
    const { code, err } = await run('auth logout --user 10001', env, { clock: member.clock })
    expect(code).toBe(78)
    expect(err).toContain('bring back the key')
    expect(err).not.toContain('later')
  })

  it('for a redirect that the sandbox does not know says how it would', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const env = { ...member.env, WHOOP_REDIRECT_URI: 'https://localhost:8000/callback' }
    const url = (await run('auth url', env, { clock: member.clock })).out.trim()
    const { code, err } = await run(['sandbox', 'consent', url], env)
    expect(code).toBe(64)
    expect(err).toContain('start it with the same WHOOP_REDIRECT_URI')
  })

  it('of the sandbox can be pasted, however narrow the terminal is', async () => {
    const ending = new AbortController()
    const { out } = await run(
      `sandbox --port ${await freePort()} --days 5`,
      {},
      {
        isPublic: true,
        isTTY: true,
        columns: 40,
        interrupted: ending.signal,
        heard: (text) => text.includes('WHOOP_REDIRECT_URI') && setImmediate(() => ending.abort(130)),
      },
    )
    expect(out).toContain('export DATABASE_URL= WHOOPSTER_DATA_DIR=/tmp/whoopster-sandbox\n')
    for (const line of out.trim().split('\n')) expect(line).toMatch(/^(# .{1,38}|export( \w+=\S*)+)$/)
  })

  it('for a port that is taken names the next', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as AddressInfo
    const { code, err } = await run(`sandbox --port ${port}`, {})
    expect(code).toBe(64)
    expect(err).toContain('another program has it')
    expect(err).toContain(`--port ${port + 1}`)
  })

  it.each(['stats', 'runs', 'report --out -', 'archive --out -', 'export --type sleep'])(
    'for a member of whom nothing is stored says who there is: whoopster %s --user',
    async (line) => {
      const member = await newMember({ days: 5 })
      const { code, err } = await member.run(`${line} --user 99`)
      expect({ code, ...JSON.parse(err) }).toMatchObject({
        code: 64,
        msg: 'Nothing is stored of WHOOP user 99.',
        hint: 'see who there is: whoopster stats',
      })
    },
  )

  it('names the member whose scope is missing, and the number by which doctor calls him', async () => {
    const member = await newMember({ days: 5, grant: ['offline', 'read:profile', 'read:sleep'] })
    expect((await member.sync()).err).toContain('workout of WHOOP user 10001 cannot be synced')
    expect((await member.run('auth status')).out).toMatch(/^WHOOP user 10001 .*, called member 1 by whoopster doctor$/m)
  })
})

describe('a setting whose name has a slip in it', () => {
  it.each(['', 'stats', 'status', 'auth status', 'sync', 'migrate --status'])(
    'is pointed out by every run, and goes on: whoopster %s',
    async (line) => {
      const member = await newMember({ days: 5, loggedIn: false })
      const { err } = await run(line, { ...member.env, HEALTCHECK_URL: 'http://secret' }, { isTTY: true })
      expect(err).toContain(
        'warn: HEALTCHECK_URL is set, and is no setting of whoopster\n  → did you mean HEALTHCHECK_URL?',
      )
      expect(err).not.toContain('secret')
    },
  )

  it('is none in a pod, where Kubernetes names its Services', async () => {
    const member = await newMember({ days: 5 })
    const { err } = await run(
      'stats',
      { ...member.env, WHOOPSTER_LISTEN_SERVICE_HOST: '10.0.0.1' },
      { clock: member.clock },
    )
    expect(err).toBe('')
  })
})

it.each([
  'stats',
  'runs',
  'sql select',
  'export --type sleep',
  'report',
  'reprocess',
  'auth status',
  'status',
  'archive',
  'verify',
  'import x.zip',
])('to look makes no database: whoopster %s', async (line) => {
  const dir = await newDirectory()
  const env = { WHOOPSTER_DATA_DIR: join(dir, 'data'), WHOOP_CLIENT_ID: 'app', WHOOP_CLIENT_SECRET: 'of-a-test' }
  const { out, err } = await run(line, env, { isTTY: true })
  expect(out + err).toContain('Nothing is stored here yet.')
  expect(await readdir(dir)).toEqual([])
})

it.each(['sync', 'auth logout'])('without a login there is no database to be made: whoopster %s', async (line) => {
  const dir = await newDirectory()
  const env = { WHOOPSTER_DATA_DIR: join(dir, 'data'), WHOOP_CLIENT_ID: 'app', WHOOP_CLIENT_SECRET: 'of-a-test' }
  const { code, err } = await run(line, env, { isTTY: true })
  expect(err).toContain('Nobody is logged in.\n  → run: whoopster auth')
  expect(code).toBe(77)
  expect(await readdir(dir)).toEqual([])
})

it('to look at the schema makes no database: it lists what a first login would apply', async () => {
  const dir = await newDirectory()
  const env = { WHOOPSTER_DATA_DIR: join(dir, 'data') }
  const { code, out, err } = await run('migrate --status', env, { isTTY: true })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^pending {2}0000_tables\n(pending {2}\w+\n)+$/)
  expect(JSON.parse((await run('migrate --status --json', env)).out)).toMatchObject({ upToDate: false })
  expect(await run('migrate --down 1 --yes', env)).toMatchObject({ code: 78 })
  expect(await readdir(dir)).toEqual([])
})

it('a .env that is a directory does not keep anybody from --help', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'whoopster-'))
  onTestFinished(() => rm(cwd, { recursive: true }))
  await mkdir(join(cwd, '.env'))
  for (const line of ['--help', 'help', '--version', 'sync --help'])
    expect(await startProgram(line.split(' '), {}, { cwd }).ended).toMatchObject({ code: 0, err: '' })
  expect(await startProgram(['stats'], {}, { cwd }).ended).toMatchObject({ code: 78 })
})

it('an export of nobody is refused, not empty', async () => {
  const member = await newMember({ days: 5 })
  const { code, out, err } = await member.run('export --type sleep --user 999')
  expect({ code, out }).toEqual({ code: 64, out: '' })
  expect(err).toContain('Nothing is stored of WHOOP user 999')
})

describe('a slip of the finger', () => {
  it.each([
    ['sinc', 'There is no command sinc.', 'Did you mean sync? see: whoopster --help'],
    ['sync --jsno', 'There is no option --jsno.', 'Did you mean --json? see: whoopster sync --help'],
    ['auth statu', 'There is no command statu.', 'Did you mean status? see: whoopster auth --help'],
    ['auth logout --usr 1', 'There is no option --usr.', 'Did you mean --user? see: whoopster auth logout --help'],
    [
      'stats --type sleeep',
      '--type does not take sleeep. It is one of sleep, recovery, workout, cycle, body, journal.',
      'Did you mean sleep? see: whoopster stats --help',
    ],
    [
      'stats --units imperail',
      expect.stringContaining('--units does not take'),
      expect.stringContaining('mean imperial?'),
    ],
    ['export --format cvs', expect.stringContaining('--format does not take'), expect.stringContaining('mean csv?')],
    ['verify --type body', expect.stringContaining('It is one of sleep'), 'see: whoopster verify --help'],
    ['reprocess --type body', expect.stringContaining('It is one of sleep'), 'see: whoopster reprocess --help'],
    ['stats --days 7 --days 30', '--days is given twice, and takes one value.', 'see: whoopster stats --help'],
    ['stats --days', '--days lacks its value: <n>', 'see: whoopster stats --help'],
    ['stats sleep', 'whoopster stats takes no arguments, only options.', 'see: whoopster stats --help'],
    ['auth status now', 'whoopster auth status takes no arguments, only options.', 'see: whoopster auth status --help'],
    ['sandbox now', expect.stringMatching(/./), expect.stringContaining('whoopster sandbox --help')],
    ['auth complete', 'An argument is missing: <url>', 'see: whoopster auth complete --help'],
    ['help sinc', 'There is no command sinc.', 'Did you mean sync? see: whoopster --help'],
    [
      'export --type sleep --since 2026-02-01 --until 2026-01-01',
      '--since must be before --until.',
      expect.any(String),
    ],
    ['export --type sleep --since 2027-01-01', '--since 2027-01-01 lies in the future.', expect.any(String)],
    ['sync --since 2027-01-01', '--since 2027-01-01 lies in the future.', expect.any(String)],
    ['verify --since 2027-01-01', '--since 2027-01-01 lies in the future.', expect.any(String)],
  ])('%s is answered with the near one', async (line, msg, hint) => {
    const { code, out, err } = await run(line, {})
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(JSON.parse(err)).toMatchObject({ level: 'error', reason: 'usage', msg, hint }) // one JSON line in a pipe
    expect((await run(line, {}, { isTTY: true })).err).toMatch(/^error: [^→]*\n {2}→ .*see: whoopster[^→]*--help\n$/s)
  })
})
