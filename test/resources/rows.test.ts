import { describe, expect, it } from 'vitest'
import { integer, pgTable, uuid } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { cycleRecords } from '../../src/resources/cycle.ts'
import { body, cycle, profile, recovery, sleep, workout } from '../../src/resources/index.ts'
import { keyOf, readOne, understand } from '../../src/resources/read.ts'
import { bookkeeping, byOwnTimes, defineResource, type Resource } from '../../src/resources/resource.ts'
import cycles from './fixtures/cycle.ts'
import * as member from './fixtures/member.ts'
import recoveries from './fixtures/recovery.ts'
import sleeps from './fixtures/sleep.ts'
import workouts from './fixtures/workout.ts'

const owner = { whoopUserId: 20417 }

const fixtures: [Resource, Record<string, object>][] = [
  [sleep, sleeps],
  [recovery, recoveries],
  [workout, workouts],
  [cycle, cycles],
]

describe.each(fixtures)('$name', (resource, records) => {
  it.each(Object.entries(records))('becomes a row: %s', (_, record) => {
    const raw = asSent(record)
    const { understood, unreadable } = understand(resource, owner, [raw])
    expect(unreadable).toEqual([])
    expect(understood).toHaveLength(1)
    expect(understood[0]?.row).toMatchSnapshot('row')
    expect(understood[0]?.raw).toBe(raw)
  })

  it('keeps the later of two records of one key on a page', () => {
    const [first = {}, second = {}] = Object.values(records)
    const key = resource.name === 'recovery' ? 'sleep_id' : 'id'
    const twin = asSent({ ...second, [key]: Reflect.get(first, key) as unknown })
    const { understood, unreadable } = understand(resource, owner, [asSent(first), twin])
    expect(unreadable).toEqual([])
    expect(understood.map(({ raw }) => raw)).toEqual([twin])
    expect(keyOf(resource, understood[0]?.row ?? {})).toBe(String(Reflect.get(first, key)))
  })

  it.each([
    ['a text', 'record', 'it: '],
    ['null', null, 'it: '],
    ['a list', [], ': '],
    ['nothing', {}, ': '],
    ["another member's", { ...Object.values(records)[0], user_id: 20418 }, 'user_id: is another member'],
  ])('refuses %s', (_, record, why) => {
    expect(refusal(resource, record)).toContain(why)
  })
})

it('keeps what WHOOP has one of', () => {
  expect(readOne('body', body.row, asSent(member.body))).toMatchSnapshot('body')
  expect(readOne('profile', profile.row, asSent(member.profile))).toMatchSnapshot('profile')
  expect(readOne('profile', profile.row, { user_id: 20417, email: null })).toMatchSnapshot('profile without a name')
})

const known = {
  sleep: [sleep, sleeps.night],
  recovery: [recovery, recoveries.morning],
  workout: [workout, workouts.run],
  cycle: [cycle, cycles.closed],
} as const

describe('a record that cannot be read', () => {
  it.each([
    ['sleep', 'score.stage_summary.total_rem_sleep_time_milli', '7061171'],
    ['sleep', 'score.stage_summary.total_in_bed_time_milli', 2 ** 31],
    ['sleep', 'score.sleep_needed.need_from_recent_nap_milli', -(2 ** 31) - 1],
    ['sleep', 'score.stage_summary.sleep_cycle_count', '4'],
    ['sleep', 'score.sleep_needed', 'a lot'],
    ['sleep', 'score', 'garbage'],
    ['sleep', 'score.stage_summary', [1, 2]],
    ['sleep', 'cycle_id', 2 ** 53],
    ['sleep', 'nap', 'false'],
    ['sleep', 'id', 'ecfc6a15'],
    ['sleep', 'end', 'tomorrow'],
    ['sleep', 'start', '2026-03-14T06:12:40'],
    ['sleep', 'start', '2026-03-14'],
    ['sleep', 'start', '2026-02-30T06:12:40.902Z'],
    ['sleep', 'start', '2026-03-14T26:12:40.902Z'],
    ['sleep', 'start', '0000-03-14T06:12:40.902Z'],
    ['sleep', 'created_at', 1_773_468_760_902],
    ['sleep', 'timezone_offset', 'Europe/Berlin'],
    ['sleep', 'timezone_offset', '+010'],
    ['sleep', 'start', '2009-12-31T23:59:59.999Z'],
    ['sleep', 'start', '2100-01-01T00:00:00.000Z'],
    ['sleep', 'created_at', '9999-03-14T06:12:40.902Z'],
    ['sleep', 'score.respiratory_rate', 1_000_000_000.5],
    ['sleep', 'timezone_offset', '+99:99'],
    ['recovery', 'score.hrv_rmssd_milli', 'NaN'],
    ['recovery', 'score.recovery_score', Number.POSITIVE_INFINITY], // JSON's 1e400
    ['recovery', 'score.user_calibrating', 1],
    ['recovery', 'cycle_id', null],
    ['recovery', 'score_state', 'x'.repeat(51)],
    ['workout', 'sport_name', 'x'.repeat(101)],
    ['workout', 'sport_name', 'ta\0i chi'],
    ['workout', 'sport_id', '0'],
    ['workout', 'score.zone_durations.zone_five_milli', 1e300],
    ['workout', 'score.zone_durations', 0],
    ['cycle', 'id', '1601222333'],
    ['cycle', 'id', Number('9007199254740993')], // JSON.parse has rounded it already
    ['cycle', 'score.strain', {}],
    ['cycle', 'score.average_heart_rate', '6'.repeat(10_000)],
    ['cycle', 'later', { comment: 'half a 😀: \ud83d' }],
  ] as [keyof typeof known, string, unknown][])('%s.%s is refused by name (%#)', (name, path, value) => {
    const [resource, record] = known[name]
    const reason = refusal(resource, set(record, path, value))
    expect(reason).toMatch(new RegExp(`^${path}(\\.comment)?: `))
    expect(reason.length).toBeLessThan(300)
  })

  it('says in words what is wrong', () => {
    const say = (path: string, value: unknown) => refusal(sleep, set(sleeps.night, path, value))
    expect([
      say('id', 'x'),
      say('start', '2026-03-14T06:12:40'),
      say('timezone_offset', '+99:99'),
      say('score.respiratory_rate', '15'),
      say('score.stage_summary.disturbance_count', 3e9),
      say('score_state', undefined),
      say('later', 'a\0'),
    ]).toMatchInlineSnapshot(`
      [
        "id: is not a UUID",
        "start: is not a time with a zone",
        "timezone_offset: is not a time zone offset",
        "score.respiratory_rate: is not a number",
        "score.stage_summary.disturbance_count: is not within ±1000000000",
        "score_state: Invalid type: Expected string but received undefined",
        "later: holds a character that PostgreSQL cannot store",
      ]
    `)
    expect(
      complaint(() => readOne('body', body.row, { ...member.body, weight_kilogram: 'heavy' })),
    ).toMatchInlineSnapshot(`"WHOOP sent a body record that cannot be read: weight_kilogram: is not a number"`)
    expect(
      complaint(() => readOne('profile', profile.row, { user_id: 1, email: 'x'.repeat(256) })),
    ).toMatchInlineSnapshot(
      `"WHOOP sent a profile record that cannot be read: email: Invalid length: Expected <=255 but received 256"`,
    )
  })
})

describe('defineResource', () => {
  const table = pgTable('example', { ...bookkeeping, id: uuid().primaryKey(), steps: integer() })
  const declaration = {
    name: 'cycle',
    scope: 'read:cycles',
    path: '/',
    pathOf: () => '/',
    table,
    key: table.id,
    keyField: 'id',
    ...byOwnTimes(cycleRecords),
    leftOut: {},
  } as const
  const wire = v.looseObject({ id: v.string(), steps: v.number() })

  it('compiles when rows and columns match', () => {
    const row = v.pipe(
      wire,
      v.transform(({ id, steps }) => ({ id, steps })),
    )
    expect(defineResource({ ...declaration, row })).toMatchObject({ name: 'cycle' })
  })

  it('does not compile when a column has no value', () => {
    const row = v.pipe(
      wire,
      v.transform(({ id }) => ({ id })),
    )
    // @ts-expect-error `steps` has no value
    expect(defineResource({ ...declaration, row })).toBeDefined()
  })

  it('does not compile when a value has no column', () => {
    const row = v.pipe(
      wire,
      v.transform(({ id, steps }) => ({ id, steps, zone_duration: 0 })),
    )
    // @ts-expect-error nothing takes `zone_duration`
    expect(defineResource({ ...declaration, row })).toBeDefined()
  })
})

/** Through JSON, as it comes: keys that are undefined are missing. */
function asSent(record: object): unknown {
  return JSON.parse(JSON.stringify(record))
}

function set(record: object, path: string, value: unknown): unknown {
  const copy = structuredClone(record) as Record<string, unknown>
  const names = path.split('.')
  const last = names.pop() ?? ''
  let place = copy
  for (const name of names) place = place[name] as Record<string, unknown>
  place[last] = value
  return copy
}

/** Why a record is not read, and that nothing of it is: all of its text is kept instead. */
function refusal(resource: Resource, record: unknown): string {
  const { understood, unreadable } = understand(resource, owner, [record])
  expect(understood).toEqual([])
  expect(unreadable).toHaveLength(1)
  expect(unreadable[0]?.text).toBe(JSON.stringify(record))
  return unreadable[0]?.reason ?? ''
}

function complaint(read: () => unknown): string {
  try {
    read()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  return 'was read'
}
