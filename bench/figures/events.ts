import { spawn, type ChildProcess } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sandbox } from '../../src/sandbox/index.ts'
import { freePort } from '../../test/support/postgres.ts'
import { ratio, type Bench, type Figure } from '../figure.ts'
import { run, whoopster } from '../program.ts'
import type { Stage } from '../stage.ts'

const MANY = 200
const DAYS = 150

/** What WHOOP tells by webhook: how soon it is a row, and what a storm of it costs. */
export async function events(bench: Bench): Promise<Figure[]> {
  return bench.stages.with({ days: DAYS }, async (stage) => {
    await run(bench.node, whoopster('sync'), stage.env)
    const listener = await startListener(bench, stage)
    try {
      const ages = []
      for (let round = 0; round < Math.max(1, bench.size.longRounds); round++)
        ages.push(...(await agesOf(bench, stage, listener.tell)))
      const requests = await storm(stage, listener.tell)
      const median = ages.toSorted((a, b) => a - b)[Math.floor(ages.length / 2)] ?? Number.NaN
      return [
        {
          name: `from WHOOP's event to the row, WHOOP ${bench.size.delayMs * 2} ms away: median`,
          goal: 2000,
          measured: median,
          kind: 'ms',
          made: `${ages.length} events: a new workout, an old sleep edited, a recovery rescored, a deletion`,
          bound: 'a second in which more events gather; then the list and the record',
        },
        ratio([requests, MANY], String, {
          name: `requests to WHOOP for ${MANY} events at once, each of another record ÷ events`,
          goal: 1.3,
          bound: 'each is asked for by its id, a hundred of a type in a sync of four lists',
        }),
      ]
    } finally {
      listener.child.kill('SIGTERM')
      await listener.ended
    }
  })
}

type Tell = (type: string, id: string) => Promise<void>

async function startListener({ node }: Bench, { env, sandbox }: Stage) {
  const port = await freePort()
  const child: ChildProcess = spawn(node, whoopster(`listen --quiet --port ${port}`), {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  const isWell = () =>
    fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    )
  for (let tries = 0; !(await isWell()); tries++) {
    if (tries > 200) throw new Error('the listener does not answer')
    await sleep(50)
  }
  const [{ user_id } = { user_id: 0 }] = sandbox.world.members()
  const tell: Tell = async (type, id) => {
    const body = JSON.stringify({ user_id, id, type, trace_id: 'bench' })
    const timestamp = String(Date.now())
    const signature = createHmac('sha256', sandbox.clientSecret)
      .update(timestamp + body)
      .digest('base64')
    const headers = { 'x-whoop-signature': signature, 'x-whoop-signature-timestamp': timestamp }
    const { status } = await fetch(`${url}/webhook`, { method: 'POST', headers, body })
    if (status !== 204) throw new Error(`the listener answered ${status}`)
  }
  return { child, ended, tell }
}

/** How old each change is when it is stored, in ms. */
async function agesOf({ size }: Bench, { sandbox, sql }: Stage, tell: Tell): Promise<number[]> {
  const { world } = sandbox
  world.faults.onRequest = () => sleep(size.delayMs * 2)
  const ages: number[] = []
  const age = async (type: string, id: string, isStored: () => PromiseLike<readonly unknown[]>) => {
    const since = performance.now()
    await tell(type, id)
    while ((await isStored()).length === 0) await sleep(5)
    ages.push(performance.now() - since)
  }
  const recovery = world.list('recovery').at(100)
  const sleepOf = recovery && world.get('sleep', recovery.sleep_id)
  const [newest, gone] = [world.list('workout')[0], world.list('workout').at(40)]
  if (!recovery?.score || !sleepOf || !newest || !gone) throw new Error('the sandbox made too few records')

  const id = crypto.randomUUID()
  const [start, end] = [-3_600_000, -1_800_000].map((ms) => new Date(Date.now() + ms).toISOString())
  world.put('workout', { ...newest, id, start: start ?? '', end: end ?? '' })
  await age('workout.updated', id, () => sql`select from workout_records where id = ${id}`)

  const edited = new Date(Date.parse(sleepOf.end) - 60_000).toISOString()
  world.put('sleep', { ...sleepOf, end: edited })
  await age(
    'sleep.updated',
    sleepOf.id,
    () => sql`select from sleep_records where id = ${sleepOf.id} and end_time = ${edited}`,
  )

  const score = recovery.score.recovery_score === 12 ? 13 : 12
  world.put('recovery', { ...recovery, score: { ...recovery.score, recovery_score: score } })
  const key = recovery.sleep_id
  await age(
    'recovery.updated',
    key,
    () => sql`select from recovery_records where id = ${key} and recovery_score = ${score}`,
  )

  world.remove('workout', gone.id)
  await age('workout.deleted', gone.id, () => sql`select from record_history where record_key = ${gone.id}`)
  world.faults.onRequest = undefined
  return ages
}

/** How many requests it takes until nothing is waited for. */
async function storm(stage: Stage, tell: Tell): Promise<number> {
  const { sandbox, sql } = stage
  const told = newest(sandbox, MANY / 2)
  await settled(sql)
  stage.requests()
  await Promise.all(told.map(([type, id]) => tell(type, id)))
  await settled(sql)
  return Object.values(stage.requests()).reduce((sum, count) => sum + count, 0)
}

function newest({ world }: Sandbox, count: number): [string, string][] {
  const of = (kind: 'sleep' | 'workout') =>
    world
      .list(kind)
      .slice(0, count)
      .map(({ id }): [string, string] => [`${kind}.updated`, id])
  return [...of('sleep'), ...of('workout')]
}

async function settled(sql: Stage['sql']): Promise<void> {
  while ((await sql`select from chased_records where reason = 'event'`).length > 0) await sleep(50)
}
