import { mean } from '../stats.ts'

const BARS = '▁▂▃▄▅▆▇█'

/** One character a value, from the lowest to the highest of them; a space where there is none. */
export function sparkline(values: readonly (number | null)[]): string {
  const known = values.filter((value) => value !== null)
  const low = Math.min(...known)
  const high = Math.max(...known)
  const bar = (value: number) => {
    const share = high > low ? (value - low) / (high - low) : 0.5
    return BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))] ?? ''
  }
  return values.map((value) => (value === null ? ' ' : bar(value))).join('')
}

/** As many values as there is room for, each the mean of its neighbours. */
export function squeeze(values: readonly (number | null)[], room: number): (number | null)[] {
  if (values.length <= room) return [...values]
  return Array.from({ length: room }, (_, index) => {
    const from = Math.floor((index * values.length) / room)
    const to = Math.floor(((index + 1) * values.length) / room)
    return mean(values.slice(from, to))
  })
}
