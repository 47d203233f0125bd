import { dashboard } from '../dashboard.ts'
import { bands, colour, plain, RECOVERY_BANDS, RECOVERY_BARS } from '../palette.ts'
import * as p from '../panels.ts'
import { daily, degrees, distance, energy, hours, latest, OWN } from '../sql.ts'

const NEWEST = 'Of the newest day there is, which the panel on the right names.'

const recovery = p.gauge({
  title: 'Recovery',
  description: `WHOOP's recovery score of this morning, in percent; red below 34, green from 67. ${NEWEST}`,
  sql: latest('recovery_score as "Recovery"'),
  unit: 'percent',
  decimals: 0,
  min: 0,
  max: 100,
  thresholds: RECOVERY_BANDS,
})

const sleep = p.gauge({
  title: 'Sleep',
  description: `Sleep got of the sleep needed, in percent of the need, naps of the day before taken into account by WHOOP. ${NEWEST}`,
  sql: latest('least(100, 100.0 * asleep_duration / nullif(sleep_need, 0)) as "Sleep"'),
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
  from daily_trends where ${OWN} order by day desc limit 1
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
      decimals: 0,
      thresholds: { mode: 'absolute', steps: bands('good', 7200, 'fair', 86_400, 'poor') },
    }),
  ],
})

function vital(
  title: string,
  column: string,
  baseline: string,
  looks: {
    unit: string
    decimals: number
    color: string
    off: string
    reference: string
    thresholds: ReturnType<typeof bands>
  },
) {
  return p.stat({
    title,
    description: `${looks.reference}, and its distance from the mean of the 30 days before. ${NEWEST}`,
    sql: latest(`${column} as "Now", ${column} - ${baseline} as "To baseline"`),
    unit: looks.unit,
    decimals: looks.decimals,
    named: true,
    stacked: true,
    thresholds: plain(looks.color),
    overrides: [p.field('To baseline', { unit: looks.off, thresholds: { mode: 'absolute', steps: looks.thresholds } })],
  })
}

const hrv = vital('HRV', 'hrv_rmssd', 'hrv_baseline', {
  unit: 'suffix:ms',
  decimals: 0,
  color: colour.hrv,
  off: 'suffix:ms',
  reference: 'Heart rate variability (RMSSD) of the night, in milliseconds',
  thresholds: bands('poor', -15, 'fair', -8, 'good'),
})

const resting = vital('Resting heart rate', 'resting_heart_rate', 'resting_baseline', {
  unit: 'suffix:bpm',
  decimals: 0,
  color: colour.resting,
  off: 'suffix:bpm',
  reference: 'Resting heart rate of the night, in beats a minute',
  thresholds: bands('good', 3, 'fair', 6, 'poor'),
})

const respiratory = vital('Respiratory rate', 'respiratory_rate', 'respiratory_baseline', {
  unit: 'suffix:/min',
  decimals: 1,
  color: colour.respiratory,
  off: 'suffix:/min',
  reference: 'Breaths a minute during the night',
  thresholds: bands('good', 0.8, 'fair', 1.5, 'poor'),
})

const skin = p.stat({
  title: 'Skin temperature',
  description: `How much warmer the skin was than the mean of the 30 nights before, in degrees of the chosen units. ${NEWEST}`,
  sql: latest(degrees('skin_temp_celsius - skin_baseline', 'To baseline')),
  unit: 'none',
  decimals: 1,
  thresholds: bands('strain', -0.7, 'good', 0.7, 'fair', 1.2, 'poor'),
  overrides: p.temperatures('To baseline'),
})

const spo2 = p.stat({
  title: 'Blood oxygen',
  description: `SpO2 of the night, in percent. ${NEWEST}`,
  sql: latest('spo2_percentage as "SpO2"'),
  unit: 'percent',
  decimals: 0,
  thresholds: bands('poor', 90, 'fair', 94, 'spo2'),
})

const debt = p.stat({
  title: 'Sleep debt',
  description: `What WHOOP adds to the need of the night for sleep missed before, in hours. ${NEWEST}`,
  sql: latest(hours('sleep_debt', 'Debt')),
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
      decimals: 1,
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
  decimals: 1,
  min: 0,
  color: colour.asleep,
  draw: p.bars,
  overrides: [p.field('Needed', { ...p.line, color: p.fixed(colour.need), 'custom.pointSize': 5 })],
  empty: 'No sleep in this range',
})

const recent = p.table({
  title: 'Last workouts',
  description:
    'The newest eight, begun by the clock of the place. Duration in minutes, strain 0 to 21, heart rate in beats a minute.',
  sql: `select started as "Begun", sport as "Sport", minutes as "Duration", strain_score as "Strain",
  average_heart_rate as "Average HR", ${distance('distance_meters', 'Distance')},
  ${energy('kilojoules', 'Energy')}
from workout_log
where ${OWN}
order by started desc
limit 8`,
  unit: 'none',
  overrides: [
    p.field('Begun', { unit: 'time:ddd D MMM, HH:mm' }),
    p.field('Duration', { unit: 'suffix:min', decimals: 0 }),
    p.field('Strain', { decimals: 1, min: 0, max: 21, color: p.fixed(colour.strain), ...p.asGauge }),
    p.field('Average HR', { unit: 'suffix:bpm' }),
    ...p.distances('Distance', { decimals: 1 }),
    ...p.energies('Energy'),
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
