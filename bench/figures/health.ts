import type { Sql } from 'postgres'
import { ms, ratio, type Bench, type Figure } from '../figure.ts'
import { alertsOf, ask, queriesOf, type Query } from '../panels.ts'
import { interleaved } from '../rounds.ts'
import type { Stage } from '../stage.ts'

/** What Grafana asks of all members together: the alerts, every few minutes or hourly, and Sync health. */
export async function health(bench: Bench, small: Stage, large: Stage): Promise<Figure[]> {
  return [await pages(bench, large), await slowestAlert(bench, large), ...(await syncHealth(bench, small, large))]
}

async function pages({ size }: Bench, { sql }: Stage): Promise<Figure> {
  const counted: number[] = []
  for (const { text } of alertsOf('health')) counted.push(await pagesOf(sql, text))
  const dearest = Math.max(...counted)
  return {
    name: `pages that an alert on health looks at, for each of ${size.scale.many} members`,
    goal: 200,
    measured: dearest / size.scale.many,
    kind: 'count',
    made: `${dearest.toLocaleString('en')} pages`,
    bound: 'a month of nights and their recoveries, of everybody who has slept since yesterday',
  }
}

async function slowestAlert({ size }: Bench, { sql }: Stage): Promise<Figure> {
  const asking = alertsOf('sync', 'health').map(({ name, text }) => [name, () => ask(sql, text)] as const)
  const wall = Object.entries(await interleaved(size.longRounds, Object.fromEntries(asking)))
  const [name = '', slowest = Number.NaN] = wall.toSorted(([, a], [, b]) => b - a)[0] ?? []
  return { name: 'the slowest alert there', goal: 1000, measured: slowest, kind: 'ms', made: name, bound: 'the same' }
}

async function syncHealth({ size }: Bench, small: Stage, large: Stage): Promise<Figure[]> {
  const everybody = await large.sql<{ id: string }[]>`select whoop_user_id::text as id from users`
  const one = panelsFor(['2'])
  const all = panelsFor(everybody.map(({ id }) => id))
  const wall = await interleaved(size.longRounds, {
    small: () => askAll(small.sql, one),
    large: () => askAll(large.sql, one),
    all: () => askAll(large.sql, all),
  })
  return [
    ratio([wall.large, wall.small], ms, {
      name: `all panels of Sync health for one member of ${size.scale.many} ÷ of ${size.scale.few}`,
      goal: 1.2,
      bound: 'planning each query',
    }),
    {
      name: `all panels of Sync health for all ${size.scale.many}, one query after the other`,
      goal: 1000,
      measured: wall.all,
      kind: 'ms',
      made: 'a month, a run a day',
      bound: 'the runs of that month are counted by the day',
    },
  ]
}

const panelsFor = (member: string[]): Query[] => queriesOf((board) => board === 'Sync health', { days: 30, member })

async function askAll(sql: Sql, queries: readonly Query[]): Promise<number> {
  let total = 0
  for (const { text } of queries) total += await ask(sql, text)
  return total
}

/** Of tables and indexes. */
async function pagesOf(sql: Sql, text: string): Promise<number> {
  const [row] = await sql.unsafe<{ 'QUERY PLAN': { Plan: Record<string, number> }[] }[]>(
    `explain (analyze, buffers, format json) ${text}`,
  )
  const { 'Shared Hit Blocks': hit = 0, 'Shared Read Blocks': read = 0 } = row?.['QUERY PLAN'][0]?.Plan ?? {}
  return hit + read
}
