// What an export holds, read by a reader that is not ours: PostgreSQL's own COPY and json_populate_record.
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { exportNames, type ExportName } from '../../src/export/names.ts'
import { meanings } from './meanings.ts'
import { sources } from '../../src/export/sources.ts'
import { exportZip, startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { surroundings } from '../support/surroundings.ts'
import { createClock, envFor, logIn, run } from '../support/world.ts'

const DAYS = isLong ? 5 * 365 : 90
const [FIRST, SECOND] = [10_001, 10_002]

let database: TestDatabase
let sandbox: Sandbox
let env: Env
const clock = createClock()

beforeAll(async () => {
  database = await createDatabase()
  sandbox = await startSandbox({ days: DAYS, members: 2, now: clock.now, limits: 'none' })
  env = envFor(sandbox, database.url)
  for (const member of [FIRST, SECOND]) await logIn(sandbox, env, { clock, member })
  const { code, err } = await run('sync', env, { clock })
  if (code !== 0) throw new Error(err)
  await importJournals()
  // what a reader may stumble over: quotes, commas, line ends, an empty text, big and odd numbers
  const [one, two, three] = await database.sql`select id from workout_records limit 3`
  await database.sql`update workout_records set sport_name = ${'a "b", c\r\nd;\té'}, strain_score = 0.1::float8 + 0.2 where id = ${one?.['id']}`
  await database.sql`update workout_records set sport_name = '', kilojoules = 1e21 where id = ${two?.['id']}`
  await database.sql`update workout_records set sport_name = null, strain_score = 5e-324,
    start_time = '2026-10-01 00:00:00.123456+00' where id = ${three?.['id']}`
  await database.sql`update cycle_records set id = 9007199254740991 where id = (select max(id) from cycle_records)`
}, 600_000)
afterAll(async () => {
  await sandbox.close()
  await database.drop()
})

async function importJournals(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'whoopster-journal-'))
  for (const member of [FIRST, SECOND]) {
    const zip = join(folder, `${member}.zip`)
    await writeFile(zip, exportZip(sandbox.world.export(member)))
    const { code, err } = await run(['import', '--user', String(member), zip], env, { clock })
    if (code !== 0) throw new Error(err)
  }
  await rm(folder, { recursive: true })
}

/** An empty table with the columns of an export, to read one back into. */
async function emptyTable(name: ExportName, columns: readonly string[]): Promise<string> {
  const source = sources.find((one) => one.name === name)
  const list = columns.map((column) => (column === 'whoop_user_id' ? column : `r.${column}`)).join(', ')
  const relation = `select ${list} from ${source?.relation} r join users u on u.id = r.user_id`
  await database.sql.unsafe(`drop table if exists read_back; drop view if exists original`)
  await database.sql.unsafe(`create table read_back as ${relation} limit 0; create view original as ${relation}`)
  onTestFinished(async () => {
    await database.sql.unsafe(`drop table read_back; drop view original`)
  })
  return 'read_back'
}

/** What is in one and not in the other, with how often. */
async function difference(where = 'true'): Promise<unknown[]> {
  const { sql } = database
  // jsonb has no order: compared as text, which for jsonb is always the same
  return [
    ...(await sql`
    (select 'missing' as what, to_jsonb(o)::text as row from original o where ${sql.unsafe(where)} except all select 'missing', to_jsonb(b)::text from read_back b)
    union all
    (select 'made up', to_jsonb(b)::text from read_back b except all select 'made up', to_jsonb(o)::text from original o where ${sql.unsafe(where)})
    limit 5`),
  ]
}

function columnsOf(name: ExportName, raw = false): string[] {
  const names = sources.find((one) => one.name === name)?.columns.map((column) => column.name) ?? []
  return raw && name !== 'daily' ? [...names, 'raw_data'] : names
}

describe('export', () => {
  it.each(exportNames)('writes %s as CSV that PostgreSQL reads back equal to the table', async (name) => {
    const { code, out, err } = await run(`export --type ${name} --raw`, env, { clock })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out.slice(0, out.indexOf('\n')).split(',')).toEqual(columnsOf(name, true))
    const table = await emptyTable(name, columnsOf(name, true))
    const copy = await database.sql.unsafe(`copy ${table} from stdin with (format csv, header match)`).writable()
    await pipeline(Readable.from(out), copy)
    expect(await database.sql`select count(*)::int as n from read_back`).not.toEqual([{ n: 0 }])
    expect(await difference()).toEqual([])
  })

  it.each(exportNames)('writes %s as JSON and NDJSON that say the same as the table', async (name) => {
    const json = await run(`export --type ${name} --format json --raw`, env, { clock })
    const ndjson = await run(`export --type ${name} --format ndjson --raw`, env, { clock })
    const lines = ndjson.out.trimEnd().split('\n')
    expect(JSON.parse(json.out)).toEqual(lines.map((line) => JSON.parse(line) as unknown))
    expect(Object.keys(JSON.parse(lines[0] ?? '') as object)).toEqual(columnsOf(name, true))
    await emptyTable(name, columnsOf(name, true))
    await database.sql`insert into read_back select * from json_populate_recordset(null::read_back, ${json.out}::text::json)`
    expect(await difference()).toEqual([])
  })

  it('narrows by member and by time, from inclusive, until exclusive', async () => {
    const [middle] =
      await database.sql`select start_time::text as at from sleep_records order by start_time offset 20 limit 1`
    const at = new Date(String(middle?.['at'])).toISOString()
    const count = async (options: string) => {
      const { out } = await run(`export --type sleep --format ndjson --user ${FIRST} ${options}`, env, { clock })
      return out.split('\n').length - 1
    }
    const [truth] = await database.sql`
      select count(*) filter (where start_time >= ${at})::int as after, count(*) filter (where start_time < ${at})::int as before
      from sleep_records join users on users.id = user_id where whoop_user_id = ${FIRST}`
    expect(await count(`--since ${at}`)).toBe(truth?.['after'])
    expect(await count(`--until ${at}`)).toBe(truth?.['before'])
    expect((await run('export --type daily --until 2012-01-01 --format json', env)).out).toBe('[\n]\n')
    expect((await run('export --type daily --until 2012-01-01', env)).out).toBe(`${columnsOf('daily').join(',')}\n`)
  })

  it('writes a file a type into a folder, whole or not at all, for its owner alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'whoopster-export-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const out = join(folder, 'new', 'folder')
    const ran = await run(['export', '--out', out], env, { clock })
    expect(ran).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/sleep\.csv {2}[\d,]+ rows\n/) })
    expect(await readdir(out)).toEqual(exportNames.map((name) => `${name}.csv`).toSorted())
    expect((await stat(join(out, 'sleep.csv'))).mode & 0o777).toBe(0o600)
    const { out: direct } = await run('export --type recovery', env, { clock })
    expect(await readFile(join(out, 'recovery.csv'), 'utf8')).toBe(direct)

    const interrupted = AbortSignal.abort(130)
    expect(await run(['export', '--out', join(folder, 'cut')], env, { interrupted })).toMatchObject({ code: 130 })
    const written = await readdir(folder, { recursive: true })
    expect(written.filter((name) => name.startsWith('cut/'))).toEqual([])
    const refused = await run(['export', '--out', '/dev/null/x'], env, { isTTY: true })
    expect(refused).toMatchObject({
      code: 78,
      err: expect.stringMatching(/cannot be written[^→]*→ name another folder/),
    })
  })

  it('says what to choose when stdout is to take several types', async () => {
    expect(await run('export', env, { isTTY: true })).toEqual({
      code: 64,
      out: '',
      err: 'error: stdout takes one type at a time.\n  → choose one, such as --type daily, or a folder for all of them: --out\n    whoop-export\n',
      slept: [],
    })
    expect(await run('export --type sleep --format xml', env)).toMatchObject({ code: 64, out: '' })
  })

  it('explains each of its columns, and knows the types of the view', async () => {
    for (const { columns } of sources) for (const { name } of columns) expect(Object.keys(meanings)).toContain(name)
    const view = await database.sql`
      select column_name as name, data_type as type from information_schema.columns
      where table_name = 'daily_summary' and column_name <> 'user_id' order by ordinal_position`
    const daily = sources.find(({ name }) => name === 'daily')?.columns.slice(1)
    expect(daily?.map(({ name, type }) => ({ name, type }))).toEqual([...view])
  })

  it('needs no more memory for more rows, and waits for a slow reader', async () => {
    const big = await createDatabase()
    onTestFinished(big.drop)
    await big.sql`insert into users (whoop_user_id) values (1)`
    // 60 MB in a process that may keep 32
    await big.sql`
      insert into cycle_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, start_time, timezone_offset)
      select n, 1, jsonb_build_object('text', repeat('x', 5000)), 'SCORED', now(), now(), now() - n * interval '1 hour', 'Z'
      from generate_series(1, 12000) n`
    const program = fileURLToPath(new URL('../../bin/whoopster.js', import.meta.url))
    const args = ['--max-old-space-size=32', program, 'export', '--type', 'cycle', '--format', 'ndjson', '--raw']
    const child = spawn(process.execPath, args, {
      cwd: inject('emptyDirectory'), // no .env lies there
      env: { ...surroundings, DATABASE_URL: big.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let lines = 0
    for await (const _ of createInterface(child.stdout)) if (lines++ % 100 === 0) await new Promise(setImmediate)
    expect(lines).toBe(12_000)
    expect(child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)))).toBe(0)
  })
})
