import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { WhoopsterError } from '../errors.ts'

/** One line of a CSV file, or several where a quoted cell spans them: its cells, or why there are none. */
export interface Line {
  /** Where it begins, from 1. */
  line: number
  cells: readonly string[]
  /** Not a line of this file's shape, or no line at all. */
  problem?: string
}

/** More than a day's notes; a quote that never closes would otherwise swallow the file, and the memory. */
const LONGEST_RECORD = 256 * 1024
const AT_ONCE = 2000
const ENOUGH_TO_LOOK_AT = 64 * 1024
const UTF16 = [Buffer.from([0xff, 0xfe]), Buffer.from([0xfe, 0xff])]

/** The lines of a CSV file, a few hundred at a time: with commas, or semicolons or tabs as spreadsheets save it. */
export async function* readCsv(bytes: AsyncIterable<Buffer>, name: string): AsyncGenerator<Line[]> {
  const { head, all } = await peek(bytes)
  if (UTF16.some((mark) => head.subarray(0, 2).equals(mark))) {
    throw new WhoopsterError('data', `${name} is UTF-16.`, {
      hint: 'save it as CSV in UTF-8, or use the ZIP as WHOOP sent it',
    })
  }
  if (head.includes(0)) {
    throw new WhoopsterError('data', `${name} is neither a ZIP nor a CSV file.`, { hint: WHAT_TO_NAME })
  }
  yield* numbered(all, delimiterOf(head))
}

export const WHAT_TO_NAME = 'name the ZIP that WHOOP has sent: app, More, App settings, Data export'

async function* numbered(bytes: AsyncIterable<Buffer>, delimiter: string): AsyncGenerator<Line[]> {
  const parser = parse({
    bom: true,
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_records_with_error: true,
    max_record_size: LONGEST_RECORD,
    on_skip: (error) => void parser.push(error), // in its place between the records
  })
  const source = Readable.from(bytes, { objectMode: false })
  source.on('error', (error) => parser.destroy(error))
  source.pipe(parser)
  let line = 1
  let batch: Line[] = []
  try {
    for await (const record of parser as AsyncIterable<string[] | CsvError>) {
      if (record instanceof CsvError) {
        const at = typeof record['lines'] === 'number' ? record['lines'] : line
        batch.push({ line: Math.min(line, at), cells: [], problem: problemOf(record) })
        line = at + 1
      } else {
        if (record.length > 1 || record[0] !== '') batch.push({ line, cells: record })
        line += 1 + breaksIn(record)
      }
      if (batch.length < AT_ONCE) continue
      yield batch
      batch = []
    }
  } finally {
    source.destroy()
  }
  yield batch
}

function problemOf({ code }: CsvError): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'has a quote that never closes'
  if (code === 'CSV_MAX_RECORD_SIZE') return 'goes on for more than 256 KB: a quote never closes'
  return 'has quotes that do not match'
}

function breaksIn(cells: readonly string[]): number {
  let breaks = 0
  for (const cell of cells) {
    if (cell.includes('\n') || cell.includes('\r')) breaks += cell.split(/\r\n|\n|\r/).length - 1
  }
  return breaks
}

async function peek(bytes: AsyncIterable<Buffer>): Promise<{ head: Buffer; all: AsyncIterable<Buffer> }> {
  const iterator = bytes[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  while (head.length < ENOUGH_TO_LOOK_AT && !head.includes(10)) {
    const next = await iterator.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  async function* all() {
    if (head.length > 0) yield head
    for (;;) {
      const next = await iterator.next()
      if (next.done) return
      yield next.value
    }
  }
  return { head, all: all() }
}

/** By the line of headings, of which some hold commas of their own, quoted. */
function delimiterOf(head: Buffer): string {
  const [first = ''] = head.toString('utf8').split(/\r|\n/)
  const bare = first.replaceAll(/"[^"]*"/g, '')
  const counts = [',', ';', '\t'].map((sign) => ({ sign, count: bare.split(sign).length }))
  return counts.toSorted((a, b) => b.count - a.count)[0]?.sign ?? ','
}
