import { doublePrecision, index, integer, pgTable, primaryKey, uuid as uuidColumn, varchar } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { bookkeeping, byOwnTimes, defineResource, instant, recordColumns } from './resource.ts'
import { instantText, maybe, object, recordFields, recordRow, scoreOf, uuid } from './wire.ts'

const ZoneDurations = object({
  zone_zero_milli: maybe.whole,
  zone_one_milli: maybe.whole,
  zone_two_milli: maybe.whole,
  zone_three_milli: maybe.whole,
  zone_four_milli: maybe.whole,
  zone_five_milli: maybe.whole,
})

const Score = object({
  strain: maybe.float,
  average_heart_rate: maybe.whole,
  max_heart_rate: maybe.whole,
  kilojoule: maybe.float,
  percent_recorded: maybe.float,
  distance_meter: maybe.float,
  altitude_gain_meter: maybe.float,
  altitude_change_meter: maybe.float,
  zone_durations: v.nullish(ZoneDurations),
})

const Workout = v.looseObject({
  id: uuid,
  ...recordFields,
  start: instantText,
  end: maybe.instant, // null while it is being recorded
  timezone_offset: maybe.offset,
  sport_id: maybe.whole, // running is 0, an unnamed activity -1
  sport_name: v.nullish(v.pipe(v.string(), v.maxLength(100)), null),
  score: v.nullish(Score),
})

/** Durations are milliseconds. */
export const workoutRecords = pgTable(
  'workout_records',
  {
    id: uuidColumn().notNull(),
    ...bookkeeping,
    ...recordColumns,
    startTime: instant('start_time').notNull(),
    endTime: instant('end_time'),
    timezoneOffset: varchar('timezone_offset', { length: 10 }),
    sportId: integer('sport_id'),
    sportName: varchar('sport_name', { length: 100 }),
    strainScore: doublePrecision('strain_score'), // 0 to 21
    averageHeartRate: integer('average_heart_rate'), // beats a minute
    maxHeartRate: integer('max_heart_rate'),
    kilojoules: doublePrecision(),
    percentRecorded: doublePrecision('percent_recorded'), // a fraction, 0 to 1, whatever WHOOP's documentation says
    distanceMeters: doublePrecision('distance_meters'),
    altitudeGainMeters: doublePrecision('altitude_gain_meters'),
    altitudeChangeMeters: doublePrecision('altitude_change_meters'),
    zoneZeroDuration: integer('zone_zero_duration'),
    zoneOneDuration: integer('zone_one_duration'),
    zoneTwoDuration: integer('zone_two_duration'),
    zoneThreeDuration: integer('zone_three_duration'),
    zoneFourDuration: integer('zone_four_duration'),
    zoneFiveDuration: integer('zone_five_duration'),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.id] }),
    index('idx_workout_user_id').on(table.userId, table.startTime),
    index('idx_workout_start_time').on(table.startTime),
    index('idx_workout_sport_name').on(table.sportName),
  ],
)

export const workout = defineResource({
  name: 'workout',
  scope: 'read:workout',
  path: '/v2/activity/workout',
  pathOf: (id) => `/v2/activity/workout/${id}`,
  table: workoutRecords,
  key: workoutRecords.id,
  keyField: 'id',
  ...byOwnTimes(workoutRecords),
  row: v.pipe(Workout, v.transform(toRow)),
  leftOut: {
    user_id: 'becomes user_id of users',
    v1_id: "the retired first API's id",
  },
})

function toRow(wire: v.InferOutput<typeof Workout>) {
  const score = scoreOf(wire)
  const zones = score?.zone_durations
  return {
    id: wire.id,
    ...recordRow(wire),
    startTime: wire.start,
    endTime: wire.end,
    timezoneOffset: wire.timezone_offset,
    sportId: wire.sport_id,
    sportName: wire.sport_name,
    strainScore: score?.strain ?? null,
    averageHeartRate: score?.average_heart_rate ?? null,
    maxHeartRate: score?.max_heart_rate ?? null,
    kilojoules: score?.kilojoule ?? null,
    percentRecorded: score?.percent_recorded ?? null,
    distanceMeters: score?.distance_meter ?? null,
    altitudeGainMeters: score?.altitude_gain_meter ?? null,
    altitudeChangeMeters: score?.altitude_change_meter ?? null,
    zoneZeroDuration: zones?.zone_zero_milli ?? null,
    zoneOneDuration: zones?.zone_one_milli ?? null,
    zoneTwoDuration: zones?.zone_two_milli ?? null,
    zoneThreeDuration: zones?.zone_three_milli ?? null,
    zoneFourDuration: zones?.zone_four_milli ?? null,
    zoneFiveDuration: zones?.zone_five_milli ?? null,
  }
}
