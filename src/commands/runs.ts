import type { Printed } from './json.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { readCount, readUserId } from './read.ts'

const LIMIT = 20

interface RunsOptions {
  limit: number
  user?: number | undefined
  json?: true | undefined
}

export const addRuns: AddCommand = (program, cli) => {
  program
    .command('runs')
    .summary('list the last runs and what each did')
    .description('List the last runs of sync, the newest first, and what each did. They are kept for 90 days.')
    .option('--limit <n>', 'how many', readCount, LIMIT)
    .option('--user <id>', 'only of this member (WHOOP user id)', readUserId)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ whoopster runs\n  $ whoopster runs --limit 500 --json | jq .runs[].outcome')
    .action((options) => list(cli, options))
}

async function list(cli: Cli, { limit, user, json }: RunsOptions): Promise<void> {
  const { terminal, env, clock } = cli.world
  const [{ requireStored, withStored }, { loadRuns }, { clockOf }] = await Promise.all([
    import('./open.ts'),
    import('../db/runs.ts'),
    import('../db/clock.ts'),
  ])
  const { runs, now } = await withStored(cli, async ({ db }) => {
    if (user !== undefined) await requireStored(db, user)
    return { runs: await loadRuns(db, { user, limit }), now: (await clockOf(db, clock)).now() }
  })
  if (json) {
    const shown = runs.map((run) => ({ ...run, firstName: undefined })) // JSON leaves it out: sync's does not name anybody, either
    printJson(cli, { runs: shown } satisfies Printed<'runs'>)
  } else if (runs.length === 0) {
    print(cli, 'No run has ended here yet.\n→ run: whoopster sync')
  } else {
    const { drawRuns } = await import('../terminal/runs.ts')
    print(cli, await drawRuns(runs, now, terminal.stdout, env))
  }
}
