import { length } from './table.ts'

/** At spaces; a word that is longer than a line is broken. */
export function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    const room = Math.max(1, width - indent.length)
    if (last !== undefined && length(last) + 1 + length(word) <= room) lines.splice(-1, 1, `${last} ${word}`)
    else lines.push(...(word.match(new RegExp(`.{1,${Number.isFinite(room) ? room : ''}}`, 'g')) ?? []))
  }
  return lines.map((line) => indent + line)
}
