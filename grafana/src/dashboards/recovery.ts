import { dashboard } from '../dashboard.ts'
import { bands, colour, plain, RECOVERY_BANDS } from '../palette.ts'
import * as p from '../panels.ts'
import { around, daily, degrees, of, overall, shown } from '../sql.ts'
import { hrvRange, recoveryBars, restingRange } from './today.ts'

const days = (title: string, condition: string, color: string, says: string) =>
  p.stat({
    title,
    description: `Days of this range whose recovery was ${says}; the second number is their share in percent.`,
    sql: overall(
      `count(*) filter (where ${condition}) as "Days", 100.0 * count(*) filter (where ${condition}) / nullif(count(recovery_score), 0) as "Share"`,
    ),
    unit: 'none',
    decimals: 0,
    named: true,
    thresholds: plain(color),
    overrides: [p.field('Share', { unit: 'percent' })],
  })

const average = p.stat({
  title: 'Average',
  description: 'Mean recovery score of this range, in percent. Calibration left out.',
  sql: overall('avg(recovery_score) as "Recovery"'),
  unit: 'percent',
  decimals: 0,
  thresholds: RECOVERY_BANDS,
})

const hrv = p.stat({
  title: 'HRV',
  description: 'Mean heart rate variability (RMSSD) of this range, in milliseconds.',
  sql: overall('avg(hrv_rmssd) as "HRV"'),
  unit: 'suffix:ms',
  decimals: 0,
  thresholds: plain(colour.hrv),
})

const resting = p.stat({
  title: 'Resting heart rate',
  description: 'Mean resting heart rate of this range, in beats a minute.',
  sql: overall('avg(resting_heart_rate) as "Resting heart rate"'),
  unit: 'suffix:bpm',
  decimals: 0,
  thresholds: plain(colour.resting),
})

const score = p.series({
  title: 'Recovery',
  description:
    'WHOOP’s recovery score in percent, by wake day: red below 34, green from 67. The line is the mean of seven days. Calibration left out.',
  sql: daily(`${recoveryBars.sql}, recovery_week as "Seven days"`),
  unit: 'percent',
  decimals: 0,
  min: 0,
  max: 100,
  overrides: [
    ...recoveryBars.overrides,
    p.field('Seven days', { ...p.line, color: p.fixed(colour.quiet), 'custom.showPoints': 'never' }),
  ],
  empty: 'No recovery in this range',
})

const spo2 = p.series({
  title: 'Blood oxygen',
  description: 'SpO2 of the night in percent, by wake day.',
  sql: daily('spo2_percentage as "SpO2"'),
  unit: 'percent',
  max: 100,
  color: colour.spo2,
  legend: false,
})

const skin = p.series({
  title: 'Skin temperature, off the baseline',
  description: 'Degrees of the chosen units above or below the mean of the 30 nights before.',
  sql: daily(degrees('skin_temp_celsius - skin_baseline', 'Skin temperature')),
  unit: 'none',
  decimals: 2,
  color: colour.skin,
  draw: p.bars,
  centred: true,
  overrides: p.temperatures('Skin temperature'),
  legend: false,
})

const signBars = p.bandedBars('signs_of_illness', [
  ['One sign', colour.quiet],
  ['Two signs', colour.fair, 2],
  ['Three or four', colour.poor, 3],
])

const signs = p.series({
  title: 'Signs of illness',
  description:
    'How many of four are off by more than one and a half standard deviations: low HRV, high resting heart rate, high respiratory rate, warm skin. A count, 0 to 4; two and more deserve attention. No diagnosis.',
  sql: daily(signBars.sql),
  unit: 'none',
  decimals: 0,
  min: 0,
  max: 4,
  overrides: signBars.overrides,
})

/** What slow change looks like: a week's mean in the band of two months. */
function weekInSixty(title: string, words: string, column: string, unit: string, color: string) {
  return p.series({
    title,
    description: `${words}: the mean of the last seven days, in the band of the last 60, which is their mean plus and minus one standard deviation. At least four and 30 of them have to be known.`,
    sql: `select day::timestamp as "time", week as "Seven days", normal as "Baseline", normal - spread as "Normal from", normal + spread as "Normal to"
from (
  select day, case when count(${column}) over week >= 4 then avg(${column}) over week end as week,
    case when count(${column}) over sixty >= 30 then avg(${column}) over sixty end as normal,
    case when count(${column}) over sixty >= 30 then stddev_samp(${column}) over sixty end as spread
  from ${of('daily_trends', around(59, 0))}
  window week as (order by day rows between 6 preceding and current row), sixty as (order by day rows between 59 preceding and current row)
) days
where ${shown()}
order by day`,
    unit,
    decimals: 0,
    overrides: [...p.normalRange('Seven days', color), p.field('Baseline', { displayName: 'Sixty days' })],
  })
}

const hrvTrend = weekInSixty(
  'HRV, 7 against 60 days',
  'Heart rate variability in milliseconds',
  'hrv_rmssd',
  'suffix:ms',
  colour.hrv,
)
const restingTrend = weekInSixty(
  'Resting heart rate, 7 against 60 days',
  'Resting heart rate in beats a minute',
  'resting_heart_rate',
  'suffix:bpm',
  colour.resting,
)

const offDays = p.table({
  title: 'Days off normal',
  description:
    'Days of this range with two or more signs of illness. Numbers are distances from the mean of the 30 days before, in standard deviations.',
  sql: `select day::timestamp as "Day", signs_of_illness as "Signs", recovery_score as "Recovery", hrv_deviation as "HRV",
  resting_deviation as "Resting heart rate", respiratory_deviation as "Respiratory rate", skin_deviation as "Skin temperature"
from ${of('daily_trends')}
where signs_of_illness >= 2
order by day desc`,
  unit: 'suffix:σ',
  decimals: 1,
  overrides: [
    p.field('Day', { unit: 'time:ddd D MMM YYYY', ...p.dayLink }),
    p.field('Signs', {
      unit: 'none',
      decimals: 0,
      ...p.asColour,
      thresholds: { mode: 'absolute', steps: bands('fair', 3, 'poor') },
    }),
    p.field('Recovery', {
      unit: 'percent',
      decimals: 0,
      ...p.asColour,
      thresholds: { mode: 'absolute', steps: RECOVERY_BANDS },
    }),
  ],
  empty: 'All days of this range are as usual',
})

export const recovery = dashboard({
  uid: 'recovery',
  title: 'Recovery',
  description: 'The score and what it is made of, against what is normal for the member.',
  range: '90d',
  rows: [
    {
      height: 4,
      panels: [
        average,
        days('Green days', 'recovery_score >= 67', colour.good, '67 % or more'),
        days('Yellow days', 'recovery_score >= 34 and recovery_score < 67', colour.fair, '34 to 66 %'),
        days('Red days', 'recovery_score < 34', colour.poor, 'below 34 %'),
        hrv,
        resting,
      ],
    },
    { height: 9, panels: [score] },
    { height: 8, panels: [hrvRange, restingRange] },
    { height: 8, panels: [hrvTrend, restingTrend] },
    { height: 7, panels: [skin, spo2, signs] },
    { height: 8, panels: [offDays] },
  ],
})
