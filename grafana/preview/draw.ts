// A dashboard as one HTML page: Grafana's grid; in it what Grafana's own components draw, the rest by ECharts.
import type { Dashboard, Panel } from '../src/types.ts'
import { isNumber, numeric, type Answer, type Box, type Canvas, type Row } from './canvas.ts'
import { barchartOf, drawChart, gaugeOf, scatterOf, timeseriesOf } from './charts.ts'
import { colorOf, fieldOf, show, type Field } from './format.ts'

const CELL = 38 // a row of Grafana's grid with its gap
const GAP = 8

export function drawDashboard(
  dashboard: Dashboard,
  answers: ReadonlyMap<Panel, Answer>,
  canvas: Canvas,
): { html: string; height: number } {
  const { theme, width, phone } = canvas
  let next = 64
  const own: OwnPanel[] = []
  const panels = dashboard.panels.map((panel) => {
    const { x = 0, y = 0, w = 24, h = 8 } = panel.gridPos ?? {}
    const column = (width - GAP) / 24
    const box = phone
      ? { left: GAP, top: next, width: width - 2 * GAP, height: h * CELL - GAP }
      : { left: GAP + x * column, top: 64 + y * CELL, width: w * column - GAP, height: h * CELL - GAP }
    if (phone) next += h * CELL
    const answer = answers.get(panel) ?? { columns: [], rows: [], types: [] }
    const inside = { ...canvas, width: Math.floor(box.width) - 16, height: box.height - 42 }
    const isOwn = canvas.own && isGrafanas(panel) && !isEmpty(panel, answer)
    if (isOwn) own.push(ownPanel(panel, answer, inside))
    const body = isOwn
      ? `<div id="panel-${panel.id}" style="width:${inside.width}px;height:${inside.height}px"></div>`
      : drawPanel(panel, answer, inside)
    const note = canvas.own && !isGrafanas(panel) ? '<i>drawn by ECharts</i>' : ''
    const at = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px`
    return {
      html: `<section style="${at}"><h2>${escape(panel.title)}${note}</h2>${body}</section>`,
      bottom: box.top + box.height,
    }
  })
  const height = Math.ceil(Math.max(...panels.map(({ bottom }) => bottom)) + GAP)
  const html = `<!doctype html><meta charset="utf-8"><style>
    * { box-sizing: border-box } body { margin: 0; background: ${theme.page}; color: ${theme.text}; font: 13px Inter, 'DejaVu Sans', sans-serif; width: ${width}px; height: ${height}px; position: relative }
    header { position: absolute; left: ${GAP * 2}px; right: ${GAP * 2}px; top: 14px; display: flex; justify-content: space-between; align-items: baseline }
    header b { font-size: 22px; font-weight: 600 } header span { color: ${theme.faint} }
    section { position: absolute; background: ${theme.panel}; border: 1px solid ${theme.edge}; border-radius: 4px; padding: 8px; overflow: hidden }
    h2 i { float: right; font-weight: 400; font-size: 11px; color: ${theme.faint} }
    section h2 { margin: 0 0 6px; font: 600 13px/1.3 Inter, 'DejaVu Sans', sans-serif; font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
    .numbers { display: flex; align-items: center; justify-content: space-around; gap: 8px } .down { flex-direction: column; justify-content: space-evenly }
    .wide { align-items: stretch } .wide .number { display: flex; justify-content: space-between; align-items: center; padding: 0 8px } .number { text-align: center; line-height: 1.15; white-space: nowrap } .number small { display: block; color: ${theme.faint}; font-size: 12px }
    table { width: 100%; border-collapse: collapse } th { text-align: left; color: ${theme.faint}; font-weight: 500 } th, td { padding: 9px 10px 9px 4px; border-bottom: 1px solid ${theme.edge}; white-space: nowrap; max-width: 320px; overflow: hidden; text-overflow: ellipsis }
    td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } .gauge { height: 12px; border-radius: 2px; display: inline-block; vertical-align: middle; margin-right: 8px }
    .empty { height: 100%; display: grid; place-items: center; color: ${theme.faint} }
    </style><header><b>${escape(dashboard.title)}</b><span>${phone ? '' : 'preview with invented data · '}${escape(dashboard.time?.from ?? '')} to now</span></header>
    ${panels.map(({ html }) => html).join('\n')}
    <script type="application/json" id="panels">${inScript(JSON.stringify({ panels: own, mode: theme.mode, ...canvas.range }))}</script>`
  return { html, height }
}

/** What panels.mjs is given to draw. */
interface OwnPanel extends Pick<Panel, 'type' | 'options' | 'fieldConfig'> {
  id: number
  width: number
  height: number
  fields: { name: string; type: 'time' | 'number' | 'string'; values: unknown[] }[]
}

const isGrafanas = ({ type }: Panel) => ['timeseries', 'stat', 'table'].includes(type)
const inScript = (json: string) => json.replaceAll('<', String.raw`\u003c`)

const TIMES = new Set([1082, 1114, 1184])
const NUMBERS = new Set([20, 21, 23, 700, 701, 1700])

function ownPanel(panel: Panel, answer: Answer, { width, height }: Box): OwnPanel {
  const { type, options, fieldConfig, id = 0 } = panel
  return {
    id,
    type,
    options,
    fieldConfig,
    width,
    height,
    fields: answer.columns.includes('metric') ? apart(answer) : fieldsOf(answer),
  }
}

function fieldsOf({ columns, rows, types }: Answer): OwnPanel['fields'] {
  return columns.map((name, index) => {
    const type = types[index] ?? 0
    if (name === 'time' || TIMES.has(type)) {
      return { name, type: 'time', values: rows.map((row) => millis(row[name])) }
    }
    if (!NUMBERS.has(type)) return { name, type: 'string', values: rows.map((row) => row[name]) }
    return { name, type: 'number', values: rows.map((row) => (row[name] === null ? null : Number(row[name]))) }
  })
}

/** As Grafana makes wide what is long: a field for each word in the column `metric`. */
function apart({ columns, rows }: Answer): OwnPanel['fields'] {
  const column = columns.find((name) => name !== 'time' && name !== 'metric') ?? ''
  const names = [...new Set(rows.map((row) => String(row['metric'])))]
  const values = (name: string) => rows.map((row) => (row['metric'] === name ? Number(row[column]) : null))
  return [
    { name: 'time', type: 'time', values: rows.map((row) => millis(row['time'])) },
    ...names.map((name) => ({ name, type: 'number' as const, values: values(name) })),
  ]
}

const millis = (time: unknown) => (time instanceof Date ? time.getTime() : time === null ? null : Number(time) * 1000)

function isEmpty({ type }: Panel, { columns, rows }: Answer): boolean {
  if (type === 'stat' || type === 'gauge') return false
  return rows.every((row) => columns.every((name) => name === 'time' || row[name] === null))
}

function drawPanel(panel: Panel, answer: Answer, box: Box): string {
  if (isEmpty(panel, answer)) {
    return `<div class="empty">${escape(panel.fieldConfig.defaults.noValue ?? 'No data')}</div>`
  }
  switch (panel.type) {
    case 'stat':
      return drawStat(panel, answer, box)
    case 'table':
      return drawTable(panel, answer, box)
    case 'status-history':
      return drawCalendar(panel, answer, box)
    case 'gauge':
      return drawChart(gaugeOf(panel, answer, box), box)
    case 'timeseries':
      return drawChart(timeseriesOf(panel, answer, box), box)
    case 'barchart':
      return drawChart(barchartOf(panel, answer, box), box)
    case 'xychart':
      return drawChart(scatterOf(panel, answer, box), box)
    default:
      return panel satisfies never
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
  const aligned = (field: Field) => {
    const { type = 'auto' } = (field.custom['cellOptions'] ?? {}) as { type?: string }
    return type === 'auto' && right(field) ? ' class="n"' : ''
  }
  const head = fields.map((field) => `<th${aligned(field)}>${escape(field.shown)}</th>`).join('')
  const body = rows
    .slice(0, Math.ceil(height / 36))
    .map((row) => `<tr>${fields.map((field) => `<td${aligned(field)}>${cell(row, field)}</td>`).join('')}</tr>`)
  return `<table><tr>${head}</tr>${body.join('')}</table>`
}

function drawCalendar(panel: Panel, { columns, rows }: Answer, { height }: Box): string {
  const days = columns.filter((name) => name !== 'time')
  const line = Math.floor(height / days.length)
  const cells = (name: string) =>
    rows.map((row) => {
      const value = numeric(row[name])
      const field = fieldOf(panel, name)
      const text = rows.length < 10 && value !== null ? escape(show(value, field)) : ''
      const fill = value === null ? '' : `background:${colorOf(value, field)}`
      return `<td style="padding:0;height:${line - 3}px;border-width:1px;text-align:center;${fill}">${text}</td>`
    })
  return `<table style="table-layout:fixed">${days.map((name) => `<tr><th style="padding:0;width:40px">${name}</th>${cells(name).join('')}</tr>`).join('')}</table>`
}

const escape = (text: string) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)
