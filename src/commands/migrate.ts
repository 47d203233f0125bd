import { WhoopsterError } from '../errors.ts'
import type { Migration, SchemaState } from '../db/migrate.ts'
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
        { migrate, migrateDown, readMigrations, requireApplied, schemaState },
        { finishMigrations, isThere, requireDatabase },
        { requireSession },
      ] = await Promise.all([
        import('../config.ts'),
        import('../db/connection/index.ts'),
        import('../db/migrate.ts'),
        import('./open.ts'),
        import('../db/connection/pooler.ts'),
      ])
      const config = readConfig(cli.world.env, databaseSettings)
      if (status && !isThere(config, cli.world.env)) return show(cli, { applied: [], pending: readMigrations() }, json)
      if (down) requireDatabase(config, cli.world.env)
      await withDatabase(
        config,
        cli.world.env,
        async (database) => {
          const { db, warnings } = database
          if (status) return show(cli, await schemaState(db), json)
          await requireSession(database)
          if (down) {
            const { applied } = await schemaState(db)
            requireApplied(applied, down)
            await confirm(cli, lossOf(applied.slice(-down)), yes)
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

function show(cli: Cli, { applied, pending }: Pick<SchemaState, 'applied' | 'pending'>, json?: true): void {
  const migrations = [
    ...applied.map(({ name }) => ({ name, state: 'applied' as const })),
    ...pending.map(({ name }) => ({ name, state: 'pending' as const })),
  ]
  if (json) return printJson(cli, { upToDate: pending.length === 0, migrations } satisfies Printed<'migrate --status'>)
  for (const { name, state } of migrations) print(cli, `${state}  ${name}`)
}

/** What taking migrations back would do, by name. */
function lossOf(migrations: readonly Migration[]): string {
  const names = migrations.map(({ name }) => name)
  const theirs = names.length === 1 ? 'it holds' : 'they hold'
  return `This takes back ${names.toReversed().join(', ')}, with the data that only ${theirs}.`
}
