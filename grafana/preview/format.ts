// Numbers as Grafana shows them, near enough to judge whether they fit.
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
    custom: { ...defaults.custom, ...(Object.fromEntries(custom) as Record<string, unknown>) },
  }
}

const number = (value: unknown) => (typeof value === 'number' ? value : undefined)

const SUFFIXES: Record<string, string> = {
  percent: '%',
  ms: ' ms',
  h: ' h',
  m: ' min',
  lengthkm: ' km',
  lengthmi: ' mi',
  lengthm: ' m',
  celsius: ' °C',
  fahrenheit: ' °F',
}

export function show(value: unknown, field: Field): string {
  if (value === null || value === undefined) return '–'
  const mapped = mappingOf(value, field)?.text
  if (mapped) return mapped
  if (value instanceof Date) return showTime(value, field.unit)
  if (typeof value === 'string' && (value === '' || Number.isNaN(Number(value)))) return value
  const number = Number(value)
  if (field.unit === 's') return showSeconds(number)
  const text = number.toLocaleString('en', {
    minimumFractionDigits: field.decimals ?? 0,
    maximumFractionDigits: field.decimals ?? 2,
  })
  return text + (field.unit.startsWith('suffix:') ? ` ${field.unit.slice(7).trim()}` : (SUFFIXES[field.unit] ?? ''))
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

function showSeconds(seconds: number): string {
  const sizes: [number, string][] = [
    [86_400, 'days'],
    [3600, 'hours'],
    [60, 'min'],
  ]
  const [size, word] = sizes.find(([size]) => seconds >= size) ?? [1, 's']
  return `${(seconds / size).toFixed(size === 1 ? 0 : 1)} ${word}`
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
