import { readConfig } from '../config.ts'
import { reasonOf } from '../whoop/wording.ts'
import { SECOND_MS } from '../time.ts'
import { userAgent } from '../version.ts'
import { attempt, type Dependencies } from './findings.ts'

const TIMEOUT_MS = 10 * SECOND_MS
const START = 'is whoopster listen running, and reached by what stands before it? see docs/webhooks.md'

/** Whether the address at WHOOP leads to our listener: it refuses what nobody has signed. Names no host. */
export async function lookAtWebhook({ world, find }: Dependencies): Promise<void> {
  const url = attempt(() => readConfig(world.env, ['WEBHOOK_URL']))?.WEBHOOK_URL
  if (!url) return find('webhook', 'ok', 'none: WEBHOOK_URL is not set')
  const { protocol, hostname } = new URL(url)
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  if (protocol !== 'https:' && !isHere) {
    return find('webhook', 'problem', 'WEBHOOK_URL is no https address, and WHOOP takes no other', START)
  }
  const headers = { 'user-agent': userAgent, 'content-type': 'application/json' }
  try {
    const { status } = await world.fetch(url, {
      method: 'POST',
      headers,
      body: '{}',
      signal: world.clock.timeout(TIMEOUT_MS),
    })
    if (status === 401)
      find('webhook', 'ok', 'WEBHOOK_URL leads to a listener, which refuses what WHOOP has not signed')
    else if (status === 404 || status === 405) {
      find(
        'webhook',
        'problem',
        `WEBHOOK_URL answers ${status}`,
        'does it end with /webhook, as the listener’s path does?',
      )
    } else if (status >= 500) find('webhook', 'problem', `WEBHOOK_URL answers ${status}`, START)
    else find('webhook', 'problem', `WEBHOOK_URL answers ${status} to what nobody has signed: it is no listener`, START)
  } catch (error) {
    find('webhook', 'problem', `WEBHOOK_URL does not answer: ${reasonOf(error)}`, START)
  }
}
