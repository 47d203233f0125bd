import { dashboard } from '../dashboard.ts'
import { bands, colour, offNormal, plain, RECOVERY_BANDS, RECOVERY_BARS } from '../palette.ts'
import * as p from '../panels.ts'
import { daily, degrees, hours, LAST_DAYS, latest, of, OWN, thisMorning } from '../sql.ts'
import type { Override, Threshold } from '../types.ts'

const NEWEST = 'Of the newest day there is, which the panel on the right names, and of its newest night.'

/** A recovery that has come before its sleep is the day's. */
const recovered = 'coalesce(n.recovery_score, case when n.id is null then d.recovery_score end)'

const recovery = p.gauge({
  title: 'Recovery',
  description: `WHOOP's recovery score of this morning, in percent; red below 34, green from 67. ${NEWEST}`,
  sql: thisMorning(`${recovered} as "Recovery"`),
  unit: 'percent',
  decimals: 0,
  min: 0,
  max: 100,
  thresholds: RECOVERY_BANDS,
})

const sleep = p.gauge({
  title: 'Sleep',
  description: `WHOOP's sleep performance, in percent. It weighs more than the sleep got of the sleep needed. ${NEWEST}`,
  sql: thisMorning('n.sleep_performance_percentage as "Sleep"'),
  unit: 'percent',
  decimals: 0,
  min: 0,
  max: 100,
  thresholds: bands('quiet', 0, 'poor', 70, 'fair', 85, 'good'),
})

const strain = p.gauge({
  title: 'Strain so far',
  description: `WHOOP's day strain, 0 to 21 on a logarithmic scale; it grows until the day ends with the next sleep. ${NEWEST}`,
  sql: latest('strain_score as "Strain"'),
  unit: 'none',
  decimals: 1,
  min: 0,
  max: 21,
  thresholds: plain(colour.strain),
})

const freshness = p.stat({
  title: 'How fresh this is',
  description:
    'The day that is shown, by the member’s own clock, and how long ago a sync last succeeded for every type.',
  sql: `with newest as (
  select day, (select local_time(now(), timezone_offset)::date from cycle_records where ${OWN} order by start_time desc limit 1) - day as behind
  from ${of('daily_trends', LAST_DAYS)} order by day desc limit 1
)
select case behind when 0 then 'Today' when 1 then 'Yesterday' else behind || ' days ago' end as "Day shown",
  to_char(day, 'FMDy FMDD FMMon') as "Date",
  (select extract(epoch from now() - min(last_sync_time)) from sync_status where ${OWN} and data_type <> 'body')::double precision as "Synced, ago"
from newest`,
  unit: 'string',
  text: true,
  named: true,
  stacked: true,
  thresholds: plain(colour.good),
  mappings: [
    {
      type: 'value',
      options: { Today: { text: 'Today', color: colour.good }, Yesterday: { text: 'Yesterday', color: colour.fair } },
    },
    { type: 'regex', options: { pattern: '.* days ago', result: { color: colour.poor } } },
  ],
  overrides: [
    p.field('Date', { color: p.fixed(colour.quiet) }),
    p.field('Synced, ago', {
      unit: 's',
      decimals: 1,
      thresholds: { mode: 'absolute', steps: bands('good', 7200, 'fair', 86_400, 'poor') },
    }),
  ],
})

/** A figure of the night, and how far it is off what is normal for the member: the one judgement, which the alerts share. */
function vital(
  title: string,
  figure: { column: string; now: string; normal: string },
  looks: {
    unit: string
    decimals: number
    color: string
    reference: string
    judged: Threshold[]
    overrides?: Override[]
  },
) {
  const { column, now, normal } = figure
  return p.stat({
    title,
    description: `${looks.reference}; and its distance from the mean of the 30 days before in their standard deviations: amber from 1.5, red from 2.25, which is where the alerts look. ${NEWEST}`,
    sql: thisMorning(
      `${now},\n  (n.${column} - d.${normal}_baseline) / nullif(d.${normal}_spread, 0) as "Against normal"`,
    ),
    unit: looks.unit,
    decimals: looks.decimals,
    named: true,
    stacked: true,
    thresholds: plain(looks.color),
    overrides: [
      ...(looks.overrides ?? []),
      p.field('Against normal', {
        unit: 'suffix:σ',
        decimals: 1,
        thresholds: { mode: 'absolute', steps: looks.judged },
      }),
    ],
  })
}
const asItIs = (column: string, normal: string) => ({ column, now: `n.${column} as "Now"`, normal })

const hrv = vital('HRV', asItIs('hrv_rmssd', 'hrv'), {
  unit: 'suffix:ms',
  decimals: 0,
  color: colour.hrv,
  reference: 'Heart rate variability (RMSSD) of the night, in milliseconds',
  judged: offNormal.low,
})

const resting = vital('Resting heart rate', asItIs('resting_heart_rate', 'resting'), {
  unit: 'suffix:bpm',
  decimals: 0,
  color: colour.resting,
  reference: 'Resting heart rate of the night, in beats a minute',
  judged: offNormal.high,
})

const respiratory = vital('Respiratory rate', asItIs('respiratory_rate', 'respiratory'), {
  unit: 'suffix:/min',
  decimals: 1,
  color: colour.respiratory,
  reference: 'Breaths a minute during the night',
  judged: offNormal.high,
})

const skin = vital(
  'Skin temperature',
  {
    column: 'skin_temp_celsius',
    now: degrees('n.skin_temp_celsius - d.skin_baseline', 'Off the mean'),
    normal: 'skin',
  },
  {
    unit: 'none',
    decimals: 1,
    color: colour.skin,
    reference: 'How much warmer the skin was than on average, in degrees of the chosen units',
    judged: offNormal.high,
    overrides: p.temperatures('Off the mean'),
  },
)

const spo2 = vital('Blood oxygen', asItIs('spo2_percentage', 'spo2'), {
  unit: 'percent',
  decimals: 0,
  color: colour.spo2,
  reference: 'SpO2 of the night, in percent',
  judged: offNormal.low,
})

const debt = p.stat({
  title: 'Sleep debt',
  description: `What WHOOP adds to the need of the night for sleep missed before, in hours. ${NEWEST}`,
  sql: thisMorning(hours('n.sleep_debt', 'Debt')),
  unit: 'suffix:h',
  decimals: 1,
  thresholds: bands('good', 0.75, 'fair', 1.5, 'poor'),
})

export const hrvRange = p.series({
  title: 'HRV and what is normal',
  description:
    'Heart rate variability in milliseconds, by wake day; the band is the mean of the 30 days before, plus and minus one standard deviation. Calibration left out.',
  sql: daily(
    'hrv_rmssd as "HRV", hrv_baseline as "Baseline",\n  hrv_baseline - hrv_spread as "Normal from", hrv_baseline + hrv_spread as "Normal to"',
  ),
  unit: 'suffix:ms',
  decimals: 0,
  overrides: p.normalRange('HRV', colour.hrv),
  empty: 'No HRV in this range',
})

export const restingRange = p.series({
  title: 'Resting heart rate and what is normal',
  description:
    'Beats a minute, by wake day; the band is the mean of the 30 days before, plus and minus one standard deviation. Calibration left out.',
  sql: daily(
    'resting_heart_rate as "Resting heart rate", resting_baseline as "Baseline",\n  resting_baseline - resting_spread as "Normal from", resting_baseline + resting_spread as "Normal to"',
  ),
  unit: 'suffix:bpm',
  decimals: 0,
  overrides: p.normalRange('Resting heart rate', colour.resting),
  empty: 'No resting heart rate in this range',
})

export const recoveryBars = p.bandedBars('recovery_score', RECOVERY_BARS)

const balance = p.series({
  title: 'Recovery and strain',
  description:
    'Recovery of the morning in percent (bars in its bands) and the strain of the day that followed, 0 to 21 (right).',
  sql: daily(`${recoveryBars.sql}, strain_score as "Strain"`),
  unit: 'percent',
  decimals: 0,
  min: 0,
  max: 100,
  overrides: [
    ...recoveryBars.overrides,
    p.field('Strain', {
      ...p.line,
      ...p.rightAxis,
      color: p.fixed(colour.strain),
      unit: 'none',
      min: 0,
      max: 21,
      'custom.pointSize': 5,
    }),
  ],
})

const nights = p.series({
  title: 'Sleep got and needed',
  description:
    'Hours asleep in the main sleep, and the hours that WHOOP says were needed: baseline, debt, strain and naps.',
  sql: daily(`${hours('asleep_duration', 'Asleep')}, ${hours('sleep_need', 'Needed')}`),
  unit: 'suffix:h',
  min: 0,
  color: colour.asleep,
  draw: p.bars,
  overrides: [p.field('Needed', { ...p.line, color: p.fixed(colour.need), 'custom.pointSize': 5 })],
  empty: 'No sleep in this range',
})

const recent = p.table({
  title: 'Last workouts',
  description:
    'The newest eight, begun by the clock of the place. Duration in minutes, strain 0 to 21. Workouts has the rest of them.',
  sql: `select started as "Begun", sport as "Sport", minutes as "Duration", strain_score as "Strain"
from workout_log
where ${OWN}
order by start_time desc
limit 8`,
  unit: 'none',
  overrides: [
    p.field('Begun', { unit: 'time:ddd D MMM, HH:mm', 'custom.width': 130 }),
    p.field('Sport', { 'custom.minWidth': 70 }),
    p.field('Duration', { unit: 'suffix:min', decimals: 0, 'custom.width': 72 }),
    p.field('Strain', {
      decimals: 1,
      min: 0,
      max: 21,
      color: p.fixed(colour.strain),
      ...p.asGauge,
      'custom.minWidth': 70,
    }),
  ],
  empty: 'No workouts yet',
})

export const today = dashboard({
  uid: 'today',
  title: 'Today',
  description: 'How the newest day stands: recovery, sleep, strain, and what is normal for you.',
  range: '30d',
  rows: [
    { height: 7, panels: [recovery, sleep, strain, freshness] },
    { height: 4, panels: [hrv, resting, respiratory, skin, spo2, debt] },
    { height: 8, panels: [balance, nights] },
    { height: 8, panels: [hrvRange, restingRange] },
    { height: 10, panels: [recent] },
  ],
})
