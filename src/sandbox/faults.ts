import type { Answer } from './http.ts'

// How WHOOP misbehaves, as far as a test asks for it.

export interface Fault {
  path?: string // prefix, such as /developer/v2/cycle; any path when left out
  method?: string
  skip?: number // lets so many matching requests pass first
  times?: number // default 1
  delayMs?: number
  answer?: { status: number; body?: string; headers?: Record<string, string> } // instead of the true one
  act?: Act
}

// 'reset' and 'hang' give no answer at all; the others spoil the true one.
export type Act = 'reset' | 'hang' | 'truncate' | 'not-json' | 'empty-page' | 'repeat-page'

export interface SeenRequest {
  method: string
  path: string
  query: Record<string, string>
  member?: number
}

export interface Faults {
  next: Fault[]
  // Which records a range means: those that touch it, those that lie in it, those created in it, or simply all.
  filter: 'overlap' | 'contained' | 'created' | 'ignored'
  omitNulls: boolean
  extraFields: boolean
  // A committed rotation whose answer is lost, or comes late.
  token: 'normal' | 'commit-then-502' | { slowMs: number }
  onRequest?: ((request: SeenRequest) => void | Promise<void>) | undefined
  // What WHOOP says instead of the truth.
  lie?: ((request: SeenRequest, truth: Answer) => Answer) | undefined
}

export function noFaults(): Faults {
  return { next: [], filter: 'overlap', omitNulls: false, extraFields: false, token: 'normal' }
}

export const CLOUDFLARE =
  '<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>\n'

export const canned = {
  serverError: { status: 500, body: 'HTTP 500 Internal Server Error', headers: { 'content-type': 'text/plain' } },
  cloudflare502: { status: 502, body: CLOUDFLARE, headers: { 'content-type': 'text/html', server: 'cloudflare' } },
  tooMany: (retryAfter?: number | string) => ({
    status: 429,
    body: 'Too Many Requests',
    headers: { 'content-type': 'text/plain', ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) },
  }),
}

// The fault that is due for this request; it counts as used.
export function takeFault(faults: Faults, { method, path }: SeenRequest): Fault | undefined {
  const fault = faults.next.find((one) => path.startsWith(one.path ?? '') && (one.method ?? method) === method)
  if (!fault) return undefined
  if (fault.skip) {
    fault.skip -= 1
    return undefined
  }
  fault.times = (fault.times ?? 1) - 1
  if (fault.times < 1) faults.next.splice(faults.next.indexOf(fault), 1)
  return fault
}

type Spoil = (body: string, previous?: string) => string

const SPOILS: Partial<Record<Act, Spoil>> = {
  truncate: (body) => body.slice(0, Math.floor(body.length / 2)),
  'not-json': () => 'upstream connect error or disconnect/reset before headers',
  'empty-page': () => '{"records":[],"next_token":null}',
  'repeat-page': (body, previous) => previous ?? body,
}

// The true answer, spoilt. `previous` is what the same member was told on this path before.
export function spoil(answer: Answer, act: Act | undefined, previous: string | undefined): Answer {
  const change = act && SPOILS[act]
  return change ? { ...answer, body: change(answer.body, previous) } : answer
}
