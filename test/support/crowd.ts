// Many members of one app, and many processes that share the work, on a clock that hurries.
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import type { RunResult } from '../../src/sync/result.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { startProgram } from './program.ts'
import { putLogin } from './member.ts'
import { createClock, envFor, type TestClock } from './world.ts'

const program = fileURLToPath(new URL('hurried.js', import.meta.url))

export interface Crowd {
  database: TestDatabase
  sandbox: Sandbox
  /** What the processes believe the time to be. */
  now(): number
  start(line: string): Worker
  /** The requests for data: how many, how many of them were refused, and how near they came to all that is permitted. */
  traffic(): { requests: number; refused: number; used: number }
}

export interface Worker {
  child: ChildProcess
  ended: Promise<{ code: number | null; err: string; result: RunResult | undefined }>
}

export async function newCrowd(options: {
  members: number
  days: number
  speed: number
  perMinute: number
}): Promise<Crowd> {
  const { members, days, speed, perMinute } = options
  const database = await createDatabase()
  onTestFinished(database.drop)
  let epoch = Date.now() // when their clock and the world's were the same
  const now = () => epoch + (Date.now() - epoch) * speed
  const limits = { perMinute, perDay: 100_000 }
  const sandbox = await startSandbox({ members, days, limits, now: () => new Date(now()), accessTokenSeconds: 86_400 })
  onTestFinished(() => sandbox.close())
  const env = { ...envFor(sandbox, database.url), MAX_REQUESTS_PER_MINUTE: String(perMinute) }
  const leap = async (ms: number) => void (epoch -= ms / (speed - 1))
  const leaping: TestClock = { ...createClock(), now: () => new Date(now()), sleep: leap }
  for (let member = 10_001; member <= 10_000 + members; member++) {
    await putLogin(database, sandbox, { clock: leaping, member })
  }
  await leap(60_000) // their minute is over
  const seen = sandbox.requests.length

  function start(line: string): Worker {
    const args = [...line.split(' '), '--json', '--quiet']
    const { child, ended: over } = startProgram(
      args,
      { SPEED: String(speed), EPOCH: String(epoch), ...env },
      { program },
    )
    const ended = over.then(({ code, out, err }) => {
      return { code, err, result: out ? (JSON.parse(out) as RunResult) : undefined }
    })
    return { child, ended }
  }

  function traffic() {
    const asked = sandbox.requests.slice(seen).filter(({ path }) => path.startsWith('/developer'))
    const minutes = ((asked.at(-1)?.at.getTime() ?? 0) - (asked[0]?.at.getTime() ?? 0)) / 60_000
    const refused = asked.filter(({ status }) => status === 429).length
    const needed = Math.floor((asked.length - 1) / (perMinute * 0.9)) // minutes: the first of them goes at once
    return { requests: asked.length, refused, used: needed / minutes }
  }

  return { database, sandbox, now, start, traffic }
}
