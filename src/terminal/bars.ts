import type { Style } from './style.ts'

/** One part of a bar: how much, how it is drawn, and what is written below it. */
export interface Part {
  name: string
  value: number
  fill: string
  colour: keyof Style
  shown: string
}

/** Parts of a whole, side by side; every part that is there gets a place. */
export function stackedBar(parts: readonly Part[], width: number, style: Style): string {
  const total = parts.reduce((sum, { value }) => sum + value, 0)
  if (total <= 0) return ''
  let taken = 0
  let seen = 0
  return parts
    .map(({ value, fill, colour }, index) => {
      seen += value
      const reserved = parts.slice(index + 1).filter((part) => part.value > 0).length
      const least = value > 0 ? taken + 1 : taken
      const upTo = Math.max(least, Math.min(Math.round((seen / total) * width), width - reserved))
      const drawn = style[colour](fill.repeat(upTo - taken))
      taken = upTo
      return drawn
    })
    .join('')
}

export function key(parts: readonly Part[], style: Style): string[] {
  return parts.map(({ name, fill, colour, shown }) => `${style[colour](fill)} ${name} ${shown}`)
}

/** A bar of its own, as long as its share of the longest. */
export function bar(value: number, longest: number, width: number): string {
  return longest <= 0 ? '' : '█'.repeat(Math.max(value > 0 ? 1 : 0, Math.round((value / longest) * width)))
}
