import { databaseSettings, readConfig } from '../config.ts'
import type { MemberHealth, TypeHealth, WhoopHealth } from '../db/health.ts'
import { WhoopsterError } from '../errors.ts'
import type { TypeName } from '../resources/names.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { readDuration } from './read.ts'

const DAY_MS = 86_400_000

export const addStatus: AddCommand = (program, cli) => {
  program
    .command('status')
    .summary('tell whether everything is healthy')
    .description('Tell whether everything is healthy: database, schema, logins, freshness. Exit code 0: yes, 1: no.')
    .option(
      '--max-age <duration>',
      'unhealthy when a type was last synced longer ago: 90m, 24h, 2d',
      readDuration,
      DAY_MS,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ whoopster status --max-age 2h || echo "look after whoopster"')
    .action(async ({ maxAge, json }) => {
      const report = await examine(cli)
      const problems = problemsOf(report, cli.world.clock.now(), maxAge)
      if (json) printJson(cli, toJson(report, problems, cli.world.clock.now()))
      else print(cli, await draw(cli, report, problems))
      cli.exit(problems.length === 0 ? 0 : 1)
    })
}

interface Report {
  where: string
  serverVersion: string
  unreachable: WhoopsterError | undefined
  schema: { applied: number; pending: number }
  whoop: WhoopHealth
  members: MemberHealth[]
}

interface Problem {
  message: string
  hint: string
}

async function examine({ world }: Cli): Promise<Report> {
  const [{ withDatabase }, { schemaState }, { loadMemberHealth, loadServerVersion, loadWhoopHealth }] =
    await Promise.all([import('../db/connect.ts'), import('../db/migrate.ts'), import('../db/health.ts')])
  const config = readConfig(world.env, databaseSettings)
  const report: Report = {
    where: '',
    serverVersion: '',
    unreachable: undefined,
    schema: { applied: 0, pending: 0 },
    whoop: { lastStatus: null, at: null, remainingToday: null },
    members: [],
  }
  try {
    await withDatabase(config, world.env, async ({ db, where }) => {
      report.where = where
      report.serverVersion = await loadServerVersion(db)
      const { applied, pending } = await schemaState(db)
      report.schema = { applied: applied.length, pending: pending.length }
      if (pending.length > 0) return
      report.whoop = await loadWhoopHealth(db)
      report.members = await loadMemberHealth(db)
    })
  } catch (error) {
    // A database that cannot be used is an answer here, not a failure to answer.
    if (!(error instanceof WhoopsterError) || error.reason === 'bug' || error.reason === 'busy') throw error
    report.unreachable = error
  }
  return report
}

function problemsOf(report: Report, now: Date, maxAge: number): Problem[] {
  if (report.unreachable) {
    return [{ message: report.unreachable.message, hint: report.unreachable.hint ?? 'check DATABASE_URL' }]
  }
  if (report.schema.pending > 0) {
    return [{ message: `The schema lacks ${report.schema.pending} migration(s).`, hint: 'run: whoopster migrate' }]
  }
  if (report.members.length === 0) return [{ message: 'Nobody is logged in.', hint: 'run: whoopster auth' }]
  return report.members.flatMap((member) => memberProblems(member, now, maxAge))
}

function memberProblems({ login, types }: MemberHealth, now: Date, maxAge: number): Problem[] {
  const who = `WHOOP user ${login.whoopUserId}`
  if (login.dead) return [{ message: `The login of ${who} has ended.`, hint: 'run: whoopster auth' }]
  const stale = Object.entries(types).filter(([type, health]) => type !== 'body' && isStale(health, now, maxAge))
  if (stale.length === 0) return []
  const reasons = [...new Set(stale.flatMap(([, { error }]) => (error ? [error] : [])))]
  const message = `${who}: no successful sync of ${stale.map(([type]) => type).join(', ')} in ${duration(maxAge)}.`
  return [{ message: [message, ...reasons].join(' '), hint: 'run: whoopster sync, and look at its schedule' }]
}

function isStale({ lastSuccess, status }: TypeHealth, now: Date, maxAge: number): boolean {
  if (status === 'not_granted') return false
  return lastSuccess === null || now.getTime() - lastSuccess.getTime() > maxAge
}

function toJson(report: Report, problems: readonly Problem[], now: Date) {
  const { whoop } = report
  return {
    healthy: problems.length === 0,
    problems,
    database: {
      reachable: !report.unreachable,
      where: report.where || null,
      version: report.serverVersion || null,
      error: report.unreachable?.message ?? null,
    },
    schema: report.schema,
    whoop: { ...whoop, at: whoop.at?.toISOString() ?? null },
    users: report.members.map((member) => ({
      whoopUserId: member.login.whoopUserId,
      login: stateOf(member, now),
      scopes: member.login.scopes,
      types: member.types,
    })),
  }
}

/** An access token that has expired is renewed by the next run: that alone is healthy. */
function stateOf({ login }: MemberHealth, now: Date): 'ok' | 'expired' | 'login_needed' {
  if (login.dead) return 'login_needed'
  return login.expiresAt > now ? 'ok' : 'expired'
}

async function draw({ world }: Cli, report: Report, problems: readonly Problem[]): Promise<string> {
  const [{ table }, { styleFor, widthOf }] = await Promise.all([
    import('../terminal/table.ts'),
    import('../terminal/style.ts'),
  ])
  const { stdout } = world.terminal
  const style = styleFor(stdout, world.env)
  const now = world.clock.now()
  const verdict =
    problems.length === 0
      ? [style.green.bold('✔ healthy')]
      : [style.red.bold('✘ not healthy'), ...problems.map(({ message, hint }) => `  ${message}\n  → ${hint}`)]
  if (report.unreachable) return verdict.join('\n')
  const { whoop, schema } = report
  const left = whoop.remainingToday === null ? '' : `, ${whoop.remainingToday.toLocaleString('en')} requests left today`
  const facts = [
    ['database', `PostgreSQL ${report.serverVersion} at ${report.where}`],
    ['schema', schema.pending === 0 ? 'up to date' : `${schema.pending} migration(s) behind`],
    ['WHOOP', whoop.at ? `answered ${whoop.lastStatus} ${ago(whoop.at, now)}${left}` : 'not asked yet'],
  ]
  const members = report.members.map(({ login, types }) => {
    const state = login.dead ? style.red('login has ended') : style.green('logged in')
    const rows = Object.entries(types).map(([type, health]) => [
      `  ${type}`,
      health.lastSuccess ? ago(health.lastSuccess, now) : 'never',
      health.lastRecordTime?.toISOString().slice(0, 16).replace('T', ' ') ?? '–',
      health.records.toLocaleString('en'),
      stateWords(type as TypeName, health),
    ])
    const head = ['  type', 'last success', 'newest record (UTC)', 'records', ''].map((one) => style.dim(one))
    const title = `${style.bold(login.name || `WHOOP user ${login.whoopUserId}`)} (${login.whoopUserId})  ${state}`
    return `${title}\n${table([head, ...rows], { right: [3], width: widthOf(stdout) })}`
  })
  return [...verdict, '', table(facts, { width: widthOf(stdout) }), ...members.map((one) => `\n${one}`)].join('\n')
}

function stateWords(type: TypeName, { status, complete, error }: TypeHealth): string {
  if (status === 'not_granted') return 'scope not granted'
  if (status === 'error') return `failed: ${error ?? ''}`
  if (status === 'in_progress') return 'syncing, or its run was ended'
  if (status === 'never' || type === 'body') return ''
  return complete ? 'complete' : 'has gaps'
}

function ago(then: Date, now: Date): string {
  const ms = now.getTime() - then.getTime()
  return ms < 60_000 ? 'just now' : `${duration(ms)} ago`
}

/** In its largest unit: 5 minutes, 1 hour, 3 days. */
function duration(ms: number): string {
  const units = [
    ['day', DAY_MS],
    ['hour', 3_600_000],
    ['minute', 60_000],
  ] as const
  const [name, size] = units.find(([, unit]) => ms >= unit) ?? units[2]
  const count = Math.floor(ms / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
