import { WhoopsterError } from '../errors.ts'
import type { SchemaState } from '../db/migrate.ts'
import type { Printed } from './json.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { confirm } from './confirm.ts'
import { readCount } from './read.ts'

export const addMigrate: AddCommand = (program, cli) => {
  program
    .command('migrate')
    .summary('bring the database schema up to date')
    .description('Bring the database schema up to date. `auth` and `sync` do this by themselves.')
    .option('--status', 'only list the migrations')
    .option(
      '--down <n>',
      'take the newest n back, with the data they hold; suspend the schedule first, the next sync migrates up again',
      readCount,
    )
    .option('--yes', 'take back without asking')
    .option('--json', 'with --status: print JSON')
    .addHelpText('after', '\nExample:\n  $ whoopster migrate --status')
    .action(async ({ status, down, yes, json }) => {
      if (status && down) throw new WhoopsterError('usage', '--status changes nothing: leave --down out.')
      if (json && !status) {
        throw new WhoopsterError('usage', '--json goes with --status.', {
          hint: 'run: whoopster migrate --status --json',
        })
      }
      const [
        { databaseSettings, readConfig },
        { withDatabase },
        { migrate, migrateDown, newest, nothingStored, schemaOfNone, schemaState },
        { finishMigrations, isThere },
        { requireSession },
      ] = await Promise.all([
        import('../config.ts'),
        import('../db/connection/index.ts'),
        import('../db/migrate.ts'),
        import('./open.ts'),
        import('../db/connection/pooler.ts'),
      ])
      const config = readConfig(cli.world.env, databaseSettings)
      const looks = status === true || down !== undefined
      if (looks && !isThere(config, cli.world.env)) {
        if (!status) throw nothingStored()
        return list(cli, schemaOfNone(), json)
      }
      await withDatabase(
        config,
        cli.world.env,
        async (database) => {
          const { db, warnings } = database
          if (status) return list(cli, await schemaState(db), json)
          await requireSession(database)
          if (down) {
            const names = newest((await schemaState(db)).applied, down).map(({ name }) => name)
            const theirs = names.length === 1 ? 'it holds' : 'they hold'
            await confirm(cli, `This takes back ${names.join(', ')}, with the data that only ${theirs}.`, yes)
          }
          const moved = down ? await migrateDown(db, down) : await migrate(db)
          if (!down) await finishMigrations(cli, database)
          for (const { name } of moved) print(cli, `${down ? 'took back' : 'applied'}  ${name}`)
          for (const { message, hint } of warnings) cli.log.warn(String(message), { hint })
          if (moved.length === 0) print(cli, 'The schema is up to date.')
        },
        cli.world.interrupted,
        { log: cli.log },
      )
    })
}

function list(cli: Cli, { applied, pending }: SchemaState, json: true | undefined): void {
  const migrations = [
    ...applied.map(({ name }) => ({ name, state: 'applied' as const })),
    ...pending.map(({ name }) => ({ name, state: 'pending' as const })),
  ]
  if (json) printJson(cli, { upToDate: pending.length === 0, migrations } satisfies Printed<'migrate --status'>)
  else for (const { name, state } of migrations) print(cli, `${state}  ${name}`)
}
