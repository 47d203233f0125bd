import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig, tokenSettings, whoopSettings } from '../config.ts'
import type { Db } from '../db/connection/index.ts'
import type { MemberHealth } from '../db/status.ts'
import { exitCodes, WhoopsterError } from '../errors.ts'
import type { Problem, Report } from '../status.ts'
import { harmless } from '../terminal/safe.ts'
import { DAY_MS, HOUR_MS } from '../time.ts'
import { versionAndBuild } from '../version.ts'
import { print, type Cli } from './cli.ts'

/** A command to type, and why. */
type Next = readonly [command: string, why: string]

interface Standing {
  /** Last night and today, when all is well. */
  morning?: string[]
  says: string[]
  next: readonly Next[]
}

/** `whoopster` alone: where one stands, and what to type next. */
export async function showHome(cli: Cli): Promise<void> {
  const [{ styleFor, widthOf }, { table }, { wrap }] = await Promise.all([
    import('../terminal/style.ts'),
    import('../terminal/table.ts'),
    import('../terminal/wrap.ts'),
  ])
  const { stdout } = cli.world.terminal
  const style = await styleFor(stdout, cli.world.env)
  const width = widthOf(stdout)
  const { morning = [], says, next } = await standing(cli)
  const commands = [...next, ['whoopster --help', 'all commands'] as const]
  const lines = [
    ...wrap(`whoopster ${versionAndBuild} keeps a complete copy of your WHOOP data in a PostgreSQL of yours.`, width),
    '',
    ...(morning.length > 0 ? [...morning, ''] : []),
    ...says.flatMap((line) => wrap(line, width)),
    '',
    table(
      commands.map(([command, why], index) => [index === 0 ? style.bold(`→ ${command}`) : `  ${command}`, why]),
      { width },
    ),
  ]
  print(cli, lines.join('\n'))
}

async function standing(cli: Cli): Promise<Standing> {
  const { world } = cli
  const { loadReport, failedOf, problemsOf, worthShowing } = await import('../status.ts')
  try {
    let morning: string[] = []
    const report = await loadReport(world, async (db, so) => {
      const [member, ...others] = so.members
      if (member && others.length === 0 && problemsOf(so, DAY_MS).length === 0)
        morning = await morningOf(cli, db, member.login.whoopUserId)
    })
    const [problem] = problemsOf(report, DAY_MS)
    if (report.members.length === 0 && !report.failure && report.schema.pending === 0) return beginning(world.env)
    if (report.failure?.reason === 'busy')
      return amiss([], { message: report.failure.message, hint: 'try again later' })
    const says = membersOf(report, worthShowing(report, DAY_MS))
    const all = [...says, placesOf(report, world)]
    if (problem) return amiss(all, problem)
    const next = failedOf(report).length === 0 ? HEALTHY : AGAIN
    return { morning, says: all, next }
  } catch (error) {
    if (!(error instanceof WhoopsterError)) throw error
    cli.exit(exitCodes[error.reason])
    return amiss([], { message: error.message, hint: error.hint ?? 'run: whoopster doctor' })
  }
}

const HEALTHY: readonly Next[] = [
  ['whoopster stats', 'what is stored: averages, trends, the last twelve weeks'],
  ['whoopster report', 'the same and more, drawn as a page for the browser'],
  ['whoopster sync', 'fetch what is new'],
  ['whoopster status', 'whether all of it is healthy, in detail'],
]

const AGAIN: readonly Next[] = [
  ['whoopster sync', 'try again; it goes on where it stopped'],
  ['whoopster status', 'what failed, and why'],
]

function beginning(env: Cli['world']['env']): Standing {
  const isNew = !env['WHOOP_CLIENT_ID']?.trim()
  if (!isNew) readConfig(env, [...whoopSettings, ...tokenSettings]) // says what is wrong with them
  return {
    says: ['Nobody is logged in yet.'],
    next: [
      ['whoopster auth', isNew ? 'register an app at WHOOP and log in; it explains each step' : 'log in'],
      ['whoopster demo', 'see it at work first, without an account'],
    ],
  }
}

function amiss(says: string[], { message, hint }: Problem): Standing {
  const command = /^run: (whoopster [a-z ]*[a-z])/.exec(hint)?.[1]
  if (!command) return { says: [...says, message, `→ ${hint}`], next: [DOCTOR] }
  const first = [command, PURPOSES[command] ?? 'mend it'] as const
  return { says: [...says, message], next: command === DOCTOR[0] ? [DOCTOR] : [first, DOCTOR] }
}

const DOCTOR = ['whoopster doctor', 'look at everything, one thing at a time'] as const

/** What the commands that problems name do about them. */
const PURPOSES: Readonly<Record<string, string>> = {
  'whoopster auth': 'log in',
  'whoopster sync': 'fetch what is missing; it goes on where it stopped',
  'whoopster migrate': 'bring the schema up to date',
}

function membersOf({ members, at }: Report, shown: readonly MemberHealth[]): string[] {
  const many = `${members.length.toLocaleString('en')} members are logged in; ${shown.length === 0 ? 'nobody needs' : 'these need'} a look.`
  return [...(shown.length < members.length ? [many] : []), ...shown.map((member) => lineOf(member, at))]
}

function lineOf({ login, types }: MemberHealth, at: Date): string {
  const who = harmless(login.name) || `WHOOP user ${login.whoopUserId}`
  const stored = Object.entries(types).filter(([type, { records }]) => type !== 'body' && records > 0)
  if (stored.length === 0) return `${who}: logged in, nothing is fetched yet.`
  const counts = stored.map(([type, { records }]) => `${records.toLocaleString('en')} ${type}`)
  const synced = stored.flatMap(([, { lastSuccess }]) => (lastSuccess ? [lastSuccess.getTime()] : []))
  const hours = synced.length === 0 ? undefined : (at.getTime() - Math.max(...synced)) / HOUR_MS
  const when =
    hours === undefined
      ? 'never synced completely'
      : `synced ${hours < 1 ? 'within the hour' : `${Math.floor(hours)} h ago`}`
  const failed = Object.entries(types).flatMap(([type, { status }]) =>
    status === 'error' || status === 'interrupted' ? [type] : [],
  )
  const last =
    failed.length === 0
      ? ''
      : `${hours === undefined ? ';' : ', but'} the last sync of ${failed.join(', ')} did not succeed`
  return `${who}: ${counts.join(', ')}; ${when}${last}.`
}

/** Which database, and which file of settings. */
function placesOf({ where }: Report, { env, machine }: Cli['world']): string {
  const file = join(machine.directory, '.env')
  const database = env['DATABASE_URL']?.trim() ? where : `the embedded one in ${where}`
  return `Database: ${harmless(database)}. Settings: the environment${existsSync(file) ? ` and ${harmless(file)}` : ''}.`
}

/** The newest day that has a night: a line for it, and one for each figure beside what is normal. */
async function morningOf(cli: Cli, db: Db, whoopUserId: number): Promise<string[]> {
  const [{ loadTrends }, { loadEverybody }, { mean }, words, { normalRange }, { table }, { widthOf }] =
    await Promise.all([
      import('../db/report.ts'),
      import('../db/members.ts'),
      import('../stats.ts'),
      import('../report/format.ts'),
      import('../report/sentences.ts'),
      import('../terminal/table.ts'),
      import('../terminal/style.ts'),
    ])
  const member = (await loadEverybody(db)).find((one) => one.whoopUserId === whoopUserId)
  const days = member ? await loadTrends(db, member, NIGHTS) : []
  const at = days.findLastIndex(({ recovery, asleep }) => recovery !== null || asleep !== null)
  const day = days[at]
  if (!day) return []
  const { figure, hours, longDay, withUnit } = words
  const usual = mean(days.slice(Math.max(0, at - 30), at).map(({ recovery }) => recovery))
  const rows = [
    ['recovery', withUnit(day.recovery, '%'), usual === null ? '' : `${withUnit(usual, '%')} over the 30 days before`],
    ['HRV', withUnit(day.hrv, 'ms'), normalRange(day.hrvBaseline, day.hrvSpread)],
    ['resting HR', withUnit(day.resting, 'bpm'), normalRange(day.restingBaseline, day.restingSpread)],
    ['asleep', hours(day.asleep), day.sleepNeed === null ? '' : `of ${hours(day.sleepNeed)} needed`],
    ['strain', figure(day.strain, 1), day.acuteStrain === null ? '' : `${figure(day.acuteStrain, 1)} over seven days`],
  ]
  const lines = table(rows, { right: [1], width: widthOf(cli.world.terminal.stdout) - 2 })
  return [
    longDay(day.day),
    ...lines
      .replaceAll(words.NBSP, ' ')
      .split('\n')
      .map((line) => `  ${line}`),
  ]
}

const NIGHTS = 31
