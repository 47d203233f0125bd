import { harmless } from './safe.ts'
import { length } from './table.ts'

type Row = readonly (string | null)[]

const GAP = '  '

/**
 * Draws rows below each other as they come; how wide the columns are is decided by the first of them. What does not fit
 * beside each other is written line by line, a block for each row: nothing is cut.
 */
export function createRows(names: readonly string[], isNumber: readonly boolean[], width: number) {
  const head = names.map(harmless)
  let widths: number[] | undefined
  let count = 0
  return (rows: readonly Row[]): string => {
    const cells = rows.map((row) => row.map(cellOf))
    if (widths === undefined) {
      const widest = [head, ...cells].map((row) => row.map(length))
      widths = head.map((_, index) => Math.max(...widest.map((row) => row[index] ?? 0)))
    }
    const total = widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1)
    const known = widths
    const lines = total > width ? cells.map(block) : cells.map((row) => line(row, known))
    const title =
      count === 0 && total <= width
        ? [
            line(head, known),
            line(
              known.map((one) => '─'.repeat(one)),
              known,
            ),
          ]
        : []
    count += rows.length
    return [...title, ...lines].map((text) => `${text}\n`).join('')
  }

  function line(row: readonly string[], known: readonly number[]): string {
    const padded = row.map((cell, index) => {
      const space = ' '.repeat(Math.max(0, (known[index] ?? 0) - length(cell)))
      return isNumber[index] ? space + cell : cell + space
    })
    return padded.join(GAP).trimEnd()
  }

  function block(row: readonly string[], index: number): string {
    const widest = Math.max(...head.map(length))
    const lines = row.map((cell, at) => `${(head[at] ?? '').padEnd(widest)}${GAP}${cell}`.trimEnd())
    return [`── ${count + index + 1} ──`, ...lines].join('\n')
  }
}

function cellOf(value: string | null): string {
  return harmless((value ?? '').replace(/\r?\n/g, '↵').replaceAll('\t', ' '))
}
