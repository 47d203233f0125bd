import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { resources } from '../../src/resources/index.ts'
import { ms, ratio, type Bench, type Figure } from '../figure.ts'
import { run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'
import type { Stage } from '../stage.ts'

export const LIMIT = 100 // WHOOP's, a minute
const USED = 90
export const MINUTE_MS = 60_000

/** Five years as fast as WHOOP's limit lets them come. Its clock and the program's go faster than the world's. */
export async function first({ size, stages, node }: Bench): Promise<Figure[]> {
  const epoch = Date.now()
  const now = () => new Date(epoch + (Date.now() - epoch) * size.hurry)
  const options = { days: size.yearsDays, now, limits: { perMinute: LIMIT, perDay: 10_000 } }
  return stages.with(options, async (stage) => {
    const speed = { SPEED: String(size.hurry), EPOCH: String(epoch) }
    const env = { ...stage.env, ...speed, MAX_REQUESTS_PER_MINUTE: String(LIMIT) }
    await sleep(MINUTE_MS / size.hurry) // the login has taken from the first one
    stage.requests()
    const refusedBefore = refusals(stage)
    const { ms: wall } = await run(node, [resolve('test/support/hurried.js'), 'sync'], env)
    const requests = stage.requests()
    return [perType(stage, requests), paced(stage, wall * size.hurry, refusals(stage) - refusedBefore, size.hurry)]
  })
}

/** The same without a limit, but with an answer that takes its time, against the original's algorithm. */
export async function race({ size, stages, node, programs }: Bench): Promise<Figure[]> {
  return stages.with({ days: size.yearsDays }, async (stage) => {
    const most = Math.max(...pagesOf(stage))
    const { access_token: token } = await stage.sandbox.login()
    stage.sandbox.world.faults.next = [{ path: '/developer/', delayMs: size.delayMs, times: Infinity }]
    const timed = (args: string[], env: Stage['env']) => async () => {
      await stage.empty()
      return (await run(node, args, env)).ms
    }
    const wall = await interleaved(
      Math.min(2, size.longRounds),
      {
        original: timed([join(programs, 'original.js')], { ...stage.env, ACCESS_TOKEN: token }),
        whoopster: timed(whoopster('sync'), stage.env),
      },
      { warm: false },
    )
    return [
      ratio([wall.whoopster, wall.original], ms, {
        name: `a five-year first sync without a limit, ${size.delayMs} ms a request ÷ the original’s algorithm`,
        goal: 0.25,
        bound: `the type with the most pages: each is asked for by the end of the one before, so they take ${most} × ${size.delayMs} ms, whatever else is fast`,
      }),
    ]
  })
}

/** The fewest pages that a type's history takes. */
export function pagesOf({ sandbox }: Stage): number[] {
  return resources.map(({ name }) => Math.ceil((sandbox.world.list(name).length - 1) / 24))
}

function perType(stage: Stage, requests: Record<string, number>): Figure {
  const excess = resources.map(({ name }) => {
    const records = stage.sandbox.world.list(name).length
    return { name, records, asked: requests[name] ?? 0, over: (requests[name] ?? 0) - Math.ceil(records / 24) }
  })
  return {
    name: 'requests of a first sync beyond ⌈n ÷ 24⌉, the worst type',
    goal: 1,
    measured: Math.max(...excess.map(({ over }) => over)),
    kind: 'count',
    made: excess.map(({ name, records, asked }) => `${asked} for ${records} ${name}`).join(', '),
    bound: 'a page of 25 begins with the last record of the page before it, as a check',
  }
}

/** The fewest requests there can be, of which no minute has more than nine tenths of the limit; in milliseconds. */
export function floorOf(stage: Stage): { needed: number; floor: number } {
  const needed = pagesOf(stage).reduce((sum, one) => sum + one, 2) // and body and profile
  return { needed, floor: Math.floor((needed - 1) / USED) * MINUTE_MS }
}

function paced(stage: Stage, wall: number, refused: number, hurry: number): Figure {
  const { needed, floor } = floorOf(stage)
  return {
    name: 'a five-year first sync ÷ the floor that nine tenths of WHOOP’s limit set',
    goal: 1.05,
    measured: refused > 0 ? Infinity : wall / Math.max(floor, 1),
    kind: 'ratio',
    made: `${ms(wall)} ÷ ${ms(floor)} for ${needed} requests, ${refused} refused (429); clocks ${hurry} times as fast, so our own work counts ${hurry}fold`,
    bound: 'the minutes of the limit; the last of them is followed by what is left over',
  }
}

export function refusals({ sandbox }: Stage): number {
  return sandbox.requests.filter(({ status }) => status === 429).length
}
