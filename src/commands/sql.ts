import type { Answer, Relation } from '../db/query.ts'
import { WhoopsterError } from '../errors.ts'
import type { Sink } from '../files.ts'
import { nearest } from '../spelling.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readOneOf } from './read.ts'

const formats = ['table', 'csv', 'json'] as const
type Format = (typeof formats)[number]

export const addSql: AddCommand = (program, cli) => {
  program
    .command('sql')
    .argument(
      '[statement]',
      'one statement, or the name of a table or view, to have it explained; without it, read from stdin, or on a terminal those are listed',
    )
    .summary('ask the database a question of your own')
    .description(
      'Ask the database, the embedded one too, a question of your own. It only reads, and sees what whoopster_reader ' +
        'sees: records and views, no logins.',
    )
    .option('--format <format>', `${formats.join(', ')} (default: a table on a terminal, else csv)`, readOneOf(formats))
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster sql "select day, recovery_score, hrv_rmssd from daily_trends order by day desc limit 14"\n' +
        '  $ whoopster sql --format json "table workout_log" > workouts.json\n' +
        '  $ whoopster sql daily_summary\n  $ whoopster sql < question.sql',
    )
    .action((statement, { format }) => run(cli, statement, format))
}

async function run(cli: Cli, given: string | undefined, asked: Format | undefined): Promise<void> {
  const { world } = cli
  const { stdin, stdout } = world.terminal
  const [{ withStored }, { ask, loadRelations }, { toOutput }, { isLive }] = await Promise.all([
    import('./open.ts'),
    import('../db/query.ts'),
    import('../files.ts'),
    import('../terminal/style.ts'),
  ])
  if (given === undefined && stdin.isTTY) {
    return withStored(cli, async (database) => list(cli, await loadRelations(database)))
  }
  const text = given ?? (await readAll(stdin))
  const format = asked ?? (isLive(stdout, world.env) ? 'table' : 'csv')
  const sink = toOutput(stdout, world.interrupted)
  await withStored(cli, async (database) => {
    const named = ONE_WORD.test(text) ? find(text.trim(), await loadRelations(database)) : undefined
    if (named) return explain(cli, named)
    await ask(database, { text, json: format === 'json' }, world.interrupted, async (answer) => {
      const shape = await shapeOf(format, answer, cli)
      await write(answer, shape, sink)
    })
  })
}

/** How rows become text; `end` is told how many there were. */
interface Shape {
  start: string
  rows: (rows: readonly (readonly (string | null)[])[], isFirst: boolean) => string
  end: (count: number) => string
}

async function write({ rows }: Answer, { start, rows: draw, end }: Shape, sink: Sink): Promise<void> {
  await sink.write(start)
  let count = 0
  let isFirst = true
  for await (const some of rows) {
    if (sink.closed()) return
    await sink.write(draw(some, isFirst))
    count += some.length
    isFirst = false
  }
  await sink.write(end(count))
}

/** int2, int4, int8, float4, float8, numeric, oid */
const NUMBERS = new Set([21, 23, 20, 700, 701, 1700, 26])

async function shapeOf(format: Format, { columns }: Answer, { world }: Cli): Promise<Shape> {
  const { stdout } = world.terminal
  const { harmlessJson, harmlessLines } = await import('../terminal/safe.ts')
  if (format === 'table') {
    const [{ createRows }, { widthOf }] = await Promise.all([
      import('../terminal/rows.ts'),
      import('../terminal/style.ts'),
    ])
    const names = columns.map(({ name }) => name)
    const draw = createRows(names, columns.map(({ type }) => NUMBERS.has(type)), widthOf(stdout)) // prettier-ignore
    return { start: '', rows: draw, end: (count) => `(${count.toLocaleString('en')} row${count === 1 ? '' : 's'})\n` }
  }
  if (format === 'json') {
    const line = (isFirst: boolean) => (row: readonly (string | null)[], index: number) =>
      `${isFirst && index === 0 ? '' : ','}\n${harmlessJson(row[0] ?? 'null')}`
    return { start: '[', rows: (rows, isFirst) => rows.map(line(isFirst)).join(''), end: () => '\n]\n' }
  }
  const { csvLine } = await import('../export/format.ts')
  const shown = stdout.isTTY ? harmlessLines : (text: string) => text
  const lines = (rows: readonly (readonly (string | null)[])[]) => rows.map((row) => `${csvLine(row)}\n`).join('')
  return { start: lines([columns.map(({ name }) => name)]), rows: (rows) => shown(lines(rows)), end: () => '' }
}

const ONE_WORD = /^\s*[a-z_]+\s*$/

/** The table or view of this name; undefined when the word may be a statement. */
function find(name: string, relations: readonly Relation[]): Relation | undefined {
  const found = relations.find((one) => one.name === name)
  const names = relations.map((one) => one.name)
  const meant = found ? undefined : nearest(name, names)
  if (!meant) return found
  throw new WhoopsterError('usage', `There is no table or view ${name}.`, { hint: `did you mean ${meant}?` })
}

/** What there is, at one glance: of the views what they are for, of the tables their names. */
async function list(cli: Cli, relations: readonly Relation[]): Promise<void> {
  const [{ styleFor, widthOf }, { wrap }] = await Promise.all([
    import('../terminal/style.ts'),
    import('../terminal/wrap.ts'),
  ])
  const { stdout } = cli.world.terminal
  const style = await styleFor(stdout, cli.world.env)
  const width = widthOf(stdout)
  const explained = relations.filter(({ comment }) => comment)
  const others = relations.filter(({ comment }) => !comment).map(({ name }) => name)
  const lines = explained.flatMap(({ name, comment }) => [
    style.bold(name),
    ...wrap(firstSentence(comment ?? ''), width, '  '),
  ])
  const tables = others.length === 0 ? [] : ['', ...wrap(`And: ${others.join(', ')}.`, width, '', '  ')]
  print(cli, [...lines, ...tables, ''].join('\n'))
  print(cli, 'One of them in full: whoopster sql daily_summary')
  print(cli, 'Ask them: whoopster sql "select … from daily_summary"')
}

function firstSentence(text: string): string {
  return /^.*?\.(?= [A-Z]|$)/s.exec(text)?.[0] ?? text
}

/** All that is known of one: what its rows are, and its columns. */
function explain(cli: Cli, { comment, columns }: Relation): void {
  print(cli, [...(comment ? [comment, ''] : []), `columns: ${columns}`].join('\n'))
}

async function readAll(input: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of input) text += String(chunk)
  return text
}
