import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'fast-string-width'
import { wrap } from './wrap.ts'

const GAP = 2
const SHORTEST_WORDS = 12 // columns in which sentences can still be read

interface Columns {
  /** Those of numbers. */
  right?: readonly number[]
  width: number
  /** The first row is what the columns are called: where they do not fit, each row is written as a list of its own. */
  titled?: true
}

/**
 * Rows as aligned columns. What does not fit goes on below, where the last column is text and has room for words; else
 * the line is cut, or no line is made of it.
 */
export function table(rows: readonly (readonly string[])[], columns: Columns): string {
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
  const isTooWide = before + (widths[last] ?? 0) > columns.width
  if (isTooWide && !isWrapped && columns.titled) return listed(rows, columns.width)
  return rows
    .flatMap((row) => {
      const cell = row[last]
      if (!isWrapped || cell === undefined) return [fit(row.map(pad).join(' '.repeat(GAP)).trimEnd(), columns.width)]
      const [first = '', ...more] = wrap(cell, room)
      return [
        [...row.slice(0, last).map(pad), first].join(' '.repeat(GAP)),
        ...more.map((one) => ' '.repeat(before) + one),
      ]
    })
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Each row's first cell, and what has no title; below it the others, each behind its title. */
function listed([titles = [], ...rows]: readonly (readonly string[])[], width: number): string {
  const isNamed = (index: number) => index > 0 && length(titles[index] ?? '') > 0
  return rows
    .flatMap((row) => {
      const head = row.filter((cell, index) => cell !== '' && !isNamed(index)).join(' '.repeat(GAP))
      const named = row.flatMap((cell, index) => (isNamed(index) ? [`${titles[index]} ${cell}`] : []))
      return [fit(head, width), ...flow(named, width - GAP).map((line) => ' '.repeat(GAP) + line)]
    })
    .join('\n')
}

/** Side by side as far as they fit. */
export function flow(items: readonly string[], width: number): string[] {
  const lines: string[] = []
  for (const item of items) {
    const last = lines.at(-1)
    if (last !== undefined && length(last) + GAP + length(item) <= width) lines.splice(-1, 1, `${last}  ${item}`)
    else lines.push(item)
  }
  return lines
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
