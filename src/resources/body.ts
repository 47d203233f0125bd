import { bigint, doublePrecision, index, integer, pgTable } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { bookkeeping } from './resource.ts'
import { maybe } from './wire.ts'

/** WHOOP knows only today's measurements: a row is added when one of them has changed. */
export const bodyMeasurements = pgTable(
  'body_measurements',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    userId: bookkeeping.userId,
    heightMeter: doublePrecision('height_meter'),
    weightKilogram: doublePrecision('weight_kilogram'),
    maxHeartRate: integer('max_heart_rate'), // beats a minute
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
    v.looseObject({ height_meter: maybe.float, weight_kilogram: maybe.float, max_heart_rate: maybe.whole }),
    v.transform((wire) => ({
      heightMeter: wire.height_meter,
      weightKilogram: wire.weight_kilogram,
      maxHeartRate: wire.max_heart_rate,
    })),
  ),
} as const
