import { bigint, doublePrecision, index, integer, pgTable } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { bookkeeping } from './resource.ts'
import { int32, float } from './wire.ts'

/** WHOOP knows only today's measurements: a row is added when one of them has changed. */
export const bodyMeasurements = pgTable(
  'body_measurements',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    userId: bookkeeping.userId,
    heightMeter: doublePrecision('height_meter').notNull(),
    weightKilogram: doublePrecision('weight_kilogram').notNull(),
    maxHeartRate: integer('max_heart_rate').notNull(), // beats a minute
    rawData: bookkeeping.rawData,
    createdAt: bookkeeping.createdAt, // when it was first seen
  },
  (table) => [index('idx_body_measurements_user_id').on(table.userId, table.createdAt)],
)

export const body = {
  name: 'body',
  scope: 'read:body_measurement',
  path: '/v2/user/measurement/body',
  table: bodyMeasurements,
  row: v.pipe(
    v.looseObject({ height_meter: float, weight_kilogram: float, max_heart_rate: int32 }),
    v.transform((wire) => ({
      heightMeter: wire.height_meter,
      weightKilogram: wire.weight_kilogram,
      maxHeartRate: wire.max_heart_rate,
    })),
  ),
} as const
