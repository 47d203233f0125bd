// Every field that WHOOP documents is kept: the original lost all heart-rate zones for a misspelt name.
import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { body, cycle, profile, recovery, sleep, workout } from '../../src/resources/index.ts'

// The six schemas of WHOOP's OpenAPI description (2026-08), with the types of their leaves.
const documented = {
  Sleep: {
    id: 'uuid',
    cycle_id: 'int64',
    v1_id: 'int64',
    user_id: 'int64',
    created_at: 'date-time',
    updated_at: 'date-time',
    start: 'date-time',
    end: 'date-time',
    timezone_offset: 'offset',
    nap: 'boolean',
    score_state: 'state',
    'score.stage_summary.total_in_bed_time_milli': 'int32',
    'score.stage_summary.total_awake_time_milli': 'int32',
    'score.stage_summary.total_no_data_time_milli': 'int32',
    'score.stage_summary.total_light_sleep_time_milli': 'int32',
    'score.stage_summary.total_slow_wave_sleep_time_milli': 'int32',
    'score.stage_summary.total_rem_sleep_time_milli': 'int32',
    'score.stage_summary.sleep_cycle_count': 'int32',
    'score.stage_summary.disturbance_count': 'int32',
    'score.sleep_needed.baseline_milli': 'int32', // int64 on paper; 24 days of sleep need would not fit
    'score.sleep_needed.need_from_sleep_debt_milli': 'int32',
    'score.sleep_needed.need_from_recent_strain_milli': 'int32',
    'score.sleep_needed.need_from_recent_nap_milli': 'int32',
    'score.respiratory_rate': 'float',
    'score.sleep_performance_percentage': 'float',
    'score.sleep_consistency_percentage': 'float',
    'score.sleep_efficiency_percentage': 'float',
  },
  Recovery: {
    cycle_id: 'int64',
    sleep_id: 'uuid',
    user_id: 'int64',
    created_at: 'date-time',
    updated_at: 'date-time',
    score_state: 'state',
    'score.user_calibrating': 'boolean',
    'score.recovery_score': 'float',
    'score.resting_heart_rate': 'float',
    'score.hrv_rmssd_milli': 'float',
    'score.spo2_percentage': 'float',
    'score.skin_temp_celsius': 'float',
  },
  WorkoutV2: {
    id: 'uuid',
    v1_id: 'int64',
    user_id: 'int64',
    created_at: 'date-time',
    updated_at: 'date-time',
    start: 'date-time',
    end: 'date-time',
    timezone_offset: 'offset',
    sport_name: 'text',
    score_state: 'state',
    sport_id: 'int32',
    'score.strain': 'float',
    'score.average_heart_rate': 'int32',
    'score.max_heart_rate': 'int32',
    'score.kilojoule': 'float',
    'score.percent_recorded': 'float',
    'score.distance_meter': 'float',
    'score.altitude_gain_meter': 'float',
    'score.altitude_change_meter': 'float',
    'score.zone_durations.zone_zero_milli': 'int32',
    'score.zone_durations.zone_one_milli': 'int32',
    'score.zone_durations.zone_two_milli': 'int32',
    'score.zone_durations.zone_three_milli': 'int32',
    'score.zone_durations.zone_four_milli': 'int32',
    'score.zone_durations.zone_five_milli': 'int32',
  },
  Cycle: {
    id: 'int64',
    user_id: 'int64',
    created_at: 'date-time',
    updated_at: 'date-time',
    start: 'date-time',
    end: 'date-time',
    timezone_offset: 'offset',
    score_state: 'state',
    'score.strain': 'float',
    'score.kilojoule': 'float',
    'score.average_heart_rate': 'int32',
    'score.max_heart_rate': 'int32',
  },
  UserBodyMeasurement: { height_meter: 'float', weight_kilogram: 'float', max_heart_rate: 'int32' },
  UserBasicProfile: { user_id: 'int64', email: 'text', first_name: 'text', last_name: 'text' },
} as const

type Type = 'uuid' | 'int32' | 'int64' | 'float' | 'boolean' | 'date-time' | 'offset' | 'state' | 'text'

interface Reader {
  row: v.GenericSchema<unknown, object>
  leftOut?: Readonly<Record<string, string>>
}

const readers: [keyof typeof documented, Reader][] = [
  ['Sleep', sleep],
  ['Recovery', recovery],
  ['WorkoutV2', workout],
  ['Cycle', cycle],
  ['UserBodyMeasurement', body],
  ['UserBasicProfile', profile],
]

describe.each(readers)('%s', (name, { row, leftOut = {} }) => {
  const fields = Object.entries(documented[name])
  const record = (changed?: string) => {
    const values = fields.map(([path, type], index) => [path, sentinel(type, index, path === changed)] as const)
    return nest(values)
  }
  const columns = v.parse(row, record())

  it.each(fields)('keeps %s, a %s, in one column, or says why not', (path, type) => {
    const changed = v.parse(row, record(path))
    const moved = Object.keys(columns).filter((column) => valueOf(columns, column) !== valueOf(changed, column))
    const [column, ...others] = moved.filter((one) => !(one === 'id' && path === 'sleep_id')) // it is its sleep's
    if (path !== 'score_state') expect(others).toEqual([]) // of another state no figure is kept
    expect(column === undefined).toBe(path in leftOut)
    const index = fields.findIndex(([one]) => one === path)
    const one = path === 'score_state' ? 'scoreState' : column
    expect([undefined, sentinel(type, index, true)]).toContain(one && valueOf(changed, one))
  })

  it('has a field for every column', () => {
    expect(Object.values(columns)).not.toContain(null)
    expect(Object.values(columns)).not.toContain(undefined)
  })

  it('leaves out nothing that WHOOP does not document', () => {
    expect(Object.keys(leftOut).filter((path) => !fields.some(([field]) => field === path))).toEqual([])
  })
})

it('gives a recovery the id of its sleep', () => {
  const values = Object.entries(documented.Recovery).map(
    ([path, type], index) => [path, sentinel(type, index, false)] as const,
  )
  const row = v.parse(recovery.row, nest(values))
  expect(valueOf(row, 'id')).toBe(valueOf(row, 'sleepId'))
})

/** A value that no other field has; another one when `changed`. */
function sentinel(type: Type, index: number, changed: boolean): unknown {
  const number = 1000 + index * 2 + (changed ? 1 : 0)
  const values: Record<Type, unknown> = {
    uuid: `00000000-0000-4000-8000-00000000${number}`,
    int32: number,
    int64: 2 ** 40 + number,
    float: number + 0.5,
    boolean: changed,
    'date-time': `2026-01-02T03:04:05.${number}Z`,
    offset: changed ? '-12:00' : '+05:30',
    state: changed ? 'UNSCORABLE' : 'SCORED',
    text: `text ${number}`,
  }
  return values[type]
}

function nest(values: readonly (readonly [path: string, value: unknown])[]): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const [path, value] of values) {
    const names = path.split('.')
    const last = names.pop() ?? ''
    let place = record
    for (const name of names) place = (place[name] ??= {}) as Record<string, unknown>
    place[last] = value
  }
  return record
}

function valueOf(row: object, column: string): unknown {
  return (row as Record<string, unknown>)[column]
}
