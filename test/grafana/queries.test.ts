// Every query of every dashboard, as Grafana would ask it: as whoopster_reader, with the macros and variables expanded.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Row, RowList } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportZip, startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { localDay, summarize, workoutDays, type Summary } from '../support/days.ts'
import { createClock, envFor, logIn, run } from '../support/world.ts'
import { expand } from './expand.ts'
import { asked, find, scopeOf, type Asked, type Chosen } from './provisioned.ts'
import { DAY_MS } from '../support/time.ts'

const MEMBERS = [10_001, 10_002, 10_003] // in three time zones
const [FIRST = 0] = MEMBERS
const GAPPED = 10_003
const NOBODY = 777 // in the database, without a record
const SESSION_ZONES = ['America/Santiago', 'Asia/Kolkata', 'Pacific/Kiritimati']
const DAYS = 100

// Some panels count from now, and now is PostgreSQL's.
const clock = createClock(new Date())
const range = {
  from: new Date(clock.now().getTime() - 90 * DAY_MS),
  to: new Date(clock.now().getTime() + 14 * 3_600_000),
}

let database: TestDatabase
let empty: TestDatabase
let sandbox: Sandbox

beforeAll(async () => {
  database = await createDatabase()
  empty = await createDatabase()
  sandbox = await startSandbox({ days: DAYS, members: MEMBERS.length, now: clock.now, limits: 'none' })
  const env = envFor(sandbox, database.url)
  for (const member of MEMBERS) await logIn(sandbox, env, { clock, member })
  const { code, err } = await run('sync', env, { clock })
  if (code !== 0) throw new Error(err)
  await importJournals(env)
  for (const { sql } of [database, empty]) await sql`insert into users (whoop_user_id) values (${NOBODY})`
  await goWrong(database)
  await loseSome(database)
})
afterAll(async () => {
  await sandbox.close()
  await database.drop()
  await empty.drop()
})

async function importJournals(env: Env): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'whoopster-grafana-'))
  for (const member of MEMBERS) {
    const zip = join(folder, `${member}.zip`)
    await writeFile(zip, exportZip(sandbox.world.export(member)))
    const { code, err } = await run(['import', '--user', String(member), zip], env, { clock })
    if (code !== 0) throw new Error(err)
  }
  await rm(folder, { recursive: true })
}

/** What a healthy demo lacks, so that no panel has a reason to be empty. */
async function goWrong({ sql }: TestDatabase) {
  for (const member of MEMBERS) {
    const own = sql`(select id from users where whoop_user_id = ${member})`
    await sql`
      insert into sync_runs (user_id, started_at, finished_at, outcome, error_message, requests, retries, waited_ms,
        token_refreshes, remaining_today, types)
      select ${own}, now() - interval '2 hours', now() - interval '119 minutes', 'failed', 'it rained', 3, 1, 1500, 0, 9000, '{}'`
    await sql`
      insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
      select ${own}, 'sleep', id::text, jsonb_set(raw_data, '{score,sleep_performance_percentage}', '7'), now() - interval '9 days',
        now() - interval '1 day', 'changed'
      from sleep_records where user_id = ${own} and not nap and score_state = 'SCORED' order by start_time limit 1`
    await sql`
      insert into quarantined_records (user_id, data_type, record_key, raw, reason, first_seen, last_seen)
      select ${own}, 'sleep', 'y', '?', 'start: is missing', now(), now()`
    await sql`
      update sync_status set covered = covered - tstzmultirange(tstzrange(now() - interval '9 days', now() - interval '8 days'))
      where user_id = ${own} and data_type = 'sleep'`
    await sql`
      update recovery_records set hrv_rmssd = 5, resting_heart_rate = 99, user_calibrating = false where id = (
        select id from recovery_records where user_id = ${own} order by created_at_whoop desc offset 5 limit 1)`
  }
}

/** One member's strap lay in a drawer for three weeks, and some things never came. */
async function loseSome({ sql }: TestDatabase) {
  const own = sql`user_id = (select id from users where whoop_user_id = ${GAPPED})`
  const [from, to] = [60, 39].map((days) => new Date(clock.now().getTime() - days * DAY_MS))
  for (const table of ['sleep_records', 'workout_records', 'cycle_records']) {
    await sql`delete from ${sql(table)} where ${own} and start_time between ${from ?? ''} and ${to ?? ''}`
  }
  await sql`delete from recovery_records r where ${own} and not exists (select from cycle_records c where c.id = r.cycle_id)`
  await sql`update sleep_records set score_state = 'PENDING_SCORE', light_sleep_duration = null, respiratory_rate = null
    where ${own} and id in (select id from sleep_records where ${own} order by start_time desc offset 10 limit 3)`
}

type Result = RowList<Row[]>

/** As most often asked: asked once. */
const answers = new Map<Asked, Promise<Result>>()
function ask(one: Asked, chosen?: Partial<Chosen>): Promise<Result> {
  if (chosen) return askAgain(one, chosen)
  const answer = answers.get(one) ?? askAgain(one)
  answers.set(one, answer)
  return answer
}

async function askAgain(one: Asked, chosen: Partial<Chosen> = {}, { sql } = database, zone = 'UTC'): Promise<Result> {
  const text = expand(one.sql, scopeOf(one, { member: String(FIRST), range, ...chosen }))
  return sql.begin(async (tx) => {
    await tx`set local role whoopster_reader`
    await tx`select set_config('TimeZone', ${zone}, true)`
    return tx.unsafe(text)
  }) as Promise<Result>
}

// What Grafana makes of PostgreSQL's types.
const kinds: Record<string, readonly number[]> = {
  time: [1082, 1114, 1184],
  number: [20, 21, 23, 700, 701, 1700],
  word: [25, 1043, 18, 19],
}
const kindOf = (type: number) => Object.keys(kinds).find((kind) => kinds[kind]?.includes(type)) ?? `type ${type}`

const columnsOf = (result: Result) => result.columns.map(({ name, type }) => ({ name, kind: kindOf(type) }))
/** Annotations and variables are the same on most dashboards: once is enough. */
const named = (queries: readonly Asked[]) =>
  queries
    .filter(({ sql, panel }, index) => panel || queries.findIndex((one) => one.sql === sql) === index)
    .map((one) => ({ name: one.name, one }))
const ofKind = (...wanted: Asked['kind'][]) => named(asked.filter(({ kind }) => wanted.includes(kind)))

describe.each(named(asked))('$name', ({ one }) => {
  it('is answered for every member, and has something to say', async () => {
    const results = await Promise.all(
      MEMBERS.map((member) => ask(one, member === FIRST ? undefined : { member: String(member) })),
    )
    const said = results.map((result) => {
      const names = result.columns.map(({ name }) => name)
      expect(new Set(names).size).toBe(names.length)
      const known = result.flatMap((row) => Object.values(row)).filter((value) => value !== null)
      for (const value of known) expect(value).not.toBe(Number.NaN)
      return known.length > 0
    })
    // This morning's recovery may not have come yet.
    if (one.sql.endsWith('limit 1')) expect(said).toContain(true)
    else expect(said).toEqual(MEMBERS.map((member) => hasReason(one, member)))
  })

  it('is answered for a member without records, and from an empty database, with nothing of anybody else', async () => {
    const lonely = await askAgain(one, { member: String(NOBODY) }, empty)
    await askAgain(one, { member: '' }, empty)
    const found = await ask(one, { member: String(NOBODY) })
    expect(one.kind === 'variable' || isDeepStrictEqual(plainly(found), plainly(lonely)), JSON.stringify(found)).toBe(
      true,
    )
  })

  it('says the same in every session’s time zone', async () => {
    const expected = plainly(await ask(one))
    const others = await Promise.all(SESSION_ZONES.map((zone) => askAgain(one, {}, database, zone)))
    for (const other of others) expect(plainly(other)).toEqual(expected)
  })
})

/** Whether this member ever had what the panel shows: not every strap measures everything, and not everybody travels. */
function hasReason({ name }: Asked, member: number): boolean {
  const recoveries = sandbox.world.list('recovery', member).map(({ score }) => score)
  if (name.includes('Skin temperature')) return recoveries.some((score) => typeof score?.skin_temp_celsius === 'number')
  if (name.includes('Blood oxygen')) return recoveries.some((score) => typeof score?.spo2_percentage === 'number')
  if (name.startsWith('Day › Workouts')) return Number(summarize(sandbox.world, member).at(-1)?.['workouts']) > 0
  if (name.startsWith('Day › Naps')) return Number(summarize(sandbox.world, member).at(-1)?.['naps']) > 0
  if (name.endsWith('Travel')) return journeysOf(member).length > 0
  if (name.includes('Naps')) {
    const naps = sandbox.world
      .list('sleep', member)
      .filter(({ nap, start }) => nap && Date.parse(start) > range.from.getTime())
    return naps.length > 0
  }
  return true
}

/** When a cycle began by another clock than the one before. */
function journeysOf(member: number): string[] {
  const cycles = sandbox.world.list('cycle', member).toSorted((a, b) => a.start.localeCompare(b.start))
  return cycles.flatMap(({ start, timezone_offset }, index) =>
    index > 0 && cycles[index - 1]?.timezone_offset !== timezone_offset && Date.parse(start) > range.from.getTime()
      ? [start]
      : [],
  )
}

/** Ages are as of now, which passes. */
function plainly(result: Result) {
  return result.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]: [string, unknown]) => [
        name,
        /ago$/i.test(name) && value !== null ? 'a while' : value,
      ]),
    ),
  )
}

it('would notice a panel that forgets whom it was asked for', async () => {
  const forgetful: Asked = { ...find('Today', 'Recovery'), sql: 'select count(*) as "Sleeps" from sleep_records' }
  const lonely = await askAgain(forgetful, { member: String(NOBODY) }, empty)
  expect(plainly(await ask(forgetful, { member: String(NOBODY) }))).not.toEqual(plainly(lonely))
})

describe('the columns', () => {
  it.each(ofKind('timeseries'))('$name: time first and ascending, then numbers', async ({ one }) => {
    const result = await ask(one)
    const [time, ...rest] = columnsOf(result)
    expect(time?.name).toBe('time')
    expect(['time', 'number']).toContain(time?.kind) // numbers are epoch seconds
    expect(rest.filter(({ kind }) => kind === 'word').map(({ name }) => name)).toEqual(
      rest.some(({ name }) => name === 'metric') ? ['metric'] : [],
    )
    expect(rest.filter(({ kind }) => kind === 'number').length).toBe(
      rest.filter(({ name }) => name !== 'metric').length,
    )
    const times = result.map((row) =>
      row['time'] instanceof Date ? row['time'].getTime() : Number(row['time']) * 1000,
    )
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    if (rest.every(({ name }) => name !== 'metric')) expect(new Set(times).size).toBe(times.length)
    for (const at of times)
      expect([range.from.getTime() - 7 * DAY_MS <= at, at <= range.to.getTime()]).toEqual([true, true])
  })

  it.each(ofKind('stat', 'gauge'))('$name: one row of numbers', async ({ one }) => {
    const result = await ask(one)
    expect(result.length).toBe(1)
    const mixed = one.panel?.type === 'stat' && one.panel.options.reduceOptions.fields === '/.*/'
    for (const { kind } of columnsOf(result)) expect(mixed ? ['number', 'word'] : ['number']).toContain(kind)
  })

  it.each(ofKind('barchart'))('$name: words, then numbers', async ({ one }) => {
    const [first, ...rest] = columnsOf(await ask(one))
    expect([first?.kind, ...new Set(rest.map(({ kind }) => kind))]).toEqual(['word', 'number'])
  })

  it.each(ofKind('xychart'))('$name: the two numbers that it draws', async ({ one }) => {
    const found = columnsOf(await ask(one))
    expect(found.map(({ kind }) => kind)).toEqual(['number', 'number'])
    const [drawn] = one.panel?.type === 'xychart' ? one.panel.options.series : []
    expect([drawn?.x?.matcher.options, drawn?.y?.matcher.options]).toEqual(found.map(({ name }) => name))
  })

  it.each(ofKind('annotation'))('$name: a time and a text', async ({ one }) => {
    const found = columnsOf(await ask(one))
    expect(found).toEqual(
      expect.arrayContaining([
        { name: 'time', kind: 'time' },
        { name: 'text', kind: 'word' },
      ]),
    )
  })

  it.each(ofKind('variable'))('$name: a text and a value', async ({ one }) => {
    expect(columnsOf(await ask(one))).toEqual([
      { name: '__text', kind: 'word' },
      { name: '__value', kind: 'word' },
    ])
    const wanted = one.name.endsWith('behaviour') ? ['Consumed caffeine?'] : MEMBERS.map(String)
    expect((await ask(one)).map((row) => row['__value'] as string)).toEqual(expect.arrayContaining(wanted))
  })

  it.each(named(asked.filter(({ panel }) => panel)))('$name: every look is that of a column', async ({ one }) => {
    const found = new Set<string>()
    for (const units of ['metric', 'imperial'] as const) {
      const energy = units === 'metric' ? 'kcal' : 'kJ'
      for (const { name } of columnsOf(await ask(one, { units, energy }))) found.add(name)
    }
    for (const { matcher } of one.panel?.fieldConfig.overrides ?? []) {
      const matches =
        matcher.id === 'byName'
          ? found.has(matcher.options)
          : [...found].some((name) => new RegExp(matcher.options.slice(1, -1)).test(name))
      expect(matches, `${matcher.options} among ${[...found].join(', ')}`).toBe(true)
    }
  })
})

describe('the numbers, against plain TypeScript and the sandbox’s truth', () => {
  const UNSPOILT = MEMBERS.filter((member) => member !== GAPPED)
  /** Ninety days, of which the last is the member's own today. */
  const isShown = (member: number, from = range.from) => {
    const { timezone_offset = 'Z' } =
      sandbox.world.list('cycle', member).toSorted((a, b) => b.start.localeCompare(a.start))[0] ?? {}
    const [before, today] = [from, clock.now()].map((time) => localDay(time.toISOString(), timezone_offset))
    return (day: unknown) => String(day) > String(before) && String(day) <= String(today)
  }
  const inRange =
    (member: number) =>
    ({ day }: Summary) =>
      isShown(member)(day)
  /** Whether the day's cycle has ended: only the newest has not. */
  const hasEnded = (_: Summary, index: number, days: readonly Summary[]) =>
    index < days.findLastIndex((one) => one['strain_score'] !== null)
  const truth = (member: number) => summarize(sandbox.world, member)
  const values = (days: readonly Summary[], name: string) =>
    days.map((day) => day[name]).filter((value): value is number => typeof value === 'number')
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length
  const numbers = (result: Result, name: string) => result.map((row) => (row[name] === null ? null : Number(row[name])))
  const expectNear = (found: readonly (number | null)[], expected: readonly (number | null | undefined)[]) => {
    expect(found.length).toBe(expected.length)
    for (const [index, one] of found.entries()) {
      if (one === null) expect(expected[index] ?? null).toBeNull()
      else expect(one).toBeCloseTo(Number(expected[index]), 6)
    }
  }
  const dayOf = (row: Row) => (row['time'] as Date).toISOString().slice(0, 10)

  it.each(MEMBERS)('time series: member %i’s nights, on their own days', async (member) => {
    const [offset] = new Set(sandbox.world.list('cycle', member).map((one) => one.timezone_offset))
    expect(offset).toBeDefined()
    const result = await ask(find('Today', 'Sleep got and needed'), { member: String(member) })
    const days = truth(member).filter(inRange(member))
    expect(result.map(dayOf)).toEqual(days.map(({ day }) => day))
    if (member === GAPPED) return
    expectNear(
      numbers(result, 'Asleep'),
      days.map((day) => (day['asleep_duration'] === null ? null : Number(day['asleep_duration']) / 3_600_000)),
    )
  })

  it('time series: the baseline is the thirty days before, beyond what is visible', async () => {
    const shown = { from: new Date(clock.now().getTime() - 3 * DAY_MS), to: range.to }
    const result = await ask(find('Sleep', 'Respiratory rate and what is normal'), { member: '10002', range: shown })
    const days = truth(10_002)
    const last = days.findIndex(({ day }) => day === dayOf(result.at(-1) ?? {}))
    const before = values(days.slice(last - 30, last), 'respiratory_rate')
    expect(before.length).toBeGreaterThan(20)
    const spread = Math.sqrt(before.reduce((sum, one) => sum + (one - mean(before)) ** 2, 0) / (before.length - 1))
    expectNear(numbers(result, 'Baseline').slice(-1), [mean(before)])
    expectNear(numbers(result, 'Normal to').slice(-1), [mean(before) + spread])
  })

  it.each(UNSPOILT)('stat: member %i’s mean efficiency', async (member) => {
    const result = await ask(find('Sleep', 'Efficiency'), { member: String(member) })
    expect(result.length).toBe(1)
    expectNear(numbers(result, 'Efficiency'), [
      mean(values(truth(member).filter(inRange(member)), 'sleep_efficiency_percentage')),
    ])
  })

  it.each(UNSPOILT)('gauge: member %i’s recovery of the newest day', async (member) => {
    const result = await ask(find('Today', 'Recovery'), { member: String(member) })
    expect(result.length).toBe(1)
    expectNear(numbers(result, 'Recovery'), [truth(member).at(-1)?.['recovery_score'] as number | null])
  })

  it('table: the sports, in both units of everything', async () => {
    const days = workoutDays(sandbox.world, FIRST)
    const isLater = isShown(FIRST, new Date(range.from.getTime() + DAY_MS))
    const known = sandbox.world.list('workout', FIRST).filter(({ id }) => isLater(days.get(id)))
    const sports = find('Workouts', 'By sport')
    const later = { from: new Date(range.from.getTime() + DAY_MS), to: range.to }
    const metric = await ask(sports, { range: later })
    const imperial = await ask(sports, { range: later, units: 'imperial', energy: 'kJ' })
    const word = (text: string) => text.replaceAll(/[_-]/g, ' ').toLowerCase()
    for (const [index, row] of metric.entries()) {
      const these = known.filter(({ sport_name }) => word(sport_name) === word(String(row['Sport'])))
      const metres = these.flatMap(({ score }) => score?.distance_meter ?? [])
      const kilojoules = these.flatMap(({ score }) => score?.kilojoule ?? [])
      const sum = (list: readonly number[]) => (list.length === 0 ? null : list.reduce((total, one) => total + one, 0))
      expectNear(numbers(metric.slice(index, index + 1) as Result, 'Workouts'), [these.length])
      expectNear([numbers(metric, 'Distance metric')[index] ?? null], [sum(metres.map((one) => one / 1000))])
      expectNear([numbers(imperial, 'Distance imperial')[index] ?? null], [sum(metres.map((one) => one / 1609.344))])
      expectNear([numbers(metric, 'Energy kcal')[index] ?? null], [sum(kilojoules.map((one) => one / 4.184))])
      expectNear([numbers(imperial, 'Energy kJ')[index] ?? null], [sum(kilojoules)])
    }
    expect(metric.reduce((total, row) => total + Number(row['Workouts']), 0)).toBe(known.length)
  })

  it('bar chart: strain by weekday', async () => {
    const result = await ask(find('Strain', 'By weekday'))
    const days = truth(FIRST).filter(hasEnded).filter(inRange(FIRST))
    const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
    expect(result.map((row) => row['weekday'] as string)).toEqual(weekdays)
    const expected = weekdays.map((_, index) =>
      mean(
        values(
          days.filter(({ day }) => (new Date(String(day)).getUTCDay() + 6) % 7 === index),
          'strain_score',
        ),
      ),
    )
    expectNear(numbers(result, 'Strain'), expected)
  })

  it('scatter: each day’s strain with the next morning’s recovery, how many, and how strongly they go together', async () => {
    const days = truth(10_001)
    const usable = (day: Summary | undefined) => (day?.['user_calibrating'] === false ? day['recovery_score'] : null)
    const spoilt = await ask(find('Patterns', 'Strain and the next morning’s recovery'), { member: '10001' })
    const pairs = days
      .map((day, index) => ({ day, x: day['strain_score'], y: usable(days[index + 1]) ?? null }))
      .filter(({ day, x, y }) => inRange(10_001)(day) && x !== null && y !== null)
    expectNear(
      numbers(spoilt, 'Strain'),
      pairs.map(({ x }) => Number(x)),
    )
    expectNear(
      numbers(spoilt, 'Next recovery'),
      pairs.map(({ y }) => Number(y)),
    )
    const [mx, my] = [mean(pairs.map(({ x }) => Number(x))), mean(pairs.map(({ y }) => Number(y)))]
    const moment = (of: (pair: { x: number; y: number }) => number) =>
      pairs.reduce((sum, { x, y }) => sum + of({ x: Number(x) - mx, y: Number(y) - my }), 0)
    const r = moment(({ x, y }) => x * y) / Math.sqrt(moment(({ x }) => x * x) * moment(({ y }) => y * y))
    const strength = asked.find(({ name }) => name.startsWith('Patterns › How strong'))
    const [row] = await ask(strength ?? expect.fail('no strength'), { member: '10001' })
    expect(row).toMatchObject({ Days: String(pairs.length), r: expect.stringContaining(shownAs(r)) as string })
    expect(row?.['95 %']).toBe(intervalOf(pairs.map(({ day, x, y }) => [String(day['day']), Number(x), Number(y)])))
  })

  const shownAs = (number: number) => number.toFixed(2).replace('-', '−')

  /** Fisher's, with as many days as those that resemble the day before are worth. */
  function intervalOf(days: readonly (readonly [day: string, x: number, y: number])[]): string {
    const correlation = (pairs: readonly (readonly [number, number])[]) => {
      const [mx, my] = [mean(pairs.map(([x]) => x)), mean(pairs.map(([, y]) => y))]
      const sum = (of: (dx: number, dy: number) => number) =>
        pairs.reduce((total, [x, y]) => total + of(x - mx, y - my), 0)
      return sum((dx, dy) => dx * dy) / Math.sqrt(sum((dx) => dx * dx) * sum((_, dy) => dy * dy))
    }
    const neighbours = days.flatMap(([day, x, y], index) => {
      const before = days[index - 1]
      return before && Date.parse(day) - Date.parse(before[0]) === DAY_MS ? [{ x, y, before }] : []
    })
    const alike =
      correlation(neighbours.map(({ x, before }) => [x, before[1]] as const)) *
      correlation(neighbours.map(({ y, before }) => [y, before[2]] as const))
    const capped = Math.min(0.9, Math.max(0, alike))
    const reach = 1.96 / Math.sqrt((days.length * (1 - capped)) / (1 + capped) - 3)
    const z = Math.atanh(correlation(days.map(([, x, y]) => [x, y] as const)))
    return `${shownAs(Math.tanh(z - reach))} to ${shownAs(Math.tanh(z + reach))}`
  }

  it('table: what WHOOP changed, before and after', async () => {
    const rows = await ask(find('Sync health', 'What WHOOP changed afterwards'))
    const first = sandbox.world.list('sleep', FIRST).find(({ id }) => id === rows[0]?.['Record'])
    expect(rows.map((row) => [row['Figure'], row['Before'], Number(row['After'])])).toEqual([
      ['Sleep performance', '7', first?.score?.sleep_performance_percentage],
    ])
  })

  it('table: the day that a click has brought, as a time or as a date, or the newest', async () => {
    const nights = find('Day', 'Nights')
    const days = truth(FIRST).filter((day) => day['sleep_end'] !== null)
    const third = String(days.at(-3)?.['day'])
    const up = async (day?: string) =>
      (await ask(nights, day === undefined ? undefined : { day })).map((row) =>
        (row['Up'] as Date).toISOString().slice(0, 10),
      )
    for (const day of [third, `${third}T00:00:00.000Z`, String(Date.parse(third))])
      expect(await up(day)).toEqual([third])
    expect(await up('yesterday')).toEqual(await up())
  })

  it('annotation: every nap, by the clock of the place', async () => {
    const result = await ask(find('Today', 'annotation Naps'), {
      member: '10002',
      range: { from: new Date(0), to: range.to },
    })
    const naps = sandbox.world.list('sleep', 10_002).filter(({ nap }) => nap)
    const local = ({ start, timezone_offset }: { start: string; timezone_offset: string }) => {
      const [, sign = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):(\d\d)$/.exec(timezone_offset) ?? []
      return Date.parse(start) + (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000)
    }
    expect(result.map((row) => (row['time'] as Date).getTime())).toEqual(naps.map(local).toSorted((a, b) => a - b))
  })
})
