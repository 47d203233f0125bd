import { stripVTControlCharacters } from 'node:util'

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

const segmenter = new Intl.Segmenter()

/** What a reader calls characters: an accent of its own is none, nor is a joined emoji several. */
function characters(text: string): string[] {
  return Array.from(segmenter.segment(stripVTControlCharacters(text)), ({ segment }) => segment)
}

function length(text: string): number {
  return characters(text).length
}

/** Cuts what does not fit; a coloured line loses its colours rather than its end sequence. */
export function fit(line: string, width: number): string {
  if (length(line) <= width) return line
  return `${characters(line)
    .slice(0, Math.max(0, width - 1))
    .join('')}…`
}
