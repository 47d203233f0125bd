import * as v from 'valibot'

// How WHOOP writes its values. It sends explicit nulls where its specification says "not present": both are accepted.

/** ISO 8601 with a zone, kept as text so that nothing is rounded. */
export const instantText = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/, 'is not a time with a zone'),
  v.check(exists, 'is not a time'),
)
/** Whatever passes here is added to times in PostgreSQL: one impossible offset would break the view for everybody. */
export const offset = v.pipe(v.string(), v.regex(/^(Z|[+-](0\d|1[0-5]):[0-5]\d)$/, 'is not a time zone offset'))
export const int32 = v.pipe(v.number(), v.integer(), v.minValue(-(2 ** 31)), v.maxValue(2 ** 31 - 1))
/** Beyond 2^53 JSON.parse would round, and two ids could become one. */
export const int64 = v.pipe(v.number(), v.safeInteger())
export const float = v.pipe(v.number(), v.finite())
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
  int32: v.nullish(int32, null),
  int64: v.nullish(int64, null),
  float: v.nullish(float, null),
  boolean: v.nullish(v.boolean(), null),
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

/** JavaScript takes 30 February for 2 March; PostgreSQL refuses the statement, and the whole page with it. */
function exists(text: string): boolean {
  const day = text.slice(0, 10)
  const midnight = new Date(`${day}T00:00:00Z`)
  const isDay = !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day)
  return isDay && !Number.isNaN(Date.parse(text)) && !day.startsWith('0000')
}
