import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startDelayed, startInStep } from '../../test/support/distance.ts'
import { ms, ratio, type Bench, type Figure } from '../figure.ts'
import { run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'
import type { Stage } from '../stage.ts'
import { floorOf, pagesOf, refusals, LIMIT, MINUTE_MS } from './first.ts'

const AWAY_MS = 100 // there and back, as a managed PostgreSQL in another region is

/** With a PostgreSQL that is far away: how often its answer is waited for, and what that costs. */
export async function distance(bench: Bench): Promise<Figure[]> {
  return [...(await trips(bench)), ...(await quietAway(bench)), ...(await raceAway(bench)), ...(await firstAway(bench))]
}

async function trips(bench: Bench): Promise<Figure[]> {
  const { monthDays } = bench.size
  const [short, long] = [await tripsWith(bench, monthDays * 3), await tripsWith(bench, monthDays * 12)]
  const { connecting, quiet } = long
  return [
    {
      name: 'round trips in sequence of a quiet sync, once it is connected',
      goal: 8,
      measured: quiet,
      kind: 'count',
      made: `${connecting} more to connect: the start, and two of SCRAM; with TLS, two more`,
      bound:
        'what must be known before the next can be asked: schema, clock, whose turn, locks, budget, sleep, recovery, the end',
    },
    ratio([long.first - short.first, long.pages - short.pages], (value) => String(value), {
      name: 'round trips in sequence of a page of history, all types at once',
      goal: 2,
      bound:
        'one: a page is stored, covered and committed by one statement, and what is missing below is asked along with it',
    }),
  ]
}

/** Of a first sync, and of a quiet one. */
function tripsWith({ size, stages, node }: Bench, days: number) {
  return stages.with({ days }, async (stage) => {
    const count = async () => {
      const far = await startInStep(stage.env.DATABASE_URL, size.silenceMs)
      try {
        await run(node, whoopster('sync'), { ...stage.env, DATABASE_URL: far.url })
        const connecting = far.trips.findIndex((statements) => statements.length > 0)
        return { connecting, connected: far.trips.length - connecting }
      } finally {
        await far.close()
      }
    }
    const { connected: first } = await count()
    const { connecting, connected: quiet } = await count()
    return { first, quiet, connecting, pages: Math.max(...pagesOf(stage)) }
  })
}

async function quietAway({ size, stages, node }: Bench): Promise<Figure[]> {
  return stages.with({ days: size.monthDays }, async (stage) => {
    await run(node, whoopster('sync'), stage.env)
    const far = await startDelayed(stage.env.DATABASE_URL, AWAY_MS)
    const near = await startDelayed(stage.env.DATABASE_URL, 0)
    try {
      const timed = (url: string) => async () =>
        (await run(node, whoopster('sync'), { ...stage.env, DATABASE_URL: url })).ms
      const wall = await interleaved(Math.ceil(size.rounds / 3), { far: timed(far.url), near: timed(near.url) })
      const bound = 'eleven round trips: three to connect, and the eight'
      return [
        {
          name: `a quiet sync with PostgreSQL ${AWAY_MS} ms away`,
          goal: 2000,
          measured: wall.far,
          kind: 'ms',
          made: 'from spawn to exit, without TLS',
          bound,
        },
        {
          name: 'the same beyond one with PostgreSQL next door',
          goal: 8 * AWAY_MS,
          measured: wall.far - wall.near,
          kind: 'ms',
          made: `${ms(wall.far)} − ${ms(wall.near)}`,
          bound,
        },
      ]
    } finally {
      await Promise.all([far.close(), near.close()])
    }
  })
}

/** No limit but the distance. */
async function raceAway({ size, stages, node }: Bench): Promise<Figure[]> {
  return stages.with({ days: size.yearsDays }, async (stage) => {
    stage.sandbox.world.faults.next = [{ path: '/developer/', delayMs: size.delayMs, times: Infinity }]
    const [far, near] = [
      await startDelayed(stage.env.DATABASE_URL, AWAY_MS),
      await startDelayed(stage.env.DATABASE_URL, 0),
    ]
    try {
      const timed = (url: string) => async () => {
        await stage.empty()
        return (await run(node, whoopster('sync'), { ...stage.env, DATABASE_URL: url })).ms
      }
      const wall = await interleaved(size.longRounds, { far: timed(far.url), near: timed(near.url) }, { warm: false })
      return [
        ratio([wall.far, wall.near], ms, {
          name: `a five-year first sync without a limit, ${size.delayMs} ms a request, PostgreSQL ${AWAY_MS} ms away ÷ next door`,
          goal: 2,
          bound: 'the pages of a type are stored one after the other, each with a round trip',
        }),
      ]
    } finally {
      await Promise.all([far.close(), near.close()])
    }
  })
}

/** At WHOOP's limit; all clocks go faster than the world's, and so does the way to PostgreSQL. */
async function firstAway({ size, stages, node }: Bench): Promise<Figure[]> {
  const epoch = Date.now()
  const now = () => new Date(epoch + (Date.now() - epoch) * size.hurry)
  return stages.with({ days: size.yearsDays, now, limits: { perMinute: LIMIT, perDay: 10_000 } }, async (stage) => {
    const far = await startDelayed(stage.env.DATABASE_URL, AWAY_MS / size.hurry)
    try {
      await sleep(MINUTE_MS / size.hurry) // the login has taken from the first one
      stage.requests()
      const refusedBefore = refusals(stage)
      const speed = { SPEED: String(size.hurry), EPOCH: String(epoch), MAX_REQUESTS_PER_MINUTE: String(LIMIT) }
      const env = { ...stage.env, ...speed, DATABASE_URL: far.url }
      const { ms: wall } = await run(node, [resolve('test/support/hurried.js'), 'sync'], env)
      const refused = refusals(stage) - refusedBefore
      const sent = Object.values(stage.requests()).reduce((sum, one) => sum + one, 0)
      const { needed, floor } = floorOf(stage)
      return [
        {
          name: `a five-year first sync with PostgreSQL ${AWAY_MS} ms away ÷ the floor that nine tenths of WHOOP’s limit set`,
          goal: 1.1,
          measured: refused > 0 ? Infinity : (wall * size.hurry) / Math.max(floor, 1),
          kind: 'ratio',
          made: `${ms(wall * size.hurry)} ÷ ${ms(floor)} for ${needed} requests, ${refused} refused (429); clocks ${size.hurry} times as fast`,
          bound: 'the minutes of the limit; our own work counts as many times as the clocks are fast',
        },
        ratio([await granted(stage), sent], (value) => String(value), {
          name: 'requests granted ÷ requests sent, the same sync',
          goal: 1.15,
          bound: 'what is taken and not used is put back with the next statement; a process that dies loses one batch',
        }),
      ]
    } finally {
      await far.close()
    }
  })
}

/** As the ledger counts them in the end. */
async function granted({ sql }: Stage): Promise<number> {
  const [row] = await sql<{ granted: number }[]>`
    select sum((entry ->> 1)::int + (entry ->> 2)::int)::int as granted
    from request_budgets, jsonb_array_elements(state -> 'day') entry`
  return row?.granted ?? Number.NaN
}
