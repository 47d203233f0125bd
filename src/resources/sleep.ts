import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  pgTable,
  primaryKey,
  uuid as uuidColumn,
  varchar,
} from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { bookkeeping, byOwnTimes, defineResource, instant, recordColumns } from './resource.ts'
import { instantText, maybe, object, recordFields, recordRow, scoreOf, uuid } from './wire.ts'

const StageSummary = object({
  total_in_bed_time_milli: maybe.whole,
  total_awake_time_milli: maybe.whole,
  total_no_data_time_milli: maybe.whole,
  total_light_sleep_time_milli: maybe.whole,
  total_slow_wave_sleep_time_milli: maybe.whole,
  total_rem_sleep_time_milli: maybe.whole,
  sleep_cycle_count: maybe.whole,
  disturbance_count: maybe.whole,
})

const SleepNeeded = object({
  baseline_milli: maybe.whole,
  need_from_sleep_debt_milli: maybe.whole,
  need_from_recent_strain_milli: maybe.whole,
  need_from_recent_nap_milli: maybe.whole,
})

const Score = object({
  stage_summary: v.nullish(StageSummary),
  sleep_needed: v.nullish(SleepNeeded),
  respiratory_rate: maybe.float,
  sleep_performance_percentage: maybe.float,
  sleep_consistency_percentage: maybe.float,
  sleep_efficiency_percentage: maybe.float,
})

const Sleep = v.looseObject({
  id: uuid,
  ...recordFields,
  cycle_id: maybe.int64, // came to v2 after its launch
  start: instantText,
  end: maybe.instant, // null while it is being recorded
  timezone_offset: maybe.offset,
  nap: v.boolean(),
  score: v.nullish(Score),
})

/** Durations are milliseconds. */
export const sleepRecords = pgTable(
  'sleep_records',
  {
    id: uuidColumn().notNull(),
    ...bookkeeping,
    ...recordColumns,
    cycleId: bigint('cycle_id', { mode: 'number' }),
    startTime: instant('start_time').notNull(),
    endTime: instant('end_time'),
    timezoneOffset: varchar('timezone_offset', { length: 10 }),
    nap: boolean().notNull(),
    sleepPerformancePercentage: doublePrecision('sleep_performance_percentage'),
    sleepConsistencyPercentage: doublePrecision('sleep_consistency_percentage'),
    sleepEfficiencyPercentage: doublePrecision('sleep_efficiency_percentage'),
    respiratoryRate: doublePrecision('respiratory_rate'), // breaths a minute
    inBedDuration: integer('in_bed_duration'),
    lightSleepDuration: integer('light_sleep_duration'),
    slowWaveSleepDuration: integer('slow_wave_sleep_duration'),
    remSleepDuration: integer('rem_sleep_duration'),
    awakeTime: integer('awake_time'),
    noDataDuration: integer('no_data_duration'),
    sleepCycleCount: integer('sleep_cycle_count'),
    disturbanceCount: integer('disturbance_count'),
    sleepNeedBaseline: integer('sleep_need_baseline'),
    sleepNeedDebt: integer('sleep_need_debt'),
    sleepNeedStrain: integer('sleep_need_strain'),
    sleepNeedNap: integer('sleep_need_nap'), // zero or below: a nap takes need away
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.id] }),
    index('idx_sleep_user_id').on(table.userId, table.startTime),
    index('idx_sleep_start_time').on(table.startTime),
    index('idx_sleep_score_state').on(table.scoreState),
    index('idx_sleep_cycle_id').on(table.userId, table.cycleId),
  ],
)

export const sleep = defineResource({
  name: 'sleep',
  scope: 'read:sleep',
  path: '/v2/activity/sleep',
  pathOf: (id) => `/v2/activity/sleep/${id}`,
  table: sleepRecords,
  key: sleepRecords.id,
  keyField: 'id',
  ...byOwnTimes(sleepRecords),
  row: v.pipe(Sleep, v.transform(toRow)),
  leftOut: {
    user_id: 'becomes user_id of users',
    v1_id: "the retired first API's id",
  },
})

function toRow(wire: v.InferOutput<typeof Sleep>) {
  const score = scoreOf(wire)
  const stages = score?.stage_summary
  const need = score?.sleep_needed
  return {
    id: wire.id,
    ...recordRow(wire),
    cycleId: wire.cycle_id,
    startTime: wire.start,
    endTime: wire.end,
    timezoneOffset: wire.timezone_offset,
    nap: wire.nap,
    sleepPerformancePercentage: score?.sleep_performance_percentage ?? null,
    sleepConsistencyPercentage: score?.sleep_consistency_percentage ?? null,
    sleepEfficiencyPercentage: score?.sleep_efficiency_percentage ?? null,
    respiratoryRate: score?.respiratory_rate ?? null,
    inBedDuration: stages?.total_in_bed_time_milli ?? null,
    lightSleepDuration: stages?.total_light_sleep_time_milli ?? null,
    slowWaveSleepDuration: stages?.total_slow_wave_sleep_time_milli ?? null,
    remSleepDuration: stages?.total_rem_sleep_time_milli ?? null,
    awakeTime: stages?.total_awake_time_milli ?? null,
    noDataDuration: stages?.total_no_data_time_milli ?? null,
    sleepCycleCount: stages?.sleep_cycle_count ?? null,
    disturbanceCount: stages?.disturbance_count ?? null,
    sleepNeedBaseline: need?.baseline_milli ?? null,
    sleepNeedDebt: need?.need_from_sleep_debt_milli ?? null,
    sleepNeedStrain: need?.need_from_recent_strain_milli ?? null,
    sleepNeedNap: need?.need_from_recent_nap_milli ?? null,
  }
}
