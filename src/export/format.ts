import type { Format } from './names.ts'

/** How a format is put together from its rows: a head, something between them, a foot. */
export interface Shape {
  head: (columns: readonly string[]) => string
  /** `row` is a CSV line or a JSON object, without a line's end. */
  row: (row: string, isFirst: boolean) => string
  foot: string
}

export const shapes: Readonly<Record<Format, Shape>> = {
  csv: { head: (columns) => `${columns.map((name) => csvCell(name)).join(',')}\n`, row: (row) => `${row}\n`, foot: '' },
  ndjson: { head: () => '', row: (row) => `${row}\n`, foot: '' },
  json: { head: () => '[', row: (row, isFirst) => `${isFirst ? '' : ','}\n${row}`, foot: '\n]\n' },
}

/** As RFC 4180 has it; what is not there is empty, and an empty text is `""`, as in PostgreSQL's own COPY. */
export function csvLine(cells: readonly (string | null)[]): string {
  return cells.map(csvCell).join(',')
}

// A spreadsheet runs what begins like this, unless it is a number or a time zone (+02:00).
const FORMULA = /^[=+\-@\t\r]/
const NUMBER = /^[+-]?[\d.:]+(e[+-]?\d+)?$/i

function csvCell(value: string | null): string {
  if (value === null) return ''
  const cell = FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value
  return cell === '' || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
