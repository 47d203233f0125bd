import { createHmac, timingSafeEqual } from 'node:crypto'
import * as v from 'valibot'
import type { Told } from '../db/events.ts'
import { MINUTE_MS } from '../time.ts'

// What WHOOP sends when a record changes: POST {"user_id":…,"id":"<uuid>","type":"sleep.updated","trace_id":"…"}, with
// X-WHOOP-Signature-Timestamp in milliseconds and X-WHOOP-Signature, base64 of HMAC-SHA256(client secret, timestamp + body).

/** Whose record, and what WHOOP says has become of it. A recovery is named by its sleep, whose id it has. */
export interface WebhookEvent extends Told {
  change: 'updated' | 'deleted'
}

const MOST_SKEW_MS = 5 * MINUTE_MS
const MILLISECONDS = /^\d{1,15}$/

/** Whether WHOOP has said this, to this app, within the last five minutes. Wrong ones take as long as right ones. */
export function isSigned(
  secret: string,
  { timestamp, signature, body, now }: { timestamp: string; signature: string; body: Buffer; now: Date },
): boolean {
  const right = createHmac('sha256', secret).update(timestamp).update(body).digest()
  const given = Buffer.from(signature, 'base64')
  const isRight = given.length === right.length && timingSafeEqual(given, right)
  return isRight && MILLISECONDS.test(timestamp) && Math.abs(now.getTime() - Number(timestamp)) <= MOST_SKEW_MS
}

const TYPES = ['sleep', 'recovery', 'workout'] as const
const CHANGES = ['updated', 'deleted'] as const

const Told = v.looseObject({
  user_id: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  id: v.pipe(v.string(), v.uuid(), v.toLowerCase()),
  type: v.picklist(TYPES.flatMap((type) => CHANGES.map((change) => `${type}.${change}` as const))),
})

/** Undefined: no event that this version knows. */
export function readEvent(body: Buffer): WebhookEvent | undefined {
  const told = v.safeParse(v.pipe(v.string(), v.parseJson(), Told), body.toString())
  if (!told.success) return undefined
  const { user_id: whoopUserId, id: key, type: name } = told.output
  const [type, change] = name.split('.') as [(typeof TYPES)[number], (typeof CHANGES)[number]]
  return { whoopUserId, type, key, change }
}
