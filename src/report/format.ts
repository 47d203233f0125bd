import { MINUTE_MS } from '../time.ts'
// Figures and days as people read them: a real minus, a thin space before a unit, 7:24 for hours and minutes.

export const NBSP = '\u00A0'
const MINUS = '\u2212'

type Figure = number | null

export function figure(value: Figure, digits = 0): string {
  if (value === null) return '–'
  const text = Math.abs(value).toFixed(digits)
  return Number(text) !== 0 && value < 0 ? MINUS + text : text
}

export function withUnit(value: Figure, unit: string, digits = 0): string {
  return value === null ? '–' : `${figure(value, digits)}${NBSP}${unit}`
}

export function signed(value: number, digits = 0): string {
  const text = figure(value, digits)
  return Number(value.toFixed(digits)) > 0 ? `+${text}` : text
}

/** Milliseconds as 7:24. */
export function hours(ms: Figure): string {
  if (ms === null) return '–'
  const minutes = Math.round(Math.abs(ms) / MINUTE_MS)
  return `${ms < 0 && minutes > 0 ? MINUS : ''}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`
}

const format = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' })
const long = format({ weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
const short = format({ weekday: 'short', day: 'numeric', month: 'short' })
const plain = format({ day: 'numeric', month: 'short', year: 'numeric' })

export const longDay = (day: string) => long.format(new Date(day)).replace(',', '')
export const shortDay = (day: string) => short.format(new Date(day)).replace(',', '')
export const plainDay = (day: string) => plain.format(new Date(day))

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')}${NBSP}${count === 1 ? one : many}`
}
