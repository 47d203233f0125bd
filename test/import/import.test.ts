// The whole of `whoopster import`: a real database, a sandbox's export, and what people do to such files.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Printed } from '../../src/commands/json.ts'
import { exportFiles, exportZip, startSandbox, type Language, type Sandbox } from '../../src/sandbox/index.ts'
import { zip } from '../../src/sandbox/zip.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { createClock, envFor, logIn, run } from '../support/world.ts'

const DAYS = 60
const [FIRST, SECOND] = [10_001, 10_002]
const clock = createClock()

let database: TestDatabase
let sandbox: Sandbox
let env: Env
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'whoopster-import-'))
  database = await createDatabase()
  sandbox = await startSandbox({ days: DAYS, members: 2, now: clock.now, limits: 'none' })
  env = envFor(sandbox, database.url)
  await logIn(sandbox, env, { clock, member: FIRST })
  const { code, err } = await run('sync', env, { clock })
  if (code !== 0) throw new Error(err)
})
afterAll(async () => {
  await sandbox.close()
  await database.drop()
  await rm(folder, { recursive: true })
})
beforeEach(async () => {
  await database.sql`truncate journal_entries, journal_imports`
})

/** Writes a file and imports it. */
async function given(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
  return path
}

const importing = (...args: string[]) => run(['import', ...args], env, { clock })

async function imported(...args: string[]): Promise<Printed<'import'> & { code: number }> {
  const { code, out, err } = await importing('--json', ...args)
  if (out === '') throw new Error(err)
  return { ...(JSON.parse(out) as Printed<'import'>), code }
}

/** The message of an import that stores nothing. */
async function refused(...args: string[]): Promise<{ code: number; msg: string; hint: string }> {
  const { code, out, err } = await importing(...args)
  expect(out).toBe('')
  expect(await database.sql`select 1 from journal_entries`).toEqual([])
  const { msg, hint } = JSON.parse(err) as { msg: string; hint: string }
  return { code, msg: msg.replaceAll(`${folder}/`, ''), hint }
}

const whole = (language: Language = 'en', member = FIRST) => exportZip(sandbox.world.export(member), language)
const csvOf = (index: number, language: Language = 'en') =>
  exportFiles(sandbox.world.export(FIRST), language)[index]?.text ?? ''
const JOURNAL = 3

/** The newest cycle of the sandbox that has ended, as an export names it. */
function cycle(ago = 1) {
  const [start = '', end = '', zone = ''] = csvOf(0).split('\n')[1 + ago]?.split(',') ?? []
  return { start, end, zone, key: `${start},${end},${zone}` }
}
const HEAD = 'Cycle start time,Cycle end time,Cycle timezone,Question text,Answered yes,Notes'
const journal = (...rows: string[]) => `${[HEAD, ...rows].join('\n')}\n`

const stored = async () => {
  const rows =
    await database.sql`select question, answered, notes, timezone_offset from journal_entries order by cycle_start, question`
  return rows.map(({ question, answered, notes }) => [question, answered, notes] as unknown[])
}

describe('whoopster import', () => {
  it('stores the journal of an export as it is, and says that all else is the same as here', async () => {
    const path = await given('export.zip', whole())
    const { code, out, err } = await importing(path)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatchInlineSnapshot(`
      "journal: 660 answers to 12 questions on 55 days: 660 new, 0 changed, 0 taken back, 0 as before
      cycles: 60 in the export, 60 of them stored here, the same as here
      sleeps: 62 in the export, 62 of them stored here, the same as here
      workouts: 49 in the export, 49 of them stored here, the same as here
      → what goes with what: whoopster stats --type journal
      "
    `)
    const rows = csvOf(JOURNAL).split(/\n(?=\d{4})/).length - 1
    expect(await database.sql`select count(*)::int as n from journal_entries`).toEqual([{ n: rows }])
  })

  it('changes nothing the second time, not even a row version', async () => {
    const path = await given('export.zip', whole())
    await importing(path)
    const versions = () => database.sql`select xmin::text, ctid::text from journal_entries order by 1, 2`
    const before = await versions()
    const { out } = await importing(path)
    expect(out).toContain('nothing has changed since the last import')
    expect(await versions()).toEqual(before)
    expect(await imported(path, path)).toMatchObject({
      code: 0,
      repeated: [],
      journal: { inserted: 0, updated: 0, removed: 0 },
    })
  })

  it.each(['es', 'de'] as const)(
    'knows an export in another language (%s) by its shape, and takes its words',
    async (language) => {
      const english = await imported(await given('export.zip', whole()))
      const { code, files, journal, compared } = await imported(await given('other.zip', whole(language)))
      expect(code).toBe(0)
      expect(files.map(({ shape }) => shape)).toEqual(['cycles', 'sleeps', 'workouts', 'journal'])
      expect(compared).toEqual(english.compared)
      const total = english.journal?.inserted
      const back = await run(['import', await given('export.zip', whole())], env, { clock })
      expect(back.out).toContain('its questions are worded as none before, as in another language')
      await imported(await given('other.zip', whole(language)))
      expect(journal).toMatchObject({ inserted: total, removed: total, updated: 0, unchanged: 0 })
      expect((await stored()).map(([question]) => question)).toContain(
        { es: '¿Meditaste?', de: 'Meditiert?' }[language],
      )
    },
  )

  it('takes the folder, the folder in the ZIP of older exports, and single files', async () => {
    const files = exportFiles(sandbox.world.export(FIRST))
    for (const { name, text } of files) await given(`folder/my_whoop_data_2026_11_22/${name}`, text)
    const fromFolder = await imported(join(folder, 'folder'))
    const entries = files.map(({ name, text }) => ({
      name: `my_whoop_data_2026_11_22/${name}`,
      content: Buffer.from(text),
    }))
    const shadow = { name: '__MACOSX/my_whoop_data_2026_11_22/._sleeps.csv', content: Buffer.from('\0\0\0') }
    const old = await imported(await given('old.zip', zip([...entries, shadow], clock.now())))
    expect(old).toMatchObject({ code: 0, journal: { inserted: 0, unchanged: fromFolder.journal?.inserted } })
    expect(old.compared).toEqual(fromFolder.compared)
    expect(await imported(await given('alone.csv', csvOf(JOURNAL)))).toMatchObject({
      journal: { inserted: 0, removed: 0 },
      compared: {},
    })
    expect(await imported(await given('cycles.csv', csvOf(0)))).toMatchObject({ code: 0, journal: null })
  })

  it('is all or nothing: an interrupted one has stored nothing', async () => {
    const path = await given('export.zip', whole())
    const { code } = await run(['import', path], env, { clock, interrupted: AbortSignal.abort(130) })
    expect(code).toBe(130)
    expect(await stored()).toEqual([])
  })

  it('waits for another import of the same member, and finds nothing left to do', async () => {
    const path = await given('export.zip', whole())
    const both = await Promise.all([imported(path), imported(path)])
    const total = exportFiles(sandbox.world.export(FIRST))[JOURNAL]?.text.split(/\n(?=\d{4})/).length ?? 0
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(both.map(({ journal }) => journal?.inserted).toSorted((a = 0, b = 0) => a - b)).toEqual([0, total - 1])
  })

  it('says in a dry run what it would do, and does nothing', async () => {
    const path = await given('export.zip', whole())
    const dry = await imported('--dry-run', path)
    expect(dry.journal?.inserted).toBeGreaterThan(100)
    expect(await stored()).toEqual([])
    expect(await imported(path)).toEqual({ ...dry, dryRun: false })
  })

  it('replaces the answers of a cycle that the export lists, and leaves the others', async () => {
    const [a, b, c] = [cycle(1), cycle(2), cycle(3)]
    await imported(
      await given(
        'one.csv',
        journal(`${a.key},A?,true,`, `${a.key},B?,true,`, `${b.key},A?,true,`, `${c.key},A?,false,`),
      ),
    )
    const cycles = [csvOf(0).split('\n')[0], ...csvOf(0).split('\n').slice(1, 4)].join('\n')
    const second = [
      await given('two.csv', journal(`${a.key},A?,false,changed my mind`)),
      await given('cycles.csv', cycles),
    ]
    expect((await imported(...second)).journal).toMatchObject({ inserted: 0, updated: 1, removed: 2, unchanged: 0 })
    expect(await stored()).toEqual([
      ['A?', false, null], // of a cycle that is not in these files
      ['A?', false, 'changed my mind'],
    ])
  })

  it('takes all answers back when the journal is empty by now, and none when there is no journal', async () => {
    await imported(await given('export.zip', whole()))
    const [cycles = { name: '', text: '' }] = exportFiles(sandbox.world.export(FIRST))
    const entries = [{ name: cycles.name, content: Buffer.from(cycles.text) }]
    expect((await imported(await given('none.zip', zip(entries, clock.now())))).journal).toBeNull()
    expect((await stored()).length).toBeGreaterThan(100)
    const empty = { name: 'journal_entries.csv', content: Buffer.from(journal()) }
    expect((await imported(await given('empty.zip', zip([...entries, empty], clock.now())))).journal).toMatchObject({
      inserted: 0,
    })
    expect(await stored()).toEqual([])
  })

  it('keeps an answer of a cycle that WHOOP has deleted since, on the day of the export’s own times', async () => {
    const key = '2026-10-01 22:30:00,2026-10-02 23:10:00,UTC+02:00' // 2 October
    const known = cycle(1)
    await imported(await given('deleted.csv', journal(`${key},A?,true,`, `${known.key},A?,true,`)))
    const [row] = await database.sql`select day::text, cycle_id from journal_days order by day limit 1`
    expect(row).toEqual({ day: '2026-10-02', cycle_id: null })
  })

  it('imports for a member who has no login any more, and no cycle', async () => {
    await database.sql`insert into users (whoop_user_id) values (777)`
    try {
      const path = await given('export.zip', whole('en', SECOND))
      expect(await refused(path)).toMatchObject({ code: 64, msg: '2 members are stored here.' })
      const { code, journal } = await imported('--user', '777', path)
      expect(code).toBe(0)
      expect(journal?.inserted).toBeGreaterThan(100)
      const days = await database.sql`select count(distinct day)::int as n from journal_days where cycle_id is null`
      expect(days[0]?.['n']).toBe(journal?.cycles)
    } finally {
      await database.sql`delete from users where whoop_user_id = 777`
    }
  })
})

describe('sandbox export', () => {
  it.each(['en', 'es', 'de'])('writes what import takes, in %s', async (language) => {
    const path = join(folder, `made-${language}.zip`)
    const made = await run(
      ['sandbox', 'export', '--days', String(DAYS), '--language', language, '--out', path],
      {},
      { clock },
    )
    expect(made).toMatchObject({ code: 0, err: '' })
    expect((await imported(path)).journal?.inserted).toBeGreaterThan(100)
  })

  it('has no more members than there are', async () => {
    const { code, err } = await run('sandbox export --member 4711 --out /nowhere/x.zip', {}, { clock })
    expect(code).toBe(64)
    expect(JSON.parse(err)).toMatchObject({ msg: 'The sandbox has no member 4711.' })
  })
})

describe('stats --type journal', () => {
  it('shows what goes with what, with its days and its interval, and says when there is none', async () => {
    const empty = await run('stats --type journal', env, { clock })
    expect(empty.out).toContain('→ run: whoopster import my_whoop_data.zip')
    await imported(await given('export.zip', whole()))
    const { code, out } = await run('stats --type journal', env, { clock, columns: 80 })
    expect(code).toBe(0)
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(out).toMatchSnapshot()
    const json = await run('stats --type journal --json', env, { clock })
    const [user] = (JSON.parse(json.out) as Printed<'stats'>).users
    const effects = await database.sql`select count(*)::int as n from behaviour_effects`
    expect(user?.journal.flatMap((one) => one.effects)).toHaveLength(Number(effects[0]?.['n']))
    expect(user?.journal).toHaveLength(12)
  })
})

describe('the days of the journal', () => {
  it('are those of daily_summary', async () => {
    await imported(await given('export.zip', whole()))
    const [row] = await database.sql`
      select count(*)::int as n, count(d.day)::int as found, count(*) filter (where local_time(d.sleep_end, d.timezone_offset)::date <> j.day)::int as other
      from (select distinct user_id, day, cycle_id from journal_days) j left join daily_summary d using (user_id, day)`
    expect(row).toEqual({ n: row?.['n'], found: row?.['n'], other: 0 })
  })
})

describe('another member’s export', () => {
  it('is refused, and imported when that is insisted on', async () => {
    const path = await given('theirs.zip', whole('en', SECOND))
    expect(await refused(path)).toMatchInlineSnapshot(`
      {
        "code": 65,
        "hint": "choose the member with --user, or, if it is theirs all the same: --force",
        "msg": "None of the 60 cycles in theirs.zip is one of WHOOP user 10001's: it looks like another member's export.",
      }
    `)
    expect((await imported('--force', path)).journal?.inserted).toBeGreaterThan(100)
  })
})

describe('an older export than the last', () => {
  it('is refused, and imported when that is insisted on', async () => {
    const older = exportFiles(sandbox.world.export(FIRST)).map(({ name, text }) => {
      const [head, ...rows] = text.split(/\n(?=\d{4})/)
      const isOld = (row: string) => row < '2026-11-10'
      return { name, content: Buffer.from([head, ...rows.filter(isOld)].join('\n')) }
    })
    const path = await given('older.zip', zip(older, clock.now()))
    await imported(await given('export.zip', whole()))
    const { code, err } = await importing(path)
    expect(code).toBe(65)
    expect(err.replaceAll(`${folder}/`, '')).toMatchInlineSnapshot(`
      "{"level":"error","time":"2026-11-22T10:20:00.000Z","msg":"older.zip is older than the export that was imported last: its newest cycle began on 2026-11-09, that one's on 2026-11-21.","reason":"data","hint":"to have the older answers all the same: --force"}
      "
    `)
    expect(await imported('--force', path)).toMatchObject({ code: 0, journal: { inserted: 0, removed: 0 } })
    expect(await imported(path)).toMatchObject({ code: 0 }) // it is the last by now
  })
})

describe('what is held against the tables', () => {
  it('says what is missing on either side and which figures differ, and stores none of it', async () => {
    const [, newest] = await database.sql`select id, start_time from sleep_records order by start_time desc limit 2`
    const [workout] = await database.sql`select id, strain_score from workout_records order by start_time desc limit 1`
    const [one] =
      await database.sql`select id, kilojoules from cycle_records where end_time is not null order by start_time desc offset 3 limit 1`
    const before = await database.sql`select * from cycle_records order by id`
    const [gone] = await database.sql`select * from cycle_records order by start_time desc offset 5 limit 1`
    await database.sql`delete from cycle_records where id = ${gone?.['id'] as number}`
    await database.sql`update sleep_records set start_time = start_time + interval '7 minutes' where id = ${newest?.['id'] as string}`
    await database.sql`update workout_records set strain_score = strain_score + 0.3 where id = ${workout?.['id'] as string}`
    await database.sql`update cycle_records set kilojoules = kilojoules + 4 where id = ${one?.['id'] as number}` // less than a kilocalorie
    try {
      const { compared } = await imported(await given('export.zip', whole()))
      expect(compared['cycles']).toMatchObject({ missingHere: [expect.any(String)], missingInFile: [], different: [] })
      expect(compared['sleeps']).toMatchObject({
        missingHere: [expect.any(String)],
        missingInFile: [expect.any(String)],
      })
      expect(compared['workouts']?.different).toEqual([
        {
          start: expect.any(String) as string,
          figure: 'strain_score',
          file: expect.any(Number) as number,
          stored: expect.any(Number) as number,
        },
      ])
      const { out } = await importing(join(folder, 'export.zip'))
      expect(out).toContain('not stored here: ')
      expect(out).toContain('→ run: whoopster sync --full')
    } finally {
      await database.sql`update sleep_records set start_time = start_time - interval '7 minutes' where id = ${newest?.['id'] as string}`
      await database.sql`update workout_records set strain_score = ${workout?.['strain_score'] as number} where id = ${workout?.['id'] as string}`
      await database.sql`update cycle_records set kilojoules = ${one?.['kilojoules'] as number} where id = ${one?.['id'] as number}`
      await database.sql`insert into cycle_records ${database.sql(gone as Record<string, unknown>)}`
    }
    expect(await database.sql`select * from cycle_records order by id`).toEqual(before)
  })

  it('finds the zone of workouts that have none in their cycle', async () => {
    const bare = csvOf(2)
      .split('\n')
      .map((row) =>
        row
          .split(',')
          .filter((_, column) => column !== 1 && column !== 2)
          .join(','),
      )
      .join('\n')
    const path = await given('workouts.csv', bare)
    const { compared } = await imported(path) // in the tables
    expect(compared['workouts']).toMatchObject({ missingHere: [], missingInFile: [], different: [] })
    expect(compared['workouts']?.matched).toBeGreaterThan(10)
    const both = await imported(path, await given('cycles.csv', csvOf(0)))
    expect(both.compared['workouts']).toEqual(compared['workouts'])
  })
})

const ends = (text: string, end: string) => text.replaceAll('\n', end)

describe('files that have been through a spreadsheet', () => {
  it.each<[string, (text: string) => string | Buffer]>([
    ['a BOM', (text) => `\uFEFF${text}`],
    ['CRLF', (text) => ends(text, '\r\n')],
    ['semicolons', (text) => text.replaceAll(',', ';')],
    ['tabs', (text) => text.replaceAll(',', '\t')],
    ['TRUE and FALSE', (text) => text.replaceAll('true', 'TRUE').replaceAll('false', 'FALSE')],
    ['yes and no', (text) => text.replaceAll('true', 'Yes').replaceAll('false', 'no')],
    ['ja and nein', (text) => text.replaceAll('true', 'Ja').replaceAll('false', 'nein')],
    ['sí and no', (text) => text.replaceAll('true', 'Sí').replaceAll('false', 'NO')],
    ['a question with a space at its end', (text) => text.replaceAll('?', '? ')],
    ['a question with a no-break space', (text) => text.replaceAll('?', '\u00A0?')],
    ['no line end at the end', (text) => text.trimEnd()],
    ['an empty line at the end', (text) => `${text}\n\n`],
    ['everything quoted', (text) => text.replaceAll(/[^,\n]+/g, '"$&"')],
  ])('are the same with %s', async (_, spoil) => {
    const [a, b] = [cycle(1), cycle(2)]
    const text = journal(`${a.key},A ?,true,`, `${a.key},B ?,false,a note`, `${b.key},A ?,false,`)
    await imported(await given('plain.csv', text.replaceAll(' ?', '?')))
    const plain = await stored()
    await database.sql`truncate journal_entries`
    expect(await imported(await given('spoiled.csv', spoil(text.replaceAll(' ?', '?'))))).toMatchObject({
      code: 0,
      unreadable: { rows: 0 },
    })
    expect((await stored()).map(([question, ...rest]) => [String(question).replace(' ?', '?'), ...rest])).toEqual(plain)
  })

  it('keep quotes, commas and line breaks of notes, and the lines are counted right behind them', async () => {
    const { key } = cycle()
    const note = 'two, "quoted"\r\nand a third line'
    const text = journal(`${key},A?,true,"${note.replaceAll('"', '""')}"`, `${key},B?,perhaps,`)
    const { code, unreadable } = await imported(await given('notes.csv', text))
    expect({ code, ...unreadable.first[0] }).toMatchObject({
      code: 65,
      line: 4,
      problem: '“perhaps” is neither yes nor no',
    })
    expect(await stored()).toEqual([['A?', true, note]])
  })

  it('know zones in all spellings', async () => {
    const times = '2026-10-01 22:30:00,2026-10-02 23:10:00'
    const zones = ['UTCZ', 'UTC', 'UTC+02:00', 'UTC-06:00', 'GMT-5', 'UTC+0530', 'GMT+5:45', '+02:00', 'UTC−03:30']
    const path = await given('zones.csv', journal(...zones.map((zone, index) => `${times},${zone},${index}?,true,`)))
    expect((await imported('--force', path)).unreadable.rows).toBe(0)
    const rows =
      await database.sql`select timezone_offset as at, local_time(cycle_start, timezone_offset)::text as local from journal_entries order by question`
    expect(rows.map(({ at }) => at as string)).toEqual([
      'Z',
      'Z',
      '+02:00',
      '-06:00',
      '-05:00',
      '+05:30',
      '+05:45',
      '+02:00',
      '-03:30',
    ])
    expect(new Set(rows.map(({ local }) => local as string))).toEqual(new Set(['2026-10-01 22:30:00']))
  })
})

describe('rows that cannot be read', () => {
  it('are named with file and line; the others are stored, and what they were about is kept', async () => {
    const [a, b] = [cycle(1), cycle(2)]
    const old = ['A?', 'B?', 'C?', 'D?'].flatMap((question) => [
      `${a.key},${question},true,`,
      `${b.key},${question},true,`,
    ])
    await imported(await given('old.csv', journal(...old)))
    const path = await given(
      'bad.csv',
      journal(
        `${a.key},A?,false,`,
        `${a.key},B?,maybe,`, // keeps B? of that cycle
        `2026-02-30 23:00:00,,UTC+01:00,C?,true,`, // whichever cycle that is: keeps every C?
        `${b.start},,Mars/Olympus,C?,true,`,
        `${b.key},A?,false,`,
      ),
    )
    const { code, err } = await importing(path)
    expect(code).toBe(65)
    expect(err.replaceAll(`${folder}/`, '')).toMatchInlineSnapshot(`
      "{"level":"warn","time":"2026-11-22T10:20:00.000Z","msg":"not read: bad.csv, line 3: “maybe” is neither yes nor no"}
      {"level":"warn","time":"2026-11-22T10:20:00.000Z","msg":"not read: bad.csv, line 4: “2026-02-30 23:00:00” does not exist"}
      {"level":"warn","time":"2026-11-22T10:20:00.000Z","msg":"not read: bad.csv, line 5: the zone “Mars/Olympus” is unknown"}
      "
    `)
    expect(await stored()).toEqual([
      ['A?', false, null],
      ['C?', true, null],
      ['A?', false, null],
      ['B?', true, null],
      ['C?', true, null],
    ])
  })

  it('take nothing back when nobody knows what they were: a line cut off, a quote that never closes', async () => {
    const { key } = cycle()
    await imported(await given('old.csv', journal(`${key},A?,true,`, `${key},B?,true,`, `${key},C?,true,`)))
    const cut = await imported(await given('cut.csv', journal(`${key},A?,false,`, key.slice(0, 30))))
    expect(cut).toMatchObject({
      code: 65,
      journal: { updated: 1, removed: 0 },
      unreadable: { rows: 1, first: [{ line: 3 }] },
    })
    const open = await imported(
      await given('open.csv', journal(`${key},A?,true,`, `${key},"B?,false,`, `${key},C?,false,`)),
    )
    expect(open).toMatchObject({ code: 65, journal: { updated: 1, removed: 0 }, unreadable: { rows: 1 } })
    expect(open.unreadable.first).toMatchObject([{ line: 3, problem: 'has a quote that never closes' }])
    expect((await stored()).map(([question]) => question)).toEqual(['A?', 'B?', 'C?'])
  })

  it('of a key given twice the last wins, with a warning', async () => {
    const { key } = cycle()
    const path = await given(
      'twice.csv',
      journal(`${key},A?,true,`, `${key},B?,true,`, `${key},A? ,false,second thoughts`),
    )
    const { code, repeated } = await imported(path)
    expect(code).toBe(0)
    expect(repeated).toMatchObject([{ line: 2, problem: expect.stringContaining('“A?” is answered again') as string }])
    expect(await stored()).toEqual([
      ['A?', false, 'second thoughts'],
      ['B?', true, null],
    ])
  })

  it('do not swallow the memory when a quote stays open for a megabyte', async () => {
    const { key } = cycle()
    const path = await given('open.csv', journal(`${key},A?,true,`, `${key},B?,false,"${'x\n'.repeat(600_000)}`))
    const { code, unreadable } = await imported(path)
    expect(code).toBe(65)
    expect(unreadable.first[0]).toMatchObject({
      line: 3,
      problem: 'goes on for more than 256 KB: a quote never closes',
    })
    expect(await stored()).toEqual([['A?', true, null]])
  })
})

/** A ZIP with one byte of its first entry's header changed, locally and in the directory. */
function altered(bytes: Buffer, at: { local: number; central: number }, change: (byte: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  const central = copy.indexOf(Buffer.from('PK\x01\x02', 'latin1'))
  copy[at.local] = change(copy[at.local] ?? 0)
  copy[central + at.central] = change(copy[central + at.central] ?? 0)
  return copy
}

describe('what is no export', () => {
  const entry = (name: string, text: string) => ({ name, content: Buffer.from(text) })
  it.each<[string, string, () => string | Buffer]>([
    ['a text that is called a ZIP', 'a.zip', () => 'hello, I am no ZIP'],
    ['an empty file', 'empty.csv', () => ''],
    ['a picture', 'picture.png', () => Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')],
    [
      'a ZIP of something else',
      'photos.zip',
      () => zip([entry('IMG_1.jpg', 'x'), entry('IMG_2.jpg', 'y')], clock.now()),
    ],
    ['a ZIP of other tables', 'bank.zip', () => zip([entry('bank.csv', 'Date,Amount\n2026-01-01,5\n')], clock.now())],
    ['an encrypted ZIP', 'secret.zip', () => altered(whole(), { local: 6, central: 8 }, (flags) => flags | 1)],
    ['a ZIP that was cut off', 'cut.zip', () => whole().subarray(0, 5000)],
    [
      'a ZIP with a damaged byte',
      'damaged.zip',
      () => altered(whole(), { local: 14, central: 16 }, (byte) => byte ^ 1), // of the checksum
    ],
    [
      'a bomb',
      'bomb.zip',
      () => zip([{ name: 'journal_entries.csv', content: Buffer.alloc(210 * 1024 * 1024, `${HEAD}\n`) }], clock.now()),
    ],
    [
      'Advanced Labs',
      'biomarkers.csv',
      () =>
        '"Biomarker Name",Value,Status,"Recorded On Date"\n"Ferritin",--,"No Data Available",--\nIron,"3,490 ug/dL",Sufficient,7/2/26\n',
    ],
    ['a file in UTF-16', 'utf16.csv', () => Buffer.from(`\uFEFF${csvOf(JOURNAL)}`, 'utf16le')],
    ['a journal without a row', 'header.csv', () => journal()],
  ])('%s is refused, and what was found is said', async (_, name, content) => {
    const { code, msg, hint } = await refused(await given(name, content()))
    expect(code).toBe(65)
    expect(`${msg}\n→ ${hint}`).toMatchSnapshot()
  })

  it('a bomb that lies about its size is stopped all the same', async () => {
    const content = Buffer.alloc(210 * 1024 * 1024, `${HEAD}\n`)
    const bytes = zip([{ name: 'journal_entries.csv', content }], clock.now())
    const lie = Buffer.alloc(4)
    lie.writeUInt32LE(1000)
    lie.copy(bytes, 22)
    lie.copy(bytes, bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1')) + 24)
    expect(await refused(await given('liar.zip', bytes))).toMatchObject({
      code: 65,
      msg: expect.stringContaining('damaged') as string,
    })
  })

  it('a file that is not there is a mistake of the command line', async () => {
    expect(await refused(join(folder, 'nowhere.zip'))).toMatchInlineSnapshot(`
      {
        "code": 64,
        "hint": "name the ZIP that WHOOP has sent: app, More, App settings, Data export",
        "msg": "nowhere.zip does not exist.",
      }
    `)
  })

  it('nobody is known yet', async () => {
    expect(await refused('--user', '4711', await given('export.zip', whole()))).toMatchObject({ code: 77 })
  })

  it.runIf(isLong)('a million rows are enough', async () => {
    const { key } = cycle()
    const rows = `${key},A?,true,\n`.repeat(1_000_001)
    expect(await refused(await given('long.csv', journal() + rows))).toMatchObject({
      code: 65,
      msg: expect.stringContaining('more than 1,000,000 rows') as string,
    })
  })
})
