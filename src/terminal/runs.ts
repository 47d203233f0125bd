import type { StoredResult, StoredRun } from '../db/runs.ts'
import { typeNames } from '../resources/names.ts'
import type { Env, Output } from '../world.ts'
import { finely, took } from '../time.ts'
import { harmless } from './safe.ts'
import { lineWidthOf, styleFor, type Style } from './style.ts'
import { table } from './table.ts'

const NARROW = 64 // columns

/** The last runs, a line for each of them and its member. */
export async function drawRuns(runs: readonly StoredRun[], now: Date, output: Output, env: Env): Promise<string> {
  const style = await styleFor(output, env)
  const width = lineWidthOf(output)
  const hasSeveral = new Set(runs.map(({ whoopUserId }) => whoopUserId)).size > 1
  const isNarrow = width < NARROW
  const shown = [true, hasSeveral, true, !isNarrow, !isNarrow, true]
  const head = ['began', 'member', '', 'took', 'requests', 'what it did'].map((one) => style.dim(one))
  const rows = runs.map((run) => [
    began(run.startedAt, now),
    harmless(run.firstName ?? '') || String(run.whoopUserId),
    outcomeOf(run, style),
    took(run.finishedAt.getTime() - run.startedAt.getTime()),
    run.requests.toLocaleString('en'),
    whatItDid(run),
  ])
  const cells = [head, ...rows].map((row) => row.filter((_, index) => shown[index]))
  const right = isNarrow ? [] : [head.length - 3, head.length - 2].map((index) => index - (hasSeveral ? 0 : 1))
  return table(cells, { right, width })
}

function began(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  return ms < 60_000 ? 'just now' : `${finely(ms)} ago`
}

function outcomeOf({ outcome }: StoredRun, style: Style): string {
  if (outcome === 'ok') return style.green(outcome)
  return outcome === 'failed' ? style.red(outcome) : style.yellow(outcome)
}

/** `3 sleep new, 1 cycle changed`; what went wrong; both. */
function whatItDid({ types, error, retries }: StoredRun): string {
  const results = typeNames.flatMap((type) => (types[type] ? [[type, types[type]] as const] : []))
  const counted = (count: (result: StoredResult) => number, word: string) => {
    const some = results.filter(([, result]) => count(result) > 0)
    return some.length === 0
      ? []
      : [`${some.map(([type, result]) => `${amount(count(result))} ${type}`).join(', ')} ${word}`]
  }
  const done = [
    ...counted(({ inserted }) => inserted, 'new'),
    ...counted(({ updated }) => updated, 'changed'),
    ...counted(({ deleted }) => deleted, 'deleted'),
    ...counted(({ quarantined }) => quarantined, 'into quarantine'),
    ...(retries > 0 ? [`${amount(retries)} ${retries === 1 ? 'retry' : 'retries'}`] : []),
  ]
  const wrong = [error, ...results.map(([, result]) => result.error)].flatMap((one) =>
    one ? [harmless(one.message)] : [],
  )
  const all = [...done, ...new Set(wrong)]
  if (all.length > 0) return all.join('; ')
  const read = results.some(([, { outcome }]) => outcome === 'ok')
  return read ? 'nothing new' : 'left to another run'
}

function amount(count: number): string {
  return count.toLocaleString('en')
}
