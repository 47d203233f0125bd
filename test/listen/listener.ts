// A listener in this process, and WHOOP's side of it.
import { createHmac } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { Member } from '../support/member.ts'
import { freePort } from '../support/postgres.ts'
import { run, type RunOptions } from '../support/world.ts'

export interface Sent {
  user_id: number
  id: string
  type: string
  trace_id: string
}

/** How a request differs from what WHOOP would send. */
export interface Oddity {
  method?: string
  path?: string
  secret?: string
  at?: Date
  body?: string
  headers?: Record<string, string>
}

export interface Listener {
  port: number
  /** The answer's status to an event, signed as WHOOP does. */
  send: (event: Partial<Sent>, oddity?: Oddity) => Promise<number>
  /** Sends it, and expects it to be taken. */
  tell: (type: string, id: string, userId?: number) => Promise<void>
  health: () => Promise<number>
  /** What it has printed. */
  said: () => string
  /** As SIGTERM does; the exit code. */
  stop: () => Promise<number>
}

export async function startListener(
  member: Member,
  options: RunOptions & { env?: Record<string, string> } = {},
): Promise<Listener> {
  const port = await freePort()
  const stopping = new AbortController()
  let said = ''
  const ended = run(
    `listen --port ${port}`,
    { ...member.env, ...options.env },
    {
      clock: member.clock,
      ...options,
      interrupted: stopping.signal,
      heard: (text) => (said += text),
    },
  )
  ended.catch(() => {})
  const stop = async () => {
    stopping.abort(143)
    return (await ended).code
  }
  onTestFinished(async () => void (await stop()))
  while (!said.includes('listening until Ctrl-C')) {
    const early = await Promise.race([ended, sleep(5)])
    if (early) throw new Error(early.err)
  }
  const send: Listener['send'] = (event, oddity = {}) => {
    const honest = { secret: member.sandbox.clientSecret, at: member.clock.now(), body: bodyOf(member, event) }
    return ask(port, signed({ ...honest, ...oddity }))
  }
  return {
    port,
    send,
    tell: async (type, id, user_id = 10_001) => expect(await send({ type, id, user_id })).toBe(204),
    health: () => ask(port, { method: 'GET', path: '/healthz' }),
    said: () => said,
    stop,
  }
}

let traces = 0

function bodyOf({ sandbox }: Member, event: Partial<Sent>): string {
  const [profile] = sandbox.world.members()
  return JSON.stringify({ user_id: profile?.user_id, trace_id: `trace ${(traces += 1)}`, ...event })
}

/** As WHOOP sends it, but for the oddity. */
export function signed({
  method = 'POST',
  path = '/webhook',
  secret = '',
  at = new Date(),
  body = '',
  headers,
}: Oddity) {
  const timestamp = String(at.getTime())
  const signature = createHmac('sha256', secret)
    .update(timestamp + body)
    .digest('base64')
  return {
    method,
    path,
    headers: {
      'content-type': 'application/json',
      'x-whoop-signature': signature,
      'x-whoop-signature-timestamp': timestamp,
      ...headers,
    },
    body,
  }
}

/** The status; 0 when there is no answer. */
export function ask(
  port: number,
  { body, ...options }: { method: string; path: string; headers?: Record<string, string>; body?: string },
): Promise<number> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asked.on('error', () => resolve(0))
    asked.end(body)
  })
}
