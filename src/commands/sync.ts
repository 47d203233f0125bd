import type { Range } from '../db/coverage.ts'
import { exitCodes, failure, Interruption, WhoopsterError } from '../errors.ts'
import type { Printed } from './json.ts'
import type { Shard } from '../db/queue.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import { emptyRun, errorsOf, worstReason, type RunResult } from '../sync/result.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { readCount, readDuration, readInstant, readShard, readTypes, readUserId, requireRange } from './read.ts'

interface SyncOptions {
  type?: TypeName[] | undefined
  user?: number | undefined
  since?: string | undefined
  until?: string | undefined
  full?: true | undefined
  olderThan?: number | undefined
  maxMembers?: number | undefined
  shard?: Shard | undefined
  deadline?: number | undefined
  migrate: boolean
  json?: true | undefined
}

export const addSync: AddCommand = (program, cli) => {
  const readDate = (text: string) => readInstant(text, cli.world.clock.now())
  program
    .command('sync')
    .summary('fetch what is new or changed and store it')
    .description('Fetch what is new or changed at WHOOP, for every member that is logged in, and store it.')
    .option('--type <type...>', 'only these: sleep, recovery, workout, cycle, body', readTypes)
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option(
      '--since <date>',
      'read from here on again: a UTC day, yesterday, 7d (ago) or an RFC 3339 instant',
      readDate,
    )
    .option('--until <date>', 'read up to here again, exclusive', readDate)
    .option('--full', 'read the whole history again')
    .option('--older-than <duration>', 'only members whose last sync began longer ago than 10m, 2h …', readDuration)
    .option('--max-members <n>', 'sync at most this many members, the stalest first', readCount)
    .option('--shard <i/n>', 'only the i-th (from 0) of n shares of the members, for n processes', readShard)
    .option('--deadline <duration>', 'begin with no other member after 10m, 2h …', readDuration)
    .option('--no-migrate', 'do not bring the schema up to date first')
    .option('--json', 'print the run as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster sync\n  $ whoopster sync --type sleep,recovery --since 2026-03-01',
    )
    .action((options) => watched(cli, () => syncOnce(cli, options)))
}

/** Runs, and tells the monitor, if there is one, when it began and how it ended. */
async function watched(cli: Cli, work: () => Promise<Ended>): Promise<void> {
  const { world, log } = cli
  const { createHealthcheck } = await import('../sync/ping.ts')
  const monitor = createHealthcheck(world, log)
  const started = monitor.start()
  const end = async (code: number, why: string) => {
    await started
    await monitor.end(code, why)
  }
  try {
    const { result, code } = await work()
    cli.exit(code)
    await end(code, errorsOf(result).join('\n'))
  } catch (error) {
    const { reason, message } = failure(error)
    const { aborted, reason: signal } = world.interrupted
    await end(aborted && typeof signal === 'number' ? signal : exitCodes[reason], aborted ? 'interrupted' : message)
    throw error
  }
}

async function syncOnce(cli: Cli, options: SyncOptions): Promise<Ended> {
  const again = rangeOf(cli, options)
  const ended = await run(cli, options, again).catch((error: unknown) => gaveUp(cli, error))
  const { result, error } = ended
  if (options.json) printJson(cli, result satisfies Printed<'sync'>)
  if (error) throw error
  if (!options.json && !cli.quiet) print(cli, await describe(cli, ended))
  if (!cli.world.terminal.stderr.isTTY) logTypes(cli, result)
  return ended
}

/** One member's sync, for whoever is told by WHOOP that there is something new; says in the log how each type went. */
export async function syncMember(cli: Cli, whoopUserId: number): Promise<void> {
  const { result } = await run(cli, { user: whoopUserId, migrate: true }, undefined)
  logTypes(cli, result)
}

interface Ended {
  result: RunResult
  code: number
  /** The members' first names. */
  names?: ReadonlyMap<number, string | null>
  error?: unknown
}

/** A run that could not begin. That somebody else is at it already is no failure. */
function gaveUp({ world, log }: Cli, error: unknown): Ended {
  if (world.interrupted.aborted) throw error
  const now = world.clock.now()
  const isBusy = error instanceof WhoopsterError && error.reason === 'busy'
  if (!isBusy) return { result: emptyRun(now, error), code: exitCodes.bug, error }
  log.info(error.message)
  return { result: emptyRun(now, undefined), code: 0 }
}

/** What has to be read again; undefined when nothing has. */
function rangeOf({ world }: Cli, { full, since, until }: SyncOptions): Range | undefined {
  if (full && (since ?? until)) throw usage('--full reads everything again: leave --since and --until out.')
  requireRange('sync', { since, until }, world.clock.now())
  return full || since || until ? { from: since, to: until } : undefined
}

function usage(message: string): WhoopsterError {
  return new WhoopsterError('usage', message, { hint: 'see: whoopster sync --help' })
}

async function run(cli: Cli, options: SyncOptions, again: Range | undefined): Promise<Ended> {
  const [{ openRateLimiter, requireQueue, withEverything }, { openProgress }, { sync }, { createOAuth }] =
    await Promise.all([
      import('./open.ts'),
      import('./progress.ts'),
      import('../sync/run.ts'),
      import('../whoop/oauth.ts'),
    ])
  return withEverything(cli, { autoMigrate: options.migrate }, async (opened) => {
    const { database, keys, config, world } = opened
    const startedAt = world.clock.now()
    const queue = await requireQueue(database, startedAt, config.WHOOP_CLIENT_ID, options)
    const types = options.type ?? typeNames
    const progress = await openProgress(cli, opened, { since: options.since, types, doing: 'syncing' })
    const dependencies = {
      ...world,
      fetch: progress.fetch,
      log: progress.log,
      database,
      keys,
      oauth: createOAuth(config, world),
      limiter: openRateLimiter(opened, world.clock, { waiting: progress.waiting, plan: queue.plan }),
      baseUrl: config.WHOOP_API_BASE_URL,
      report: progress.report,
    }
    try {
      const { olderThan: olderThanMs, maxMembers } = options
      const deadline = options.deadline === undefined ? undefined : new Date(startedAt.getTime() + options.deadline)
      const result = await sync(dependencies, queue, { types: options.type, again, olderThanMs, maxMembers, deadline })
      const reason = worstReason(result)
      const names = new Map(queue.members.map((member) => [member.whoopUserId, member.firstName]))
      return { result, names, code: reason === undefined ? 0 : exitCodes[reason] }
    } catch (error) {
      throw world.interrupted.aborted ? interruption(progress.kept()) : error
    } finally {
      progress.stop()
    }
  })
}

function interruption(kept: string): Interruption {
  const what = kept === '' ? '' : ` (this run read ${kept})`
  return new Interruption(`interrupted; everything committed is kept${what}`, 'go on where it stopped: whoopster sync')
}

async function describe({ world }: Cli, { result, names = new Map() }: Ended): Promise<string> {
  const { drawRun } = await import('../terminal/run.ts')
  return drawRun(result, names, world.terminal.stdout, world.env)
}

/** For those who read logs rather than tables: one line a type. */
function logTypes({ log }: Cli, { users }: RunResult): void {
  for (const { whoopUserId, types } of users) {
    for (const [type, result] of Object.entries(types)) {
      log.info(`${type}: ${result.outcome}`, { whoopUserId, type, ...result, error: undefined }) // said before
    }
  }
}
