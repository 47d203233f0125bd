import { typeNames } from '../resources/names.ts'
import type { MemberResult, RunResult } from '../sync/result.ts'
import type { Outcome, TypeResult } from '../db/runs.ts'
import type { Env, Output } from '../world.ts'
import { took } from '../time.ts'
import { number } from '../numbers.ts'
import { nameOf } from './safe.ts'
import { lineWidthOf, styleFor, widthOf, type Style } from './style.ts'
import { table } from './table.ts'
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
  const rows = typeNames.flatMap((type) => {
    const one = types[type]
    return one ? [[markOf(one.outcome, style), type, ...countsOf(one)]] : []
  })
  const head = `${style.bold(nameOf({ whoopUserId, firstName }))}  ${outcome}`
  return rows.length === 0 ? head : `${head}\n${table(rows, { right: [2, 3, 4], width })}`
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
  const repeated = retries > 0 ? `, ${number(retries)} of them again after no good answer` : ''
  const limited = limitedMs >= 1000 ? ", held back by WHOOP's limit" : '' // its types waited at the same time
  return `${number(requests)} request${requests === 1 ? '' : 's'} in ${took(ms)}${repeated}${limited}`
}
