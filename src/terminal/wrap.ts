import length from 'fast-string-width' // table's own: it imports this file

/** At spaces. A word that is longer than a line stays whole: an address is there to be copied. */
export function wrap(text: string, width: number, indent = '', below = indent): string[] {
  const lines: string[] = []
  for (const word of text.split(SPACES).filter(Boolean)) {
    const last = lines.at(-1)
    if (last !== undefined && length(last) + 1 + length(word) <= width) lines.splice(-1, 1, `${last} ${word}`)
    else lines.push((lines.length === 0 ? indent : below) + word)
  }
  return lines
}

/** Lines as they are, but for those that the terminal would break: they go on below where their text begins. */
export function wrapLines(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => {
      if (length(line) <= width) return [line]
      const [indent = '', mark = ''] = /^ *(→ |- |\d+\. )?/.exec(line) ?? []
      const lines = wrap(line, width, indent.slice(0, indent.length - mark.length), ' '.repeat(indent.length))
      return line.endsWith(' ') ? [...lines.slice(0, -1), `${lines.at(-1)} `] : lines // somebody types behind it
    })
    .join('\n')
}

const SPACES = /[^\S\u00A0]+/ // a no-break space is none
