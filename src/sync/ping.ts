import { failure } from '../errors.ts'
import type { Log } from '../log.ts'
import { userAgent } from '../version.ts'
import type { World } from '../world.ts'

const TIMEOUT_MS = 5_000

export interface Healthcheck {
  /** Says that the run has begun. */
  start(): Promise<void>
  /** Says with which exit code it ended, and why. */
  end(code: number, why: string): Promise<void>
}

/** Tells HEALTHCHECK_URL how a run goes, in healthchecks.io's way. It never holds the run up for long, and never fails it. */
export function createHealthcheck({ env, clock, fetch }: World, log: Log): Healthcheck {
  const base = env['HEALTHCHECK_URL']?.trim() ?? ''
  if (!URL.canParse(base)) return { start: async () => {}, end: async () => {} } // what is wrong with it is said elsewhere

  async function ping(path: string, body: string): Promise<void> {
    const url = new URL(base)
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${path}`
    const headers = { 'user-agent': userAgent, 'content-type': 'text/plain; charset=utf-8' }
    try {
      const answer = await fetch(url.href, { method: 'POST', headers, body, signal: clock.timeout(TIMEOUT_MS) })
      await answer.text()
      if (answer.status >= 300) log.warn('HEALTHCHECK_URL refused the ping', { status: answer.status })
    } catch (error) {
      log.warn('HEALTHCHECK_URL did not answer', { reason: failure(error).message }) // not the address: it is a key
    }
  }

  return { start: () => ping('start', ''), end: (code, why) => ping(String(code), why) }
}
