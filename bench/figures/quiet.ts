import { startProxy } from '../../test/support/proxy.ts'
import { resources } from '../../src/resources/index.ts'
import { mib, ms, ratio, type Bench, type Figure } from '../figure.ts'
import { peakOf, run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'
import type { Stage } from '../stage.ts'
import { touched, tuples } from '../tuples.ts'

/** The sync that a cron job runs all day: nothing is new. */
export async function quiet(bench: Bench): Promise<Figure[]> {
  const { size, stages } = bench
  const young = await stages.with({ days: size.monthDays }, async (stage) => {
    await sync(bench, stage)
    return countStatements(bench, stage)
  })
  return stages.with({ days: size.yearsDays }, async (stage) => {
    await sync(bench, stage)
    const before = await tuples(stage.sql)
    const cost = await time(bench, stage)
    const after = await tuples(stage.sql)
    stage.requests()
    await sync(bench, stage)
    const requests = stage.requests()
    const old = await countStatements(bench, stage)
    return [
      ...cost,
      counted(requests),
      statements(young, old),
      written(touched(before, after), after.written - before.written),
    ]
  })
}

/** Only what depends on the version of Node. */
export async function quietCost(bench: Bench): Promise<Figure[]> {
  return bench.stages.with({ days: bench.size.monthDays }, async (stage) => {
    await sync(bench, stage)
    return time(bench, stage)
  })
}

async function time({ size, node }: Bench, { env }: Stage): Promise<Figure[]> {
  const nothing = ['-e', '0']
  const wall = await interleaved(size.rounds, {
    nothing: async () => (await run(node, nothing)).ms,
    sync: async () => (await run(node, whoopster('sync'), env)).ms,
  })
  const peak = await interleaved(Math.ceil(size.rounds / 3), {
    nothing: () => peakOf(node, nothing),
    sync: () => peakOf(node, whoopster('sync'), env),
  })
  return [
    ratio([wall.sync, wall.nothing], ms, {
      name: 'a quiet `whoopster sync` ÷ `node -e 0`',
      goal: 6,
      bound:
        'half is loading and compiling drizzle, undici, postgres.js and valibot; the rest is their first use, and round trips',
    }),
    ratio([peak.sync, peak.nothing], mib, {
      name: 'peak memory of that ÷ of `node -e 0`',
      goal: 1.7,
      bound: 'the code of the same three, and V8’s first young generation',
    }),
  ]
}

async function sync({ node }: Bench, { env }: Stage): Promise<void> {
  await run(node, whoopster('sync'), env)
}

async function countStatements({ node }: Bench, { env }: Stage): Promise<number> {
  const proxy = await startProxy(env.DATABASE_URL)
  try {
    await run(node, whoopster('sync'), { ...env, DATABASE_URL: proxy.url })
    return proxy.statements.length
  } finally {
    await proxy.close()
  }
}

function counted(requests: Record<string, number>): Figure {
  return {
    name: 'collection requests of a quiet sync, four types',
    goal: 4,
    measured: resources.reduce((sum, { name }) => sum + (requests[name] ?? 0), 0),
    kind: 'count',
    made: `and ${requests['other'] ?? 0} others`,
    bound: 'one for each type: WHOOP has no list of everything',
  }
}

function statements(young: number, old: number): Figure {
  return {
    name: 'PostgreSQL statements of a quiet sync',
    goal: 20,
    measured: Math.max(young, old),
    kind: 'count',
    made: `${young} with a month of history, ${old} with five years`,
    bound: 'what must be known before each request, and how each type ended',
  }
}

function written(rows: number, writes: number): Figure {
  return {
    name: 'record rows that quiet syncs wrote or locked',
    goal: 0,
    measured: rows,
    kind: 'count',
    made: `by ctid, xmin and xmax of every row; and ${writes} writes by PostgreSQL’s own count`,
    bound: '',
  }
}
