import type { MemberHealth, TypeHealth } from '../db/status.ts'
import {
  budgetOf,
  failedOf,
  firstOf,
  freshnessOf,
  worthShowing,
  type BudgetReport,
  type Problem,
  type Report,
} from '../status.ts'
import type { TypeName } from '../resources/names.ts'
import type { Env, Output } from '../world.ts'
import { ago, MINUTE_MS, roughly } from '../time.ts'
import { amount } from '../numbers.ts'
import { harmless } from './safe.ts'
import { lineWidthOf, styleFor } from './style.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

const more = (rest: number) => ({
  message: `… and ${rest} more like these.`,
  hint: 'all of it: whoopster status --json',
})

/** The report at one glance: the verdict, what to type, then the facts. */
export async function drawStatus(
  report: Report,
  problems: readonly Problem[],
  advice: readonly Problem[],
  asked: { gaps: boolean; maxAge: number },
  output: Output,
  env: Env,
): Promise<string> {
  const style = await styleFor(output, env)
  const width = lineWidthOf(output)
  const now = report.at
  const healthy = problems.length === 0
  const isGood = failedOf(report).length === 0
  const words = isGood ? style.green('✔ healthy') : style.yellow('! healthy, but the last sync was not')
  const isBusy = report.failure?.reason === 'busy'
  const verdict = style.bold(isBusy ? '– at work' : healthy ? words : style.red('✘ not healthy'))
  const reasons = [...firstOf(problems, more), ...firstOf(advice, more)].flatMap(({ message, hint }) => [
    ...wrap(message, width, '  '),
    ...wrap(`→ ${hint}`, width, '  ', '    '),
  ])
  if (report.failure || report.serverVersion === '') return [verdict, ...reasons].join('\n')

  const shown = worthShowing(report, asked.maxAge)
  const members = shown.flatMap((member) => {
    const { login, types } = member
    const state = login.dead ? style.red('login ended') : style.green('logged in')
    const reread = rereadTypes(report, login.whoopUserId)
    const [head = [], ...rows] = typeRows(types, reread, now, width < NARROW)
    return [
      '',
      ...wrap(harmless(login.name), width).map((line) => style.bold(line)),
      `WHOOP user ${login.whoopUserId}, ${state}`,
      table([head.map((one) => style.dim(one)), ...rows], { right: width < NARROW ? [] : [3], width }),
      ...failures(types).flatMap((line) => wrap(line, width, '  ')),
      ...strangers(member).flatMap((line) => wrap(line, width, '  ')),
    ]
  })
  const lists = [...quarantine(report), ...(asked.gaps ? gaps(report) : [])].flatMap((line) => wrap(line, width))
  const others = [...(shown.length < report.members.length ? othersOf(report, shown.length) : [])]
  return [verdict, ...reasons, '', table([...factsOf(report), ...others], { width }), ...members, ...lists].join('\n')
}

/** What there is of everybody together, where not everybody is shown. */
function othersOf({ members, at }: Report, shown: number): string[][] {
  const count = (is: (member: MemberHealth) => boolean) => members.filter(is).length.toLocaleString('en')
  const youngest = (hours: number) => (member: MemberHealth) =>
    Object.values(member.types).some(
      ({ lastSuccess }) => lastSuccess && at.getTime() - lastSuccess.getTime() < hours * HOUR_MS,
    )
  const records = members.flatMap(({ types }) => Object.values(types)).reduce((sum, type) => sum + type.records, 0)
  return [
    ['members', `${members.length.toLocaleString('en')}, with ${records.toLocaleString('en')} records`],
    ['', `${count(youngest(1))} synced within the hour, ${count(youngest(24))} within the day`],
    [
      '',
      shown === 0 ? 'nobody needs a look; one of them: --user' : `${shown} who need a look are below; another: --user`,
    ],
  ]
}

const HOUR_MS = 3_600_000

const NARROW = 64 // columns

const WORTH_SAYING_MS = 5 * MINUTE_MS // no schedule asks for more
const WORTH_SAYING_SHARE = 0.05 // of what may be asked in a day

function factsOf(report: Report): string[][] {
  const { at, schema, serverVersion, where, whoop } = report
  const left = whoop.remainingToday === null ? '' : `, ${amount(whoop.remainingToday, 'request')} left today`
  return [
    ['database', `PostgreSQL ${serverVersion} at ${where}`],
    ['schema', schemaWords(schema)],
    ['WHOOP', whoop.at ? `answered ${whoop.lastStatus} ${ago(whoop.at, at)}${left}` : askedWords(report)],
    ...workWords(budgetOf(report), freshnessOf(report) ?? 0).map((words) => ['', words]),
  ]
}

/** What its requests are needed for, where there is something to be said of it. */
function workWords(budget: BudgetReport | null, freshnessMs: number): string[] {
  if (!budget) return []
  const { allowed, rereading, behindSchedule, firstReadings } = budget
  const often = `its requests serve everybody every ${roughly(freshnessMs)}`
  return [
    ...readingWords(firstReadings),
    ...(rereading >= WORTH_SAYING_SHARE * allowed
      ? [`about ${amount(rereading, 'request')} a day read again what is stored`]
      : []),
    ...(behindSchedule ? [`${often}, less often than the schedule asks`] : []),
    ...(!behindSchedule && freshnessMs >= WORTH_SAYING_MS ? [often] : []),
  ]
}

/** WHOOP does not say how long a history is: those that are stored do, or it is told by the year. */
function readingWords({ members, requests, minutes }: BudgetReport['firstReadings']): string[] {
  if (members === 0) return []
  const who = `${amount(members, 'history', 'histories')} ${members === 1 ? 'has' : 'have'} not been read to the end`
  if (requests === null || minutes === null)
    return [`${who}: about 65 requests for each year${members === 1 ? '' : ' of each'}`]
  return [`${who}: about ${amount(requests, 'request')} to go, ${roughly(minutes * MINUTE_MS)}`]
}

function schemaWords({ applied, pending }: Report['schema']): string {
  if (pending === 0) return 'up to date'
  return applied === 0 ? 'not made yet; the first login makes it' : `${amount(pending, 'migration')} behind`
}

/** What it answers is written down when a run ends. */
function askedWords(report: Report): string {
  const spent = budgetOf(report)?.spent ?? 0
  return spent === 0 ? 'not asked yet' : `asked ${amount(spent, 'time')} today; no run has come to its end yet`
}

/** Types that have gaps only because what is stored is to be read again. */
function rereadTypes({ gaps }: Report, whoopUserId: number): Set<string> {
  const own = gaps.filter((gap) => gap.whoopUserId === whoopUserId)
  const missing = new Set(own.filter(({ records }) => records === 0).map(({ type }) => type))
  return new Set(own.map(({ type }) => type).filter((type) => !missing.has(type)))
}

function typeRows(types: MemberHealth['types'], reread: ReadonlySet<string>, now: Date, isNarrow: boolean): string[][] {
  const head = ['  type', 'synced', 'newest record', 'stored', '']
  const rows = Object.entries(types).map(([type, health]) => [
    `  ${type}`,
    health.lastSuccess ? ago(health.lastSuccess, now) : 'never',
    health.lastRecordTime ? ago(health.lastRecordTime, now) : '–',
    health.records.toLocaleString('en'),
    stateWords(type as TypeName, health, reread.has(type)),
  ])
  return [head, ...rows].map((row) => (isNarrow ? row.filter((_, index) => index !== 2 && index !== 3) : row))
}

function stateWords(type: TypeName, { status, complete }: TypeHealth, isReread: boolean): string {
  if (status === 'not_granted') return 'not granted'
  if (status === 'error') return 'failed'
  if (status === 'in_progress') return 'in progress'
  if (status === 'interrupted') return 'interrupted'
  if (status === 'never' || type === 'body') return ''
  if (complete) return 'complete'
  return isReread ? 'to be read again' : 'has gaps'
}

/** Each reason once: when WHOOP is down, every type says the same. */
function failures(types: MemberHealth['types']): string[] {
  const failed = Object.entries(types).filter(([, { status, error }]) => status === 'error' && error)
  const reasons = [...new Set(failed.map(([, { error }]) => error))]
  return reasons.map((reason) => {
    const names = failed.filter(([, { error }]) => error === reason).map(([type]) => type)
    return `${names.join(', ')} failed: ${harmless(reason ?? '')}`
  })
}

function strangers({ unknownFields }: MemberHealth): string[] {
  const fields = Object.keys(unknownFields).map(harmless)
  return fields.length === 0 ? [] : [`new at WHOOP, kept in raw_data: ${fields.join(', ')}`]
}

function quarantine({ quarantined, at }: Report): string[] {
  if (quarantined.length === 0) return []
  const lines = quarantined.map(
    (one) => `${one.type} ${harmless(one.key)}, since ${ago(one.firstSeen, at)}: ${harmless(one.reason)}`,
  )
  return ['', 'in quarantine', ...firstOf(lines, (rest) => `… and ${rest} more`)]
}

function minuteOf(date: Date | null): string {
  return date?.toISOString().slice(0, 16).replace('T', ' ') ?? 'the beginning'
}

function gaps({ gaps: all }: Report): string[] {
  if (all.length === 0) return ['', 'no gaps']
  const missing = all.filter(({ records }) => records === 0)
  const stored = all.filter(({ records }) => records > 0)
  return [
    ...gapLines('not stored completely; the next run fills it', missing),
    ...gapLines('stored, and to be read again; the next run goes on with it', stored),
  ]
}

function gapLines(title: string, list: Report['gaps']): string[] {
  if (list.length === 0) return []
  const lines = list.map(
    (gap) => `${gap.whoopUserId} ${gap.type}: from ${minuteOf(gap.from)} to ${minuteOf(gap.to)} (UTC)`,
  )
  return ['', title, ...firstOf(lines, (rest) => `… and ${rest} more: whoopster status --gaps --json`)]
}
