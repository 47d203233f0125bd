import { typeNames } from '../resources/names.ts'
import type { MemberResult, Outcome, RunResult, TypeResult } from '../result.ts'
import type { Env, Output } from '../world.ts'
import { styleFor, widthOf, type Style } from './style.ts'
import { table } from './table.ts'

/** A run's summary for people. Why something failed has been said on stderr by then. */
export async function drawRun(result: RunResult, output: Output, env: Env): Promise<string> {
  const style = await styleFor(output, env)
  const users = result.users.map((user) => drawUser(user, style, widthOf(output)))
  return [...users, style.dim(totalsOf(result))].join('\n')
}

function drawUser({ whoopUserId, outcome, types }: MemberResult, style: Style, width: number): string {
  const rows = typeNames.flatMap((type) => {
    const one = types[type]
    return one ? [[markOf(one.outcome, style), type, ...countsOf(one)]] : []
  })
  const head = `${style.bold(`WHOOP user ${whoopUserId}`)}  ${outcome}`
  return rows.length === 0 ? head : `${head}\n${table(rows, { right: [2, 3, 4], width })}`
}

function countsOf({ outcome, fetched, inserted, updated }: TypeResult): string[] {
  if (outcome === 'skipped') return ['', '', '', 'skipped']
  return [`${fetched} read`, `${inserted} new`, `${updated} changed`, outcome === 'failed' ? 'failed' : '']
}

function markOf(outcome: Outcome, style: Style): string {
  if (outcome === 'ok') return style.green('✔')
  return outcome === 'failed' ? style.red('✘') : style.yellow('–')
}

function totalsOf({ requests, startedAt, finishedAt, waitedMs }: RunResult): string {
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000
  const waited = waitedMs >= 1000 ? ", held back by WHOOP's limit" : '' // its types waited at the same time
  return `${requests} requests in ${seconds.toFixed(1)} s${waited}`
}
