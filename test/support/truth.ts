// What the tables must hold, worked out from the sandbox's truth without the code under test.
import { expect } from 'vitest'
import type { Sandbox } from '../../src/sandbox/index.ts'
import type { TestDatabase } from './database.ts'

type Row = Record<string, unknown>

interface Wire {
  [field: string]: unknown
  score?: Record<string, unknown> | null
}

export const kinds = ['sleep', 'recovery', 'workout', 'cycle'] as const
export type Kind = (typeof kinds)[number]

const tables = {
  sleep: 'sleep_records',
  recovery: 'recovery_records',
  workout: 'workout_records',
  cycle: 'cycle_records',
} as const

/** The tables equal the sandbox, record by record and column by column. */
export async function expectFaithful(
  { sql }: Pick<TestDatabase, 'sql'>,
  { world }: Sandbox,
  { member = 10_001, only = kinds }: { member?: number; only?: readonly Kind[] } = {},
): Promise<void> {
  for (const kind of only) {
    const stored = await sql<Row[]>`
      select t.* from ${sql(tables[kind])} t join users on users.id = user_id where whoop_user_id = ${member}`
    const expected = world.list(kind, member).map((record) => columns[kind](record as unknown as Wire))
    expect(byId(stored.map(comparable)), kind).toEqual(byId(expected))
  }
}

function byId(rows: readonly Row[]): Record<string, Row> {
  return Object.fromEntries(rows.map((row) => [String(row['id']), row]))
}

/** Times as epoch milliseconds, int8 as numbers; without what is ours alone. */
function comparable(stored: Row): Row {
  const row = { ...stored }
  for (const ours of ['user_id', 'created_at', 'updated_at']) delete row[ours]
  const value = (one: unknown) => (one instanceof Date ? one.getTime() : one)
  const plain = Object.fromEntries(Object.entries(row).map(([name, one]) => [name, value(one)]))
  for (const name of ['id', 'cycle_id']) if (/^\d+$/.test(String(plain[name]))) plain[name] = Number(plain[name])
  return plain
}

const at = (time: unknown) => (typeof time === 'string' ? Date.parse(time) : null)
const or = (value: unknown) => value ?? null

/** Of another state than SCORED no figure reaches a column. */
const scored = (wire: Wire): Row => (wire['score_state'] === 'SCORED' ? (wire.score ?? {}) : {})

function common(wire: Wire): Row {
  return {
    score_state: wire['score_state'],
    created_at_whoop: at(wire['created_at']),
    updated_at_whoop: at(wire['updated_at']),
    raw_data: wire,
  }
}

function activity(wire: Wire): Row {
  return {
    ...common(wire),
    id: wire['id'],
    start_time: at(wire['start']),
    end_time: at(wire['end']),
    timezone_offset: wire['timezone_offset'],
  }
}

const columns: Record<Kind, (wire: Wire) => Row> = {
  sleep: (wire) => {
    const score = scored(wire)
    const stages = (score['stage_summary'] ?? {}) as Row
    const need = (score['sleep_needed'] ?? {}) as Row
    return {
      ...activity(wire),
      cycle_id: wire['cycle_id'],
      nap: wire['nap'],
      sleep_performance_percentage: or(score['sleep_performance_percentage']),
      sleep_consistency_percentage: or(score['sleep_consistency_percentage']),
      sleep_efficiency_percentage: or(score['sleep_efficiency_percentage']),
      respiratory_rate: or(score['respiratory_rate']),
      in_bed_duration: or(stages['total_in_bed_time_milli']),
      light_sleep_duration: or(stages['total_light_sleep_time_milli']),
      slow_wave_sleep_duration: or(stages['total_slow_wave_sleep_time_milli']),
      rem_sleep_duration: or(stages['total_rem_sleep_time_milli']),
      awake_time: or(stages['total_awake_time_milli']),
      no_data_duration: or(stages['total_no_data_time_milli']),
      sleep_cycle_count: or(stages['sleep_cycle_count']),
      disturbance_count: or(stages['disturbance_count']),
      sleep_need_baseline: or(need['baseline_milli']),
      sleep_need_debt: or(need['need_from_sleep_debt_milli']),
      sleep_need_strain: or(need['need_from_recent_strain_milli']),
      sleep_need_nap: or(need['need_from_recent_nap_milli']),
    }
  },
  recovery: (wire) => ({
    ...common(wire),
    id: wire['sleep_id'],
    cycle_id: wire['cycle_id'],
    sleep_id: wire['sleep_id'],
    user_calibrating: or(scored(wire)['user_calibrating']),
    recovery_score: or(scored(wire)['recovery_score']),
    resting_heart_rate: or(scored(wire)['resting_heart_rate']),
    hrv_rmssd: or(scored(wire)['hrv_rmssd_milli']),
    spo2_percentage: or(scored(wire)['spo2_percentage']),
    skin_temp_celsius: or(scored(wire)['skin_temp_celsius']),
  }),
  workout: (wire) => {
    const score = scored(wire)
    const zones = (score['zone_durations'] ?? {}) as Row
    return {
      ...activity(wire),
      sport_id: wire['sport_id'],
      sport_name: wire['sport_name'],
      strain_score: or(score['strain']),
      average_heart_rate: or(score['average_heart_rate']),
      max_heart_rate: or(score['max_heart_rate']),
      kilojoules: or(score['kilojoule']),
      percent_recorded: or(score['percent_recorded']),
      distance_meters: or(score['distance_meter']),
      altitude_gain_meters: or(score['altitude_gain_meter']),
      altitude_change_meters: or(score['altitude_change_meter']),
      zone_zero_duration: or(zones['zone_zero_milli']),
      zone_one_duration: or(zones['zone_one_milli']),
      zone_two_duration: or(zones['zone_two_milli']),
      zone_three_duration: or(zones['zone_three_milli']),
      zone_four_duration: or(zones['zone_four_milli']),
      zone_five_duration: or(zones['zone_five_milli']),
    }
  },
  cycle: (wire) => ({
    ...activity(wire),
    strain_score: or(scored(wire)['strain']),
    kilojoules: or(scored(wire)['kilojoule']),
    average_heart_rate: or(scored(wire)['average_heart_rate']),
    max_heart_rate: or(scored(wire)['max_heart_rate']),
  }),
}
