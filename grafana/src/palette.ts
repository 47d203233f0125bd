// One colour, one meaning, on every dashboard. They are legible on Grafana's light and dark backgrounds alike.
import type { Band } from './panels.ts'
import type { Mapping, Threshold } from './types.ts'

export const colour = {
  good: '#2FA36B',
  fair: '#E0A125',
  poor: '#E5484D',
  quiet: '#8B95A5',
  strain: '#3B8BE0',
  energy: '#F0803C',
  hrv: '#12A594',
  resting: '#E0567A',
  respiratory: '#0E97B5',
  spo2: '#5472E4',
  skin: '#F0803C',
  need: '#F2B84B',
  asleep: '#6E6ADE',
  deep: '#4B47C4',
  rem: '#9A5BD0',
  light: '#8FB4EE',
  awake: '#A9B1BD',
  zones: ['#A9B1BD', '#5AA3EC', '#2FB59A', '#E2B13C', '#F0803C', '#E5484D'],
} as const

/** The app's three bands; what is not known yet is in none of them. */
export const RECOVERY_BANDS: Threshold[] = [
  { value: null, color: colour.quiet },
  { value: 0, color: colour.poor },
  { value: 34, color: colour.fair },
  { value: 67, color: colour.good },
]

/** The same bands as columns of their own. */
export const RECOVERY_BARS: Band[] = [
  ['Recovery, red', colour.poor],
  ['Recovery, yellow', colour.fair, 34],
  ['Recovery, green', colour.good, 67],
]

export const plain = (color: string): Threshold[] => [{ value: null, color }]

/** `['poor', 70, 'fair', 85, 'good']`: colours with the values from which the next begins. */
export function bands(...steps: (keyof typeof colour | number)[]): Threshold[] {
  return steps.flatMap((step, index) => {
    if (typeof step === 'number') return []
    const color = colour[step]
    return typeof color === 'string' ? [{ value: index === 0 ? null : Number(steps[index - 1]), color }] : []
  })
}

/** Standard deviations off the member's own normal: from the first on worth a look, beyond the second far. Alerts judge alike. */
export const NOTABLE = 1.5
export const FAR = 2.25
export const offNormal = {
  low: bands('poor', -FAR, 'fair', -NOTABLE, 'good'),
  high: bands('good', NOTABLE, 'fair', FAR, 'poor'),
}

/** A word, and the colour it is shown in. */
export function words(colours: Record<string, string>): Mapping[] {
  const options = Object.entries(colours).map(([word, color]) => [word, { text: word, color }])
  return [{ type: 'value', options: Object.fromEntries(options) as Record<string, { text: string; color: string }> }]
}

const STEP = 0.25

/**
 * Hours as a clock shows them, to the quarter, where `midnight` is the value that midnight has: with 0, -1.5 is 22:30 of the
 * evening before.
 */
export function clockTimes(from = -8, to = 16, midnight = 0): Mapping[] {
  const count = Math.round((to - from) / STEP) + 1
  return Array.from({ length: count }, (_, index) => {
    const hour = from + index * STEP
    const minutes = (((hour - midnight + 48) % 24) * 60).toFixed(0)
    const text = `${String(Math.floor(Number(minutes) / 60)).padStart(2, '0')}:${String(Number(minutes) % 60).padStart(2, '0')}`
    return { type: 'range', options: { from: hour - STEP / 2, to: hour + STEP / 2, result: { text } } }
  })
}
