import { databaseSettings, readConfig } from '../config.ts'
import type { Restored } from '../archive/restore.ts'
import { exitCodes } from '../errors.ts'
import { number } from '../numbers.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readUserId } from './read.ts'

export const addRestore: AddCommand = (program, cli) => {
  program
    .command('restore')
    .argument('<file>', 'what whoopster archive has written')
    .summary('bring an archive back into this database')
    .description(
      'Bring an archive back into this database, which may be empty or hold some of it: what is newer stays, and what is older goes to the ' +
        'history. The whole file is checked before anything is written. An interrupted restore is simply run again. ' +
        'It logs nobody in: for that, whoopster auth.',
    )
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .addHelpText('after', '\nExample:\n  $ whoopster restore whoop.zip')
    .action((file, { user }) => bringBack(cli, file, user))
}

async function bringBack(cli: Cli, path: string, user: number | undefined): Promise<void> {
  const { world, log } = cli
  const [{ withDatabase }, { migrate }, { finishMigrations }, { checkEveryLine, withArchive }, { restore }, spinners] =
    await Promise.all([
      import('../db/connection/index.ts'),
      import('../db/migrate.ts'),
      import('./open.ts'),
      import('../archive/read.ts'),
      import('../archive/restore.ts'),
      import('../terminal/spinner.ts'),
    ])
  const config = readConfig(world.env, databaseSettings)
  const spinner = await spinners.createSpinner(world.terminal.stderr, world.env, cli.quiet)
  const { interrupted } = world
  try {
    await withArchive(path, async (archive) => {
      await checkEveryLine(archive, {
        interrupted,
        report: ({ file }) => spinner.say(() => `checking ${file.name}`),
      })
      const restored = await withDatabase(
        config,
        world.env,
        async (database) => {
          const migrations = (await migrate(database.db)).map(({ name }) => name)
          if (migrations.length > 0) log.info('migrated the schema', { migrations })
          for (const { message, hint } of database.warnings) log.warn(String(message), { hint })
          await finishMigrations(cli, database)
          return restore(database, archive, {
            user,
            interrupted,
            report: ({ file }, done) => spinner.say(() => `${file.name}: ${number(done)} of ${number(file.lines)}`),
          })
        },
        interrupted,
      )
      spinner.stop()
      if (!cli.quiet) print(cli, await draw(cli, restored))
      if (restored.some(({ unreadable }) => unreadable > 0)) cli.exit(exitCodes.quarantine)
    })
  } finally {
    spinner.stop()
  }
}

const columns = ['new', 'same', 'newer', 'older', 'gone', 'unreadable'] as const

async function draw({ world }: Cli, restored: readonly Restored[]): Promise<string> {
  const [{ table }, { styleFor, widthOf }] = await Promise.all([
    import('../terminal/table.ts'),
    import('../terminal/style.ts'),
  ])
  const { stdout } = world.terminal
  const style = await styleFor(stdout, world.env)
  const head = ['', ...columns].map((one) => style.dim(one))
  const ids = [...new Set(restored.map(({ whoopUserId }) => whoopUserId))]
  const blocks = ids.map((id) => {
    const rows = restored
      .filter(({ whoopUserId }) => whoopUserId === id)
      .map((one) => [one.type, ...columns.map((name) => number(one[name]))])
    const drawn = table([head, ...rows], {
      right: columns.map((_, index) => index + 1),
      width: widthOf(stdout),
      titled: true,
    })
    return `${style.bold(`WHOOP user ${id}`)}\n${drawn}`
  })
  return [...blocks, 'Next: whoopster auth, if WHOOP is to be asked again; whoopster stats shows what is here.'].join(
    '\n',
  )
}
