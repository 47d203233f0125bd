import * as v from 'valibot'
import { isCalendarDay } from '../time.ts'
import { LosslessNumber } from './json.ts'

// How WHOOP writes its values. It sends explicit nulls where its specification says "not present": both are accepted.

/** WHOOP's first strap was sold in 2012. What lies far outside is nobody's life, and would make views of a million days. */
const FIRST_YEAR = 2010
const LAST_YEAR = 2100
/** Of strains, heart rates, kilojoules and milliseconds none is as large: sums of such figures overflow, for everybody. */
const LARGEST = 1e9

/** ISO 8601 with a zone, kept as text so that nothing is rounded. */
export const instantText = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/, 'is not a time with a zone'),
  v.check(exists, 'is not a time'),
  v.check(isWithinLives, `is not between ${FIRST_YEAR} and ${LAST_YEAR}`),
)
/** Whatever passes here is added to times in PostgreSQL: one impossible offset would break the view for everybody. */
export const offset = v.pipe(
  v.string(),
  v.transform((text) => text.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')), // as some servers write it
  v.regex(/^(Z|[+-](0\d|1[0-5]):[0-5]\d)$/, 'is not a time zone offset'),
)
/** One that a double would round comes as it was written. */
const number = v.pipe(
  v.union([v.number(), v.instance(LosslessNumber)], 'is not a number'),
  v.transform((value) => (typeof value === 'number' ? value : Number(value.value))),
)
const figure = v.pipe(
  number,
  v.check((value) => Math.abs(value) <= LARGEST, `is not within ±${LARGEST}`),
)
/** For a column of whole numbers: WHOOP has been seen to send fractions, too, which stay in raw_data. */
export const whole = v.pipe(figure, v.transform(Math.round))
/** Beyond 2^53 JSON.parse would round, and two ids could become one. */
export const int64 = v.pipe(number, v.safeInteger())
export const float = figure
/** In lower case, as PostgreSQL writes it: the key of a record is compared as text. */
export const uuid = v.pipe(v.string(), v.uuid('is not a UUID'), v.toLowerCase())
export const scoreState = v.pipe(v.string(), v.maxLength(50))

/** An object, whatever else is in it. A list, of which nothing would be read, is none. */
export function object<T extends v.ObjectEntries>(entries: T) {
  return v.pipe(
    v.unknown(),
    v.check((value) => !Array.isArray(value), 'is a list'),
    v.looseObject(entries),
  )
}

export const maybe = {
  whole: v.nullish(whole, null),
  int64: v.nullish(int64, null),
  float: v.nullish(float, null),
  boolean: v.nullish(v.boolean(), null),
  instant: v.nullish(instantText, null),
  offset: v.nullish(offset, null),
}

/** The fields that every record has. */
export const recordFields = {
  user_id: int64,
  created_at: instantText,
  updated_at: instantText,
  score_state: scoreState,
}

export function recordRow(wire: v.InferOutput<v.ObjectSchema<typeof recordFields, undefined>>) {
  return { scoreState: wire.score_state, createdAtWhoop: wire.created_at, updatedAtWhoop: wire.updated_at }
}

/** Figures beside another state are provisional, or nothing: they stay in raw_data. */
export function scoreOf<Score>(wire: { score_state: string; score?: Score | null | undefined }): Score | undefined {
  return wire.score_state === 'SCORED' ? (wire.score ?? undefined) : undefined
}

function isWithinLives(text: string): boolean {
  const year = new Date(text).getUTCFullYear()
  return year >= FIRST_YEAR && year < LAST_YEAR
}

/** PostgreSQL refuses the statement with a day that there never was, and the whole page with it. */
function exists(text: string): boolean {
  return isCalendarDay(text) && !Number.isNaN(Date.parse(text)) && !text.startsWith('0000')
}
