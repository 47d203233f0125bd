// What Grafana writes and colours, without a Grafana: the panels' looks through the formatter that the preview draws with.
import { describe, expect, it } from 'vitest'
import { colorOf, fieldOf, rangeOf, show } from '../../grafana/preview/format.ts'
import { colour } from '../../grafana/src/palette.ts'
import type { Panel } from '../../grafana/src/types.ts'
import { dashboards, find } from './provisioned.ts'

const panels = dashboards.flatMap((dashboard) =>
  dashboard.panels.map((panel) => ({ name: `${dashboard.title} › ${panel.title} ${panel.id}`, panel })),
)
const panelOf = (dashboard: string, title: string): Panel =>
  find(dashboard, title).panel ?? expect.fail(`no panel ${title}`)

/** The looks of every column that has some of its own, and of any other. */
const looks = (panel: Panel) => {
  const names = panel.fieldConfig.overrides.flatMap(({ matcher }) => (matcher.id === 'byName' ? [matcher.options] : []))
  return [...names, 'any other'].map((name) => fieldOf(panel, name))
}

describe('a figure', () => {
  it.each([
    ['Today', 'Last workouts', 'Duration', 98, '98 min'],
    ['Workouts', 'Time', 'Time', 61.2, '61 h'],
    ['Workouts', 'Zone 2 this week', 'Zone 2', 98.4, '98 min'],
    ['Workouts', 'By sport', 'Distance metric', 1234.5, '1235 km'],
    ['Workouts', 'By sport', 'Energy kcal', 51_234.4, '51,234'],
    ['Workouts', 'All workouts', 'Climb', 1204.2, '1204 m'],
    ['Strain', 'Energy a day', 'Energy kJ', 9123.4, '9,123'],
    ['Sleep', 'Regularity', 'To bed', 72.4, '72 min'],
    ['Sleep', 'When you slept', 'To bed', 10.5, '22:30'],
    ['Sleep', 'When you slept', 'Up', 19.25, '07:15'],
    ['Sleep', 'When you slept', 'In bed', 8.75, '8.75 h'],
    ['Patterns', 'Bed time and recovery', 'To bed', -1.5, '22:30'],
    ['Strain', 'Weight', 'Weight imperial', 171.2, '171 lb'],
    ['Sleep', 'Sleep debt', '¾ h and more', 0.76, '0.76 h'],
    ['Today', 'Resting heart rate', 'Now', 55, '55 bpm'],
    ['Today', 'How fresh this is', 'Synced, ago', 7800, '2.2 hours'],
  ])('%s › %s: %s', (dashboard, title, column, value, text) => {
    expect(show(value, fieldOf(panelOf(dashboard, title), column))).toBe(text)
  })

  it('has no unit that Grafana turns into a larger one of its own accord, but ages', () => {
    const units = panels.flatMap(({ panel: { fieldConfig } }) => [
      fieldConfig.defaults.unit ?? '',
      ...fieldConfig.overrides.flatMap(({ properties }) =>
        properties.flatMap(({ id, value }) => (id === 'unit' ? [String(value)] : [])),
      ),
    ])
    const plainly = /^(none|string|percent|locale|celsius|fahrenheit|suffix:\S+|time:.+|s)$/
    expect(units.filter((unit) => !plainly.test(unit))).toEqual([])
  })
})

describe('an empty cell', () => {
  it.each(panels.filter(({ panel }) => panel.type === 'table'))('$name: is a dash', ({ panel }) => {
    expect(show(null, fieldOf(panel, 'Error'))).toBe('–')
    expect(panel.fieldConfig.defaults.noValue).toMatch(/^\p{L}.{10,}/u) // a sentence, for a panel without rows
  })

  it.each(panels.filter(({ panel }) => ['timeseries', 'barchart', 'xychart'].includes(panel.type)))(
    '$name: is left out of the tooltip',
    ({ panel }) => {
      expect(fieldOf(panel, 'anything').noValue).toBe('')
    },
  )
})

describe('a colour', () => {
  it.each(panels.filter(({ panel }) => panel.type === 'timeseries'))('$name: no bar has several', ({ panel }) => {
    for (const { name, custom, color } of looks(panel)) {
      if (custom['drawStyle'] !== 'bars') continue
      expect(custom['gradientMode'], name).toBe('none')
      expect(color.mode, name).not.toBe('thresholds') // the newest bar's colour would be that of all
    }
  })

  it.each([
    ['Recovery', 'Recovery', 'Recovery, red', colour.poor],
    ['Recovery', 'Recovery', 'Recovery, yellow', colour.fair],
    ['Today', 'Recovery and strain', 'Recovery, green', colour.good],
    ['Sleep', 'Sleep debt', 'Below ¾ h', colour.good],
    ['Sleep', 'Sleep debt', '1½ h and more', colour.poor],
    ['Recovery', 'Signs of illness', 'Two signs', colour.fair],
    ['Recovery', 'Signs of illness', 'Three or four', colour.poor],
  ])('%s › %s: the bars “%s”', (dashboard, title, column, color) => {
    const panel = dashboards
      .find((one) => one.title === dashboard)
      ?.panels.find((one) => one.title === title && one.type === 'timeseries')
    expect(colorOf(50, fieldOf(panel ?? expect.fail(title), column))).toBe(color)
  })
})

describe('what is not known', () => {
  it.each(panels.filter(({ panel }) => panel.type === 'stat' || panel.type === 'table'))(
    '$name: is judged as nothing',
    ({ panel }) => {
      for (const field of looks(panel)) {
        if (field.color.mode === 'fixed' || field.thresholds.length < 2) continue
        expect(colorOf(null, field), field.name).toBe(colour.quiet)
      }
    },
  )
})

describe('an axis', () => {
  /** Steps of 1, 2, 2.5 and 5, as many as fit; of whole numbers only where no decimals are shown. */
  const ticks = (low: number, high: number, decimals: number | undefined) => {
    const steps = [1, 2, 2.5, 5].flatMap((step) => [-3, -2, -1, 0, 1, 2, 3, 4].map((power) => step * 10 ** power))
    const usable = steps.filter((step) => decimals !== 0 || Number.isInteger(step)).toSorted((a, b) => a - b)
    const step = usable.find((one) => (high - low) / one <= 8) ?? 1
    const first = Math.ceil(low / step)
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, index) =>
      Number(((first + index) * step).toPrecision(9)),
    )
  }

  it.each(panels.filter(({ panel }) => panel.type === 'timeseries'))(
    '$name: has no tick twice, however narrow',
    ({ panel }) => {
      for (const field of looks(panel)) {
        for (const [low, high] of [
          [0, 1.25],
          [-0.5, 0.5],
          [13.4, 14.2],
          [0, 2],
          [54, 63],
          [0, 3100],
        ] as const) {
          // prettier-ignore
          if (field.unit === 's') continue
          const texts = ticks(low, high, field.decimals).map((value) => show(value, { ...field, mappings: [] }))
          expect(new Set(texts).size, `${field.name}: ${texts.join(' ')}`).toBe(texts.length)
        }
      }
    },
  )
})

describe('a gauge in a table', () => {
  const gauges = panels.flatMap(({ name, panel }) =>
    panel.fieldConfig.overrides.flatMap(({ matcher, properties }) =>
      properties.some(({ id, value }) => id === 'custom.cellOptions' && (value as { type: string }).type === 'gauge')
        ? [{ name, panel, column: matcher.options }]
        : [],
    ),
  )

  it.each(gauges)('$name: $column ends where its own column does', ({ panel, column }) => {
    const field = fieldOf(panel, column)
    const { max } = rangeOf(field, [
      { [column]: 12, other: 51_000 },
      { [column]: 3, other: 7 },
    ])
    expect(max).toBe(field.max ?? 12)
  })
})
