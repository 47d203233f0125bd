import type { Answer } from '../db/query.ts'
import type { Sink } from '../files.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readOneOf } from './read.ts'

const formats = ['table', 'csv', 'json'] as const
type Format = (typeof formats)[number]

export const addSql: AddCommand = (program, cli) => {
  program
    .command('sql')
    .argument(
      '[statement]',
      'one statement; without it, read from stdin, or on a terminal the tables and views are listed',
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
        '  $ whoopster sql < question.sql',
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
  await withStored(cli, (database) =>
    ask(database, { text, json: format === 'json' }, world.interrupted, async (answer) => {
      const shape = await shapeOf(format, answer, cli)
      await write(answer, shape, sink)
    }),
  )
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

async function list(
  cli: Cli,
  relations: readonly { name: string; columns: string; comment: string | null }[],
): Promise<void> {
  const [{ styleFor, widthOf }, { wrap }] = await Promise.all([
    import('../terminal/style.ts'),
    import('../terminal/wrap.ts'),
  ])
  const { stdout } = cli.world.terminal
  const style = await styleFor(stdout, cli.world.env)
  const width = widthOf(stdout) - 2
  for (const { name, columns, comment } of relations) {
    const lines = [...(comment ? wrap(comment, width) : []), ...wrap(columns, width).map((line) => style.dim(line))]
    print(cli, [style.bold(name), ...lines.map((line) => `  ${line}`)].join('\n'))
  }
  print(cli, '\nAsk them: whoopster sql "select … from daily_summary"')
}

async function readAll(input: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of input) text += String(chunk)
  return text
}
