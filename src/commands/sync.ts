import type { Range } from '../db/coverage.ts'
import { exitCodes, failure, WhoopsterError } from '../errors.ts'
import type { TypeName } from '../resources/names.ts'
import type { Progress, RunResult } from '../sync.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { readInstant, readTypes, readUserId } from './read.ts'

interface SyncOptions {
  type?: TypeName[] | undefined
  user?: number | undefined
  since?: string | undefined
  until?: string | undefined
  full?: true | undefined
  migrate: boolean
  json?: true | undefined
}

export const addSync: AddCommand = (program, cli) => {
  program
    .command('sync')
    .summary('fetch what is new or changed and store it')
    .description('Fetch what is new or changed at WHOOP, for every member that is logged in, and store it.')
    .option('--type <type...>', 'only these: sleep, recovery, workout, cycle, body', readTypes)
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--since <date>', 'read from here on again: a UTC day or an RFC 3339 instant', readInstant)
    .option('--until <date>', 'read up to here again, exclusive', readInstant)
    .option('--full', 'read the whole history again')
    .option('--no-migrate', 'do not bring the schema up to date first')
    .option('--json', 'print the run as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster sync\n  $ whoopster sync --type sleep,recovery --since 2026-03-01',
    )
    .action(async (options) => {
      const again = rangeOf(options)
      try {
        const { result, code } = await run(cli, options, again)
        if (options.json) printJson(cli, result)
        else if (!cli.quiet) print(cli, await describe(cli, result))
        cli.exit(code)
      } catch (error) {
        if (error instanceof WhoopsterError && error.reason === 'busy') cli.log.info(error.message)
        const result = emptyRun(cli, error)
        if (options.json) printJson(cli, result)
        if (result.outcome === 'failed') throw error
      }
    })
}

/** What has to be read again; undefined when nothing has. */
function rangeOf({ full, since, until }: SyncOptions): Range | undefined {
  if (full && (since ?? until)) throw usage('--full reads everything again: leave --since and --until out.')
  if (since && until && since >= until) throw usage('--since must be before --until.')
  return full || since || until ? { from: since, to: until } : undefined
}

function usage(message: string): WhoopsterError {
  return new WhoopsterError('usage', message, { hint: 'see: whoopster sync --help' })
}

async function run(
  cli: Cli,
  options: SyncOptions,
  again: Range | undefined,
): Promise<{ result: RunResult; code: number }> {
  const { world, log } = cli
  const [
    { requireMembers, withEverything },
    { sync, worstReason },
    { createOAuth },
    { createPace },
    { createSpinner },
  ] = await Promise.all([
    import('./open.ts'),
    import('../sync.ts'),
    import('../whoop/oauth.ts'),
    import('../whoop/pace.ts'),
    import('../terminal/spinner.ts'),
  ])
  return withEverything(cli, { autoMigrate: options.migrate }, async ({ database, keys, config }) => {
    const members = await requireMembers(database, options.user)
    const spinner = await createSpinner(world.terminal.stderr, cli.quiet)
    const means = {
      ...world,
      database,
      keys,
      log,
      oauth: createOAuth(config, world),
      pace: createPace(world.clock, config.MAX_REQUESTS_PER_MINUTE),
      baseUrl: config.WHOOP_API_BASE_URL,
      report: reporter((text) => spinner.say(text)),
    }
    try {
      const result = await sync(means, members, { types: options.type, again })
      const reason = worstReason(result)
      return { result, code: reason === undefined ? 0 : exitCodes[reason] }
    } finally {
      spinner.stop()
    }
  })
}

/** `sleep 340 (back to 2025-01-03) · cycle 125 (back to 2025-07-19)` */
function reporter(say: (text: string) => void): (progress: Progress) => void {
  const latest = new Map<TypeName, string>()
  return ({ type, fetched, reached }) => {
    latest.set(type, `${type} ${fetched} (back to ${reached.slice(0, 10)})`)
    say([...latest.values()].join(' · '))
  }
}

/** A run that did not come to its members. */
function emptyRun({ world }: Cli, error: unknown): RunResult {
  const now = world.clock.now().toISOString()
  const isBusy = error instanceof WhoopsterError && error.reason === 'busy'
  return {
    startedAt: now,
    finishedAt: now,
    outcome: isBusy ? 'skipped' : 'failed',
    error: isBusy ? null : failure(error),
    users: [],
    requests: 0,
    waitedMs: 0,
    tokenRefreshes: 0,
  }
}

async function describe({ world }: Cli, result: RunResult): Promise<string> {
  const [{ table }, { styleFor, widthOf }] = await Promise.all([
    import('../terminal/table.ts'),
    import('../terminal/style.ts'),
  ])
  const { stdout } = world.terminal
  const style = styleFor(stdout, world.env)
  const blocks = result.users.map((user) => {
    const rows = Object.entries(user.types).map(([type, one]) => [
      one.outcome === 'ok' ? style.green('✔') : one.outcome === 'failed' ? style.red('✘') : style.yellow('–'),
      type,
      one.outcome === 'skipped' ? '' : `${one.fetched} read`,
      one.outcome === 'skipped' ? '' : `${one.inserted} new`,
      one.outcome === 'skipped' ? '' : `${one.updated} changed`,
      one.error?.message ?? (one.outcome === 'skipped' ? 'skipped' : ''),
    ])
    const head = `${style.bold(`WHOOP user ${user.whoopUserId}`)}  ${user.outcome}`
    const failed = user.error ? [`  ${user.error.message}`, ...(user.error.hint ? [`  → ${user.error.hint}`] : [])] : []
    return [head, ...failed, table(rows, { right: [2, 3, 4], width: widthOf(stdout) })].filter(Boolean).join('\n')
  })
  const seconds = (Date.parse(result.finishedAt) - Date.parse(result.startedAt)) / 1000
  const waited = result.waitedMs >= 1000 ? `, ${Math.round(result.waitedMs / 1000)} s of them waiting` : ''
  return [...blocks, style.dim(`${result.requests} requests in ${seconds.toFixed(1)} s${waited}`)].join('\n')
}
