// The kinds of panel there are, each with the looks that all of its kind share.
import { colour, plain } from './palette.ts'
import { DATASOURCE, type Mapping, type Override, type Panel, type Query, type Threshold } from './types.ts'

interface Common {
  title: string
  /** Where the numbers come from, and their unit. */
  description: string
  sql: string
  unit: string
  decimals?: number
  min?: number
  max?: number
  thresholds?: Threshold[]
  mappings?: Mapping[]
  overrides?: Override[]
  /** What is said in a panel without rows. */
  empty?: string
}

const NOTHING_YET = 'Nothing here in this range'

export type Looks = Record<string, unknown>

/** Looks for the column of this name. */
export function field(name: string, looks: Looks): Override {
  return { matcher: { id: 'byName', options: name }, properties: properties(looks) }
}

export function fields(pattern: string, looks: Looks): Override {
  return { matcher: { id: 'byRegexp', options: pattern }, properties: properties(looks) }
}

const properties = (looks: Looks) => Object.entries(looks).map(([id, value]) => ({ id, value }))

export const fixed = (fixedColor: string) => ({ mode: 'fixed', fixedColor })
const byThreshold = { mode: 'thresholds' } as const

/** Columns that `distance`, `energy` and `degrees` name: their unit, and their name without it. */
export function distances(name: string, looks: Looks = {}): Override[] {
  return inUnits(name, { metric: 'suffix:km', imperial: 'suffix:mi' }, looks)
}
/** Thousands are told apart, which Grafana does for numbers without a unit only: the name carries it. */
export function energies(name: string, looks: Looks = {}): Override[] {
  return ['kcal', 'kJ'].map((unit) =>
    field(`${name} ${unit}`, { unit: 'locale', decimals: 0, displayName: `${name}, ${unit}`, ...looks }),
  )
}
export function weights(name: string, looks: Looks = {}): Override[] {
  return inUnits(name, { metric: 'suffix:kg', imperial: 'suffix:lb' }, looks)
}
export function temperatures(name: string, looks: Looks = {}): Override[] {
  return inUnits(name, { metric: 'celsius', imperial: 'fahrenheit' }, looks)
}

function inUnits(name: string, units: Record<string, string>, looks: Looks): Override[] {
  return Object.entries(units).map(([system, unit]) =>
    field(`${name} ${system}`, { ...looks, unit, displayName: name }),
  )
}

export const bars = { 'custom.drawStyle': 'bars', 'custom.lineWidth': 0, 'custom.fillOpacity': 85 }
export const line = { 'custom.drawStyle': 'line', 'custom.lineWidth': 2, 'custom.fillOpacity': 0 }
export const dashed = { ...line, 'custom.lineStyle': { fill: 'dash', dash: [6, 6] } }
export const stacked = { ...bars, 'custom.stacking': { mode: 'normal', group: 'A' } }
export const steps = { ...line, 'custom.lineInterpolation': 'stepAfter', 'custom.showPoints': 'never' }
export const rightAxis = { 'custom.axisPlacement': 'right' }

/** A line, and the band of what is normal behind it: columns `name`, `from` and `to`. */
export function normalRange(name: string, color: string): Override[] {
  const edge = { color: fixed(color), 'custom.lineWidth': 0, 'custom.showPoints': 'never' }
  const hidden = { legend: true, tooltip: false, viz: false }
  return [
    field(name, { ...line, color: fixed(color), 'custom.showPoints': 'auto' }),
    field('Baseline', { ...dashed, color: fixed(colour.quiet), 'custom.lineWidth': 1 }),
    field('Normal from', { ...edge, 'custom.hideFrom': hidden }),
    field('Normal to', {
      ...edge,
      'custom.fillBelowTo': 'Normal from',
      'custom.fillOpacity': 14,
      displayName: 'Normal',
    }),
  ]
}

/** A figure in bands: what each is called, in which colour, and from where on. */
export type Band = [name: string, color: string, from?: number]

/**
 * Bars, each in the colour of its band. Grafana gives the bars of one column one colour (or, with a gradient, all colours
 * to every bar), so each band is a column.
 */
export function bandedBars(column: string, named: readonly Band[]): { sql: string; overrides: Override[] } {
  const columns = named.map(([name, , from], index) => {
    const to = named[index + 1]?.[2]
    const limits = [
      ...(from === undefined ? [] : [`${column} >= ${from}`]),
      ...(to === undefined ? [] : [`${column} < ${to}`]),
    ]
    return `case when ${limits.join(' and ')} then ${column} end as "${name}"`
  })
  return {
    sql: columns.join(',\n  '),
    overrides: named.map(([name, color]) => field(name, { ...bars, color: fixed(color) })),
  }
}

/** To the board of one day: the time of the point or of the cell that is clicked. */
const toDay = (time: string) => [
  { title: 'This day', url: `/d/whoopster-day?var-day=\${${time}}&\${member:queryparam}`, targetBlank: false },
]
/** For a table's column of days. */
export const dayLink = { links: toDay('__value.raw') }
const isDaily = (sql: string) => sql.includes('from daily_trends')

const query = (rawSql: string, format: Query['format']): Query[] => [
  { refId: 'A', datasource: DATASOURCE, editorMode: 'code', rawQuery: true, format, rawSql },
]

function base({ title, description }: Common) {
  return { title, description, datasource: DATASOURCE }
}

function defaults({ unit, decimals, min, max, thresholds, mappings, empty }: Common, noValue: string) {
  return {
    unit,
    noValue: empty ?? noValue, // of a panel without rows; `cells` is what its fields have instead
    ...(decimals === undefined ? {} : { decimals }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    mappings: mappings ?? [],
    thresholds: { mode: 'absolute' as const, steps: thresholds ?? plain(colour.quiet) },
  }
}

/** An empty cell of a table is a dash; an empty point of a chart is left out of its tooltip. */
const cells = (noValue: string | null) => fields('/.*/', { noValue })

const LOWEST = -1e6

/** What is not known is judged as nothing, where Grafana would take it for the lowest step. */
function unknownIsQuiet(steps: Threshold[]): Threshold[] {
  const [first, ...rest] = steps
  if (!first || rest.length === 0 || first.color === colour.quiet) return steps
  return [{ value: null, color: colour.quiet }, { ...first, value: LOWEST }, ...rest]
}

function judging<const T extends { defaults: ReturnType<typeof defaults>; overrides: Override[] }>(config: T): T {
  const { thresholds } = config.defaults
  return {
    ...config,
    defaults: { ...config.defaults, thresholds: { ...thresholds, steps: unknownIsQuiet(thresholds.steps) } },
    overrides: config.overrides.map(({ matcher, properties }) => ({
      matcher,
      properties: properties.map(({ id, value }) => {
        if (id !== 'thresholds') return { id, value }
        const own = value as { mode: string; steps: Threshold[] }
        return { id, value: { ...own, steps: unknownIsQuiet(own.steps) } }
      }),
    })),
  }
}

const reduceLast = (columns = '') => ({ values: false, calcs: ['last'], fields: columns })
const legendBelow = (showLegend = true) => ({
  displayMode: 'list' as const,
  placement: 'bottom' as const,
  showLegend,
  calcs: [],
})
const tooltip = { mode: 'multi', sort: 'none' } as const

/** One number, or a few; `last` of a column that is empty on the newest day is an honest dash. */
export function stat(options: Common & { text?: boolean; named?: boolean; stacked?: boolean }): Panel {
  return {
    ...base(options),
    type: 'stat',
    targets: query(options.sql, 'table'),
    fieldConfig: judging({
      defaults: { ...defaults(options, '–'), color: byThreshold },
      overrides: options.overrides ?? [],
    }),
    options: {
      graphMode: 'none',
      colorMode: 'value',
      justifyMode: 'center',
      textMode: options.named ? 'value_and_name' : 'value',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
      orientation: options.stacked ? 'horizontal' : 'auto',
      reduceOptions: reduceLast(options.text ? '/.*/' : ''),
    },
  }
}

export function gauge(options: Common): Panel {
  return {
    ...base(options),
    type: 'gauge',
    targets: query(options.sql, 'table'),
    fieldConfig: {
      defaults: { ...defaults(options, 'not yet'), color: byThreshold },
      overrides: options.overrides ?? [],
    },
    options: {
      showThresholdLabels: false,
      showThresholdMarkers: true,
      sizing: 'auto',
      minVizWidth: 75,
      minVizHeight: 75,
      orientation: 'auto',
      reduceOptions: reduceLast(),
    },
  }
}

/** Over time. `byBand`: a line in the colours of the thresholds it runs through; for bars there is `bandedBars`. */
export function series(
  options: Common & {
    draw?: Looks
    color?: string
    byBand?: boolean
    line?: 'dashed' | 'area'
    centred?: boolean
    legend?: boolean
  },
): Panel {
  const { draw = line, color, byBand = false } = options
  const custom = Object.fromEntries(
    Object.entries(draw).flatMap(([id, value]) =>
      id.startsWith('custom.') ? [[id.slice('custom.'.length), value]] : [],
    ),
  )
  return {
    ...base(options),
    type: 'timeseries',
    targets: query(options.sql, 'time_series'),
    fieldConfig: {
      defaults: {
        ...defaults(options, NOTHING_YET),
        ...(isDaily(options.sql) ? { links: toDay('__value.time') } : {}),
        color: byBand ? byThreshold : color ? { mode: 'fixed', fixedColor: color } : { mode: 'palette-classic' },
        custom: {
          lineInterpolation: 'linear',
          showPoints: 'auto',
          pointSize: 4,
          spanNulls: false,
          barAlignment: 0,
          barWidthFactor: 0.7,
          gradientMode: byBand ? 'scheme' : 'none', // a scheme colours along the height: bars would have all its colours
          thresholdsStyle: { mode: options.line ?? 'off' },
          axisCenteredZero: options.centred ?? false,
          ...custom,
        },
      },
      overrides: [cells(null), ...(options.overrides ?? [])],
    },
    options: { legend: legendBelow(options.legend), tooltip },
  }
}

/** By the words in the first column. */
export function columns(options: Common & { color?: string; horizontal?: boolean; stacked?: boolean }): Panel {
  return {
    ...base(options),
    type: 'barchart',
    targets: query(options.sql, 'table'),
    fieldConfig: {
      defaults: {
        ...defaults(options, NOTHING_YET),
        color: options.color ? { mode: 'fixed', fixedColor: options.color } : { mode: 'palette-classic' },
        custom: { fillOpacity: 85, lineWidth: 0, gradientMode: 'none' },
      },
      overrides: [cells(null), ...(options.overrides ?? [])],
    },
    options: {
      orientation: options.horizontal ? 'horizontal' : 'vertical',
      xTickLabelRotation: 0,
      xTickLabelMaxLength: 14,
      stacking: options.stacked ? 'normal' : 'none',
      showValue: 'auto',
      barWidth: 0.8,
      groupWidth: 0.75,
      barRadius: 0.05,
      fullHighlight: false,
      legend: legendBelow(!options.color),
      tooltip,
    },
  }
}

/** Weeks across, weekdays down, each day in the colour of its band. */
export function calendar(options: Common & { weeks?: number }): Panel {
  return {
    ...base(options),
    type: 'status-history',
    // a range of its own, whatever is chosen above
    ...(options.weeks ? { timeFrom: `${options.weeks}w`, hideTimeOverride: true } : {}),
    targets: query(options.sql, 'time_series'),
    fieldConfig: {
      defaults: {
        ...defaults(options, NOTHING_YET),
        color: byThreshold,
        custom: { fillOpacity: 90, lineWidth: 0 },
      },
      overrides: [cells(null), ...(options.overrides ?? [])],
    },
    options: {
      rowHeight: 0.9,
      colWidth: 0.9,
      showValue: options.weeks ? 'always' : 'never',
      legend: legendBelow(false),
      tooltip: { mode: 'single', sort: 'none' },
    },
  }
}

/** One point a day: the first column across, the second up. */
export function scatter(
  options: Common & { x: { name: string; unit: string; mappings?: Mapping[] }; y: string; color: string },
): Panel {
  const { x, y, color } = options
  return {
    ...base(options),
    type: 'xychart',
    targets: query(options.sql, 'table'),
    fieldConfig: {
      defaults: {
        ...defaults(options, NOTHING_YET),
        color: { mode: 'fixed', fixedColor: color },
        custom: {
          show: 'points',
          pointSize: { fixed: 6 },
          pointShape: 'circle',
          pointStrokeWidth: 0,
          fillOpacity: 45,
          axisLabel: y,
        },
      },
      overrides: [
        cells(null),
        field(x.name, { unit: x.unit, mappings: x.mappings ?? [], 'custom.axisLabel': x.name, min: null, max: null }),
      ],
    },
    options: {
      mapping: 'manual',
      series: [
        {
          name: { fixed: y },
          frame: { matcher: { id: 'byIndex', options: 0 } },
          x: { matcher: { id: 'byName', options: x.name } },
          y: { matcher: { id: 'byName', options: y } },
        },
      ],
      legend: legendBelow(false),
      tooltip: { mode: 'single', sort: 'none' },
    },
  }
}

export function table(options: Common): Panel {
  return {
    ...base(options),
    type: 'table',
    targets: query(options.sql, 'table'),
    fieldConfig: judging({
      defaults: {
        ...defaults(options, '–'),
        color: byThreshold,
        custom: { align: 'auto', inspect: false, minWidth: 90, cellOptions: { type: 'auto' } },
      },
      overrides: [cells('–'), ...(options.overrides ?? [])],
    }),
    options: { frameIndex: 0, showHeader: true, cellHeight: 'sm' },
  }
}

/** In tables. A gauge's end is its own column's largest value, unless it is given: by default it is that of all columns. */
export const asGauge = {
  fieldMinMax: true,
  'custom.cellOptions': { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' },
}
export const asColour = { 'custom.cellOptions': { type: 'color-text' } }
