import { dashboard, energy as energyUnit, member, units } from '../dashboard.ts'
import { colour, FAR, NOTABLE, plain, RECOVERY_BANDS, words } from '../palette.ts'
import * as p from '../panels.ts'
import { distance, energy, HOUR, hours, of, OWN } from '../sql.ts'
import type { Variable } from '../types.ts'

const chosen: Variable = {
  type: 'textbox',
  name: 'day',
  label: 'Day',
  description: 'As 2026-05-31; empty: the newest. A click on a day of another board fills it in.',
  query: '',
  current: { selected: true, text: '', value: '' },
}

/** What is typed, or the time that a link has brought, or the newest, which is found without all the days before it. */
const DAY = `(select coalesce(substring(\${day:sqlstring} from '^[0-9]{4}-[0-9]{2}-[0-9]{2}')::date,
  (to_timestamp(substring(\${day:sqlstring} from '^[0-9]{12,13}$')::bigint / 1000) at time zone 'UTC')::date,
  greatest(
    (select max(day) from (select day from night_log where ${OWN} order by start_time desc limit 3) nights),
    (select max(cycle_day(user_id, id, start_time, end_time, timezone_offset)) from (
      select * from cycle_records where ${OWN} order by start_time desc limit 3) cycles))))`

const THE_DAY = of(
  'daily_trends',
  `(select daterange(day, day, '[]') from (select ${DAY} as day offset 0) one where day is not null)`,
)
/** By an index: what counts on a day begins near it. */
const ON_THE_DAY = `${OWN} and day = ${DAY}
  and start_time > (${DAY} - 3)::timestamp at time zone 'UTC' and start_time < (${DAY} + 3)::timestamp at time zone 'UTC'`

const ofDay = (columns: string) => `select ${columns}\nfrom ${THE_DAY}`

const which = p.stat({
  title: 'The day',
  description:
    'The day that is shown, by the member’s own clock, and whether its strain still grows: hours of it count until the next sleep.',
  sql: ofDay(
    `to_char(day, 'FMDay FMDD FMMonth YYYY') as "Day", case when finished then 'has ended' else 'goes on' end as "Its strain"`,
  ),
  unit: 'string',
  text: true,
  named: true,
  stacked: true,
  thresholds: plain(colour.quiet),
})
const strain = p.stat({
  title: 'Strain',
  description: 'WHOOP’s strain of the day, 0 to 21 on a logarithmic scale.',
  sql: ofDay('strain_score as "Strain"'),
  unit: 'none',
  decimals: 1,
  thresholds: plain(colour.strain),
})
const burnt = p.stat({
  title: 'Energy',
  description: 'Energy of the day in kilocalories or kilojoules.',
  sql: ofDay(energy('kilojoules', 'Energy')),
  unit: 'none',
  named: true,
  thresholds: plain(colour.energy),
  overrides: p.energies('Energy'),
})

const recovery = {
  unit: 'percent',
  decimals: 0,
  ...p.asColour,
  thresholds: { mode: 'absolute', steps: RECOVERY_BANDS },
}

const nights = p.table({
  title: 'Nights',
  description:
    'The nights that ended on this day, and the recoveries from them: more than one after a journey over the date line. Hours asleep and needed.',
  sql: `select started as "To bed", ended as "Up", ${hours('asleep_duration', 'Asleep')}, ${hours('sleep_need', 'Needed')},
  sleep_performance_percentage as "Performance", recovery_score as "Recovery", hrv_rmssd as "HRV", resting_heart_rate as "Resting HR",
  respiratory_rate as "Breaths"
from night_log
where ${ON_THE_DAY}
order by end_time desc nulls last`,
  unit: 'none',
  overrides: [
    p.fields('/^(To bed|Up)$/', { unit: 'time:ddd D MMM, HH:mm', 'custom.width': 140 }),
    p.fields('/^(Asleep|Needed)$/', { unit: 'suffix:h', decimals: 1 }),
    p.field('Performance', { unit: 'percent', decimals: 0 }),
    p.field('Recovery', recovery),
    p.field('HRV', { unit: 'suffix:ms', decimals: 0 }),
    p.field('Resting HR', { unit: 'suffix:bpm', decimals: 0 }),
    p.field('Breaths', { unit: 'suffix:/min', decimals: 1 }),
  ],
  empty: 'No night ended on this day',
})

const stages = p.columns({
  title: 'The night',
  description: 'Hours of each stage in the main sleep that ended on this day.',
  sql: `select stage, duration / ${HOUR} as "Hours"
from ${THE_DAY}, unnest(
  array['Deep', 'REM', 'Light', 'Awake'],
  array[slow_wave_sleep_duration, rem_sleep_duration, light_sleep_duration, awake_time]
) with ordinality as stages (stage, duration, nth)
where duration is not null
order by nth`,
  unit: 'suffix:h',
  decimals: 1,
  min: 0,
  color: colour.asleep,
  horizontal: true,
  empty: 'No scored night ended on this day',
})

const figures = p.table({
  title: 'Against normal',
  description:
    'The figures of the day’s main night, the mean of the 30 days before, and the distance in their standard deviations: amber from 1.5, red from 2.25.',
  sql: `select figure as "Figure", value as "Value", normal as "Normal", off as "Off",
  case when bad >= ${FAR} then 'far off' when bad >= ${NOTABLE} then 'worth a look' when bad is not null then 'normal' end as "So it is"
from ${THE_DAY}, unnest(
  array['HRV, ms', 'Resting heart rate, bpm', 'Respiratory rate, /min', 'Skin temperature, °C', 'Blood oxygen, %'],
  array[hrv_rmssd, resting_heart_rate, respiratory_rate, skin_temp_celsius, spo2_percentage],
  array[hrv_baseline, resting_baseline, respiratory_baseline, skin_baseline, spo2_baseline],
  array[hrv_deviation, resting_deviation, respiratory_deviation, skin_deviation, spo2_deviation],
  array[-1, 1, 1, 1, -1]
) with ordinality as figures (figure, value, normal, off, worse, nth), lateral (select off * worse as bad) b
order by nth`,
  unit: 'none',
  decimals: 1,
  overrides: [
    p.field('Figure', { 'custom.width': 170 }),
    p.field('Off', { unit: 'suffix:σ' }),
    p.field('So it is', {
      mappings: words({ normal: colour.good, 'worth a look': colour.fair, 'far off': colour.poor }),
      ...p.asColour,
    }),
  ],
  empty: 'Nothing is known of this day',
})

const done = p.table({
  title: 'Workouts',
  description:
    'The workouts that count on this day, begun by the clock of the place. Duration and zones in minutes, strain 0 to 21, heart rates in beats a minute.',
  sql: `select started as "Begun", sport as "Sport", minutes as "Duration", strain_score as "Strain", average_heart_rate as "Average HR",
  max_heart_rate as "Highest HR", zone_two_minutes as "Zone 2", ${distance('distance_meters', 'Distance')}, ${energy('kilojoules', 'Energy')}
from workout_log
where ${ON_THE_DAY}
order by started`,
  unit: 'none',
  overrides: [
    p.field('Begun', { unit: 'time:HH:mm' }),
    p.fields('/^(Duration|Zone 2)$/', { unit: 'suffix:min', decimals: 0 }),
    p.field('Strain', { decimals: 1, min: 0, max: 21, color: p.fixed(colour.strain), ...p.asGauge }),
    p.fields('/ HR$/', { unit: 'suffix:bpm', decimals: 0 }),
    ...p.distances('Distance', { decimals: 1 }),
    ...p.energies('Energy'),
  ],
  empty: 'No workouts on this day',
})

const naps = p.table({
  title: 'Naps',
  description: 'The naps that count on this day, begun by the clock of the place.',
  sql: `select started as "Begun", asleep_duration / 60000.0 as "Asleep", sleep_efficiency_percentage as "Efficiency"
from nap_log
where ${ON_THE_DAY}
order by started`,
  unit: 'none',
  overrides: [
    p.field('Begun', { unit: 'time:HH:mm' }),
    p.field('Asleep', { unit: 'suffix:min', decimals: 0 }),
    p.field('Efficiency', { unit: 'percent', decimals: 0 }),
  ],
  empty: 'No naps on this day',
})

export const day = dashboard({
  uid: 'day',
  title: 'Day',
  description: 'One day: its nights, workouts and naps. Click a day on another board to come here.',
  range: '30d',
  variables: [member, chosen, units, energyUnit],
  annotations: [],
  rows: [
    {
      height: 4,
      panels: [
        [12, which],
        [6, strain],
        [6, burnt],
      ],
    },
    { height: 6, panels: [nights] },
    { height: 8, panels: [stages, figures] },
    {
      height: 7,
      panels: [
        [16, done],
        [8, naps],
      ],
    },
  ],
})
