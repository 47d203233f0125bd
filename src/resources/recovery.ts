import { createHash } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { bigint, boolean, doublePrecision, index, pgTable, uuid as uuidColumn } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { bookkeeping, defineResource, recordColumns } from './resource.ts'
import { int64, maybe, object, recordFields, recordRow, uuid } from './wire.ts'

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

export const recoveryRecords = pgTable(
  'recovery_records',
  {
    id: uuidColumn().primaryKey(),
    ...bookkeeping,
    ...recordColumns,
    cycleId: bigint('cycle_id', { mode: 'number' }).notNull().unique(),
    sleepId: uuidColumn('sleep_id').notNull(),
    userCalibrating: boolean('user_calibrating'),
    recoveryScore: doublePrecision('recovery_score'), // percent
    restingHeartRate: doublePrecision('resting_heart_rate'), // beats a minute
    hrvRmssd: doublePrecision('hrv_rmssd'), // ms
    spo2Percentage: doublePrecision('spo2_percentage'),
    skinTempCelsius: doublePrecision('skin_temp_celsius'),
  },
  (table) => [
    index('idx_recovery_user_id').on(table.userId),
    index('idx_recovery_created_at').on(table.createdAtWhoop),
    index('idx_recovery_score_state').on(table.scoreState),
    index('idx_recovery_sleep_id').on(table.sleepId),
  ],
)

export const recovery = defineResource({
  name: 'recovery',
  scope: 'read:recovery',
  path: '/v2/recovery',
  pathOf: (cycleId) => `/v2/cycle/${cycleId}/recovery`,
  table: recoveryRecords,
  key: recoveryRecords.cycleId,
  after: 'sleep',
  afterKey: recoveryRecords.sleepId,
  // WHOOP lists and filters recoveries by their sleep. Until that sleep is known, the recovery's own time of
  // creation stands in: it is later, so a range that ends with it is too short rather than too long.
  place: (alias) =>
    sql`coalesce((select s.start_time from sleep_records s where s.id = ${alias}.sleep_id), ${alias}.created_at_whoop)`,
  // A sleep is looked for among the member's own, by their index; its id is nobody else's.
  within: (userId, is) => sql`
    select r.* from sleep_records s join recovery_records r on r.sleep_id = s.id
    where s.user_id = ${userId} and r.user_id = ${userId} and ${is(sql`s.start_time`)}
    union all
    select r.* from recovery_records r
    where r.user_id = ${userId} and ${is(sql`r.created_at_whoop`)}
      and not exists (select from sleep_records s where s.id = r.sleep_id and s.user_id = ${userId})`,
  end: (alias) =>
    sql`coalesce((select s.end_time from sleep_records s where s.id = ${alias}.sleep_id), ${alias}.created_at_whoop)`,
  row: v.pipe(Recovery, v.transform(toRow)),
  leftOut: { user_id: 'becomes user_id of users' },
})

function toRow(wire: v.InferOutput<typeof Recovery>) {
  const { score } = wire
  return {
    id: recoveryId(wire.cycle_id),
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

/** WHOOP gives a recovery no id. A name-based UUID (RFC 9562, version 5) is the same on every import. */
function recoveryId(cycleId: number): string {
  const namespace = Buffer.from('6ba7b8119dad11d180b400c04fd430c8', 'hex') // the RFC's namespace for URLs
  const hash = createHash('sha1').update(namespace).update(`whoop:recovery:${cycleId}`).digest().subarray(0, 16)
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
