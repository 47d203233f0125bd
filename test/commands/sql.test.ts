// `whoopster sql`: what it shows, and that it harms nothing.
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import type { Env } from '../../src/world.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { withSql } from '../support/postgres.ts'
import { startProgram } from '../support/program.ts'
import { readyDirectory } from '../support/ready.ts'
import { surroundings } from '../support/surroundings.ts'
import { run, type RunOptions } from '../support/world.ts'

let database: TestDatabase
let dir: string
let server: Env
let embedded: Env

beforeAll(async () => {
  database = await createDatabase()
  dir = await readyDirectory()
  server = { DATABASE_URL: database.url }
  embedded = { WHOOPSTER_DATA_DIR: dir }
  await database.sql`insert into users (whoop_user_id, first_name) values (1, 'Ann'), (2, ${'a "b", c\nd'}), (3, null)`
}, 120_000)
afterAll(async () => {
  await database.drop()
  await rm(dir, { recursive: true, force: true })
})

const sql = (statement: string, env: Env = server, options: RunOptions = {}, ...more: string[]) =>
  run(['sql', statement, ...more], env, options)
const USERS = 'select whoop_user_id, first_name, 1.50 as n from users order by 1'

describe('sql', () => {
  it('draws a table on a terminal, and writes CSV elsewhere', async () => {
    expect((await sql(USERS, server, { isTTY: true })).out).toMatchInlineSnapshot(`
      "whoop_user_id  first_name     n
      ─────────────  ──────────  ────
                  1  Ann         1.50
                  2  a "b", c↵d  1.50
                  3              1.50
      (3 rows)
      "
    `)
    expect((await sql(USERS)).out).toMatchInlineSnapshot(`
      "whoop_user_id,first_name,n
      1,Ann,1.50
      2,"a ""b"", c
      d",1.50
      3,,1.50
      "
    `)
  })

  it('writes JSON as PostgreSQL has it', async () => {
    const { out } = await sql(
      `select 9007199254740993 as big, null as nothing, array[1, 2] as list, '{"a": [true]}'::jsonb as deep, 'é"' as text;`,
      server,
      {},
      '--format',
      'json',
    )
    expect(out).toBe('[\n{"big":9007199254740993,"nothing":null,"list":[1,2],"deep":{"a": [true]},"text":"é\\""}\n]\n')
    expect((await sql('select 1 where false -- no row', server, {}, '--format', 'json')).out).toBe('[\n]\n')
    expect(await sql('select 1 as a, 2 as a', server, {}, '--format', 'json')).toMatchObject({ code: 64, out: '' })
  })

  it('asks the embedded database in the same words', async () => {
    expect(await sql('select count(*) as users from users', embedded)).toMatchObject({ code: 0, out: 'users\n0\n' })
    expect(await sql('show timezone', embedded)).toMatchObject({ code: 0, out: 'TimeZone\nUTC\n' })
    expect(await sql('select recovry from daily_summary', embedded)).toMatchObject({ code: 64 })
    expect(await sql('select * from oauth_tokens', embedded)).toMatchObject({ code: 64 })
    expect(await sql('select * from generate_series(1, 1234)', embedded)).toMatchObject({
      out: expect.stringMatching(/^generate_series\n(\d+\n){1234}$/),
    })
  })

  it('turns a row on its side where the terminal is too narrow for it', async () => {
    const { out } = await sql(`select 1 as one, repeat('x', 30) as long`, server, { isTTY: true, columns: 20 })
    expect(out).toBe(`── 1 ──\none   1\nlong  ${'x'.repeat(30)}\n(1 row)\n`)
  })

  it('reads the statement from stdin, and lists what there is when there is none', async () => {
    const stdin = new PassThrough().end('select 1 as one')
    expect((await run('sql', server, { stdin, isTTY: false })).out).toBe('one\n1\n')
    const { out } = await run('sql', { ...server, NO_COLOR: '1' }, { stdin: new PassThrough(), isTTY: true })
    expect(out).toMatch(/^daily_summary\n {2}\S/m)
    expect(out).toMatch(/^And: body_measurements, /m)
    expect(out).not.toContain('oauth_tokens')
    expect(await run('sql', server)).toMatchObject({ code: 64, err: expect.stringContaining('There is no statement.') })
  })

  it('lists it on less than two screens of a narrow terminal', async () => {
    const { out } = await run('sql', server, { stdin: new PassThrough(), isTTY: true, columns: 40 })
    expect(out.split('\n').length).toBeLessThan(90)
  })

  it('explains a table or view that is named alone, and knows which one is meant', async () => {
    expect((await sql('open_days')).out).toMatch(/^The day of each member .*\n\ncolumns: user_id, day\n$/)
    expect((await sql('users')).out).toMatch(/^columns: id, whoop_user_id, /)
    expect(await sql('daily_sumary')).toMatchObject({
      code: 64,
      err: expect.stringContaining('did you mean daily_summary?') as string,
    })
    expect(await sql('commit')).toMatchObject({ code: 64, err: expect.stringContaining('only reads') as string })
    expect(await sql('oauth_tokens')).toMatchObject({ code: 64 })
  })

  it('shows no character that steers the terminal', async () => {
    const { out } = await sql(`select E'a\\u001B[2Jb\\u202Ec' as "x\u001b[31m"`, server, { isTTY: true })
    expect(out).not.toContain('\u001B')
    expect(out).not.toContain('\u202E')
  })
})

describe('a mistake', () => {
  it.each([
    'select recovry_score\nfrom daily_summary',
    'select 1 +',
    'selct 1',
    'select 1 from nowhere',
    "select 'é' as x, frm users",
  ])('points at its place: %s', async (statement) => {
    const { code, out, err } = await sql(statement, server, { isTTY: true })
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(err).toMatchSnapshot()
  })

  it('of two statements: one at a time', async () => {
    const { code, err } = await sql('select 1; select 2', server, { isTTY: true })
    expect({ code, hint: err.split('→ ')[1] }).toEqual({ code: 64, hint: 'ask one statement at a time\n' })
  })
})

describe('read-only', () => {
  const outside = '/etc/hostname'
  const attempts = [
    `insert into users (whoop_user_id) values (9)`,
    `with gone as (delete from users returning *) select * from gone`,
    `explain analyze delete from users`,
    `select 1; delete from users`,
    `select 1; commit; delete from users`,
    `set role postgres`,
    `reset role`,
    `commit`,
    `do $$ begin delete from users; end $$`,
    `copy users to stdout`,
    `copy (select 1) to program 'true'`,
    `select * into stolen from users`,
    `create table mine (x int)`,
    `select * from oauth_tokens`,
    `select * from pending_logins`,
    `select pg_read_file('${outside}')`,
    `select pg_ls_dir('/')`,
    `select lo_import('${outside}')`,
    `select set_config('transaction_read_only', 'off', true), count(*) from oauth_tokens`,
    `select set_config('role', 'none', false), count(*) from oauth_tokens`,
    `select nextval(pg_get_serial_sequence('users', 'id'))`,
    `table users for update`,
    `select query_to_xml('delete from users', true, true, '')`,
  ]
  /** The embedded database takes a second to open: every fourth of them there, unless there is time. */
  const onEmbedded = attempts.filter((_, index) => isLong || index % 4 === 0)
  it.each([
    ...attempts.map((one) => ['the server', one] as const),
    ...onEmbedded.map((one) => ['the embedded database', one] as const),
  ])('of %s: %s', async (where, statement) => {
    const env = where === 'the server' ? server : embedded
    const before = await database.sql`select count(*)::int as n from users`
    const { code, out, err } = await sql(statement, env)
    expect(err).not.toBe('')
    expect(out.split('\n').length, out).toBeLessThanOrEqual(2) // a head at most
    expect([64, 78]).toContain(code)
    expect(await database.sql`select count(*)::int as n from users`).toEqual(before)
  })

  it('leaves nothing behind, not even a setting', async () => {
    expect(await sql(`select set_config('role', 'none', false), set_config('search_path', 'x', false)`)).toMatchObject({
      code: 0,
    })
    expect((await sql('select current_user, current_setting($$transaction_read_only$$) as ro')).out).toBe(
      'current_user,ro\nwhoopster_reader,on\n',
    )
  })

  it('is for an owner who is no superuser, too', async () => {
    const name = `owner_${Math.random().toString(36).slice(2)}`
    await database.sql.unsafe(`create role ${name} login password 'x' createrole`)
    await database.sql.unsafe(`grant select on all tables in schema public to ${name}`)
    await database.sql.unsafe(`grant whoopster_reader to ${name} with admin option`)
    const [version] = await database.sql<{ n: number }[]>`select current_setting('server_version_num')::int as n`
    if ((version?.n ?? 0) >= 160_000) await database.sql.unsafe(`grant whoopster_reader to ${name} with set false`)
    onTestFinished(async () => void (await database.sql.unsafe(`drop owned by ${name}; drop role ${name}`)))
    const url = Object.assign(new URL(database.url), { username: name, password: 'x' }).href
    expect(await sql('select count(*) as users from users', { DATABASE_URL: url })).toMatchObject({
      code: 0,
      out: 'users\n3\n',
    })
  })
})

describe('a long answer', () => {
  it('passes through in constant memory', async () => {
    const program = fileURLToPath(new URL('../../bin/whoopster.js', import.meta.url))
    const rows = isLong ? 10_000_000 : 400_000
    const statement = `select n, repeat('x', 100) as text from generate_series(1, ${rows}) n`
    const child = spawn(process.execPath, ['--max-old-space-size=32', program, 'sql', statement], {
      cwd: inject('emptyDirectory'),
      env: { ...surroundings, ...server },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let bytes = 0
    child.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length))
    const [code] = (await once(child, 'close')) as [number]
    expect(code).toBe(0)
    expect(bytes).toBeGreaterThan(rows * 100)
  }, 600_000)

  it('ends when nobody reads any more', async () => {
    const { child, ended } = startProgram(['sql', 'select generate_series(1, 100000000)'], server)
    child.stdout?.once('data', () => child.stdout?.destroy())
    expect((await ended).code).toBe(0)
  })
})

it('Ctrl-C cancels the statement in PostgreSQL, too', async () => {
  const { child, ended } = startProgram(['sql', "select pg_sleep(600), 'asked by a person'"], server)
  const isActive = async () => {
    return withSql(database.url, async (admin: postgres.Sql) => {
      const rows = await admin`
        select from pg_stat_activity
        where application_name = 'whoopster' and state = 'active' and query like 'fetch 500%' and datname = current_database()`
      return rows.some(() => true)
    })
  }
  const since = Date.now()
  const until = async (wanted: boolean) => {
    while ((await isActive()) !== wanted) {
      if (Date.now() - since > 60_000) throw new Error(`the statement is ${wanted ? 'not ' : 'still '}there`)
      await sleep(50)
    }
  }
  await until(true)
  child.kill('SIGINT')
  expect((await ended).code).toBe(130)
  await until(false)
}, 90_000)
