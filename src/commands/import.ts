import type { Imported } from '../import/index.ts'
import type { Member } from '../db/members.ts'
import type { Compared, WitnessKind } from '../db/journal.ts'
import type { Printed } from './json.ts'
import { WhoopsterError, exitCodes } from '../errors.ts'
import { amount, number } from '../numbers.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { readUserId } from './read.ts'

interface ImportFlags {
  user?: number | undefined
  dryRun?: true | undefined
  force?: true | undefined
  json?: true | undefined
}

export const addImport: AddCommand = (program, cli) => {
  program
    .command('import')
    .summary("add the journal from WHOOP's own export")
    .description(
      "Add the journal, which WHOOP's API does not have, from WHOOP's own export (app: More, App settings, Data export), in " +
        'any language; and hold the rest of the export against what is stored.',
    )
    .argument('<file...>', 'the ZIP that WHOOP has sent, its folder, or a CSV file of it')
    .option('--user <id>', 'whose export it is (WHOOP user id)', readUserId)
    .option('--dry-run', 'say what would change, and change nothing')
    .option('--force', "also an older export than the last, or one that looks like another member's")
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster import my_whoop_data_2026_11_22.zip\n  $ whoopster import --dry-run my_whoop_data/',
    )
    .action((files, options) => run(cli, files, options))
}

async function run(cli: Cli, files: readonly string[], { user, dryRun, force, json }: ImportFlags): Promise<void> {
  const { world } = cli
  const [{ withStored }, { importExport }, { loadEverybody }, { createSpinner }] = await Promise.all([
    import('./open.ts'),
    import('../import/index.ts'),
    import('../db/members.ts'),
    import('../terminal/spinner.ts'),
  ])
  await withStored(cli, async (database) => {
    const member = theOne(await loadEverybody(database.db, user), user)
    const spinner = await createSpinner(world.terminal.stderr, world.env, cli.quiet)
    const report = (rows: number) => {
      world.interrupted.throwIfAborted()
      spinner.say(() => `reading ${amount(rows, 'row')}`)
    }
    const options = { dryRun: dryRun === true, force: force === true, report }
    const imported = await importExport(database, member, files, options).finally(() => spinner.stop())
    warn(cli, imported)
    if (json) printJson(cli, toJson(imported, member, options.dryRun))
    else if (!cli.quiet) print(cli, say(imported, options.dryRun).join('\n'))
    if (imported.unreadable.rows > 0) cli.exit(exitCodes.quarantine)
  })
}

function theOne(members: readonly Member[], user: number | undefined): Member {
  const [member, ...others] = members
  if (!member) {
    const who = user === undefined ? 'No member is known here yet' : `WHOOP user ${user} is not known here`
    throw new WhoopsterError('login', `${who}.`, { hint: 'run: whoopster auth' })
  }
  if (others.length === 0) return member
  throw new WhoopsterError('usage', `${number(members.length)} members are stored here.`, {
    hint: `say whose export it is, such as --user ${member.whoopUserId}; see: whoopster auth status`,
  })
}

const MOST_WARNINGS = 20

function warn({ log }: Cli, { unreadable, repeated, files }: Imported): void {
  for (const { file, line, problem } of unreadable.first.slice(0, MOST_WARNINGS)) {
    log.warn(`not read: ${file}, line ${line}: ${problem}`)
  }
  const more = unreadable.rows - Math.min(unreadable.first.length, MOST_WARNINGS)
  if (more > 0)
    log.warn(`not read: ${number(more)} more ${more === 1 ? 'row' : 'rows'}`, { hint: 'all of them: --json' })
  for (const { file, line, problem } of repeated.slice(0, MOST_WARNINGS)) log.warn(`${file}, line ${line}: ${problem}`)
  for (const { name, shape } of files) {
    if (shape === null) log.warn(`left out: ${name} is none of the four files that are known`)
  }
}

function say({ journal, compared, files }: Imported, dryRun: boolean): string[] {
  const lines = dryRun ? ['A dry run: nothing is changed.'] : []
  if (journal) lines.push(...sayJournal(journal))
  else if (files.some(({ shape }) => shape === 'journal')) lines.push('journal: none of its rows could be read')
  else lines.push('journal: there is none among these files; nothing is changed')
  for (const [kind, one] of Object.entries(compared)) lines.push(...sayCompared(kind as WitnessKind, one))
  if (journal && !dryRun) lines.push('→ what goes with what: whoopster stats --type journal')
  return lines
}

function sayJournal({
  inserted,
  updated,
  removed,
  unchanged,
  questions,
  cycles,
}: NonNullable<Imported['journal']>): string[] {
  const total = inserted + updated + unchanged
  const what = `journal: ${amount(total, 'answer')} to ${amount(questions, 'question')} on ${amount(cycles, 'day')}`
  if (inserted + updated + removed === 0) return [`${what}; nothing has changed since the last import`]
  const isReworded = removed > 0 && inserted > 0 && updated + unchanged === 0
  return [
    `${what}: ${number(inserted)} new, ${number(updated)} changed, ${number(removed)} taken back, ${number(unchanged)} as before`,
    ...(isReworded
      ? ['  its questions are worded as none before, as in another language: they replace those of the same days']
      : []),
  ]
}

const MOST_EXAMPLES = 5

function sayCompared(
  kind: WitnessKind,
  { inFile, matched, missingHere, missingInFile, different }: Compared,
): string[] {
  const some = (list: readonly string[]) =>
    `${list.slice(0, MOST_EXAMPLES).join(', ')}${list.length > MOST_EXAMPLES ? ', …' : ''}`
  const details = [
    ...(missingHere.length > 0 ? [`  not stored here: ${some(missingHere)}`, '  → run: whoopster sync --full'] : []),
    ...(missingInFile.length > 0 ? [`  only stored here: ${some(missingInFile)}`] : []),
    ...different
      .slice(0, MOST_EXAMPLES)
      .map(
        ({ start, figure, file, stored }) => `  ${start} ${figure}: ${file} in the export, ${stored ?? 'nothing'} here`,
      ),
    ...(different.length > MOST_EXAMPLES
      ? [`  and ${number(different.length - MOST_EXAMPLES)} more; all of them: --json`]
      : []),
  ]
  const verdict =
    details.length === 0
      ? ', the same as here'
      : different.length > 0
        ? `, ${amount(different.length, 'figure')} ${different.length === 1 ? 'differs' : 'differ'}`
        : ''
  return [`${kind}: ${number(inFile)} in the export, ${number(matched)} of them stored here${verdict}`, ...details]
}

function toJson(
  { files, journal, unreadable, repeated, compared }: Imported,
  { whoopUserId }: Member,
  dryRun: boolean,
): Printed<'import'> {
  return { whoopUserId, dryRun, files, journal, unreadable, repeated, compared }
}
