import { sql, type SQL } from 'drizzle-orm'
import { bigint, boolean, doublePrecision, index, pgTable, primaryKey, uuid as uuidColumn } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { bookkeeping, defineResource, recordColumns } from './resource.ts'
import { int64, maybe, object, recordFields, recordRow, scoreOf, uuid } from './wire.ts'

const Score = object({
  user_calibrating: maybe.boolean,
  recovery_score: maybe.float,
  resting_heart_rate: maybe.float,
  hrv_rmssd_milli: maybe.float,
  spo2_percentage: maybe.float, // straps since 4.0
  skin_temp_celsius: maybe.float,
})

const Recovery = v.looseObject({
  ...recordFields,
  cycle_id: int64,
  sleep_id: uuid,
  score: v.nullish(Score),
})

/** A cycle may have two, the night's and a nap's: a recovery is its sleep's, and has that one's id. */
export const recoveryRecords = pgTable(
  'recovery_records',
  {
    id: uuidColumn().notNull(),
    ...bookkeeping,
    ...recordColumns,
    cycleId: bigint('cycle_id', { mode: 'number' }).notNull(),
    sleepId: uuidColumn('sleep_id').notNull(),
    userCalibrating: boolean('user_calibrating'),
    recoveryScore: doublePrecision('recovery_score'), // percent
    restingHeartRate: doublePrecision('resting_heart_rate'), // beats a minute
    hrvRmssd: doublePrecision('hrv_rmssd'), // ms
    spo2Percentage: doublePrecision('spo2_percentage'),
    skinTempCelsius: doublePrecision('skin_temp_celsius'),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.id] }),
    index('idx_recovery_user_id').on(table.userId, table.createdAtWhoop),
    index('idx_recovery_created_at').on(table.createdAtWhoop),
    index('idx_recovery_score_state').on(table.scoreState),
    index('idx_recovery_cycle_id').on(table.userId, table.cycleId),
  ],
)

export const recovery = defineResource({
  name: 'recovery',
  scope: 'read:recovery',
  path: '/v2/recovery',
  pathOf: (cycleId) => `/v2/cycle/${cycleId}/recovery`,
  addressedBy: { column: recoveryRecords.cycleId, field: 'cycle_id' },
  table: recoveryRecords,
  key: recoveryRecords.id,
  keyField: 'sleep_id',
  after: 'sleep',
  // WHOOP lists and filters recoveries by their sleep. Until that sleep is known, the recovery's own time of
  // creation stands in: it is later, so a range that ends with it is too short rather than too long.
  place: (alias) => sql`coalesce(${ofItsSleep(alias, sql`s.start_time`)}, ${alias}.created_at_whoop)`,
  isPlaced: (alias) => sql`${ofItsSleep(alias, sql`true`)} is not null`,
  within: (userId, is) => sql`
    select r.* from sleep_records s join recovery_records r on r.user_id = s.user_id and r.id = s.id
    where s.user_id = ${userId} and ${is(sql`s.start_time`)}
    union all
    select r.* from recovery_records r
    where r.user_id = ${userId} and ${is(sql`r.created_at_whoop`)} and ${ofItsSleep(sql`r`, sql`true`)} is null`,
  datedBy: recoveryRecords.createdAtWhoop,
  end: (alias) => sql`coalesce(${ofItsSleep(alias, sql`s.end_time`)}, ${alias}.created_at_whoop)`,
  row: v.pipe(Recovery, v.transform(toRow)),
  leftOut: { user_id: 'becomes user_id of users' },
})

/** Something of the sleep that the recovery was computed from; null while that is not stored. */
function ofItsSleep(alias: SQL, what: SQL): SQL {
  return sql`(select ${what} from sleep_records s where s.user_id = ${alias}.user_id and s.id = ${alias}.sleep_id)`
}

function toRow(wire: v.InferOutput<typeof Recovery>) {
  const score = scoreOf(wire)
  return {
    id: wire.sleep_id,
    ...recordRow(wire),
    cycleId: wire.cycle_id,
    sleepId: wire.sleep_id,
    userCalibrating: score?.user_calibrating ?? null,
    recoveryScore: score?.recovery_score ?? null,
    restingHeartRate: score?.resting_heart_rate ?? null,
    hrvRmssd: score?.hrv_rmssd_milli ?? null,
    spo2Percentage: score?.spo2_percentage ?? null,
    skinTempCelsius: score?.skin_temp_celsius ?? null,
  }
}
