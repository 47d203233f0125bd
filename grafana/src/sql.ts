// The words that the panels' SQL has in common.

const IS_CHOSEN = "whoop_user_id = nullif(${member:sqlstring}, '')::bigint"

/** The member chosen above. A sub-select, not a join: only this reaches the tables' indexes through the views. */
const MEMBER = `(select id from users where ${IS_CHOSEN})`
export const OWN = `user_id = ${MEMBER}`

/** The days of the range that is shown: as many as it says, the last of them the member's today. Asked once a query. */
export const shown = (day = 'day') => `${day} <@ (select visible_days(${MEMBER}, $__timeFrom(), $__timeTo()))`

/** What began in the range that is shown, give or take what a day may lie off: an index knows this, `shown` it does not. */
export const NEARBY =
  "start_time between $__timeFrom()::timestamptz - interval '3 days' and $__timeTo()::timestamptz + interval '3 days'"

const VISIBLE = 'visible_days(id, $__timeFrom(), $__timeTo())'
/** The newest day, with a few before it. */
export const LAST_DAYS = 'newest_days(id)'
/** The range that is shown and so many days before and after it. */
export const around = (before: number, after: number) =>
  `daterange(lower(${VISIBLE}) - ${before}, upper(${VISIBLE}) + ${after})`

/**
 * The chosen member's rows of a view, of some days only: however many years are stored, no records of other days are read.
 * `offset 0` keeps the days from being worked out again for each row.
 */
export const of = (view: 'daily_trends' | 'weekly_summary', days = VISIBLE) =>
  `(select id, ${days} as wanted from users where ${IS_CHOSEN} offset 0) member\n  cross join ${view}_of(member.id, member.wanted) d`

/** For Sync health, where several members may be chosen. */
export const OWNERS =
  "select id from users where whoop_user_id = any (array_remove(array[${member:sqlstring}]::text[], '')::bigint[])"

export const NAME = "coalesce(nullif(concat_ws(' ', first_name, last_name), ''), 'WHOOP user ' || whoop_user_id)"

/** One row a day of the visible range, and the member's own days: their midnights are shown as they are, in UTC. */
export function daily(columns: string, where = ''): string {
  return `select day::timestamp as "time",\n  ${columns}\nfrom ${of('daily_trends')}${only(where)}\norder by day`
}

export function weekly(columns: string): string {
  return `select week::timestamp as "time",\n  ${columns}\nfrom ${of('weekly_summary')}\norder by week`
}

/** One row for the visible range. */
export function overall(columns: string): string {
  return `select ${columns}\nfrom ${of('daily_trends')}`
}

/** The same of the workouts in it. */
export function overallWorkouts(columns: string): string {
  return `select ${columns}\nfrom workout_log\nwhere ${OWN}\n  and ${NEARBY} and ${shown()}`
}

/** The newest day there is, whatever range is shown. */
export function latest(columns: string): string {
  return `select ${columns}\nfrom ${of('daily_trends', LAST_DAYS)}\norder by day desc\nlimit 1`
}

/** Each day's nights (`n`), beside its row (`d`): by an index, as near as a day's nights lie. */
export const NIGHTS = `left join lateral (
  select * from night_log
  where user_id = member.id and day = d.day
    and start_time > (d.day - 3)::timestamp at time zone 'UTC' and start_time < (d.day + 3)::timestamp at time zone 'UTC'
) n on true`

/** The newest night of the newest day (`n`; two may end on one day), and what is normal before that day (`d`). */
export function thisMorning(columns: string): string {
  return `select ${columns}\nfrom ${of('daily_trends', LAST_DAYS)}\n${NIGHTS}\norder by d.day desc, n.end_time desc nulls last\nlimit 1`
}

export function byWeekday(columns: string): string {
  return `select to_char(day, 'Dy') as weekday,\n  ${columns}\nfrom ${of('daily_trends')}\ngroup by to_char(day, 'Dy'), extract(isodow from day)\norder by extract(isodow from day)`
}

const only = (condition: string) => (condition ? `\nwhere ${condition}` : '')

export const HOUR = '3600000.0'
export const hours = (column: string, name: string) => `${column} / ${HOUR} as "${name}"`

/** Numbers in the units chosen above. The column's name carries the unit, by which the panel knows how to show it. */
export const distance = (metres: string, name: string) =>
  `(${metres}) / case $\{units:sqlstring} when 'imperial' then 1609.344 else 1000 end as "${name} $units"`
export const energy = (kilojoules: string, name: string) =>
  `(${kilojoules}) / case $\{energy:sqlstring} when 'kJ' then 1 else 4.184 end as "${name} $energy"`
export const weight = (kilograms: string, name: string) =>
  `(${kilograms}) / case $\{units:sqlstring} when 'imperial' then 0.45359237 else 1 end as "${name} $units"`
/** Of a difference, not of a temperature. */
export const degrees = (kelvin: string, name: string) =>
  `(${kelvin}) * case $\{units:sqlstring} when 'imperial' then 1.8 else 1 end as "${name} $units"`
