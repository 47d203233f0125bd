import { availableParallelism } from 'node:os'
import { DAY_MS, MINUTE_MS } from '../../src/time.ts'
import type { Plan } from '../../src/whoop/budget.ts'
import { createRateLimiter } from '../../src/whoop/limiter.ts'
import type { Clock } from '../../src/world.ts'
import { ms, ratio, type Bench, type Figure } from '../figure.ts'
import { run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'
import type { Stage } from '../stage.ts'

const [NEXT_DOOR, FAR] = [0.67, 0.25] // half as many members again in the same time, and four times as many
const PER_MINUTE = 100
const QUARTER_MS = 15 * MINUTE_MS
const ROUND = 'sync --no-migrate --older-than 1h'

/** How much sooner many processes have served everybody than one has, and whether an app's day is used by all who need it. */
export async function processes(bench: Bench): Promise<Figure[]> {
  const { size, stages, node } = bench
  const { processes: many, members, rounds, delayMs } = size.processes
  const crowd = await stages.with({ days: 8, members }, async (stage) => {
    const { faults } = stage.sandbox.world
    const serve = (lines: readonly string[], ms: number) => async () => {
      await stage.sql`truncate sync_runs` // nobody has been served
      faults.next = ms > 0 ? [{ path: '/developer/', delayMs: ms, times: Infinity }] : []
      const startedAt = performance.now()
      await Promise.all(lines.map((line) => run(node, whoopster(line), stage.env)))
      const took = performance.now() - startedAt
      await expectServedOnce(stage, members)
      return took
    }
    await serve([ROUND], 0)() // their first syncs
    const shards = Array.from({ length: many }, (_, index) => `${ROUND} --shard ${index}/${many}`)
    const shared = Array.from({ length: many }, () => ROUND)
    const next = await interleaved(rounds, {
      one: serve([ROUND], 0),
      shared: serve(shared, 0),
      shards: serve(shards, 0),
    })
    const far = await interleaved(
      1,
      { one: serve([ROUND], delayMs), shared: serve(shared, delayMs), shards: serve(shards, delayMs) },
      { warm: false },
    )
    return { next, far }
  })
  const perMinute = (ms: number) => `${Math.round((members / ms) * 60_000)} members a minute`
  const { next, far } = crowd
  const figure = (name: string, [over, under]: readonly [number, number], goal: number, bound: string): Figure => ({
    ...ratio([over, under], ms, { name, goal, bound }),
    made: `${perMinute(under)} ÷ ${perMinute(over)}`,
  })
  const cores = `${availableParallelism()} cores, which the processes, PostgreSQL and the simulated WHOOP share; each process starts and warms up first`
  const waiting = 'one process waits for WHOOP most of the time, and many wait at once'
  const share = 'each with its own share of them (`--shard`)'
  const name = `time in which ${many} processes serve ${members} members ÷ one process`
  return [
    figure(`${name}, WHOOP next door`, [next.shared, next.one], NEXT_DOOR, cores),
    figure(`the same, ${share}`, [next.shards, next.one], NEXT_DOOR, cores),
    figure(`${name}, WHOOP ${delayMs} ms away`, [far.shared, far.one], FAR, waiting),
    figure(`the same, ${share}`, [far.shards, far.one], FAR, waiting),
    await day(bench),
  ]
}

/** The second of two days of a schedule that asks for more than there is, by the budget that the program keeps. */
async function day({ size }: Bench): Promise<Figure> {
  const most = { allowed: PER_MINUTE * 90, used: Infinity, members: 0 }
  for (const members of size.processes.crowds) {
    const used = await usedOnSecondDay({ members, cost: 4 })
    if (used < most.used) Object.assign(most, { used, members })
  }
  return {
    name: `requests that WHOOP’s day allows ÷ used in a simulated day, the worst of ${size.processes.crowds.join(', ')} members`,
    goal: 1.05,
    measured: most.allowed / most.used,
    kind: 'ratio',
    made: `${most.allowed} ÷ ${most.used} with ${most.members} members, nobody refused`,
    bound: 'what comes free is given out evenly over the day',
  }
}

async function usedOnSecondDay(plan: Plan): Promise<number> {
  let now = Date.parse('2026-11-22T10:20:00Z')
  const [start, never] = [now, new AbortController().signal]
  const sleep = async (ms: number) => void (now += ms)
  const clock: Clock = { now: () => new Date(now), ofServer: (time) => time, sleep, timeout: () => never }
  const limiter = createRateLimiter(clock, PER_MINUTE, { plan })
  let used = 0
  for (let at = start; at < start + 2 * DAY_MS; at += QUARTER_MS) {
    now = Math.max(now, at) // a run that is late begins with the next quarter of an hour at the latest
    for (let served = 0; served < plan.members && (await limiter.hasRoom('current')); served++) {
      for (let request = 0; request < plan.cost; request++) await limiter.acquire(never)
      if (now >= start + DAY_MS && now < start + 2 * DAY_MS) used += plan.cost
    }
  }
  return used
}

async function expectServedOnce({ sql }: Stage, members: number): Promise<void> {
  const [row] = await sql<{ runs: number; members: number; fine: boolean }[]>`
    select count(*)::int as runs, count(distinct user_id)::int as members, bool_and(outcome = 'ok') as fine from sync_runs`
  if (row?.runs !== members || row.members !== members || !row.fine)
    throw new Error(`not everybody was served once: ${JSON.stringify(row)}`)
}
