import { isSafeNumber, LosslessNumber, parse, stringify } from 'lossless-json'
import { fileURLToPath } from 'node:url'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import postgres from 'postgres'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Workout } from '../../src/sandbox/index.ts'
import type { Fetch } from '../../src/world.ts'
import { isLong } from '../support/long.ts'
import { memberOf, newMember, syncedMember, typeOf, uuid, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { builtInFetch, envFor, logIn, type TestClock } from '../support/world.ts'
import { HOUR_MS } from '../support/time.ts'

const OWNER = 10_001
const SEED = Number(process.env['WHOOPSTER_SEED'] ?? 20_261_122)

const kinds = ['sleep', 'recovery', 'workout', 'cycle'] as const
type Kind = (typeof kinds)[number]
type Fields = Record<string, unknown>

/** One record of the list, as the text that WHOOP sends, and where the list has it. */
interface Entry {
  kind: Kind
  key: string
  at: number
  text: string
  /** Undefined: it is to be stored; else how the reason that it is not begins. */
  wrong: string | undefined
}

const COUNT = isLong ? 13_200 : 1_000

describe(`${COUNT} mutated records`, () => {
  it(`leave every other one stored and every bad one in quarantine (seed ${SEED})`, async () => {
    const member = await newMember({ days: 2 })
    const entries = kinds.flatMap((kind) => makeList(kind, COUNT / kinds.length, SEED))
    expect(entries.filter(({ wrong }) => wrong !== undefined).length).toBeGreaterThan(COUNT * 0.6)
    const fetch = serving(entries)
    const result = await member.sync('', { fetch })
    expect(result).toMatchObject({ code: 65, outcome: 'ok', error: null })
    for (const kind of kinds) {
      expect(typeOf(result, kind), kind).toMatchObject({ complete: true, error: null })
      await expectKept(member, kind, entries)
    }
    member.clock.pass(HOUR_MS)
    const again = await member.sync('', { fetch })
    expect(again).toMatchObject({ code: 0, outcome: 'ok' })
    for (const kind of kinds) await expectKept(member, kind, entries)
  }, 120_000)
})

describe('a database in LATIN1', () => {
  it('puts a record with a character that it lacks aside, in ASCII, and stores all others', async () => {
    const member = await inLatin1(await newMember({ days: 3, loggedIn: false }))
    const { world } = member.sandbox
    const [one] = world.list('workout')
    if (!one) throw new Error('the sandbox made no workout')
    world.put('workout', { ...one, sport_name: '太極拳' })
    const first = await member.sync()
    expect(first.code, first.err).toBe(65)
    expect(typeOf(first, 'workout')).toMatchObject({ outcome: 'ok', quarantined: 1, complete: true, error: null })
    const [row] = await member.database.sql<{ raw: string }[]>`select raw from quarantined_records`
    expect(row?.raw).toMatch(/^[\0-\x7f]+$/)
    expect(JSON.parse(row?.raw ?? '')).toMatchObject({ id: one.id, sport_name: '太極拳' })
    const stored = await member.database.sql`select from workout_records`
    expect(stored).toHaveLength(world.list('workout').length - 1)
    expect(await member.sync()).toMatchObject({ code: 0 })
  })
})

/** The same member, in a database that was made before `migrate` asked for its encoding. */
async function inLatin1(member: Member): Promise<Member> {
  const { sql } = member.database
  const url = new URL(member.database.url)
  url.pathname += '_latin1'
  const name = url.pathname.slice(1)
  await sql.unsafe(`create database "${name}" encoding 'LATIN1' locale 'C' template template0`)
  const latin = postgres(url.href, { max: 2, onnotice: () => {} })
  onTestFinished(async () => {
    await latin.end({ timeout: 1 })
    await sql.unsafe(`drop database "${name}" with (force)`)
  })
  const folder = fileURLToPath(new URL('../../drizzle', import.meta.url))
  for (const { sql: statements } of readMigrationFiles({ migrationsFolder: folder })) {
    for (const statement of statements) await latin.unsafe(statement)
  }
  await latin`create table whoopster_migrations (created_at bigint primary key, hash text not null)`
  await latin`insert into whoopster_migrations ${latin(await sql`select created_at, hash from whoopster_migrations`)}`
  const env = envFor(member.sandbox, url.href)
  await logIn(member.sandbox, env, { clock: member.clock })
  return memberOf({ ...member, env, database: { ...member.database, url: url.href, sql: latin } })
}

describe('a record that cannot be read', () => {
  it.each(['on the newest page', 'far below'])(
    '%s: 65 in the run that met it, then 0; kept with path and reason',
    async (where) => {
      const { member, bad } = await withBad(where)
      const first = await member.sync('--full')
      expect(first).toMatchObject({ code: 65 })
      expect(typeOf(first, 'workout')).toMatchObject({ outcome: 'ok', quarantined: 1, complete: true, error: null })
      expect(await quarantined(member)).toMatchObject([
        { data_type: 'workout', record_key: bad.id, reason: expect.stringMatching(/^score\.strain: /) as string },
      ])
      for (let run = 0; run < 3; run++) {
        member.clock.pass(HOUR_MS)
        expect(await member.sync()).toMatchObject({ code: 0 })
      }
      const [row] = await quarantined(member)
      expect(row?.last_seen.getTime()).toBe(member.clock.now().getTime())
      expect(row?.first_seen.getTime()).toBe(member.clock.now().getTime() - 3 * HOUR_MS)
      const other = { ...member.sandbox.world.list('workout')[3], start: 5 } as unknown as Workout
      spoil(member, other)
      expect(await member.sync()).toMatchObject({ code: 65 })
      expect(await member.sync()).toMatchObject({ code: 0 })
      expect(await quarantined(member)).toHaveLength(2)
    },
  )

  it.each(['on the newest page', 'far below'])('%s: leaves the quarantine when WHOOP has mended it', async (where) => {
    const { member, bad, good } = await withBad(where)
    await member.sync('--full')
    const [version] = await member.database.sql`select raw_data from workout_records where id = ${bad.id}`
    expect(version).toEqual({ raw_data: good }) // what was stored stays until there is something better
    const mended = { ...good, sport_name: 'mended' }
    member.sandbox.world.put('workout', mended)
    member.clock.pass(HOUR_MS)
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ updated: 1 })
    expect(await quarantined(member)).toEqual([])
    await expectFaithful(member.database, member.sandbox)
  })

  it.each(['on the newest page', 'far below'])('%s: leaves the quarantine when WHOOP has deleted it', async (where) => {
    const { member, bad } = await withBad(where)
    await member.sync('--full')
    member.sandbox.world.remove('workout', bad.id)
    for (let run = 0; run < 2; run++) {
      member.clock.pass(HOUR_MS)
      expect(await member.sync('--full')).toMatchObject({ code: 0 })
    }
    expect(await quarantined(member)).toEqual([])
    await expectFaithful(member.database, member.sandbox)
  })

  it.each([
    ['the newest', 0, 'mended'],
    ['the newest', 0, 'deleted'],
    ['on the newest page', 2, 'mended'],
    ['far below', -3, 'mended'],
    ['far below', -3, 'deleted'],
    ['the oldest', -1, 'mended'],
    ['the oldest', -1, 'deleted'],
  ])('%s, without a key to ask for: leaves the quarantine when WHOOP has it %s', async (_, place, fate) => {
    const member = await newMember({ days: 80 })
    const { world } = member.sandbox
    const good = world.list('workout').at(place)
    if (!good) throw new Error('the sandbox made too few workouts')
    const bad = { ...good, id: null } as unknown as Workout
    world.remove('workout', good.id)
    spoil(member, bad)
    expect(await member.sync()).toMatchObject({ code: 65 })
    expect(await quarantined(member)).toMatchObject([{ record_key: expect.stringMatching(/^sha256:/) as string }])
    member.clock.pass(HOUR_MS)
    expect(await member.sync()).toMatchObject({ code: 0 })
    expect(await quarantined(member)).toHaveLength(1)
    world.remove('workout', bad.id)
    if (fate === 'mended') world.put('workout', good)
    member.clock.pass(2 * HOUR_MS)
    expect(await member.sync()).toMatchObject({ code: 0 })
    expect(await quarantined(member)).toEqual([])
    await expectFaithful(member.database, member.sandbox)
  })

  it('without a key to ask for, is not asked for again by the run that has just seen it', async () => {
    const { member, bad } = await withBad('on the newest page')
    member.sandbox.world.remove('workout', bad.id)
    spoil(member, { ...bad, id: null } as unknown as Workout)
    member.requests()
    const clock: TestClock = {
      ...member.clock,
      now: () => {
        member.clock.pass(1) // nothing happens at the same time
        return member.clock.now()
      },
    }
    expect(await member.sync('--type workout', { clock })).toMatchObject({ code: 65 })
    expect(member.requests()).toMatchObject({ 'activity/workout': 1 })
  })

  it('without a key to ask for, is not given up for an empty page', async () => {
    const { member, bad } = await withBad('far below')
    member.sandbox.world.remove('workout', bad.id)
    spoil(member, { ...bad, id: null } as unknown as Workout)
    expect(await member.sync('--full')).toMatchObject({ code: 65 })
    member.clock.pass(HOUR_MS)
    const workouts = '/developer/v2/activity/workout'
    member.sandbox.world.faults.next = [{ path: workouts, skip: 1, act: 'empty-page' }]
    member.requests()
    expect(await member.sync('--type workout')).toMatchObject({ code: 0 })
    expect(member.requests()).toMatchObject({ 'activity/workout': 2 })
    expect(await quarantined(member)).toHaveLength(1)
  })

  it('without a key to ask for, is not given up for a page that is too short to reach it', async () => {
    const { member, bad } = await withBad('far below')
    member.sandbox.world.remove('workout', bad.id)
    const start = Date.parse(bad.start)
    for (let index = 0; index < 30; index++) {
      spoil(member, { ...bad, id: `no UUID ${index}`, start: new Date(start - index * 1_000).toISOString() })
    }
    expect(await member.sync('--full')).toMatchObject({ code: 65 })
    for (let run = 0; run < 2; run++) {
      member.clock.pass(HOUR_MS)
      expect(await member.sync('--type workout')).toMatchObject({ code: 0 })
      expect(await quarantined(member)).toHaveLength(30)
    }
  })

  it.each(isLong ? ['ecfc6a15', '0', 2 ** 53, null, 'not/an?id'] : [null, 'not/an?id'])(
    'with the id %j stays, without a request for what nobody could answer',
    async (id) => {
      const { member, bad } = await withBad('far below')
      member.sandbox.world.remove('workout', bad.id)
      spoil(member, { ...bad, id } as unknown as Workout)
      const cycle = member.sandbox.world.list('cycle').at(-3)
      member.sandbox.world.put('cycle', { ...cycle, id } as never)
      expect(await member.sync('--full')).toMatchObject({ code: 65 })
      member.requests()
      for (let run = 0; run < 2; run++) {
        member.clock.pass(HOUR_MS)
        expect(await member.sync()).toMatchObject({ code: 0 })
      }
      const asked = Object.keys(member.requests()).filter((path) => /(workout|cycle)\//.test(path))
      expect(asked).toEqual([])
      expect(await quarantined(member)).toHaveLength(2)
    },
  )

  it('does not hide another that is readable and has the same key', async () => {
    const { member, good, bad } = await withBad('on the newest page')
    const page = JSON.stringify({ records: [bad, good, bad], next_token: null })
    member.sandbox.world.faults.next = [{ path: '/developer/v2/activity/workout', answer: { status: 200, body: page } }]
    expect(await member.sync('--type workout')).toMatchObject({ code: 0 })
    expect(await quarantined(member)).toEqual([])
  })
})

/** A synced member, one of whose workouts WHOOP has spoilt since. */
async function withBad(where: string): Promise<{ member: Member; good: Workout; bad: Workout }> {
  const member = await syncedMember({ days: 80 })
  const good = member.sandbox.world.list('workout').at(where === 'far below' ? -3 : 2)
  if (!good?.score) throw new Error('the sandbox made too few workouts')
  const bad = { ...good, score: { ...good.score, strain: 'a lot' } } as unknown as Workout
  spoil(member, bad)
  return { member, good, bad }
}

function spoil({ sandbox }: Member, record: Workout): void {
  sandbox.world.put('workout', record)
}

function quarantined({ database: { sql } }: Member) {
  return sql<{ data_type: string; record_key: string; reason: string; first_seen: Date; last_seen: Date }[]>`
    select data_type, record_key, reason, first_seen, last_seen from quarantined_records order by id`
}

/** Everything readable is stored as it was sent, everything else is in quarantine with its reason. */
async function expectKept({ database: { sql } }: Member, kind: Kind, entries: readonly Entry[]): Promise<void> {
  const mine = entries.filter((one) => one.kind === kind)
  const key = kind === 'recovery' ? 'sleep_id' : 'id'
  const stored = await sql<{ key: string; raw: string }[]>`
    select ${sql(key)}::text as key, md5(raw_data::text) as raw from ${sql(`${kind}_records`)}`
  const good = new Map(mine.filter(({ wrong }) => wrong === undefined).map((one) => [one.key, one.text]))
  expect(new Set(stored.map((row) => row.key)), kind).toEqual(new Set(good.keys()))
  const sent = await sql<{ raw: string }[]>`
    select md5(raw::jsonb::text) as raw from unnest(${[...good.values()]}::text[]) raw`
  expect(stored.map(({ raw }) => raw).toSorted()).toEqual(sent.map(({ raw }) => raw).toSorted())

  const rows = await sql<{ raw: string; reason: string }[]>`
    select raw, reason from quarantined_records where data_type = ${kind}`
  const reasons = new Map(rows.map(({ raw, reason }) => [raw, reason]))
  const unread = mine.filter(({ wrong }) => wrong !== undefined)
  const misread = unread.filter(({ text, wrong = '' }) => !reasons.get(normal(text))?.startsWith(wrong))
  expect(
    misread
      .map(({ text, wrong }) => [
        wrong,
        reasons.get(normal(text)),
        text,
        [...reasons.keys()].filter((raw) => raw.slice(0, 60) === text.slice(0, 60)),
      ])
      .slice(0, 5),
  ).toEqual([])
  expect(new Set(reasons.keys()).size).toBe(new Set(unread.map(({ text }) => normal(text))).size)
}

function normal(text: string): string {
  try {
    const numberOf = (digits: string) => (isSafeNumber(digits) ? Number(digits) : new LosslessNumber(digits))
    const options = { parseNumber: numberOf, onDuplicateKey: ({ newValue }: { newValue: unknown }) => newValue }
    return stringify(parse(text, undefined, options)) ?? 'undefined' // what a double would round, as it was sent
  } catch {
    return '(nested too deeply to be written down)'
  }
}

/** WHOOP with these records; everything else is the sandbox's. */
function serving(entries: readonly Entry[]): Fetch {
  const collections: Record<string, Kind> = {
    '/developer/v2/activity/sleep': 'sleep',
    '/developer/v2/recovery': 'recovery',
    '/developer/v2/activity/workout': 'workout',
    '/developer/v2/cycle': 'cycle',
  }
  const lists = new Map(
    kinds.map((kind) => [kind, entries.filter((one) => one.kind === kind).toSorted((a, b) => b.at - a.at)]),
  )
  const byKey = new Map(entries.map((one) => [`${one.kind} ${one.key}`, one.text]))
  return async (url, init) => {
    const { pathname, searchParams } = new URL(url)
    const one = /^\/developer\/v2\/(?:activity\/)?(sleep|workout|cycle)\/([^/]+)(\/recovery)?$/.exec(pathname)
    if (one) {
      const text = byKey.get(`${one[3] ? 'recovery' : one[1]} ${one[2]}`)
      return text === undefined ? new Response('HTTP 404 Not Found', { status: 404 }) : new Response(text)
    }
    const kind = collections[pathname]
    if (!kind) return builtInFetch(url, init)
    const end = Date.parse(searchParams.get('end') ?? '9999-01-01T00:00:00Z')
    const offset = Number(searchParams.get('nextToken') ?? 0)
    const list = (lists.get(kind) ?? []).filter(({ at }) => at < end)
    const token = offset + 25 < list.length ? `"${offset + 25}"` : 'null'
    const texts = list.slice(offset, offset + 25).map(({ text }) => text)
    return new Response(`{"records":[${texts.join(',')}],"next_token":${token}}`)
  }
}

const NEWEST = Date.parse('2026-11-21T06:00:00.000Z')

/** A list of which three in four are mutated, some of them harmlessly; the same for the same seed. */
function makeList(kind: Kind, count: number, seed: number): Entry[] {
  const random = createRandom(seed + kinds.indexOf(kind))
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)] as T
  const bad = [...mutations[kind], ...mutations.every]
  return Array.from({ length: count }, (_, index) => {
    const at = NEWEST - index * HOUR_MS
    const record = recordOf[kind](index + kinds.indexOf(kind) * 10_000, new Date(at).toISOString())
    const key = String(kind === 'recovery' ? record['sleep_id'] : record['id'])
    const entry = (text: string, wrong?: string): Entry => ({ kind, key, at, text, wrong })
    const turn = index % 250 === 7 ? Math.floor(index / 250) : Infinity
    const special = specials[isLong ? turn : turn * kinds.length + kinds.indexOf(kind)] // of each kind, or of one
    if (special) return entry(special.spoil(JSON.stringify(record)), special.wrong)
    if (index % 20 === 0) {
      const text = pick(notRecords)
      return entry(text, text.startsWith('[') || text === '1e400' ? '' : 'it: ')
    }
    if (random() < 0.2) return entry(JSON.stringify({ ...record, ...pick(harmless) }))
    const [path, value] = pick(bad)
    return entry(JSON.stringify(set(record, path, value)).replaceAll('"1e400"', '1e400'), path)
  })
}

const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
const withField = (field: string) => (text: string) => `${text.slice(0, -1)},${field}}`
const LONG = 'x'.repeat(isLong ? 5_000_000 : 500_000)

/** What is too big to be made by the thousand. */
const specials: { spoil: (text: string) => string; wrong: string | undefined }[] = [
  { spoil: withField(`"later":"${LONG}"`), wrong: undefined },
  { spoil: withField(`"score_state":"${LONG}"`), wrong: 'score_state: ' },
  { spoil: withField(`"later":${deep(500)}`), wrong: undefined },
  { spoil: withField(`"later":${deep(4_000)}`), wrong: 'it: is nested too deeply' },
  { spoil: withField(`"later":${deep(100_000)}`), wrong: 'it: ' },
  { spoil: withField(`"updated_at":"${LONG}"`), wrong: 'updated_at: ' },
]

const notRecords = ['null', '"text"', '5', 'true', '[]', '[[1]]', '1e400', '"NaN"', '""', '-0']
const harmless: Fields[] = [
  {},
  { score: null },
  { score: undefined },
  { score: {} },
  { later: { a: [1, null, 'ü😀', { b: [] }] } },
  { later: 'NaN' },
  { later: 1e300 },
  { score_state: 'SOMETHING_NEW' },
  { later: { constructor: 1 } },
]

type Mutation = [path: string, value: unknown]
const notNumbers = ['NaN', 'Infinity', '-0', '', '12', [], {}, [1], true, '1e400']
const notTexts = [5, true, [], {}, null, undefined, 1e300]
const times = [
  ...notTexts,
  '',
  'now',
  '2026-02-30T00:00:00.000Z',
  '2026-11-22',
  '2026-11-22T10:20:00',
  '+1-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T00:00:00Z',
]
const unstorable = ['a\0b', '\ud83d', 'half: \udc00 of it']
const each = (paths: string[], values: unknown[]): Mutation[] =>
  paths.flatMap((path) => values.map((value): Mutation => [path, value]))

const mutations: Record<Kind | 'every', Mutation[]> = {
  every: [
    ...each(['user_id'], ['10001', null, undefined, 10_002, 2 ** 53, 1.5, []]),
    ...each(['created_at', 'updated_at'], times),
    ...each(['score_state'], [...notTexts, 'x'.repeat(51), ...unstorable]),
    ...each(['later'], unstorable),
    ...each(['score'], ['garbage', 5, true, [], [1, 2]]),
  ],
  sleep: [
    ...each(['id'], [null, undefined, 5, 'x', '', [], {}, unstorable[0]]),
    ...each(['start'], times),
    ...each(
      ['end'],
      times.filter((time) => time !== null && time !== undefined),
    ),
    ...each(['nap'], ['false', 0, null, undefined]),
    ...each(['timezone_offset'], [5, true, [], {}, 1e300, '', '+010', '+99:99', 'UTC', ...unstorable]),
    ...each(['score.respiratory_rate'], notNumbers),
    ...each(['score.stage_summary'], ['x', [], [1], 5]),
    ...each(['score.stage_summary.total_rem_sleep_time_milli'], [...notNumbers, 2 ** 31, -1e300]),
  ],
  recovery: [
    ...each(['cycle_id'], [null, undefined, 'x', '', 2 ** 53, 1.5, [], {}, '1e400']),
    ...each(['sleep_id'], [null, undefined, 5, 'x', [], {}]),
    ...each(['score.recovery_score', 'score.hrv_rmssd_milli'], notNumbers),
    ...each(['score.user_calibrating'], ['true', 1, []]),
  ],
  workout: [
    ...each(['id'], [null, undefined, 5, 'x', '', [], {}]),
    ...each(['start'], times),
    ...each(
      ['end'],
      times.filter((time) => time !== null && time !== undefined),
    ),
    ...each(['sport_name'], [5, true, [], {}, 'x'.repeat(101), ...unstorable]),
    ...each(['sport_id'], ['0', 2 ** 40, [], true]),
    ...each(['score.strain'], notNumbers),
    ...each(['score.zone_durations'], [0, [], 'x', [1]]),
    ...each(['score.zone_durations.zone_five_milli'], [...notNumbers, 1e300]),
  ],
  cycle: [
    ...each(['id'], [null, undefined, 'x', 2 ** 53, 1.5, [], {}, '1e400']),
    ...each(['start'], times),
    ...each(['end'], [5, true, [], {}, '', 'now', '2026-02-30T00:00:00.000Z']),
    ...each(['score.strain', 'score.kilojoule'], notNumbers),
    ...each(['score.average_heart_rate'], [...notNumbers, 2 ** 31]),
  ],
}

const common = (start: string) => ({ user_id: OWNER, created_at: start, updated_at: start, score_state: 'SCORED' })
const activity = (start: string) => ({
  ...common(start),
  start,
  end: new Date(Date.parse(start) + 60_000).toISOString(),
  timezone_offset: '-12:00',
})

const recordOf: Record<Kind, (number: number, start: string) => Fields> = {
  sleep: (number, start) => ({
    id: uuid(number),
    ...activity(start),
    cycle_id: number,
    nap: false,
    score: { respiratory_rate: 15.5, stage_summary: { total_rem_sleep_time_milli: 7_061_171 } },
  }),
  recovery: (number, start) => ({
    cycle_id: 1_000_000 + number,
    sleep_id: uuid(500_000 + number), // of no sleep that is known
    ...common(start),
    score: { user_calibrating: false, recovery_score: 44, hrv_rmssd_milli: 31.813562 },
  }),
  workout: (number, start) => ({
    id: uuid(number),
    ...activity(start),
    sport_name: 'running',
    sport_id: 0,
    score: { strain: 8.25, zone_durations: { zone_five_milli: 12 } },
  }),
  cycle: (number, start) => ({
    id: 2_000_000 + number,
    ...activity(start),
    score: { strain: 5.2951527, kilojoule: 8288.297, average_heart_rate: 68 },
  }),
}

function set(record: Fields, path: string, value: unknown): Fields {
  const [name = '', ...rest] = path.split('.')
  if (rest.length === 0) return { ...record, [name]: value }
  return { ...record, [name]: set(record[name] as Fields, rest.join('.'), value) }
}

/** mulberry32 */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
