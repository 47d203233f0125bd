// The words that the panels' SQL has in common.

/** The member chosen above. A sub-select, not a join: only this reaches the tables' indexes through the views. */
const MEMBER = "(select id from users where whoop_user_id = nullif(${member:sqlstring}, '')::bigint)"
export const OWN = `user_id = ${MEMBER}`

/** The days of the range that is shown: as many as it says, the last of them the member's today. Asked once a query. */
export const shown = (day = 'day') => `${day} <@ (select visible_days(${MEMBER}, $__timeFrom(), $__timeTo()))`

/** For Sync health, where several members may be chosen. */
export const OWNERS = 'select id from users where whoop_user_id::text in (${member:sqlstring})'

export const NAME = "coalesce(nullif(concat_ws(' ', first_name, last_name), ''), 'WHOOP user ' || whoop_user_id)"

/** One row a day of the visible range, and the member's own days: their midnights are shown as they are, in UTC. */
export function daily(columns: string, where = ''): string {
  return `select day::timestamp as "time",\n  ${columns}\nfrom daily_trends\nwhere ${OWN}\n  and ${shown()}${and(where)}\norder by day`
}

export function weekly(columns: string): string {
  return `select week::timestamp as "time",\n  ${columns}\nfrom weekly_summary\nwhere ${OWN}\n  and ${shown('week')}\norder by week`
}

/** One row for the visible range. */
export function overall(columns: string, from = 'daily_trends'): string {
  return `select ${columns}\nfrom ${from}\nwhere ${OWN}\n  and ${shown()}`
}

/** The newest day there is, whatever range is shown. */
export function latest(columns: string): string {
  return `select ${columns}\nfrom daily_trends\nwhere ${OWN}\norder by day desc\nlimit 1`
}

/** The newest night of the newest day (`n`; two may end on one day), and what is normal before that day (`d`). */
export function thisMorning(columns: string): string {
  return `select ${columns}\nfrom daily_trends d\nleft join night_log n on n.user_id = d.user_id and n.day = d.day\nwhere d.${OWN}\norder by d.day desc, n.end_time desc nulls last\nlimit 1`
}

export function byWeekday(columns: string): string {
  return `select to_char(day, 'Dy') as weekday,\n  ${columns}\nfrom daily_trends\nwhere ${OWN}\n  and ${shown()}\ngroup by to_char(day, 'Dy'), extract(isodow from day)\norder by extract(isodow from day)`
}

const and = (condition: string) => (condition ? `\n  and ${condition}` : '')

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
