import { dashboard, journalDays, member } from '../dashboard.ts'
import { behaviour, journalRows } from '../journal.ts'
import { clockTimes, colour, plain } from '../palette.ts'
import * as p from '../panels.ts'
import { around, HOUR, LAST_DAYS, of, shown } from '../sql.ts'

/** Days with both: what is across, and what is up. The next morning's recovery is one row on. */
const pairs = (x: string, y: string) => `(
  select day, ${x} as x, ${y} as y
  from ${of('daily_trends', around(0, 1))}
) days
where ${shown()} and x is not null and y is not null`

const FEWEST = 20 // days, below which r says more of chance than of the member

/**
 * Pearson's r with its 95 % interval (Fisher's z). Nights resemble the night before, and so many days are worth fewer:
 * n (1 − φρ) / (1 + φρ), where φ and ρ are the two figures' own correlations with the day before.
 */
const strengthOf = (x: string, y: string) => `with pairs as (
  select day, x, y, extract(isodow from day) as weekday
  from ${pairs(x, y)}
), steps as (
  select x, y, x - avg(x) over weekdays as weekday_x, y - avg(y) over weekdays as weekday_y,
    case when lag(day) over days = day - 1 then lag(x) over days end as x_before,
    case when lag(day) over days = day - 1 then lag(y) over days end as y_before
  from pairs
  window weekdays as (partition by weekday), days as (order by day)
), relation as (
  select count(*) as n, corr(x, y) as r, corr(weekday_x, weekday_y) as within,
    least(0.9, greatest(0, coalesce(corr(x, x_before) * corr(y, y_before), 0))) as alike
  from steps
), bounds as (
  select n, r, within, tanh(atanh(r) - reach) as low, tanh(atanh(r) + reach) as high
  from relation, lateral (select n * (1 - alike) / (1 + alike) as worth) w,
    lateral (select 1.96 / sqrt(worth - 3) as reach where n >= ${FEWEST} and worth > 3 and abs(r) < 1) i
)
select case when low is null then 'too few days' when low <= 0 and high >= 0 then ${signed('r')} || ' · not clear' else ${signed('r')} end as "r",
  ${signed('low')} || ' to ' || ${signed('high')} as "95 %",
  case when low is not null then ${signed('within')} end as "Within weekdays",
  (select n from relation)::text as "Days"
from (select) one left join bounds on true`

const signed = (number: string) => `replace(to_char(${number}, 'FM0.00'), '-', '−')`

interface Relation {
  title: string
  description: string
  x: { name: string; unit: string; sql: string; mappings?: ReturnType<typeof clockTimes> }
  y: { name: string; unit: string; sql: string; color: string }
}

function relation({ title, description, x, y }: Relation) {
  const cloud = p.scatter({
    title,
    description: `${description} One point a day.`,
    sql: `select x as "${x.name}", y as "${y.name}"\nfrom ${pairs(x.sql, y.sql)}\norder by day`,
    unit: y.unit,
    x,
    y: y.name,
    color: y.color,
    empty: 'No days with both in this range',
  })
  const strength = p.stat({
    title: 'How strong',
    description: `Correlation (Pearson’s r, −1 to 1) of the panel beside this one with its 95 % interval, in which nights that resemble the night before count for less, and the count of days; not below ${FEWEST}. Grey: the interval includes zero. Within weekdays: the same with each weekday’s mean taken out, the usual confounder. Of four such panels one in five boards shows a clear relation by chance alone, and none says anything of causes.`,
    sql: strengthOf(x.sql, y.sql),
    unit: 'string',
    text: true,
    named: true,
    stacked: true,
    thresholds: plain(colour.strain),
    mappings: [{ type: 'regex', options: { pattern: '.*(not clear|too few).*', result: { color: colour.quiet } } }],
    overrides: ['95 %', 'Within weekdays', 'Days'].map((name) => p.field(name, { color: p.fixed(colour.quiet) })),
  })
  return [
    [9, cloud],
    [3, strength],
  ] satisfies [number, unknown][]
}

const TOMORROW = '(partition by user_id order by day)'
const recoveryOf = { name: 'Recovery', unit: 'percent', sql: 'recovery_score', color: colour.good }

const strain = relation({
  title: 'Strain and the next morning’s recovery',
  description: 'Day strain (0 to 21) across, recovery of the morning after in percent.',
  x: { name: 'Strain', unit: 'none', sql: 'strain_score' },
  y: { ...recoveryOf, name: 'Next recovery', sql: `lead(recovery_score) over ${TOMORROW}` },
})

const bed = relation({
  title: 'Bed time and recovery',
  description: 'When the main sleep began, by the member’s own clock, across; recovery of that morning in percent.',
  x: { name: 'To bed', unit: 'suffix:h', sql: 'bed_hour', mappings: clockTimes() },
  y: recoveryOf,
})

const debt = relation({
  title: 'Sleep debt and HRV',
  description: 'Hours of sleep debt on going to bed across, heart rate variability of that night in milliseconds.',
  x: { name: 'Debt', unit: 'suffix:h', sql: `sleep_debt / ${HOUR}` },
  y: { name: 'HRV', unit: 'suffix:ms', sql: 'hrv_rmssd', color: colour.hrv },
})

const sleep = relation({
  title: 'Sleep and recovery',
  description: 'Hours asleep across, recovery of that morning in percent.',
  x: { name: 'Asleep', unit: 'suffix:h', sql: `asleep_duration / ${HOUR}` },
  y: recoveryOf,
})

const weeks = p.table({
  title: 'Week over week',
  description:
    'Means of the newest week whose seven days have ended, of the one before and of the four before it: recovery in percent, HRV in milliseconds, heart rate in beats a minute, strain 0 to 21, sleep in hours, workouts a week.',
  sql: `with weeks as (
  select *, row_number() over (order by week desc) as age from ${of('weekly_summary', `daterange(lower(${LAST_DAYS}) - 49, null)`)} where finished_days = 7
), measures as (
  select age, measure, value, nth
  from weeks, unnest(
    array['Recovery, %', 'HRV, ms', 'Resting heart rate, bpm', 'Strain', 'Asleep, h', 'Sleep debt, h', 'Workouts', 'Zone 2, min'],
    array[recovery_score, hrv_rmssd, resting_heart_rate, strain_score, asleep_duration / ${HOUR}, sleep_debt / ${HOUR},
      workouts, zone_two_minutes]
  ) with ordinality as m (measure, value, nth)
  where age <= 5
)
select measure as "Measure", max(value) filter (where age = 1) as "Last week", max(value) filter (where age = 2) as "Week before",
  avg(value) filter (where age > 1) as "Four weeks before",
  100 * (max(value) filter (where age = 1) / nullif(avg(value) filter (where age > 1), 0) - 1) as "Change"
from measures
group by measure, nth
order by nth`,
  unit: 'none',
  decimals: 1,
  overrides: [
    p.field('Measure', { 'custom.width': 200 }),
    p.field('Change', { unit: 'percent', decimals: 0, color: p.fixed(colour.strain), ...p.asColour }),
  ],
  empty: 'No complete week yet',
})

function years(title: string, description: string, column: string, unit: string, decimals: number, color: string) {
  return p.columns({
    title,
    description: `${description} By month, in the newest year of the data and the one before; whatever range is shown.`,
    sql: `select to_char(day, 'Mon') as month,
  avg(${column}) filter (where extract(year from day) = newest - 1)::double precision as "Year before",
  avg(${column}) filter (where extract(year from day) = newest)::double precision as "This year"
from (
  select d.*, max(extract(year from day)) over () as newest
  from ${of('daily_trends', `daterange((date_trunc('year', lower(${LAST_DAYS})::timestamp) - interval '1 year')::date, null)`)}
) days
where extract(year from day) >= newest - 1
group by to_char(day, 'Mon'), extract(month from day)
order by extract(month from day)`,
    unit,
    decimals,
    min: 0,
    thresholds: plain(color),
    overrides: [
      p.field('Year before', { color: p.fixed(colour.quiet) }),
      p.field('This year', { color: p.fixed(color) }),
    ],
  })
}

export const patterns = dashboard({
  uid: 'patterns',
  title: 'Patterns',
  description: 'What goes with what, for this member, with the number of days and the strength of the relation.',
  range: '1y',
  variables: [member, behaviour],
  annotations: [journalDays],
  rows: [
    { height: 10, panels: [...strain, ...bed] },
    { height: 10, panels: [...debt, ...sleep] },
    { height: 10, panels: [weeks] },
    {
      height: 9,
      panels: [
        years('Recovery, year over year', 'Mean recovery in percent.', 'recovery_score', 'percent', 0, colour.good),
        years('Sleep, year over year', 'Mean hours asleep.', `asleep_duration / ${HOUR}`, 'suffix:h', 1, colour.asleep),
      ],
    },
    ...journalRows,
  ],
})
