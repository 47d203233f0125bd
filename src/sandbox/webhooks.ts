import { createHmac, randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { chance, random } from './random.ts'
import type { Change } from './world.ts'

// What WHOOP sends when a record changes, to the address that its app has registered.

export interface WebhookOptions {
  url: string
  secret: string // the app's client secret
  now: () => Date
  lost?: number // the share of events that are never sent
  twice?: number // and of those that are sent once more
  seed?: number
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Webhooks {
  tell: (change: Change) => void
  close(): Promise<void> // what is on its way ends, and nothing is repeated any more
}

const MINUTE_MS = 60_000
const REPEATED_AFTER_MS = [1, 4, 10, 20, 25].map((minutes) => minutes * MINUTE_MS) // five times over an hour
const PATIENCE_MS = 5_000

export function createWebhooks(options: WebhookOptions): Webhooks {
  const { lost = 0.02, twice = 0.05, seed = 1 } = options
  const sleep = options.sleep ?? ((ms, signal) => wait(ms, undefined, { signal, ref: false }))
  const luck = random(seed, 2109)
  const closing = new AbortController()
  const under = new Set<Promise<void>>()

  const follow = (work: Promise<void>) => {
    const ended = work.catch(() => undefined).finally(() => under.delete(ended))
    under.add(ended)
  }
  const deliver = async (body: string) => {
    for (const pause of [...REPEATED_AFTER_MS, undefined]) {
      if ((await post(options, body)) || pause === undefined) return
      await sleep(pause, closing.signal)
    }
  }
  return {
    tell: ({ member, kind, id, change }) => {
      const event = { user_id: member, id, type: `${kind}.${change}`, trace_id: randomUUID() }
      const body = JSON.stringify(event)
      if (chance(luck, lost)) return
      follow(deliver(body))
      if (chance(luck, twice)) follow(deliver(body))
    },
    close: async () => {
      closing.abort()
      await Promise.all(under)
    },
  }
}

/** Whether it was taken. */
async function post({ url, secret, now }: WebhookOptions, body: string): Promise<boolean> {
  const timestamp = String(now().getTime())
  const signature = createHmac('sha256', secret)
    .update(timestamp + body)
    .digest('base64')
  const headers = {
    'content-type': 'application/json',
    'x-whoop-signature': signature,
    'x-whoop-signature-timestamp': timestamp,
  }
  try {
    const { ok } = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(PATIENCE_MS) })
    return ok
  } catch {
    return false
  }
}
