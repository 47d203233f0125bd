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

function csvCell(cell: string | null): string {
  if (cell === null) return ''
  return cell === '' || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}
