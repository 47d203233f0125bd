// Numbers as Grafana 13 shows them: what @grafana/data makes of a value, for the units and mappings that are used here.
// `npm run test:long` compares the two.
import type { Mapping, Panel, Threshold } from '../src/types.ts'

/** How one column looks: the panel's defaults with the overrides for its name. */
export interface Field {
  name: string
  shown: string
  unit: string
  decimals: number | undefined
  min: number | undefined
  max: number | undefined
  color: { mode: string; fixedColor?: string }
  thresholds: Threshold[]
  mappings: Mapping[]
  /** What stands in for an empty value. */
  noValue: string
  /** The range is the column's own, not that of all the columns. */
  fieldMinMax: boolean
  custom: Record<string, unknown>
}

export function fieldOf(panel: Panel, name: string): Field {
  const { defaults, overrides } = panel.fieldConfig
  const looks: Record<string, unknown> = Object.fromEntries(
    overrides
      .filter(({ matcher }) =>
        matcher.id === 'byName' ? matcher.options === name : new RegExp(matcher.options.slice(1, -1)).test(name),
      )
      .flatMap(({ properties }) => properties.map(({ id, value }) => [id, value])),
  )
  const custom = Object.entries(looks).flatMap(([id, value]) =>
    id.startsWith('custom.') ? [[id.slice(7), value]] : [],
  )
  const found: Record<string, unknown> = { ...defaults, ...looks }
  return {
    name,
    shown: typeof found['displayName'] === 'string' ? found['displayName'] : name,
    unit: typeof found['unit'] === 'string' ? found['unit'] : 'none',
    decimals: number(found['decimals']),
    min: number(found['min']),
    max: number(found['max']),
    color: (found['color'] ?? { mode: 'thresholds' }) as Field['color'],
    thresholds: (found['thresholds'] as { steps: Threshold[] } | undefined)?.steps ?? [],
    mappings: (found['mappings'] ?? []) as Mapping[],
    noValue: typeof found['noValue'] === 'string' ? found['noValue'] : '',
    fieldMinMax: found['fieldMinMax'] === true,
    custom: { ...defaults.custom, ...(Object.fromEntries(custom) as Record<string, unknown>) },
  }
}

const number = (value: unknown) => (typeof value === 'number' ? value : undefined)

const SUFFIXES: Record<string, string> = { percent: '%', celsius: ' °C', fahrenheit: ' °F', none: '' }

/** The text of one value, in a cell, a tile or beside an axis. */
export function show(value: unknown, field: Field): string {
  const mapped = mappingOf(value, field)?.text
  if (mapped) return mapped
  if (value === null || value === undefined || value === '') return field.noValue
  if (value instanceof Date) return showTime(value, field.unit)
  if (typeof value === 'string' && (field.unit === 'string' || Number.isNaN(Number(value)))) return value
  return showNumber(Number(value), field)
}

function showNumber(value: number, { unit, decimals }: Field): string {
  if (unit === 's') return showSeconds(value, decimals)
  if (unit === 'locale') return value.toLocaleString('en', { maximumFractionDigits: decimals })
  if (unit.startsWith('suffix:')) return `${fixed(value, decimals)} ${unit.slice('suffix:'.length)}`
  const suffix = SUFFIXES[unit]
  if (suffix === undefined) throw new Error(`nobody has looked at how Grafana shows the unit ${unit}`)
  return fixed(value, decimals) + suffix
}

/** Without decimals, as many as show two or three digits of it. */
function fixed(value: number, decimals = decimalsOf(value)): string {
  const factor = 10 ** decimals
  const rounded = Math.round(value * factor) / factor
  return (Object.is(rounded, -0) ? 0 : rounded).toFixed(decimals)
}

const CROWDED = 2.25

function decimalsOf(value: number): number {
  if (Number.isInteger(value)) return 0
  const decimals = 1 - Math.floor(Math.log10(Math.abs(value)))
  return Math.max(0, Math.abs(value) * 10 ** decimals > CROWDED ? decimals + 1 : decimals)
}

/** The two ends of a gauge: the field's own, or its column's, or those of all numbers beside it. */
export function rangeOf(field: Field, rows: readonly Record<string, unknown>[]): { min: number; max: number } {
  const numbers = rows
    .flatMap((row) => (field.fieldMinMax ? [row[field.name]] : Object.values(row)))
    .filter((value) => typeof value === 'number')
  return { min: field.min ?? Math.min(...numbers), max: field.max ?? Math.max(...numbers) }
}

export function mappingOf(value: unknown, { mappings }: Field): { text?: string; color?: string } | undefined {
  for (const mapping of mappings) {
    if (mapping.type === 'value' && String(value) in mapping.options) return mapping.options[String(value)]
    if (mapping.type === 'regex' && new RegExp(mapping.options.pattern).test(String(value)))
      return mapping.options.result
    if (mapping.type === 'range' && typeof value === 'number') {
      const { from, to, result } = mapping.options
      if (value >= (from ?? -Infinity) && value <= (to ?? Infinity)) return result
    }
  }
  return undefined
}

/** By mapping, by threshold or fixed, as the field says. */
export function colorOf(value: unknown, field: Field): string {
  const mapped = mappingOf(value, field)?.color
  if (mapped) return mapped
  if (field.color.mode === 'fixed' && field.color.fixedColor) return field.color.fixedColor
  const passed = field.thresholds.filter(
    (step) => step.value === null || (value !== null && Number(value) >= step.value),
  )
  return (passed.at(-1) ?? field.thresholds[0])?.color ?? '#8B95A5'
}

const SIZES: readonly (readonly [least: number, unit: number, word: string])[] = [
  [31_536_000, 31_556_900, 'year'],
  [604_800, 604_800, 'week'],
  [86_400, 86_400, 'day'],
  [3600, 3600, 'hour'],
  [60, 60, 'min'],
]

function showSeconds(seconds: number, decimals: number | undefined): string {
  if (seconds === 0) return '0 s'
  if (Math.abs(seconds) < 1) return `${fixed(seconds * 1000, decimals)} ms`
  const size = SIZES.find(([least]) => Math.abs(seconds) >= least)
  if (!size) return `${fixed(seconds, decimals)} s`
  const count = seconds / size[1]
  return `${fixed(count, decimals)} ${size[2]}${Math.abs(count) > 1 ? 's' : ''}`
}

const WORDS = {
  ddd: { weekday: 'short' },
  MMM: { month: 'short' },
} as const

function showTime(time: Date, unit: string): string {
  const iso = time.toISOString()
  const pattern = unit.startsWith('time:') ? unit.slice(5) : 'YYYY-MM-DD HH:mm'
  const word = (options: Intl.DateTimeFormatOptions) => time.toLocaleDateString('en', { ...options, timeZone: 'UTC' })
  const parts: Record<string, string> = {
    YYYY: iso.slice(0, 4),
    MMM: word(WORDS.MMM),
    MM: iso.slice(5, 7),
    DD: iso.slice(8, 10),
    D: String(time.getUTCDate()),
    ddd: word(WORDS.ddd),
    HH: iso.slice(11, 13),
    mm: iso.slice(14, 16),
  }
  return pattern.replace(/YYYY|MMM|MM|DD|D|ddd|HH|mm/g, (part) => parts[part] ?? part)
}
