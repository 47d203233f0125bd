import { dashboard } from '../dashboard.ts'
import { bands, clockTimes, colour, plain } from '../palette.ts'
import * as p from '../panels.ts'
import { byWeekday, daily, HOUR, hours, NEARBY, of, overall, OWN, shown } from '../sql.ts'

const RANGE = 'Mean of the nights in this range.'

const average = (
  title: string,
  description: string,
  column: string,
  looks: Omit<Parameters<typeof p.stat>[0], 'title' | 'description' | 'sql'>,
) =>
  p.stat({
    title,
    description: `${description} ${RANGE}`,
    sql: overall(`avg(${column})::double precision as "${title}"`),
    ...looks,
  })

const summary = [
  average('Asleep', 'Hours asleep in the main sleep.', `asleep_duration / ${HOUR}`, {
    unit: 'suffix:h',
    decimals: 1,
    thresholds: plain(colour.asleep),
  }),
  average('Performance', 'WHOOP’s sleep performance, in percent.', 'sleep_performance_percentage', {
    unit: 'percent',
    decimals: 0,
    thresholds: bands('poor', 70, 'fair', 85, 'good'),
  }),
  average('Debt', 'Hours that WHOOP added to the need for sleep missed before.', `sleep_debt / ${HOUR}`, {
    unit: 'suffix:h',
    decimals: 1,
    thresholds: bands('good', 0.75, 'fair', 1.5, 'poor'),
  }),
  average(
    'Efficiency',
    'Time asleep in percent of the time in bed, as WHOOP scores it.',
    'sleep_efficiency_percentage',
    {
      unit: 'percent',
      decimals: 0,
      thresholds: bands('poor', 80, 'fair', 88, 'good'),
    },
  ),
  average(
    'Consistency',
    'How alike bed and wake times were to those of the days before, in percent, as WHOOP scores it.',
    'sleep_consistency_percentage',
    {
      unit: 'percent',
      decimals: 0,
      thresholds: bands('poor', 60, 'fair', 75, 'good'),
    },
  ),
  average('Respiratory rate', 'Breaths a minute.', 'respiratory_rate', {
    unit: 'suffix:/min',
    decimals: 1,
    thresholds: plain(colour.respiratory),
  }),
]

const stage = (name: string, color: string) => p.field(name, { color: p.fixed(color) })

const stages = p.series({
  title: 'Stages of every night',
  description:
    'Hours of deep (slow wave), REM and light sleep and awake in bed, by wake day; the line is the sleep WHOOP says was needed. Main sleep only.',
  sql: daily(
    `${hours('slow_wave_sleep_duration', 'Deep')}, ${hours('rem_sleep_duration', 'REM')},\n  ${hours('light_sleep_duration', 'Light')}, ${hours('awake_time', 'Awake')}, ${hours('sleep_need', 'Needed')}`,
  ),
  unit: 'suffix:h',
  min: 0,
  draw: p.stacked,
  overrides: [
    stage('Deep', colour.deep),
    stage('REM', colour.rem),
    stage('Light', colour.light),
    stage('Awake', colour.awake),
    p.field('Needed', {
      ...p.line,
      'custom.stacking': { mode: 'none' },
      color: p.fixed(colour.need),
      'custom.showPoints': 'never',
    }),
  ],
  empty: 'No sleep in this range',
})

const quality = p.series({
  title: 'Performance, efficiency, consistency',
  description:
    'WHOOP’s sleep scores in percent, by wake day: performance (which weighs more than sleep got of the need), time asleep of the time in bed, regularity.',
  sql: daily(
    'sleep_performance_percentage as "Performance", sleep_efficiency_percentage as "Efficiency",\n  sleep_consistency_percentage as "Consistency"',
  ),
  unit: 'percent',
  decimals: 0,
  max: 100,
  overrides: [
    p.field('Performance', { color: p.fixed(colour.asleep) }),
    p.field('Efficiency', { color: p.fixed(colour.hrv) }),
    p.field('Consistency', { color: p.fixed(colour.fair) }),
  ],
})

const debtBars = p.bandedBars(`sleep_debt / ${HOUR}`, [
  ['Below ¾ h', colour.good],
  ['¾ h and more', colour.fair, 0.75],
  ['1½ h and more', colour.poor, 1.5],
])

const debt = p.series({
  title: 'Sleep debt',
  description: 'Hours that WHOOP added to the need of the night for sleep missed before.',
  sql: daily(debtBars.sql),
  unit: 'suffix:h',
  decimals: 2,
  min: 0,
  overrides: debtBars.overrides,
})

const NOON = 12
const raster = p.series({
  title: 'When you slept',
  description:
    'Each night from going to bed to getting up, by the member’s own clock, from noon upward: the straighter its edges the more regular. Hours in bed.',
  sql: daily(
    `bed_hour + ${NOON} as "Before", wake_hour - bed_hour as "In bed",\n  bed_hour + ${NOON} as "To bed", wake_hour + ${NOON} as "Up"`,
  ),
  unit: 'suffix:h',
  draw: p.stacked,
  overrides: [
    p.field('Before', {
      color: p.fixed('transparent'),
      'custom.fillOpacity': 0,
      'custom.hideFrom': { legend: true, tooltip: true, viz: false },
      mappings: clockTimes(0, 36, NOON),
    }),
    p.field('In bed', { color: p.fixed(colour.asleep), mappings: [] }),
    // for the tooltip only
    p.fields('/^(To bed|Up)$/', {
      'custom.drawStyle': 'line',
      'custom.stacking': { mode: 'none', group: 'A' },
      'custom.lineWidth': 0,
      'custom.fillOpacity': 0,
      'custom.showPoints': 'never',
      'custom.hideFrom': { legend: true, tooltip: false, viz: false },
      color: p.fixed(colour.quiet),
      mappings: clockTimes(0, 36, NOON),
    }),
  ],
  empty: 'No sleep in this range',
})

const regularity = p.series({
  title: 'Regularity',
  description:
    'By how many minutes bed and wake times vary: their standard deviation over fourteen days. Half an hour is steady.',
  sql: daily('60 * bed_hour_spread as "To bed", 60 * wake_hour_spread as "Up"'),
  unit: 'suffix:min',
  decimals: 0,
  min: 0,
  overrides: [p.field('To bed', { color: p.fixed(colour.asleep) }), p.field('Up', { color: p.fixed(colour.fair) })],
})

const respiratory = p.series({
  title: 'Respiratory rate and what is normal',
  description:
    'Breaths a minute in the main sleep; the band is the mean of the 30 days before, plus and minus one standard deviation.',
  sql: daily(
    'respiratory_rate as "Respiratory rate", respiratory_baseline as "Baseline",\n  respiratory_baseline - respiratory_spread as "Normal from", respiratory_baseline + respiratory_spread as "Normal to"',
  ),
  unit: 'suffix:/min',
  overrides: p.normalRange('Respiratory rate', colour.respiratory),
})

const share = p.columns({
  title: 'The average night',
  description: 'Mean share of each stage in the time in bed of this range, in percent.',
  sql: `select stage, 100.0 * sum(duration) / nullif(sum(sum(duration)) over (), 0) as "Share"
from ${of('daily_trends')}, unnest(
  array['Deep', 'REM', 'Light', 'Awake'],
  array[slow_wave_sleep_duration, rem_sleep_duration, light_sleep_duration, awake_time]
) with ordinality as stages (stage, duration, nth)
where asleep_duration is not null
group by stage, nth
order by nth`,
  unit: 'percent',
  decimals: 0,
  min: 0,
  color: colour.asleep,
  horizontal: true,
})

const week = p.columns({
  title: 'By weekday',
  description: 'Mean hours asleep and needed, by the day of waking up.',
  sql: byWeekday(
    `avg(asleep_duration / ${HOUR})::double precision as "Asleep", avg(sleep_need / ${HOUR})::double precision as "Needed"`,
  ),
  unit: 'suffix:h',
  decimals: 1,
  min: 0,
  overrides: [p.field('Asleep', { color: p.fixed(colour.asleep) }), p.field('Needed', { color: p.fixed(colour.need) })],
})

const naps = p.table({
  title: 'Naps',
  description: 'Naps of this range, newest first, begun by the clock of the place; they are in no other panel here.',
  sql: `select started as "Begun", asleep_duration / 60000.0 as "Asleep", sleep_efficiency_percentage as "Efficiency"
from nap_log
where ${OWN} and ${NEARBY} and ${shown()}
order by started desc`,
  unit: 'none',
  overrides: [
    p.field('Begun', { unit: 'time:ddd D MMM, HH:mm' }),
    p.field('Asleep', { unit: 'suffix:min', decimals: 0 }),
    p.field('Efficiency', { unit: 'percent', decimals: 0 }),
  ],
  empty: 'No naps in this range',
})

export const sleep = dashboard({
  uid: 'sleep',
  title: 'Sleep',
  description: 'Nights by wake day, got against needed, how regular they are. Naps apart.',
  range: '90d',
  rows: [
    { height: 4, panels: summary },
    { height: 10, panels: [stages] },
    { height: 8, panels: [debt, quality] },
    { height: 9, panels: [raster, regularity] },
    { height: 8, panels: [respiratory] },
    { height: 8, panels: [week, share, naps] },
  ],
})
