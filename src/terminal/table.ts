import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'fast-string-width'
import { wrap } from './wrap.ts'

const GAP = 2
const SHORTEST_WORDS = 12 // columns in which sentences can still be read

/**
 * Rows as aligned columns; those marked `right` are numbers. What does not fit goes on below, where the last column is
 * text and has room for words; else the line is cut.
 */
export function table(rows: readonly (readonly string[])[], columns: { right?: readonly number[]; width: number }) {
  const widths = rows.reduce<number[]>((widest, row) => {
    row.forEach((cell, index) => (widest[index] = Math.max(widest[index] ?? 0, length(cell))))
    return widest
  }, [])
  const pad = (cell: string, index: number) => {
    const space = ' '.repeat((widths[index] ?? 0) - length(cell))
    return columns.right?.includes(index) ? space + cell : cell + space
  }
  const last = widths.length - 1
  const before = widths.slice(0, last).reduce((sum, one) => sum + one + GAP, 0)
  const room = columns.width - before
  const isWrapped = !columns.right?.includes(last) && room >= SHORTEST_WORDS && (widths[last] ?? 0) > room
  return rows
    .flatMap((row) => {
      const cell = row[last]
      if (!isWrapped || cell === undefined) return [row.map(pad).join(' '.repeat(GAP))]
      const [first = '', ...more] = wrap(cell, room)
      return [
        [...row.slice(0, last).map(pad), first].join(' '.repeat(GAP)),
        ...more.map((one) => ' '.repeat(before) + one),
      ]
    })
    .map((line) => fit(line.trimEnd(), columns.width))
    .join('\n')
}

/** How many columns a terminal needs for it: colours none, a Chinese character or an emoji two. */
export function length(text: string): number {
  return stringWidth(text)
}

/** Cuts what does not fit, behind a word if there is one; a coloured line loses its colours rather than its end sequence. */
export function fit(line: string, width: number): string {
  if (length(line) <= width) return line
  const text = stripVTControlCharacters(line)
  let kept = ''
  let room = width - 1 // for the sign that something is missing
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    room -= length(segment)
    if (room < 0) break
    kept += segment
  }
  const isWithinWord = !/^\s/.test(text.slice(kept.length))
  const [, words = kept] = (isWithinWord && /^(.*\S)\s+\S*$/.exec(kept)) || []
  return `${words.trimEnd()}…`
}
