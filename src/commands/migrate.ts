import { WhoopsterError } from '../errors.ts'
import type { Db } from '../db/connection/index.ts'
import type { Printed } from './json.ts'
import { print, printJson, type AddCommand } from './cli.ts'
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
        { migrate, migrateDown, schemaState },
        { finishMigrations },
        { requireSession },
      ] = await Promise.all([
        import('../config.ts'),
        import('../db/connection/index.ts'),
        import('../db/migrate.ts'),
        import('./open.ts'),
        import('../db/connection/pooler.ts'),
      ])
      const config = readConfig(cli.world.env, databaseSettings)
      await withDatabase(
        config,
        cli.world.env,
        async (database) => {
          const { db, warnings } = database
          if (status) {
            const { applied, pending } = await schemaState(db)
            if (json) {
              const migrations = [
                ...applied.map(({ name }) => ({ name, state: 'applied' as const })),
                ...pending.map(({ name }) => ({ name, state: 'pending' as const })),
              ]
              const upToDate = pending.length === 0
              return printJson(cli, { upToDate, migrations } satisfies Printed<'migrate --status'>)
            }
            for (const { name } of applied) print(cli, `applied  ${name}`)
            for (const { name } of pending) print(cli, `pending  ${name}`)
            return
          }
          await requireSession(database)
          if (down) await confirm(cli, await lossOf(db, down), yes)
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

/** What taking migrations back would do, by name. */
async function lossOf(db: Db, down: number): Promise<string> {
  const { schemaState } = await import('../db/migrate.ts')
  const { applied } = await schemaState(db)
  const names = applied.slice(-down).map(({ name }) => name)
  return `This takes back ${names.toReversed().join(', ')}, with the data that only they hold.`
}
