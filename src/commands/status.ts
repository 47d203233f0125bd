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
      'unhealthy when a type was synced longer ago than 90m, 24h, 2d … (default: 24h)',
      readDuration,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ whoopster status --max-age 2h || echo "look after whoopster"')
    .action(async ({ maxAge = DAY_MS, json }) => {
      const report = await examine(cli)
      const problems = problemsOf(report, cli.world.clock.now(), maxAge)
      if (json) printJson(cli, toJson(report, problems, cli.world.clock.now()))
      else print(cli, await draw(cli, report, problems))
      cli.exit(problems.length === 0 ? 0 : 1)
    })
}

interface Report {
  where: string
  /** Empty when the database did not answer. */
  serverVersion: string
  /** Why the database cannot be used. */
  failure: WhoopsterError | undefined
  schema: { applied: number; pending: number }
  whoop: WhoopHealth
  members: MemberHealth[]
}

interface Problem {
  message: string
  hint: string
}

async function examine({ world }: Cli): Promise<Report> {
  const [
    { dataDirectory, readUrl, withDatabase },
    { schemaState },
    { loadMemberHealth, loadServerVersion, loadWhoopHealth },
  ] = await Promise.all([import('../db/connect.ts'), import('../db/migrate.ts'), import('../db/health.ts')])
  const config = readConfig(world.env, databaseSettings)
  const report: Report = {
    where: config.DATABASE_URL ? readUrl(config.DATABASE_URL).where : dataDirectory(config, world.env),
    serverVersion: '',
    failure: undefined,
    schema: { applied: 0, pending: 0 },
    whoop: { lastStatus: null, at: null, remainingToday: null },
    members: [],
  }
  try {
    await withDatabase(config, world.env, async ({ db }) => {
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
    report.failure = error
  }
  return report
}

function problemsOf(report: Report, now: Date, maxAge: number): Problem[] {
  if (report.failure) {
    return [{ message: report.failure.message, hint: report.failure.hint ?? 'check DATABASE_URL' }]
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
  const since = stale.every(([, { lastSuccess }]) => lastSuccess === null) ? 'yet' : `for over ${exactly(maxAge)}`
  const message = `${who}: no successful sync of ${stale.map(([type]) => type).join(', ')} ${since}.`
  return [{ message: [message, ...reasons].join(' '), hint: 'run: whoopster sync (and look at its schedule)' }]
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
      reachable: report.serverVersion !== '',
      where: report.where,
      version: report.serverVersion || null,
      error: report.failure?.message ?? null,
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
  const width = stdout.isTTY ? widthOf(stdout) : Infinity // whoever reads a pipe wants all of it
  const now = world.clock.now()
  const healthy = problems.length === 0
  const verdict = healthy ? style.green.bold('✔ healthy') : style.red.bold('✘ not healthy')
  const reasons = problems.flatMap(({ message, hint }) => [
    ...wrap(message, width, '  '),
    ...wrap(`→ ${hint}`, width, '  '),
  ])
  if (report.failure) return [verdict, ...reasons].join('\n')

  const members = report.members.flatMap((member) => {
    const { login, types } = member
    const state = login.dead ? style.red('login ended') : style.green('logged in')
    const [head = [], ...rows] = typeRows(types, now, width < NARROW)
    return [
      '',
      ...wrap(login.name, width).map((line) => style.bold(line)),
      `WHOOP user ${login.whoopUserId}, ${state}`,
      table([head.map((one) => style.dim(one)), ...rows], { right: width < NARROW ? [] : [3], width }),
      ...failures(types).flatMap((line) => wrap(line, width, '  ')),
    ]
  })
  return [verdict, ...reasons, '', table(factsOf(report, now), { width }), ...members].join('\n')
}

const NARROW = 64 // columns

function factsOf({ schema, serverVersion, where, whoop }: Report, now: Date): string[][] {
  const left = whoop.remainingToday === null ? '' : `, ${whoop.remainingToday.toLocaleString('en')} requests left today`
  return [
    ['database', `PostgreSQL ${serverVersion} at ${where}`],
    ['schema', schema.pending === 0 ? 'up to date' : `${schema.pending} migration(s) behind`],
    ['WHOOP', whoop.at ? `answered ${whoop.lastStatus} ${ago(whoop.at, now)}${left}` : 'not asked yet'],
  ]
}

function typeRows(types: MemberHealth['types'], now: Date, isNarrow: boolean): string[][] {
  const head = ['  type', 'synced', 'newest record', 'stored', '']
  const rows = Object.entries(types).map(([type, health]) => [
    `  ${type}`,
    health.lastSuccess ? ago(health.lastSuccess, now) : 'never',
    health.lastRecordTime ? ago(health.lastRecordTime, now) : '–',
    health.records.toLocaleString('en'),
    stateWords(type as TypeName, health),
  ])
  return [head, ...rows].map((row) => (isNarrow ? row.filter((_, index) => index !== 2 && index !== 3) : row))
}

function stateWords(type: TypeName, { status, complete }: TypeHealth): string {
  if (status === 'not_granted') return 'not granted'
  if (status === 'error') return 'failed'
  if (status === 'in_progress') return 'in progress' // or its run was killed
  if (status === 'never' || type === 'body') return ''
  return complete ? 'complete' : 'has gaps'
}

/** Each reason once: when WHOOP is down, every type says the same. */
function failures(types: MemberHealth['types']): string[] {
  const failed = Object.entries(types).filter(([, { status, error }]) => status === 'error' && error)
  const reasons = [...new Set(failed.map(([, { error }]) => error))]
  return reasons.map((reason) => {
    const names = failed.filter(([, { error }]) => error === reason).map(([type]) => type)
    return `${names.join(', ')} failed: ${reason}`
  })
}

/** At spaces; a word that is longer than a line is broken. */
function wrap(text: string, width: number, indent = ''): string[] {
  const lines: string[] = []
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)
    const room = width - indent.length
    if (last !== undefined && last.length + 1 + word.length <= room) lines.splice(-1, 1, `${last} ${word}`)
    else lines.push(...(word.match(new RegExp(`.{1,${Number.isFinite(room) ? room : ''}}`, 'g')) ?? []))
  }
  return lines.map((line) => indent + line)
}

function ago(then: Date, now: Date): string {
  const ms = now.getTime() - then.getTime()
  return ms < 60_000 ? 'just now' : `${duration(ms)} ago`
}

const MINUTE = ['minute', 60_000] as const
const units = [['day', DAY_MS], ['hour', 3_600_000], MINUTE] as const

/** Roughly, in its largest unit: 5 minutes, 1 hour, 3 days. */
function duration(ms: number): string {
  return inUnit(ms, units.find(([, size]) => ms >= size) ?? MINUTE)
}

/** In the largest unit that leaves nothing over: 90 minutes, 1 day. */
function exactly(ms: number): string {
  return inUnit(ms, units.find(([, size]) => ms % size === 0) ?? MINUTE)
}

function inUnit(ms: number, [name, size]: (typeof units)[number]): string {
  const count = Math.floor(ms / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
