import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'fast-string-width'

/** Rows as aligned columns; those marked `right` are numbers. Lines that do not fit are cut. */
export function table(rows: readonly (readonly string[])[], columns: { right?: readonly number[]; width: number }) {
  const widths = rows.reduce<number[]>((widest, row) => {
    row.forEach((cell, index) => (widest[index] = Math.max(widest[index] ?? 0, length(cell))))
    return widest
  }, [])
  const pad = (cell: string, index: number) => {
    const space = ' '.repeat((widths[index] ?? 0) - length(cell))
    return columns.right?.includes(index) ? space + cell : cell + space
  }
  return rows.map((row) => fit(row.map(pad).join('  ').trimEnd(), columns.width)).join('\n')
}

/** How many columns a terminal needs for it: colours none, a Chinese character or an emoji two. */
export function length(text: string): number {
  return stringWidth(text)
}

/** Cuts what does not fit; a coloured line loses its colours rather than its end sequence. */
export function fit(line: string, width: number): string {
  if (length(line) <= width) return line
  let kept = ''
  let room = width - 1 // for the sign that something is missing
  for (const { segment } of new Intl.Segmenter().segment(stripVTControlCharacters(line))) {
    room -= length(segment)
    if (room < 0) break
    kept += segment
  }
  return `${kept}…`
}
