import { dashboard } from '../dashboard.ts'
import { bands, colour, plain, RECOVERY_BANDS } from '../palette.ts'
import * as p from '../panels.ts'
import { byWeekday, daily, energy, latest, overall, OWN } from '../sql.ts'

const number = (title: string, description: string, sql: string, looks: Partial<Parameters<typeof p.stat>[0]> = {}) =>
  p.stat({ title, description, sql, unit: 'none', decimals: 1, thresholds: plain(colour.strain), ...looks })

const summary = [
  number(
    'Today so far',
    'Strain of the newest day, 0 to 21; it grows until the next sleep.',
    latest('strain_score as "Strain"'),
  ),
  number('Average', 'Mean day strain of this range, 0 to 21.', overall('avg(strain_score) as "Strain"')),
  number('Highest', 'Highest day strain of this range, 0 to 21.', overall('max(strain_score) as "Strain"')),
  number(
    'Energy a day',
    'Mean energy of the whole days of this range, in kilocalories or kilojoules.',
    overall(energy('avg(kilojoules)', 'Energy')),
    {
      named: true,
      thresholds: plain(colour.energy),
      overrides: p.energies('Energy'),
    },
  ),
  number(
    'All energy',
    'Energy of this range, in kilocalories or kilojoules.',
    overall(energy('sum(kilojoules)', 'Energy')),
    {
      named: true,
      thresholds: plain(colour.energy),
      overrides: p.energies('Energy'),
    },
  ),
  number(
    'Load ratio',
    'Mean strain of the newest seven days by that of the newest 28. A ratio around one is steady.',
    latest('load_ratio as "Ratio"'),
    {
      decimals: 2,
      thresholds: bands('strain', 0.8, 'good', 1.3, 'fair', 1.5, 'poor'),
    },
  ),
]

const days = p.series({
  title: 'Day strain',
  description: 'WHOOP’s day strain, 0 to 21 on a logarithmic scale, by wake day; the line is the mean of seven days.',
  sql: daily('strain_score as "Strain", acute_strain as "Seven days"'),
  unit: 'none',
  decimals: 1,
  min: 0,
  max: 21,
  color: colour.strain,
  draw: p.bars,
  overrides: [p.field('Seven days', { ...p.line, color: p.fixed(colour.quiet), 'custom.showPoints': 'never' })],
  empty: 'No strain in this range',
})

const load = p.series({
  title: 'Acute and chronic load',
  description: 'Mean day strain, 0 to 21, of the last seven days and of the last 28.',
  sql: daily('acute_strain as "Acute, 7 days", chronic_strain as "Chronic, 28 days"'),
  unit: 'none',
  decimals: 1,
  draw: { ...p.line, 'custom.showPoints': 'never' },
  overrides: [
    p.field('Acute, 7 days', { color: p.fixed(colour.strain) }),
    p.field('Chronic, 28 days', { color: p.fixed(colour.quiet), 'custom.fillOpacity': 12 }),
  ],
})

const ratio = p.series({
  title: 'Acute against chronic',
  description:
    'Acute by chronic load, a ratio: below 0.8 you do less than you are used to, above 1.3 more, above 1.5 much more.',
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
  description: 'Mean day strain, 0 to 21, by the weekday of the member’s own clock.',
  sql: byWeekday('avg(strain_score) as "Strain"'),
  unit: 'none',
  decimals: 1,
  min: 0,
  color: colour.strain,
})

const recent = p.table({
  title: 'Days',
  description:
    'The days of this range, newest first. Strain 0 to 21, heart rates in beats a minute, recovery in percent.',
  sql: `select day::timestamp as "Day", strain_score as "Strain", recovery_score as "Recovery", workouts as "Workouts",
  average_heart_rate as "Average HR", max_heart_rate as "Highest HR", ${energy('kilojoules', 'Energy')}
from daily_trends
where ${OWN}
  and $__timeFilter(day)
order by day desc
limit 400`,
  unit: 'none',
  overrides: [
    p.field('Day', { unit: 'time:ddd D MMM YYYY', 'custom.minWidth': 130 }),
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
    {
      height: 10,
      panels: [
        [8, week],
        [16, recent],
      ],
    },
  ],
})
