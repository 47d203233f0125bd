// What the tests of archives share: a member who has lived through everything that the tables can hold.
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { expect, onTestFinished } from 'vitest'
import type { Manifest } from '../../src/resources/archive.ts'
import { openZip } from '../../src/archive/unzip.ts'
import { createZip } from '../../src/archive/zip.ts'
import type { Env } from '../../src/world.ts'
import type { Member } from '../support/member.ts'
import { run, type TestClock } from '../support/world.ts'
import { DAY_MS } from '../support/time.ts'

export async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-archive-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Archives into a file, and gives its bytes. */
export async function archiveTo(file: string, env: Env, clock: TestClock, more: string[] = []): Promise<Buffer> {
  const { code, err } = await run(['archive', '--out', file, ...more], env, { clock })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return readFile(file)
}

export async function restoreFrom(file: string, env: Env, clock: TestClock, code = 0): Promise<string> {
  const ran = await run(['restore', file], env, { clock })
  const problems = ran.err.split('\n').filter((line) => line !== '' && !line.includes('"level":"info"'))
  expect({ code: ran.code, problems }).toEqual({ code, problems: [] })
  return ran.out
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * A sync 20 days ago and another one today, with all that can happen between: scores that change, records that are
 * deleted or cannot be read, a second recovery of a cycle, explicit nulls, long texts, every plane of Unicode.
 */
export async function liveThrough(member: Member): Promise<void> {
  const { sandbox, clock, database } = member
  const { world } = sandbox
  const now = clock.now().getTime()
  const before = (days: number) => new Date(now - days * DAY_MS).toISOString()
  const pick = <K extends 'sleep' | 'cycle' | 'workout'>(kind: K, days: number) => {
    const found = world.list(kind).find((one) => one.start < before(days) && one.end !== null)
    if (!found) throw new Error(`the sandbox made no ${kind} ${days} days ago`)
    return found
  }
  const odd: object = {
    ...pick('workout', 8),
    sport_name: 'planes: é Ω 漢 😀 𠀀 󠀁 \u{f0000} \u{10ffff} "\\ \u2028 \u{7f} ',
    note: 'x'.repeat(2 ** 20),
    nothing: null,
    'a "key"\n': { deep: [[], {}, [null, true, 0.1, 1e-7, 123456789012345]] },
  }
  world.put('workout', odd as ReturnType<typeof pick<'workout'>>)
  const unreadable: object = { ...pick('workout', 12), sport_name: 7 }
  world.put('workout', unreadable as ReturnType<typeof pick<'workout'>>)
  const torn: object = { ...pick('cycle', 15), timezone_offset: 'nowhere \u0000 \ud800' }
  world.put('cycle', torn as ReturnType<typeof pick<'cycle'>>)
  expect((await member.sync()).code).toBe(65)
  const scored = pick('workout', 20)
  if (!scored.score) throw new Error('the sandbox made no scored workout')
  world.put('workout', { ...scored, score: { ...scored.score, strain: 3.5 } })
  world.removeSleep(pick('sleep', 25).id)
  world.remove('workout', pick('workout', 30).id)
  clock.pass(2 * 3_600_000)
  world.advanceTo(clock.now())
  expect([0, 65]).toContain((await member.sync('--full')).code)
  await secondRecovery(database.sql)
}

/** Numbers that another program may have left there, and that jsonb keeps to the letter. */
export async function leaveOddNumbers(sql: Sql): Promise<void> {
  await sql`
    update cycle_records set raw_data = raw_data || '{"odd": [1.50, 12345678901234567890.10, 1e400, 0.0000001]}'
    where id = (select min(id) from cycle_records)`
}

/** A nap's recovery beside the night's. */
async function secondRecovery(sql: Sql): Promise<void> {
  const [nap] = await sql<{ id: string; cycle: string }[]>`
    select id, cycle_id as cycle from sleep_records s where nap and not exists (select from recovery_records r where r.id = s.id) limit 1`
  if (!nap) throw new Error('the sandbox made no nap')
  await sql`
    insert into recovery_records select (jsonb_populate_record(r, jsonb_build_object('id', ${nap.id}::text, 'sleep_id', ${nap.id}::text,
      'raw_data', raw_data || jsonb_build_object('sleep_id', ${nap.id}::text)))).*
    from recovery_records r where cycle_id = ${nap.cycle} limit 1`
  await sql`update sync_status set records = records + 1 where data_type = 'recovery'` // as its page would have counted
}

const tables = [
  'users',
  'sleep_records',
  'recovery_records',
  'workout_records',
  'cycle_records',
  'body_measurements',
  'record_history',
  'quarantined_records',
  'chased_records',
  'sync_status',
]

/** Every row of what an archive speaks of, as text, without the numbers that a database gives by itself. */
export async function everything(sql: Sql): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  for (const table of tables) {
    const own = ['users', 'body_measurements', 'record_history', 'quarantined_records', 'sync_status'].includes(table)
    const rows = await sql<{ row: string }[]>`
      select (to_jsonb(t) ${own ? sql`- 'id'` : sql``} - 'user_id')::text as row from ${sql(table)} t order by 1`
    found[table] = rows.map(({ row }) => row)
  }
  return found
}

/** As the journal's migration makes them; nothing where that one is there already. */
export async function makeJournal(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create table if not exists journal_entries (
      user_id integer not null references users (id) on delete cascade, cycle_start timestamptz not null, question text not null,
      cycle_end timestamptz, timezone_offset varchar(10) not null, answered boolean, notes text, raw_data jsonb not null,
      first_seen timestamptz not null, updated_at timestamptz not null, primary key (user_id, cycle_start, question)
    );
    create table if not exists journal_imports (
      user_id integer primary key references users (id) on delete cascade, newest_cycle timestamptz not null,
      imported_at timestamptz not null
    )`)
}

export type Files = Map<string, Buffer>

/** An archive, with something changed, and written as if it had always been like that. */
export async function forge(
  file: string,
  change: (files: Files, manifest: Manifest) => void,
  { sums = true } = {},
): Promise<Buffer> {
  const files: Files = new Map()
  const zip = await openZip(file)
  for (const entry of zip.entries) {
    const chunks: Buffer[] = []
    for await (const some of zip.read(entry)) chunks.push(some)
    files.set(entry.name, Buffer.concat(chunks))
  }
  await zip.close()
  const manifest = JSON.parse(String(files.get('manifest.json'))) as Manifest
  change(files, manifest)
  for (const entry of sums ? manifest.files : []) {
    const content = files.get(entry.name) ?? Buffer.alloc(0)
    entry.bytes = content.length
    entry.lines = content.filter((byte) => byte === 10).length
    entry.sha256 = createHash('sha256').update(content).digest('hex')
  }
  if (files.has('manifest.json')) files.set('manifest.json', Buffer.from(JSON.stringify(manifest)))
  return zipped([...files])
}

export async function zipped(files: readonly (readonly [string, Buffer])[]): Promise<Buffer> {
  const chunks: Buffer[] = []
  const writer = createZip(async (bytes) => void chunks.push(bytes))
  for (const [name, content] of files) await writer.add(name, [content])
  await writer.end()
  return Buffer.concat(chunks)
}

/** Replaces the first line of a file. */
export function firstLine(files: Files, name: string, edit: (line: string) => string | Buffer): void {
  const text = String(files.get(name))
  const end = text.indexOf('\n')
  files.set(name, Buffer.concat([Buffer.from(edit(text.slice(0, end))), Buffer.from(text.slice(end))]))
}
