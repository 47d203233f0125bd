// What a terminal shows, as an SVG: for README, and the same on every machine.
import stringWidth from 'fast-string-width'

const WIDTH = 8.43 // of a character, in the units of the picture
const HEIGHT = 18
const MARGIN = 16
const INK = '#d8dee9'
const PAPER = '#1e222a'

/** SGR codes to colours that can be told apart on the paper. */
const colours: Record<number, string> = {
  30: '#4c566a',
  31: '#e5707b',
  32: '#8fc37a',
  33: '#e5c07b',
  34: '#7aa5e0',
  35: '#c58fd8',
  36: '#6fc1c9',
  37: INK,
}

const ESC = `${String.fromCharCode(27)}[`
const SGR = new RegExp(`(${ESC.replace('[', '\\[')}[\\d;]*m)`)

interface Pen {
  colour: string
  bold: boolean
  dim: boolean
}

export function picture(text: string, { columns, title }: { columns: number; title: string }): string {
  const lines = text.trimEnd().split('\n')
  const width = Math.ceil(columns * WIDTH + 2 * MARGIN)
  const height = lines.length * HEIGHT + 2 * MARGIN
  let pen: Pen = { colour: INK, bold: false, dim: false }
  const drawn = lines.map((line, row) => {
    const y = MARGIN + (row + 0.75) * HEIGHT
    let column = 0
    const spans: string[] = []
    for (const part of line.split(SGR)) {
      const code = part.startsWith(ESC) ? part.slice(ESC.length, -1) : undefined
      if (code !== undefined) {
        pen = code.split(';').map(Number).reduce(dip, pen)
        continue
      }
      for (const match of part.matchAll(/\S+(?: \S+)*/g)) {
        const at = column + stringWidth(part.slice(0, match.index))
        spans.push(span(match[0], at, y, pen))
      }
      column += stringWidth(part)
    }
    return spans.join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">
<rect width="100%" height="100%" rx="8" fill="${PAPER}"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="${INK}" xml:space="preserve">
${drawn.filter((line) => line !== '').join('\n')}
</g>
</svg>
`
}

function dip(pen: Pen, code: number): Pen {
  if (code === 0) return { colour: INK, bold: false, dim: false }
  if (code === 1) return { ...pen, bold: true }
  if (code === 2) return { ...pen, dim: true }
  if (code === 22) return { ...pen, bold: false, dim: false }
  if (code === 39) return { ...pen, colour: INK }
  return { ...pen, colour: colours[code] ?? pen.colour }
}

/** Each run of words has its place and its length, whatever the font's own width is. */
function span(text: string, column: number, y: number, { colour, bold, dim }: Pen): string {
  const x = (MARGIN + column * WIDTH).toFixed(1)
  const length = (stringWidth(text) * WIDTH).toFixed(1)
  const style = [
    colour === INK ? '' : ` fill="${colour}"`,
    bold ? ' font-weight="bold"' : '',
    dim ? ' opacity="0.6"' : '',
  ].join('')
  return `<text x="${x}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${style}>${escape(text)}</text>`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
