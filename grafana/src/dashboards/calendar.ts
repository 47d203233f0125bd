import { dashboard, member } from '../dashboard.ts'
import { bands, colour, RECOVERY_BANDS } from '../palette.ts'
import * as p from '../panels.ts'
import { around, of, shown } from '../sql.ts'
import type { Threshold } from '../types.ts'

const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const WEEKS = 6

/** A row a week, named by its Monday; a column a weekday. */
function weeksOf(column: string): string {
  const days = WEEKDAYS.map(
    (name, index) => `max(${column}) filter (where extract(isodow from day) = ${index + 1}) as "${name}"`,
  )
  return `select date_trunc('week', day::timestamp) as "time",
  ${days.join(',\n  ')}
from ${of('daily_trends', around(0, 6))}
where ${shown("date_trunc('week', day::timestamp)::date")}
group by 1
order by 1`
}

function both(
  title: string,
  description: string,
  column: string,
  looks: { unit: string; decimals: number; thresholds: Threshold[] },
) {
  const sql = weeksOf(column)
  return {
    month: p.calendar({
      title,
      description: `${description} The last ${WEEKS} weeks, whatever range is shown.`,
      sql,
      weeks: WEEKS,
      ...looks,
    }),
    year: p.calendar({
      title: `${title}, day by day`,
      description: `${description} Weeks of the range that is shown, by their Mondays.`,
      sql,
      ...looks,
    }),
  }
}

const recovery = both('Recovery', 'WHOOP’s recovery score in percent: red below 34, green from 67.', 'recovery_score', {
  unit: 'percent',
  decimals: 0,
  thresholds: RECOVERY_BANDS,
})
const sleep = both(
  'Sleep',
  'WHOOP’s sleep performance in percent: red below 70, green from 85.',
  'sleep_performance_percentage',
  {
    unit: 'percent',
    decimals: 0,
    thresholds: bands('quiet', 0, 'poor', 70, 'fair', 85, 'good'),
  },
)
const strain = both(
  'Strain',
  'Day strain, 0 to 21: grey below 8, then the bluer the harder; amber from 14, orange from 18.',
  'strain_score',
  {
    unit: 'none',
    decimals: 1,
    thresholds: [
      { value: null, color: colour.quiet },
      { value: 0, color: colour.awake },
      { value: 8, color: '#7FA9DD' },
      { value: 11, color: colour.strain },
      { value: 14, color: colour.fair },
      { value: 18, color: colour.energy },
    ],
  },
)

export const calendar = dashboard({
  uid: 'calendar',
  title: 'Calendar',
  description: 'Recovery, sleep and strain as a calendar: weekdays down, weeks across.',
  range: '1y',
  variables: [member],
  annotations: [],
  rows: [
    { height: 8, panels: [recovery.month, sleep.month, strain.month] },
    { height: 7, panels: [recovery.year] },
    { height: 7, panels: [sleep.year] },
    { height: 7, panels: [strain.year] },
  ],
})
