// A dashboard as one HTML page: Grafana's grid, the panels' own colours and units, charts by ECharts.
import * as echarts from 'echarts'
import type { Dashboard, Panel } from '../src/types.ts'
import { colorOf, fieldOf, show, type Field } from './format.ts'

export type Row = Record<string, unknown>

/** What a panel's query has answered. */
export interface Answer {
  columns: string[]
  rows: Row[]
}

export interface Theme {
  page: string
  panel: string
  edge: string
  text: string
  faint: string
}

export const themes = {
  dark: { page: '#111217', panel: '#181b1f', edge: '#2c3036', text: '#d8d9dd', faint: '#8e9299' },
  light: { page: '#f4f5f5', panel: '#ffffff', edge: '#e2e3e5', text: '#24292e', faint: '#6e7680' },
} satisfies Record<string, Theme>

const CELL = 38 // a row of Grafana's grid with its gap
const GAP = 8
const PALETTE = ['#3B8BE0', '#2FA36B', '#E0A125', '#E5484D', '#9A5BD0', '#0E97B5', '#F0803C', '#E0567A']

export interface Canvas {
  theme: Theme
  width: number
  range: { from: Date; to: Date }
  /** As Grafana does below 769 pixels: one panel a line. */
  phone: boolean
}

export function drawDashboard(
  dashboard: Dashboard,
  answers: ReadonlyMap<Panel, Answer>,
  canvas: Canvas,
): { html: string; height: number } {
  const { theme, width, phone } = canvas
  let next = 64
  const panels = dashboard.panels.map((panel) => {
    const { x = 0, y = 0, w = 24, h = 8 } = panel.gridPos ?? {}
    const column = (width - GAP) / 24
    const box = phone
      ? { left: GAP, top: next, width: width - 2 * GAP, height: h * CELL - GAP }
      : { left: GAP + x * column, top: 64 + y * CELL, width: w * column - GAP, height: h * CELL - GAP }
    if (phone) next += h * CELL
    const answer = answers.get(panel) ?? { columns: [], rows: [] }
    const body = drawPanel(panel, answer, { ...canvas, width: box.width - 16, height: box.height - 42 })
    const at = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px`
    return {
      html: `<section style="${at}"><h2>${escape(panel.title)}</h2>${body}</section>`,
      bottom: box.top + box.height,
    }
  })
  const height = Math.ceil(Math.max(...panels.map(({ bottom }) => bottom)) + GAP)
  const html = `<!doctype html><meta charset="utf-8"><style>
    * { box-sizing: border-box } body { margin: 0; background: ${theme.page}; color: ${theme.text}; font: 13px Inter, 'DejaVu Sans', sans-serif; width: ${width}px; height: ${height}px; position: relative }
    header { position: absolute; left: ${GAP * 2}px; right: ${GAP * 2}px; top: 14px; display: flex; justify-content: space-between; align-items: baseline }
    header b { font-size: 22px; font-weight: 600 } header span { color: ${theme.faint} }
    section { position: absolute; background: ${theme.panel}; border: 1px solid ${theme.edge}; border-radius: 4px; padding: 8px; overflow: hidden }
    h2 { margin: 0 0 6px; font-size: 13px; font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
    .numbers { display: flex; align-items: center; justify-content: space-around; gap: 8px } .down { flex-direction: column; justify-content: space-evenly }
    .wide { align-items: stretch } .wide .number { display: flex; justify-content: space-between; align-items: center; padding: 0 8px } .number { text-align: center; line-height: 1.15; white-space: nowrap } .number small { display: block; color: ${theme.faint}; font-size: 12px }
    table { width: 100%; border-collapse: collapse } th { text-align: left; color: ${theme.faint}; font-weight: 500 } th, td { padding: 9px 10px 9px 4px; border-bottom: 1px solid ${theme.edge}; white-space: nowrap; max-width: 320px; overflow: hidden; text-overflow: ellipsis }
    td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } .gauge { height: 12px; border-radius: 2px; display: inline-block; vertical-align: middle; margin-right: 8px }
    .empty { height: 100%; display: grid; place-items: center; color: ${theme.faint} }
    </style><header><b>${escape(dashboard.title)}</b><span>${phone ? '' : 'preview with invented data, not Grafana · '}${escape(dashboard.time?.from ?? '')} to now</span></header>
    ${panels.map(({ html }) => html).join('\n')}`
  return { html, height }
}

interface Box extends Canvas {
  height: number
}

function drawPanel(panel: Panel, answer: Answer, box: Box): string {
  const isEmpty = answer.rows.every((row) => answer.columns.every((name) => name === 'time' || row[name] === null))
  if (isEmpty && panel.type !== 'stat' && panel.type !== 'gauge') {
    return `<div class="empty">${escape(panel.fieldConfig.defaults.noValue ?? 'No data')}</div>`
  }
  switch (panel.type) {
    case 'stat':
      return drawStat(panel, answer, box)
    case 'table':
      return drawTable(panel, answer, box)
    case 'gauge':
      return drawChart(gaugeOf(panel, answer, box), box)
    case 'timeseries':
      return drawChart(timeseriesOf(panel, answer, box), box)
    case 'barchart':
      return drawChart(barchartOf(panel, answer, box), box)
    case 'xychart':
      return drawChart(scatterOf(panel, answer, box), box)
  }
}

function drawStat(panel: Extract<Panel, { type: 'stat' }>, { columns, rows }: Answer, { width, height }: Box): string {
  const down = panel.options.orientation === 'horizontal'
  const count = columns.length
  const texts = columns.map((name) => {
    const value = rows[0]?.[name] ?? null
    return value === null ? (panel.fieldConfig.defaults.noValue ?? '–') : show(numeric(value), fieldOf(panel, name))
  })
  // as Grafana does: as large as fits, the name beside the value where the panel is wide
  const wide = down && width / (height / count) > 2.5
  const longest = Math.max(...texts.map((text) => text.length), 3)
  const across = (wide ? width * 0.55 : down ? width : width / count) / (longest * 0.62)
  const size = Math.max(13, Math.min(44, across, down ? (height / count) * 0.6 : height - 30))
  const numbers = columns.map((name, index) => {
    const field = fieldOf(panel, name)
    const value = rows[0]?.[name] ?? null
    const label = panel.options.textMode === 'value' ? '' : `<small>${escape(field.shown)}</small>`
    const text = texts[index] ?? ''
    return `<div class="number">${label}<span style="font-size:${size}px;font-weight:600;color:${colorOf(value, field)}">${escape(text)}</span></div>`
  })
  return `<div class="numbers${down ? ' down' : ''}${wide ? ' wide' : ''}" style="height:${height}px">${numbers.join('')}</div>`
}

function drawTable(panel: Panel, { columns, rows }: Answer, { height }: Box): string {
  const fields = columns.map((name) => fieldOf(panel, name))
  const right = (field: Field) => rows.some((row) => isNumber(row[field.name]))
  const largest = (field: Field) => field.max ?? Math.max(...rows.map((row) => Number(row[field.name] ?? 0)))
  const cell = (row: Row, field: Field) => {
    const value = numeric(row[field.name])
    const options = (field.custom['cellOptions'] ?? {}) as { type?: string }
    const text = escape(show(value, field))
    if (options.type === 'color-text') return `<span style="color:${colorOf(value, field)}">${text}</span>`
    if (options.type !== 'gauge') return text
    const length = Math.max(0, (Number(value) / largest(field)) * 90)
    return `<span class="gauge" style="width:${length}px;background:${colorOf(value, field)}"></span>${text}`
  }
  const aligned = (field: Field) =>
    right(field) && !field.custom['cellOptions']
      ? ' class="n"'
      : right(field) && (field.custom['cellOptions'] as { type: string }).type === 'auto'
        ? ' class="n"'
        : ''
  const head = fields.map((field) => `<th${aligned(field)}>${escape(field.shown)}</th>`).join('')
  const body = rows
    .slice(0, Math.ceil(height / 36))
    .map((row) => `<tr>${fields.map((field) => `<td${aligned(field)}>${cell(row, field)}</td>`).join('')}</tr>`)
  return `<table><tr>${head}</tr>${body.join('')}</table>`
}

function drawChart(option: echarts.EChartsCoreOption, { width, height }: Box): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({ animation: false, textStyle: { fontFamily: "Inter, 'DejaVu Sans', sans-serif" }, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function gaugeOf(panel: Panel, { columns, rows }: Answer, { theme, width, height }: Box): echarts.EChartsCoreOption {
  const field = fieldOf(panel, columns[0] ?? '')
  const value = numeric(rows[0]?.[field.name] ?? null)
  const [min, max] = [field.min ?? 0, field.max ?? 100]
  const steps = field.thresholds.map(({ color }, index) => {
    const end = field.thresholds[index + 1]?.value ?? max
    return [(end - min) / (max - min), color]
  })
  const radius = Math.min(width / 2, height / 1.5) - 4
  const arc = {
    type: 'gauge',
    startAngle: 205,
    endAngle: -25,
    min,
    max,
    center: ['50%', '64%'],
    pointer: { show: false },
  }
  const quiet = { axisTick: { show: false }, splitLine: { show: false }, axisLabel: { show: false } }
  return {
    series: [
      {
        ...arc,
        ...quiet,
        radius,
        axisLine: { lineStyle: { width: 5, color: steps } },
        detail: { show: false },
        data: [],
      },
      {
        ...arc,
        ...quiet,
        radius: radius - 8,
        axisLine: { lineStyle: { width: 26, color: [[1, theme.edge]] } },
        progress: { show: value !== null, width: 26, itemStyle: { color: colorOf(value, field) } },
        detail: {
          offsetCenter: [0, '6%'],
          fontSize: 38,
          fontWeight: 600,
          color: value === null ? theme.faint : colorOf(value, field),
          formatter: () => (value === null ? (panel.fieldConfig.defaults.noValue ?? '–') : show(value, field)),
        },
        data: [{ value: value ?? 0 }],
      },
    ],
  }
}

const axisText = (theme: Theme) => ({ color: theme.faint, fontSize: 11 })

function legendOf(names: readonly string[], shown: boolean, { theme }: Canvas) {
  return {
    show: shown,
    bottom: 0,
    left: 0,
    itemHeight: 8,
    itemGap: 20,
    itemWidth: 14,
    icon: 'roundRect',
    data: [...names],
    textStyle: { color: theme.text, fontSize: 11 },
  }
}

function valueAxis(fields: readonly Field[], { theme }: Canvas, position: 'left' | 'right', centred = false) {
  const [field] = fields
  const known = (of: 'min' | 'max') => fields.map((one) => one[of]).find((value) => value !== undefined)
  const symmetric = {
    min: (extent: Extent) => -widest(extent),
    max: widest,
  }
  return {
    type: 'value',
    position,
    scale: known('min') === undefined,
    ...(centred ? symmetric : { min: known('min'), max: known('max') }),
    axisLabel: {
      ...axisText(theme),
      formatter: (value: number) => (field ? show(value, { ...field, decimals: undefined }) : String(value)),
    },
    splitLine: { show: position === 'left', lineStyle: { color: theme.edge } },
  }
}

const widest = ({ min, max }: Extent) => Math.ceil(Math.max(-min, max) * 2) / 2

interface Extent {
  min: number
  max: number
}

function timeseriesOf(
  panel: Extract<Panel, { type: 'timeseries' }>,
  answer: Answer,
  box: Box,
): echarts.EChartsCoreOption {
  const { names, points } = seriesOf(answer)
  const fields = names.map((name) => fieldOf(panel, name))
  const right = fields.filter(({ custom }) => custom['axisPlacement'] === 'right')
  const left = fields.filter((field) => !right.includes(field))
  const stacks = fields.map(({ custom }) => (custom['stacking'] as { mode?: string } | undefined)?.mode === 'normal')
  const drawn = fields.map((field, index) => {
    const own = field.color.mode === 'fixed' ? field.color.fixedColor : PALETTE[index % PALETTE.length]
    const banded = field.custom['gradientMode'] === 'scheme'
    const paint = banded
      ? { color: ({ value }: { value: [number, number] }) => colorOf(value[1], field) }
      : { color: own }
    const style = field.custom['drawStyle']
    const isBar = style === 'bars'
    const hidden = (field.custom['hideFrom'] as { viz?: boolean } | undefined)?.viz === true
    const dash = (field.custom['lineStyle'] as { fill?: string } | undefined)?.fill === 'dash'
    const band = field.custom['fillBelowTo'] !== undefined
    const fill = Number(field.custom['fillOpacity'] ?? 0) / 100
    const lower = points.get('Normal from') ?? []
    const data = (points.get(field.name) ?? []).map(([time, value], at): [number, number | null] => {
      return band && value !== null ? [time, value - (lower[at]?.[1] ?? 0)] : [time, value]
    })
    return {
      name: field.shown,
      type: style === 'points' ? 'scatter' : isBar ? 'bar' : 'line',
      yAxisIndex: right.includes(field) ? 1 : 0,
      data,
      itemStyle: paint,
      ...(stacks[index] ? { stack: 'all' } : {}),
      ...(isBar ? { barCategoryGap: '25%', barMaxWidth: 42, barGap: '-100%' } : {}),
      ...(field.name === 'Normal from' || band ? { stack: 'normal', symbol: 'none' } : {}),
      lineStyle: { width: Number(field.custom['lineWidth'] ?? 1), color: own, type: dash ? 'dashed' : 'solid' },
      symbolSize: Number(field.custom['pointSize'] ?? 4),
      showSymbol: field.custom['showPoints'] !== 'never' && data.length < 60,
      ...(!isBar && fill > 0 && !hidden ? { areaStyle: { color: own, opacity: fill } } : {}),
      ...(isBar ? {} : { z: 5 }),
      ...(index === 0 ? marksOf(panel, field, box) : {}),
    }
  })
  const visible = fields.filter(({ custom }) => !(custom['hideFrom'] as { legend?: boolean } | undefined)?.legend)
  const shown = panel.options.legend.showLegend
  const centred = panel.fieldConfig.defaults.custom?.axisCenteredZero === true
  return {
    grid: { left: 4, right: right.length > 0 ? 4 : 12, top: 10, bottom: shown ? 24 : 4, containLabel: true },
    legend: legendOf(
      visible.map((field) => field.shown),
      shown,
      box,
    ),
    xAxis: {
      type: 'time',
      min: box.range.from.getTime(),
      max: box.range.to.getTime(),
      axisLabel: {
        ...axisText(box.theme),
        hideOverlap: true,
        formatter: { day: '{d} {MMM}', month: '{MMM}', year: '{yyyy}' },
      },
      axisLine: { lineStyle: { color: box.theme.edge } },
    },
    yAxis: [valueAxis(left, box, 'left', centred), valueAxis(right, box, 'right')],
    color: fields.map(
      ({ color }, index) => color.fixedColor ?? PALETTE[color.mode === 'thresholds' ? 1 : index % PALETTE.length] ?? '',
    ),
    series: drawn,
  }
}

/** Thresholds as areas or lines, where the panel asks for them. */
function marksOf(panel: Panel, field: Field, _: Box) {
  const style = panel.fieldConfig.defaults.custom as { thresholdsStyle?: { mode: string } } | undefined
  const mode = style?.thresholdsStyle?.mode ?? 'off'
  if (mode === 'off') return {}
  if (mode === 'dashed') {
    const lines = field.thresholds.filter(({ value }) => value !== null)
    const data = lines.map(({ value, color }) => ({ yAxis: value, lineStyle: { color } }))
    return { markLine: { symbol: 'none', label: { show: false }, data } }
  }
  const areas = field.thresholds.map(({ value, color }, index) => [
    { ...(value === null ? {} : { yAxis: value }), itemStyle: { color, opacity: 0.12 } },
    { yAxis: field.thresholds[index + 1]?.value ?? 99 },
  ])
  return { markArea: { silent: true, data: areas } }
}

/** Long results, with a column `metric`, become one series each. */
function seriesOf({ columns, rows }: Answer) {
  const points = new Map<string, [number, number | null][]>()
  const numbers = columns.filter((name) => name !== 'time' && name !== 'metric')
  for (const row of rows) {
    const time = row['time'] instanceof Date ? row['time'].getTime() : Number(row['time']) * 1000
    for (const column of numbers) {
      const name = columns.includes('metric') ? String(row['metric']) : column
      const value = row[column] === null ? null : Number(row[column])
      points.set(name, [...(points.get(name) ?? []), [time, value]])
    }
  }
  return { names: [...points.keys()], points }
}

function barchartOf(
  panel: Extract<Panel, { type: 'barchart' }>,
  { columns, rows }: Answer,
  box: Box,
): echarts.EChartsCoreOption {
  const [word = '', ...numbers] = columns
  const fields = numbers.map((name) => fieldOf(panel, name))
  const horizontal = panel.options.orientation === 'horizontal'
  const words = {
    type: 'category',
    data: rows.map((row) => String(row[word])),
    inverse: horizontal,
    axisLabel: axisText(box.theme),
    axisTick: { show: false },
    axisLine: { lineStyle: { color: box.theme.edge } },
  }
  const values = valueAxis(fields, box, 'left')
  const shown = panel.options.legend.showLegend
  return {
    grid: { left: 4, right: 24, top: 16, bottom: shown ? 24 : 4, containLabel: true },
    legend: legendOf(
      fields.map((field) => field.shown),
      shown,
      box,
    ),
    ...(horizontal ? { xAxis: { ...values, position: 'bottom' }, yAxis: words } : { xAxis: words, yAxis: values }),
    series: fields.map((field, index) => ({
      name: field.shown,
      type: 'bar',
      barCategoryGap: '25%',
      barGap: '5%',
      data: rows.map((row) => (row[field.name] === null ? null : Number(row[field.name]))),
      itemStyle: { color: field.color.fixedColor ?? PALETTE[index], borderRadius: 2 },
      label: {
        show: box.width / rows.length / fields.length > 34,
        position: horizontal ? 'right' : 'top',
        color: box.theme.faint,
        fontSize: 11,
        formatter: ({ value }: { value: number }) => show(value, field),
      },
    })),
  }
}

function scatterOf(
  panel: Extract<Panel, { type: 'xychart' }>,
  { columns, rows }: Answer,
  box: Box,
): echarts.EChartsCoreOption {
  const [x = '', y = ''] = columns
  const [across, up] = [fieldOf(panel, x), fieldOf(panel, y)]
  const name = (text: string) => ({ name: text, nameLocation: 'middle', nameTextStyle: axisText(box.theme) })
  return {
    grid: { left: 24, right: 16, top: 10, bottom: 22, containLabel: true },
    xAxis: {
      ...valueAxis([across], box, 'left'),
      position: 'bottom',
      ...name(across.shown),
      nameGap: 26,
      splitLine: { show: false },
    },
    yAxis: { axisLine: { onZero: false }, ...valueAxis([up], box, 'left'), ...name(up.shown), nameGap: 44 },
    series: [
      {
        type: 'scatter',
        symbolSize: 6,
        itemStyle: { color: up.color.fixedColor, opacity: 0.55 },
        data: rows.map((row) => [Number(row[x]), Number(row[y])]),
      },
    ],
  }
}

/** PostgreSQL's bigint and numeric arrive as text. */
function numeric(value: unknown): unknown {
  return isNumber(value) ? Number(value) : value
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
}

const escape = (text: string) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)
