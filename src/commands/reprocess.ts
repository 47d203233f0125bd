import { number } from '../numbers.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readRecordTypes } from './read.ts'
import type { TypeName } from '../resources/names.ts'

export const addReprocess: AddCommand = (program, cli) => {
  program
    .command('reprocess')
    .summary('build the columns again from the stored raw data')
    .description(
      'Build the columns again from the raw data that is stored, without asking WHOOP: for the day a column is added.',
    )
    .option('--type <type...>', 'only these: sleep, recovery, workout, cycle', readRecordTypes)
    .addHelpText('after', '\nExample:\n  $ whoopster reprocess --type workout')
    .action(({ type }) => rebuild(cli, type))
}

async function rebuild(cli: Cli, types: readonly TypeName[] | undefined): Promise<void> {
  const { world } = cli
  const [{ withStored }, { reprocess }, { resources }, { createSpinner }] = await Promise.all([
    import('./open.ts'),
    import('../reprocess.ts'),
    import('../resources/index.ts'),
    import('../terminal/spinner.ts'),
  ])
  await withStored(cli, async ({ db }) => {
    const spinner = await createSpinner(world.terminal.stderr, world.env, cli.quiet)
    const lines: string[] = []
    try {
      for (const resource of resources.filter(({ name }) => !types || types.includes(name))) {
        const done = await reprocess(db, resource, {
          report: (read) => {
            world.interrupted.throwIfAborted()
            spinner.say(() => `${resource.name} ${number(read)}`)
          },
        })
        const unreadable = done.unreadable > 0 ? `, ${number(done.unreadable)} not readable and left as they are` : ''
        lines.push(`${resource.name}: ${number(done.read)} read, ${number(done.changed)} changed${unreadable}`)
      }
    } finally {
      spinner.stop()
      for (const line of lines) print(cli, line)
    }
  })
}
