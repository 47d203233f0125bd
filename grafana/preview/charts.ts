// The panels that are charts, as ECharts' options.
import * as echarts from 'echarts'
import type { Panel } from '../src/types.ts'
import { numeric, type Answer, type Box, type Canvas, type Theme } from './canvas.ts'
import { colorOf, fieldOf, show, type Field } from './format.ts'

const PALETTE = ['#3B8BE0', '#2FA36B', '#E0A125', '#E5484D', '#9A5BD0', '#0E97B5', '#F0803C', '#E0567A']

export function drawChart(option: echarts.EChartsCoreOption, { width, height }: Box): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({ animation: false, textStyle: { fontFamily: "Inter, 'DejaVu Sans', sans-serif" }, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

export function gaugeOf(
  panel: Panel,
  { columns, rows }: Answer,
  { theme, width, height }: Box,
): echarts.EChartsCoreOption {
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

export function timeseriesOf(
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
      ...(index === 0 ? marksOf(panel, field) : {}),
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
function marksOf(panel: Panel, field: Field) {
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

export function barchartOf(
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
      ...(panel.options.stacking === 'normal' ? { stack: 'all' } : {}),
      data: rows.map((row) => (row[field.name] === null ? null : Number(row[field.name]))),
      itemStyle: { color: field.color.fixedColor ?? PALETTE[index], borderRadius: 2 },
      label: {
        show: panel.options.stacking !== 'normal' && box.width / rows.length / fields.length > 34,
        position: horizontal ? 'right' : 'top',
        color: box.theme.faint,
        fontSize: 11,
        formatter: ({ value }: { value: number }) => show(value, field),
      },
    })),
  }
}

export function scatterOf(
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
