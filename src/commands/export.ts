import { WhoopsterError } from '../errors.ts'
import type { Exported } from '../export/index.ts'
import { exportNames, formats, type ExportName, type Format } from '../export/names.ts'
import { amount } from '../numbers.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readExactInstant, readOneOf, readSeveralOf, readUserId, requireRange } from './read.ts'

interface ExportOptions {
  format: Format
  type?: ExportName[] | undefined
  user?: number | undefined
  since?: string | undefined
  until?: string | undefined
  raw?: true | undefined
  out: string
}

export const addExport: AddCommand = (program, cli) => {
  const readDate = (text: string) => readExactInstant(text, cli.world.clock.now())
  program
    .command('export')
    .summary('write what is stored as CSV or JSON')
    .description(
      'Write what is stored as CSV, JSON or NDJSON (a JSON object a line), oldest first, with columns that do not ' +
        'change: docs/export.md.',
    )
    .option('--type <type...>', `only these: ${exportNames.join(', ')}`, readSeveralOf(exportNames))
    .option('--format <format>', formats.join(', '), readOneOf(formats), 'csv')
    .option('--since <date>', 'only from here on: a UTC day, yesterday, 7d (ago) or an RFC 3339 instant', readDate)
    .option('--until <date>', 'only up to here, exclusive', readDate)
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--raw', 'with each record as WHOOP sent it, in raw_data')
    .option('--out <folder>', 'a file a type, in this folder; - is stdout, for one type', '-')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster export --type daily > daily.csv\n' +
        '  $ whoopster export --out whoop-2026 --since 2026-01-01 --until 2027-01-01\n' +
        '  $ whoopster export --type sleep --format ndjson | jq .sleep_performance_percentage',
    )
    .action((options) => run(cli, options))
}

async function run(cli: Cli, { type: types, out, ...options }: ExportOptions): Promise<void> {
  const { world } = cli
  requireRange('export', options, world.clock.now())
  const names = types ?? exportNames
  const [only, ...others] = names
  const toStdout = out === '-'
  if (toStdout && (!only || others.length > 0)) {
    throw new WhoopsterError('usage', 'stdout takes one type at a time.', {
      hint: 'choose one, such as --type daily, or a folder for all of them: --out whoop-export',
    })
  }
  const [{ requireStored, withStored }, { exportInto, exportTo }, { toOutput }] = await Promise.all([
    import('./open.ts'),
    import('../export/index.ts'),
    import('../files.ts'),
  ])
  const wish = {
    format: options.format,
    user: options.user,
    raw: options.raw === true,
    range: { from: options.since, to: options.until },
  }
  await withStored(cli, async ({ db }) => {
    if (options.user !== undefined) await requireStored(db, options.user)
    if (toStdout && only)
      await exportTo(db, only, wish, toOutput(world.terminal.stdout, world.interrupted), world.interrupted)
    else report(cli, await exportInto(db, names, wish, out, world.interrupted))
  })
}

function report(cli: Cli, exported: readonly Exported[]): void {
  if (cli.quiet) return
  for (const { rows, file } of exported) print(cli, `${file}  ${amount(rows, 'row')}`)
}
