import { sql } from 'drizzle-orm'
import { bigint, doublePrecision, index, integer, pgTable, primaryKey, varchar } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { bookkeeping, byOwnTimes, defineResource, instant, recordColumns } from './resource.ts'
import { instantText, int64, maybe, object, recordFields, recordRow, scoreOf } from './wire.ts'

const Score = object({
  strain: maybe.float,
  kilojoule: maybe.float,
  average_heart_rate: maybe.whole,
  max_heart_rate: maybe.whole,
})

const Cycle = v.looseObject({
  id: int64,
  ...recordFields,
  start: instantText,
  end: maybe.instant, // null while it is open
  timezone_offset: maybe.offset,
  score: v.nullish(Score),
})

export const cycleRecords = pgTable(
  'cycle_records',
  {
    id: bigint({ mode: 'number' }).notNull(),
    ...bookkeeping,
    ...recordColumns,
    startTime: instant('start_time').notNull(),
    endTime: instant('end_time'),
    timezoneOffset: varchar('timezone_offset', { length: 10 }),
    strainScore: doublePrecision('strain_score'), // 0 to 21
    kilojoules: doublePrecision(),
    averageHeartRate: integer('average_heart_rate'), // beats a minute
    maxHeartRate: integer('max_heart_rate'),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.id] }),
    index('idx_cycle_user_id').on(table.userId, table.startTime),
    index('idx_cycle_start_time').on(table.startTime),
    index('idx_cycle_open')
      .on(table.userId)
      .where(sql`end_time IS NULL`),
  ],
)

export const cycle = defineResource({
  name: 'cycle',
  scope: 'read:cycles',
  path: '/v2/cycle',
  pathOf: (id) => `/v2/cycle/${id}`,
  table: cycleRecords,
  key: cycleRecords.id,
  keyField: 'id',
  ...byOwnTimes(cycleRecords),
  row: v.pipe(Cycle, v.transform(toRow)),
  leftOut: { user_id: 'becomes user_id of users' },
})

function toRow(wire: v.InferOutput<typeof Cycle>) {
  const score = scoreOf(wire)
  return {
    id: wire.id,
    ...recordRow(wire),
    startTime: wire.start,
    endTime: wire.end,
    timezoneOffset: wire.timezone_offset,
    strainScore: score?.strain ?? null,
    kilojoules: score?.kilojoule ?? null,
    averageHeartRate: score?.average_heart_rate ?? null,
    maxHeartRate: score?.max_heart_rate ?? null,
  }
}
