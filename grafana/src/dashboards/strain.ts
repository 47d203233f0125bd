import { dashboard } from '../dashboard.ts'
import { bands, colour, plain, RECOVERY_BANDS } from '../palette.ts'
import * as p from '../panels.ts'
import { byWeekday, daily, energy, latest, NIGHTS, of, overall, OWN, weight } from '../sql.ts'

const LOAD =
  'Mean strain of the last seven days that have ended by that of the last 28, which contain them. Strain is logarithmic: the ratio moves less than the load does.'

const number = (title: string, description: string, sql: string, looks: Partial<Parameters<typeof p.stat>[0]> = {}) =>
  p.stat({ title, description, sql, unit: 'none', decimals: 1, thresholds: plain(colour.strain), ...looks })

const summary = [
  number(
    'Today so far',
    'Strain of the newest day, 0 to 21; it grows until the next sleep.',
    latest('strain_score as "Strain"'),
  ),
  number(
    'Average',
    'Mean strain of the days of this range that have ended, 0 to 21; the scale is logarithmic, so that hard days count for less than they cost.',
    overall('avg(strain_score) filter (where finished) as "Strain"'),
  ),
  number('Highest', 'Highest day strain of this range, 0 to 21.', overall('max(strain_score) as "Strain"')),
  number(
    'Energy a day',
    'Mean energy of the days of this range that have ended, in kilocalories or kilojoules.',
    overall(energy('avg(kilojoules) filter (where finished)', 'Energy')),
    {
      named: true,
      thresholds: plain(colour.energy),
      overrides: p.energies('Energy'),
    },
  ),
  number('Load ratio', `${LOAD} A ratio around one is steady.`, latest('load_ratio as "Ratio"'), {
    decimals: 2,
    thresholds: bands('strain', 0.8, 'good', 1.3, 'fair', 1.5, 'poor'),
  }),
]

const days = p.series({
  title: 'Day strain',
  description:
    'WHOOP’s day strain, 0 to 21 on a logarithmic scale, by wake day; the line is the mean of the last seven that had ended.',
  sql: daily('strain_score as "Strain", acute_strain as "Seven days"'),
  unit: 'none',
  min: 0,
  max: 21,
  color: colour.strain,
  draw: p.bars,
  overrides: [p.field('Seven days', { ...p.line, color: p.fixed(colour.quiet), 'custom.showPoints': 'never' })],
  empty: 'No strain in this range',
})

const load = p.series({
  title: 'Acute and chronic load',
  description:
    'Mean strain, 0 to 21, of the last seven days that had ended and of the last 28, which contain them. Strain is logarithmic, and a mean of it is not the load’s.',
  sql: daily('acute_strain as "Acute, 7 days", chronic_strain as "Chronic, 28 days"'),
  unit: 'none',
  draw: { ...p.line, 'custom.showPoints': 'never' },
  overrides: [
    p.field('Acute, 7 days', { color: p.fixed(colour.strain) }),
    p.field('Chronic, 28 days', { color: p.fixed(colour.quiet), 'custom.fillOpacity': 12 }),
  ],
})

const ratio = p.series({
  title: 'Acute against chronic',
  description: `${LOAD} Below 0.8 you do less than you are used to, above 1.3 more, above 1.5 much more.`,
  sql: daily('load_ratio as "Ratio"'),
  unit: 'none',
  decimals: 2,
  thresholds: bands('strain', 0.8, 'good', 1.3, 'fair', 1.5, 'poor'),
  byBand: true,
  line: 'area',
  draw: { ...p.line, 'custom.showPoints': 'never', 'custom.axisSoftMin': 0.5, 'custom.axisSoftMax': 1.7 },
  legend: false,
})

const burnt = p.series({
  title: 'Energy',
  description: 'Energy of the day in kilocalories or kilojoules, by wake day.',
  sql: daily(energy('kilojoules', 'Energy')),
  unit: 'none',
  min: 0,
  color: colour.energy,
  draw: p.bars,
  overrides: p.energies('Energy'),
  legend: false,
})

const heart = p.series({
  title: 'Heart rate',
  description: 'Average and highest heart rate of the day, in beats a minute.',
  sql: daily('max_heart_rate as "Highest", average_heart_rate as "Average"'),
  unit: 'suffix:bpm',
  decimals: 0,
  overrides: [
    p.field('Highest', { color: p.fixed(colour.poor), 'custom.drawStyle': 'points', 'custom.pointSize': 5 }),
    p.field('Average', { color: p.fixed(colour.resting), 'custom.showPoints': 'never' }),
  ],
})

const week = p.columns({
  title: 'By weekday',
  description: 'Mean strain, 0 to 21, of the days that have ended, by the weekday of the member’s own clock.',
  sql: byWeekday('avg(strain_score) filter (where finished) as "Strain"'),
  unit: 'none',
  decimals: 1,
  min: 0,
  color: colour.strain,
})

const recent = p.table({
  title: 'Days',
  description:
    'The days of this range, newest first, twice where two nights ended on one day: up by the clock of the place. Strain 0 to 21, heart rates in beats a minute, recovery in percent.',
  sql: `select d.day::timestamp as "Day", n.ended as "Up", coalesce(n.recovery_score, case when n.id is null then d.recovery_score end) as "Recovery",
  d.strain_score as "Strain", d.workouts as "Workouts",
  d.average_heart_rate as "Average HR", d.max_heart_rate as "Highest HR", ${energy('d.kilojoules', 'Energy')}
from ${of('daily_trends')}
${NIGHTS}
order by d.day desc, n.end_time desc nulls last
limit 400`,
  unit: 'none',
  overrides: [
    p.field('Day', { unit: 'time:ddd D MMM YYYY', ...p.dayLink, 'custom.width': 130 }),
    p.field('Up', { unit: 'time:HH:mm' }),
    p.field('Strain', { decimals: 1, min: 0, max: 21, color: p.fixed(colour.strain), ...p.asGauge }),
    p.field('Recovery', {
      unit: 'percent',
      decimals: 0,
      ...p.asColour,
      thresholds: { mode: 'absolute', steps: RECOVERY_BANDS },
    }),
    p.fields('/ HR$/', { unit: 'suffix:bpm', decimals: 0 }),
    ...p.energies('Energy'),
  ],
  empty: 'No days in this range',
})

/** What is measured once and holds until the next: the value at the range's beginning, each change, and the value now. */
const measured = (column: string) => `with known as (
  select created_at, weight_kilogram, max_heart_rate, lead(created_at) over (order by created_at) as until
  from body_measurements
  where ${OWN}
)
select greatest(created_at, $__timeFrom()::timestamptz) as "time", ${column}
from known
where created_at <= $__timeTo() and coalesce(until, 'infinity') > $__timeFrom()
union all
select date_trunc('day', now(), 'UTC'), ${column}
from known
where until is null and created_at < date_trunc('day', now(), 'UTC') and date_trunc('day', now(), 'UTC') between $__timeFrom() and $__timeTo()
order by 1`

const mass = p.series({
  title: 'Weight',
  description: 'Weight in kilograms or pounds as it stands in the member’s profile at WHOOP, from when we saw it.',
  sql: measured(weight('weight_kilogram', 'Weight')),
  unit: 'none',
  color: colour.energy,
  draw: p.steps,
  overrides: p.weights('Weight'),
  legend: false,
})

const ceiling = p.series({
  title: 'Maximum heart rate',
  description:
    'The maximum heart rate in beats a minute that WHOOP derives its zones from: a change of it moves all zones.',
  sql: measured('max_heart_rate as "Maximum"'),
  unit: 'suffix:bpm',
  decimals: 0,
  color: colour.poor,
  draw: p.steps,
  legend: false,
})

export const strain = dashboard({
  uid: 'strain',
  title: 'Strain',
  description: 'What the days asked of the body, and whether that is more than it is used to.',
  range: '90d',
  rows: [
    { height: 4, panels: summary },
    { height: 9, panels: [days] },
    { height: 8, panels: [load, ratio] },
    { height: 8, panels: [burnt, heart] },
    { height: 7, panels: [mass, ceiling] },
    {
      height: 10,
      panels: [
        [8, week],
        [16, recent],
      ],
    },
  ],
})
