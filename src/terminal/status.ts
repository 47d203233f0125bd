import type { MemberHealth, TypeHealth } from '../db/health.ts'
import { freshnessOf, type Problem, type Report } from '../health.ts'
import type { TypeName } from '../resources/names.ts'
import type { Env, Output } from '../world.ts'
import { ago, roughly } from './duration.ts'
import { harmless } from './safe.ts'
import { styleFor, widthOf } from './style.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

/** The report at one glance: the verdict, what to type, then the facts. */
export async function drawStatus(
  report: Report,
  problems: readonly Problem[],
  advice: readonly Problem[],
  asked: { gaps: boolean },
  output: Output,
  env: Env,
): Promise<string> {
  const style = await styleFor(output, env)
  const width = output.isTTY ? widthOf(output) : Infinity // whoever reads a pipe wants all of it
  const now = report.at
  const healthy = problems.length === 0
  const verdict = style.bold(healthy ? style.green('✔ healthy') : style.red('✘ not healthy'))
  const reasons = [...problems, ...advice].flatMap(({ message, hint }) => [
    ...wrap(message, width, '  '),
    ...wrap(`→ ${hint}`, width, '  '),
  ])
  if (report.failure || report.serverVersion === '') return [verdict, ...reasons].join('\n')

  const members = report.members.flatMap((member) => {
    const { login, types } = member
    const state = login.dead ? style.red('login ended') : style.green('logged in')
    const [head = [], ...rows] = typeRows(types, now, width < NARROW)
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
  return [verdict, ...reasons, '', table(factsOf(report), { width }), ...members, ...lists].join('\n')
}

const NARROW = 64 // columns

const WORTH_SAYING_MS = 300_000 // no schedule asks for more

function factsOf(report: Report): string[][] {
  const { at, schema, serverVersion, where, whoop } = report
  const freshness = freshnessOf(report) ?? 0
  const left = whoop.remainingToday === null ? '' : `, ${whoop.remainingToday.toLocaleString('en')} requests left today`
  return [
    ['database', `PostgreSQL ${serverVersion} at ${where}`],
    ['schema', schema.pending === 0 ? 'up to date' : `${schema.pending} migration(s) behind`],
    ['WHOOP', whoop.at ? `answered ${whoop.lastStatus} ${ago(whoop.at, at)}${left}` : 'not asked yet'],
    ...(freshness >= WORTH_SAYING_MS ? [['', `its requests serve everybody every ${roughly(freshness)}`]] : []),
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
  return ['', 'in quarantine', ...lines]
}

function minuteOf(date: Date | null): string {
  return date?.toISOString().slice(0, 16).replace('T', ' ') ?? 'the beginning'
}

function gaps(report: Report): string[] {
  const lines = report.gaps.map(
    (gap) => `${gap.whoopUserId} ${gap.type}: from ${minuteOf(gap.from)} to ${minuteOf(gap.to)} (UTC)`,
  )
  return ['', lines.length === 0 ? 'no gaps' : 'not stored completely; the next run fills it', ...lines]
}
