import { dashboard, energy as energyUnit, journeys, member, units, naps } from '../dashboard.ts'
import { bands, colour, plain } from '../palette.ts'
import * as p from '../panels.ts'
import { distance, energy, NEARBY, LAST_DAYS, of, overallWorkouts, OWN, shown, weekly } from '../sql.ts'
import type { Variable } from '../types.ts'

const target: Variable = {
  type: 'textbox',
  name: 'zone2_target',
  label: 'Zone 2, minutes a week',
  description: 'How much easy endurance you aim at',
  query: '150',
  current: { selected: true, text: '150', value: '150' },
}
const TARGET = "coalesce(substring(${zone2_target:sqlstring} from '[0-9]+')::double precision, 0)"

const total = (columns: string) => overallWorkouts(columns)

const summary = [
  p.stat({
    title: 'Workouts',
    description: 'Workouts begun in this range: a count.',
    sql: total('count(*) as "Workouts"'),
    unit: 'none',
    decimals: 0,
    thresholds: plain(colour.strain),
  }),
  p.stat({
    title: 'Time',
    description: 'Hours of workouts in this range.',
    sql: total('sum(minutes) / 60 as "Time"'),
    unit: 'suffix:h',
    decimals: 0,
    thresholds: plain(colour.strain),
  }),
  p.stat({
    title: 'Distance',
    description: 'Sum of the distances that WHOOP knows in this range, in kilometres or miles.',
    sql: total(distance('sum(distance_meters)', 'Distance')),
    unit: 'none',
    decimals: 0,
    thresholds: plain(colour.hrv),
    overrides: p.distances('Distance'),
  }),
  p.stat({
    title: 'Energy',
    description: 'Energy of the workouts in this range, in kilocalories or kilojoules.',
    sql: total(energy('sum(kilojoules)', 'Energy')),
    unit: 'none',
    named: true,
    thresholds: plain(colour.energy),
    overrides: p.energies('Energy'),
  }),
  p.stat({
    title: 'Strain of a workout',
    description: 'Mean strain of the workouts in this range, 0 to 21.',
    sql: total('avg(strain_score) as "Strain"'),
    unit: 'none',
    decimals: 1,
    thresholds: plain(colour.strain),
  }),
  p.stat({
    title: 'Zone 2 this week',
    description: 'Minutes in heart rate zone 2 in the newest week, and their share of the target above in percent.',
    sql: `select zone_two_minutes as "Zone 2", 100 * zone_two_minutes / nullif(${TARGET}, 0) as "Of the target"
from ${of('weekly_summary', `daterange(lower(${LAST_DAYS}) - 7, null)`)}
order by week desc
limit 1`,
    unit: 'suffix:min',
    decimals: 0,
    named: true,
    thresholds: plain(colour.zones[2]),
    overrides: [
      p.field('Of the target', {
        unit: 'percent',
        thresholds: { mode: 'absolute', steps: bands('quiet', 50, 'fair', 100, 'good') },
      }),
    ],
  }),
]

const zone = (number: number) => p.field(`Zone ${number}`, { color: p.fixed(colour.zones[number] ?? colour.quiet) })

const zones = p.series({
  title: 'Heart rate zones',
  description:
    'Minutes in each zone per week, from Monday on; zones are WHOOP’s shares of the maximum heart rate, zone 0 is below 50 %.',
  sql: weekly(
    ['zero', 'one', 'two', 'three', 'four', 'five'].map((name, n) => `zone_${name}_minutes as "Zone ${n}"`).join(', '),
  ),
  unit: 'suffix:min',
  decimals: 0,
  min: 0,
  draw: p.stacked,
  overrides: [0, 1, 2, 3, 4, 5].map(zone),
  empty: 'No workouts in this range',
})

const zonesOfSports = p.columns({
  title: 'Heart rate zones by sport',
  description: 'Minutes in each zone in this range, of the eight sports that took most time.',
  sql: `select coalesce(sport, 'Unknown') as "Sport",
  ${['zero', 'one', 'two', 'three', 'four', 'five'].map((name, n) => `sum(zone_${name}_minutes) as "Zone ${n}"`).join(', ')}
from workout_log
where ${OWN} and ${NEARBY} and ${shown()}
group by sport
order by sum(minutes) desc
limit 8`,
  unit: 'suffix:min',
  decimals: 0,
  min: 0,
  horizontal: true,
  stacked: true,
  overrides: [0, 1, 2, 3, 4, 5].map(zone),
  empty: 'No workouts in this range',
})

const zoneTwo = p.series({
  title: 'Zone 2 against the target',
  description: 'Minutes in heart rate zone 2 per week, from Monday on, and the target above.',
  sql: weekly(`zone_two_minutes as "Zone 2", ${TARGET} as "Target"`),
  unit: 'suffix:min',
  decimals: 0,
  min: 0,
  color: colour.zones[2],
  draw: p.bars,
  overrides: [p.field('Target', { ...p.dashed, color: p.fixed(colour.quiet), 'custom.showPoints': 'never' })],
})

const sports = p.table({
  title: 'By sport',
  description: 'Workouts of this range by sport: count, hours, distance, energy and mean strain (0 to 21).',
  sql: `select coalesce(sport, 'Unknown') as "Sport", count(*) as "Workouts", sum(minutes) / 60 as "Time", avg(strain_score) as "Strain",
  ${distance('sum(distance_meters)', 'Distance')},
  ${energy('sum(kilojoules)', 'Energy')}
from workout_log
where ${OWN} and ${NEARBY} and ${shown()}
group by sport
order by count(*) desc, sum(minutes) desc`,
  unit: 'none',
  overrides: [
    p.field('Workouts', { color: p.fixed(colour.strain), min: 0, ...p.asGauge }),
    p.field('Time', { unit: 'suffix:h', decimals: 1 }),
    p.field('Strain', { decimals: 1 }),
    ...p.distances('Distance', { decimals: 0 }),
    ...p.energies('Energy'),
  ],
  empty: 'No workouts in this range',
})

const strain = p.series({
  title: 'Strain of every workout',
  description: 'Strain, 0 to 21, by sport, at the time of the place.',
  sql: `select started as "time", coalesce(sport, 'Unknown') as metric, strain_score as "Strain"
from workout_log
where ${OWN} and ${NEARBY} and ${shown()}
order by started`,
  unit: 'none',
  min: 0,
  draw: { 'custom.drawStyle': 'points', 'custom.pointSize': 7 },
})

const distances = p.series({
  title: 'Distance per week',
  description: 'Kilometres or miles that WHOOP knows of, per week, from Monday on.',
  sql: `select week::timestamp as "time",
  ${distance('case when workout_duration is not null then coalesce(metres, 0) end', 'Distance')}
from ${of('weekly_summary')}
left join (
  select date_trunc('week', day::timestamp)::date as week, sum(distance_meters) as metres
  from workout_log where ${OWN} and start_time > $__timeFrom()::timestamptz - interval '3 days' group by 1
) run using (week)
order by week`,
  unit: 'none',
  decimals: 0,
  min: 0,
  color: colour.hrv,
  draw: p.bars,
  overrides: p.distances('Distance'),
  legend: false,
})

const hoursOfWeek = p.series({
  title: 'Time per week',
  description: 'Hours of workouts per week, from Monday on.',
  sql: weekly('workout_duration / 3600000.0 as "Time"'),
  unit: 'suffix:h',
  min: 0,
  color: colour.strain,
  draw: p.bars,
  legend: false,
})

const best = p.table({
  title: 'Best efforts',
  description:
    'The best of this range by sport: longest, farthest, most strain (0 to 21), highest heart rate in beats a minute, most energy.',
  sql: `select coalesce(sport, 'Unknown') as "Sport", max(minutes) as "Longest", ${distance('max(distance_meters)', 'Farthest')},
  max(strain_score) as "Most strain", max(max_heart_rate) as "Highest HR", ${energy('max(kilojoules)', 'Most energy')}
from workout_log
where ${OWN} and ${NEARBY} and ${shown()}
group by sport
order by max(strain_score) desc nulls last`,
  unit: 'none',
  overrides: [
    p.field('Longest', { unit: 'suffix:min', decimals: 0 }),
    ...p.distances('Farthest', { decimals: 1 }),
    p.field('Most strain', { decimals: 1 }),
    p.field('Highest HR', { unit: 'suffix:bpm' }),
    ...p.energies('Most energy'),
  ],
  empty: 'No workouts in this range',
})

const recent = p.table({
  title: 'All workouts',
  description:
    'The workouts of this range, newest first, begun by the clock of the place. Strain 0 to 21, heart rates in beats a minute, climb in metres.',
  sql: `select started as "Begun", sport as "Sport", minutes as "Duration", strain_score as "Strain",
  average_heart_rate as "Average HR", max_heart_rate as "Highest HR", zone_two_minutes as "Zone 2",
  ${distance('distance_meters', 'Distance')}, altitude_gain_meters as "Climb",
  ${energy('kilojoules', 'Energy')}
from workout_log
where ${OWN} and ${NEARBY} and ${shown()}
order by started desc
limit 200`,
  unit: 'none',
  overrides: [
    p.field('Begun', { unit: 'time:ddd D MMM YYYY, HH:mm', 'custom.width': 170 }),
    p.field('Duration', { unit: 'suffix:min', decimals: 0 }),
    p.field('Strain', { decimals: 1, min: 0, max: 21, color: p.fixed(colour.strain), ...p.asGauge }),
    p.field('Average HR', { unit: 'suffix:bpm' }),
    p.field('Highest HR', { unit: 'suffix:bpm' }),
    p.field('Zone 2', { unit: 'suffix:min', decimals: 0 }),
    p.field('Climb', { unit: 'suffix:m', decimals: 0 }),
    ...p.distances('Distance', { decimals: 1 }),
    ...p.energies('Energy'),
  ],
  empty: 'No workouts in this range',
})

export const workouts = dashboard({
  uid: 'workouts',
  title: 'Workouts',
  description: 'What was done, how hard, and in which zones.',
  range: '90d',
  variables: [member, units, energyUnit, target],
  annotations: [journeys, naps],
  rows: [
    { height: 4, panels: summary },
    { height: 9, panels: [zones, zoneTwo] },
    { height: 9, panels: [sports, zonesOfSports] },
    { height: 8, panels: [strain] },
    { height: 7, panels: [distances, hoursOfWeek] },
    { height: 8, panels: [best] },
    { height: 12, panels: [recent] },
  ],
})
