import { typeNames } from '../resources/names.ts'
import type { MemberResult, RunResult } from '../sync/result.ts'
import type { Outcome, TypeResult } from '../db/runs.ts'
import type { Env, Output } from '../world.ts'
import { took } from '../time.ts'
import { number } from '../numbers.ts'
import { nameOf } from './safe.ts'
import { lineWidthOf, styleFor, widthOf, type Style } from './style.ts'
import { length, table } from './table.ts'
import { wrap } from './wrap.ts'

/** A run's summary for people. Why something failed has been said on stderr by then. */
export async function drawRun(
  result: RunResult,
  names: ReadonlyMap<number, string | null>,
  output: Output,
  env: Env,
): Promise<string> {
  const style = await styleFor(output, env)
  const users = result.users.map((user) => drawUser(user, names.get(user.whoopUserId) ?? '', style, widthOf(output)))
  const totals = wrap(totalsOf(result), lineWidthOf(output))
  return [...users, ...totals.map((line) => style.dim(line))].join('\n')
}

function drawUser(
  { whoopUserId, outcome, types }: MemberResult,
  firstName: string,
  style: Style,
  width: number,
): string {
  const results = typeNames.flatMap((type) => (types[type] ? [[type, types[type]] as const] : []))
  const rowsOf = (cells: (one: TypeResult) => string[]) =>
    results.map(([type, one]) => [markOf(one.outcome, style), type, ...cells(one)])
  const head = `${style.bold(nameOf({ whoopUserId, firstName }))}  ${outcome}`
  if (results.length === 0) return head
  const wide = table(rowsOf(countsOf), { right: [2, 3, 4], width: Infinity })
  const isTooWide = wide.split('\n').some((line) => length(line) > width)
  return `${head}\n${isTooWide ? table(rowsOf(inWords), { width }).replaceAll(NBSP, ' ') : wide}`
}

const NBSP = '\u00A0' // keeps a count and its word in one line

/** For a narrow terminal: how it ended first, and no counts of nothing. */
function inWords({ outcome, fetched, inserted, updated }: TypeResult): string[] {
  if (outcome === 'skipped') return ['skipped']
  const counts = [
    ...(fetched > 0 || outcome === 'ok' ? [`${number(fetched)}${NBSP}read`] : []),
    ...(inserted > 0 ? [`${number(inserted)}${NBSP}new`] : []),
    ...(updated > 0 ? [`${number(updated)}${NBSP}changed`] : []),
  ]
  return [[...(outcome === 'failed' ? ['failed'] : []), ...counts].join(', ')]
}

function countsOf({ outcome, fetched, inserted, updated }: TypeResult): string[] {
  if (outcome === 'skipped') return ['', '', '', 'skipped']
  return [
    `${number(fetched)} read`,
    `${number(inserted)} new`,
    `${number(updated)} changed`,
    outcome === 'failed' ? 'failed' : '',
  ]
}

function markOf(outcome: Outcome, style: Style): string {
  if (outcome === 'ok') return style.green('✔')
  return outcome === 'failed' ? style.red('✘') : style.yellow('–')
}

function totalsOf({ requests, retries, startedAt, finishedAt, limitedMs }: RunResult): string {
  const ms = Date.parse(finishedAt) - Date.parse(startedAt)
  const repeated = retries > 0 ? `, ${retries === 1 ? '1 of them a retry' : `${number(retries)} of them retries`}` : ''
  const limited = limitedMs >= 1000 ? ", held back by WHOOP's limit" : '' // its types waited at the same time
  return `${number(requests)} request${requests === 1 ? '' : 's'} in ${took(ms)}${repeated}${limited}`
}
