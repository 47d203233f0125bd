// What all dashboards share: layout, variables, links, annotations, the member's own clock.
import { NAME, NEARBY, OWN } from './sql.ts'
import { DATASOURCE, type Annotation, type Dashboard, type Link, type Panel, type Variable } from './types.ts'

export const TAG = 'whoopster'
const COLUMNS = 24

/** Panels side by side; each as wide as its number says of 24, or all alike. */
export interface Row {
  height: number
  panels: (Panel | [width: number, panel: Panel])[]
}

interface Plan {
  uid: string
  title: string
  description: string
  /** `30d`, `1y` */
  range: string
  rows: Row[]
  variables?: Variable[]
  annotations?: Annotation[]
  /** Days are the member's own unless the times are those of runs. */
  timezone?: 'utc' | 'browser'
  refresh?: string
}

export function dashboard(plan: Plan): Dashboard {
  const timezone = plan.timezone ?? 'utc'
  const to = timezone === 'utc' ? AHEAD : 'now'
  const panels = placed(plan.rows)
  return {
    uid: `whoopster-${plan.uid}`,
    title: plan.title,
    description: plan.description,
    tags: [TAG],
    schemaVersion: 42,
    editable: true,
    graphTooltip: 1,
    timezone,
    weekStart: 'monday',
    refresh: plan.refresh ?? '5m',
    time: { from: `now-${plan.range}`, to },
    timepicker: {
      refresh_intervals: ['1m', '5m', '15m', '1h'],
      quick_ranges: RANGES.map(({ display, range }) => ({ display, from: `now-${range}`, to })),
    },
    links: [LINKS],
    templating: { list: (plan.variables ?? [member, units, energy]).filter(({ name }) => isUsed(name, panels)) },
    annotations: { list: plan.annotations ?? [journeys, workouts, naps, journalDays] },
    panels,
  }
}

/** A selector that changes nothing is not on the board. */
function isUsed(name: string, panels: readonly Panel[]): boolean {
  return panels.some(({ targets }) => targets.some(({ rawSql }) => new RegExp(`\\$\\{?${name}\\b`).test(rawSql)))
}

// A member's day may have begun while it is still yesterday in UTC: at the other end of the world it is 14 hours later.
const AHEAD = 'now+14h'

const RANGES = [
  { display: 'Last 7 days', range: '7d' },
  { display: 'Last 30 days', range: '30d' },
  { display: 'Last 90 days', range: '90d' },
  { display: 'Last 6 months', range: '6M' },
  { display: 'Last year', range: '1y' },
  { display: 'Last 2 years', range: '2y' },
  { display: 'Last 5 years', range: '5y' },
]

const LINKS: Link = {
  type: 'dashboards',
  title: 'whoopster',
  icon: 'external link',
  tooltip: '',
  tags: [TAG],
  asDropdown: false,
  targetBlank: false,
  includeVars: true,
  keepTime: false,
}

function placed(rows: readonly Row[]): Panel[] {
  let y = 0
  let id = 0
  return rows.flatMap(({ height, panels }) => {
    let x = 0
    const row = panels.map((one): Panel => {
      const [w, panel] = Array.isArray(one) ? one : [COLUMNS / panels.length, one]
      const gridPos = { x, y, w, h: height }
      x += w
      id += 1
      return { ...panel, id, gridPos }
    })
    y += height
    return row
  })
}

const MEMBERS = `select ${NAME} as __text, whoop_user_id::text as __value\nfrom users\norder by 1, 2`

export const member: Variable = {
  type: 'query',
  name: 'member',
  label: 'Member',
  description: 'Whose data is shown',
  datasource: DATASOURCE,
  query: MEMBERS,
  definition: MEMBERS,
  refresh: 1,
  sort: 0,
  multi: false,
  includeAll: false,
}

export const members: Variable = {
  ...member,
  label: 'Members',
  multi: true,
  includeAll: true,
  current: { selected: true, text: ['All'], value: ['$__all'] },
}

const choice = (name: string, label: string, description: string, values: string[]): Variable => ({
  type: 'custom',
  name,
  label,
  description,
  query: values.join(','),
  multi: false,
  includeAll: false,
  current: { selected: true, text: values[0] ?? '', value: values[0] ?? '' },
  options: values.map((value, index) => ({ selected: index === 0, text: value, value })),
})

export const units = choice('units', 'Units', 'Kilometres and degrees Celsius, or miles and Fahrenheit', [
  'metric',
  'imperial',
])
export const energy = choice('energy', 'Energy', 'Kilocalories or kilojoules', ['kcal', 'kJ'])

export function annotation(name: string, iconColor: string, enable: boolean, rawSql: string): Annotation {
  return {
    name,
    datasource: DATASOURCE,
    enable,
    hide: false,
    iconColor,
    target: { refId: 'Anno', datasource: DATASOURCE, editorMode: 'code', rawQuery: true, format: 'table', rawSql },
  }
}

export const workouts = annotation(
  'Workouts',
  'blue',
  false,
  `select started as "time", ended as timeend,\n  concat_ws(' · ', sport, round(minutes) || ' min', 'strain ' || round(strain_score::numeric, 1)) as text, 'workout' as tags\nfrom workout_log\nwhere ${OWN} and ${NEARBY} and $__timeFilter(started)\norder by started`,
)
export const naps = annotation(
  'Naps',
  'purple',
  false,
  `select started as "time", ended as timeend, 'Nap · ' || round(asleep_duration / 60000.0) || ' min' as text, 'nap' as tags\nfrom nap_log\nwhere ${OWN} and ${NEARBY} and $__timeFilter(started)\norder by started`,
)
export const journeys = annotation(
  'Travel',
  'orange',
  true,
  `select started as "time", 'Clock ' || offset_before || ' → ' || timezone_offset as text, 'travel' as tags\nfrom journeys\nwhere ${OWN} and $__timeFilter(started)\norder by started`,
)

/** Each day with what was answered yes. Off until somebody wants it: there are many. */
export const journalDays = annotation(
  'Journal',
  'green',
  false,
  `select day::timestamp as "time", string_agg(question, ' · ' order by question) as text, 'journal' as tags\nfrom journal_days\nwhere ${OWN} and answered and $__timeFilter(day)\ngroup by day\norder by day`,
)
