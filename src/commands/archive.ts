import { readConfig, databaseSettings } from '../config.ts'
import type { Unlike } from '../archive/index.ts'
import type { Manifest } from '../resources/archive.ts'
import { WhoopsterError } from '../errors.ts'
import { amount, number } from '../numbers.ts'
import { dayOf } from '../time.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readUserId } from './read.ts'

interface ArchiveOptions {
  user?: number | undefined
  out?: string | undefined
  verify?: string | undefined
  database: boolean
}

export const addArchive: AddCommand = (program, cli) => {
  program
    .command('archive')
    .summary('write all that is stored into one file, to keep or to move')
    .description(
      'Write all that is stored into one ZIP file of JSON lines, to keep or to move: records in WHOOP’s own words, their ' +
        'history, what could not be read, and which times are complete. No token, key or secret is in it. ' +
        'The same database gives the same bytes.',
    )
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--out <file>', 'where to; - is stdout (default: whoopster-<day>.zip)')
    .option(
      '--verify <file>',
      'write nothing: look whether an archive is whole, and equal to the database; 0: yes, 1: no',
    )
    .option('--no-database', 'with --verify: look at the file alone')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster archive --out whoop.zip\n  $ whoopster archive --verify whoop.zip\n' +
        '  $ whoopster archive --out - | gpg --encrypt --recipient me > whoop.zip.gpg',
    )
    .action((options) => (options.verify === undefined ? write(cli, options) : verify(cli, options.verify, options)))
}

async function write(cli: Cli, { user, out }: ArchiveOptions): Promise<void> {
  const { world, log } = cli
  const { stdout, stderr } = world.terminal
  const path = out ?? `whoopster-${dayOf(world.clock.now())}.zip`
  if (path === '-' && stdout.isTTY) {
    throw new WhoopsterError('usage', 'An archive is nothing for a terminal.', {
      hint: 'name a file: whoopster archive --out whoop.zip',
    })
  }
  const [{ withStored }, { archive }, { noteArchive }, { toOutput, writeFileWhole }, { createSpinner }] =
    await Promise.all([
      import('./open.ts'),
      import('../archive/index.ts'),
      import('../db/archive.ts'),
      import('../files.ts'),
      import('../terminal/spinner.ts'),
    ])
  await withStored(cli, async ({ db }) => {
    const spinner = await createSpinner(stderr, world.env, cli.quiet)
    const options = {
      user,
      interrupted: world.interrupted,
      report: (whoopUserId: number, part: string) => spinner.say(() => `WHOOP user ${whoopUserId}: ${part}`),
    }
    let archived: Awaited<ReturnType<typeof archive>> | undefined
    try {
      if (path === '-') archived = await archive(db, toOutput(stdout, world.interrupted), options)
      else {
        await writeFileWhole(path, async (sink) => {
          archived = await archive(db, sink, options)
        })
      }
    } finally {
      spinner.stop()
    }
    if (!archived) return
    const { whoopUserIds, lines } = archived
    try {
      await noteArchive(db, whoopUserIds, world.clock.now().toISOString())
    } catch (error) {
      log.debug('the database does not take a note of it, so doctor will not know', { error: String(error) })
    }
    if (path === '-' || cli.quiet) return
    print(cli, `${path}  ${members(whoopUserIds.length)}, ${amount(lines, 'line')}`)
  })
}

async function verify(cli: Cli, path: string, { user, out, database }: ArchiveOptions): Promise<void> {
  if (out !== undefined || user !== undefined) {
    throw new WhoopsterError('usage', '--verify looks at all of a file, and writes none.', {
      hint: `run: whoopster archive --verify ${path}`,
    })
  }
  const { world, log } = cli
  const { checkEveryLine, withArchive } = await import('../archive/read.ts')
  try {
    await withArchive(path, async (archive) => {
      const lines = await checkEveryLine(archive, { interrupted: world.interrupted, report: () => {} })
      const { manifest } = archive
      print(
        cli,
        `${path} is whole: ${members(manifest.members.length)}, ${amount(lines, 'line')} in ` +
          `${amount(manifest.files.length, 'file')}, written by whoopster ${manifest.whoopster}`,
      )
      const unlike = database ? await compare(cli, manifest) : undefined
      if (!unlike) return
      if (unlike.length === 0) print(cli, 'The database holds the same.')
      for (const { name, archived, stored } of unlike) {
        print(cli, `${name} is not what the database holds: ${amount(archived, 'line')}, and ${number(stored)} there`)
      }
      if (unlike.length > 0) print(cli, '→ a sync may have run since; make a new one: whoopster archive')
      cli.exit(unlike.length === 0 ? 0 : 1)
    })
  } catch (error) {
    if (!(error instanceof WhoopsterError) || error.reason !== 'usage') throw error
    log.error(error.message, { reason: error.reason, ...(error.hint === undefined ? {} : { hint: error.hint }) })
    cli.exit(1)
  }
}

/** Undefined where there is no database at hand: looking must not make one. */
async function compare(cli: Cli, manifest: Manifest): Promise<Unlike[] | undefined> {
  const { world } = cli
  const config = readConfig(world.env, databaseSettings)
  const { dataDirectory, holdsDatabase } = await import('../db/connection/directory.ts')
  if (!config.DATABASE_URL && !holdsDatabase(dataDirectory(config, world.env))) {
    print(cli, 'There is no database here to compare it with.')
    return undefined
  }
  const [{ withStored }, { compareWithDatabase }] = await Promise.all([
    import('./open.ts'),
    import('../archive/index.ts'),
  ])
  return withStored(cli, ({ db }) => compareWithDatabase(db, manifest, world.interrupted))
}

function members(count: number): string {
  return amount(count, 'member')
}
