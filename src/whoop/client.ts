import { WhoopsterError } from '../errors.ts'
import type { Log } from '../log.ts'
import { parseJson } from '../resources/json.ts'
import { about } from '../time.ts'
import type { Answer, Clock, Fetch } from '../world.ts'
import { userAgent } from '../version.ts'
import { type RateLimiter, LONGEST_WAIT_MS, refusalOf } from './limiter.ts'
import { readRetryAfter, waitBeforeRetry } from './retry.ts'
import { isAboutTls, reasonOf, TLS_HINT, wordsOf } from './wording.ts'

/** Gives an access token that outlives the next request, and another one when WHOOP has refused that. */
export interface TokenSource {
  token(): Promise<string>
  /** A token newer than the one refused for want of `scope`, or undefined when that would not help. */
  renew(refused: string, scope: string): Promise<string | undefined>
  /** Told what WHOOP made of a token that was not too old. */
  learn(scope: string, isPermitted: boolean): Promise<void>
}

/** One access token, and nothing behind it. */
export function staticToken(access: string): TokenSource {
  return { token: async () => access, renew: async () => undefined, learn: async () => {} }
}

export interface Whoop {
  /** The parsed answer; undefined for a 404. */
  find(path: string, scope: string, query?: Record<string, string>): Promise<unknown>
  get(path: string, scope: string): Promise<unknown>
  usage: Usage
}

/** What this client has asked of WHOOP so far. */
export interface Usage {
  requests: number
  retries: number
  /** Between attempts, and for a turn. */
  waitedMs: number
  /** As much of it as was for WHOOP's limit. */
  limitedMs: number
  lastStatus: number | null
}

export interface WhoopOptions {
  baseUrl: string
  fetch: Fetch
  clock: Clock
  limiter: RateLimiter
  tokens: TokenSource
  log: Log
  interrupted: AbortSignal
  random?: () => number
}

const TIMEOUT_MS = 30_000

/** WHOOP's API for one member: paced, retried, every failure named with its status, path and WHOOP's own words. */
export function createWhoop(options: WhoopOptions): Whoop {
  const { baseUrl, clock, limiter, tokens, log, interrupted, random = Math.random } = options
  const usage: Usage = { requests: 0, retries: 0, waitedMs: 0, limitedMs: 0, lastStatus: null }

  async function ask(path: string, scope: string): Promise<Reply> {
    const token = await tokens.token()
    const first = await persist(path, token)
    const renewed = first.status === 401 ? await tokens.renew(token, scope) : undefined
    const reply = renewed === undefined ? first : await persist(path, renewed)
    if (reply.status === 200 || renewed !== undefined) await tokens.learn(scope, reply.status !== 401)
    if (reply.status !== 401) return reply
    throw new WhoopsterError('login', `WHOOP does not permit ${path}: ${reply.words}`, {
      hint: `run: whoopster auth, and grant ${scope}`,
    })
  }

  /** Asks until there is an answer that more asking would not change. */
  async function persist(path: string, token: string): Promise<Reply> {
    for (let attempt = 1; ; attempt++) {
      const reply = await once(path, token)
      const retryable = reply.json === undefined && reply.status === 200 ? undefined : reply.status
      const wait = waitBeforeRetry(attempt, { status: retryable, saysMs: reply.waitMs }, random())
      if (wait === undefined || interrupted.aborted || isAboutTls(reply.error)) return reply
      if (wait > LONGEST_WAIT_MS && reply.status === 429) throw spent(path, wait)
      if (wait > LONGEST_WAIT_MS) return reply
      log.debug('asking again', { path, status: reply.status, attempt, waitMs: wait })
      usage.retries++
      const sleptFrom = clock.now().getTime()
      await clock.sleep(wait, interrupted)
      const slept = clock.now().getTime() - sleptFrom
      usage.waitedMs += slept
      if (reply.status === 429) usage.limitedMs += slept
    }
  }

  async function once(path: string, token: string): Promise<Reply> {
    const waited = await limiter.acquire(interrupted)
    usage.waitedMs += waited // in two steps: others count at the same time
    usage.limitedMs += waited
    interrupted.throwIfAborted()
    if (limiter.spentForMs() > LONGEST_WAIT_MS) throw spent(path, limiter.spentForMs())
    usage.requests++
    const startedAt = clock.now().getTime()
    const reply = await exchange(path, token)
    usage.lastStatus = reply.status ?? null
    log.debug('asked', { path, status: reply.status, ms: clock.now().getTime() - startedAt })
    return reply
  }

  async function exchange(path: string, token: string): Promise<Reply> {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json', 'user-agent': userAgent }
    const deadline = clock.timeout(TIMEOUT_MS)
    const signal = AbortSignal.any([interrupted, deadline])
    try {
      const answer = await options.fetch(`${baseUrl}/developer${path}`, { method: 'GET', headers, signal })
      limiter.observe(answer)
      return readReply(answer, await answer.text(), token, clock.now())
    } catch (error) {
      interrupted.throwIfAborted()
      if (error instanceof WhoopsterError) throw error // a setting that is wrong
      // A body that is cut off forgets why. And naming the deadline here keeps it: Node 20 lets go of what only `any` knows.
      return { words: '', error: deadline.aborted ? deadline.reason : error }
    }
  }

  return {
    usage,
    find: async (path, scope, query = {}) => {
      const search = new URLSearchParams(query).toString()
      const address = search ? `${path}?${search}` : path
      const reply = await ask(address, scope)
      return reply.status === 404 ? undefined : readJson(address, reply)
    },
    get: async (path, scope) => readJson(path, await ask(path, scope)),
  }
}

/** One exchange: an answer with its status, or the error of a connection that broke. */
interface Reply {
  status?: number
  /** WHOOP's own, on one line. */
  words: string
  /** Undefined when the answer is not JSON. */
  json?: unknown
  /** It comes from what stands in front of WHOOP, rather than from WHOOP. */
  isMarkup?: boolean
  waitMs?: number | undefined
  error?: unknown
}

function readReply(answer: Answer, text: string, token: string, now: Date): Reply {
  const { status } = answer
  const json = parse(text)
  const waitMs = status === 429 ? refusalOf(answer, now) : readRetryAfter(answer.headers.get('retry-after'), now)
  const isMarkup = /^\s*<|^error code: \d+/i.test(text)
  return { status, json, isMarkup, waitMs, words: status === 200 && json !== undefined ? '' : wordsOf(text, token) }
}

function parse(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return undefined // the caller says what came instead
  }
}

function readJson(path: string, reply: Reply): unknown {
  if (reply.status === 200 && reply.json !== undefined) return reply.json
  throw refusal(path, reply)
}

function refusal(path: string, reply: Reply): WhoopsterError {
  const { status } = reply
  if (status === undefined) {
    return new WhoopsterError('unavailable', `WHOOP cannot be reached: ${reasonOf(reply.error)}`, {
      hint: isAboutTls(reply.error)
        ? TLS_HINT
        : 'check the network (and HTTPS_PROXY, if there is a proxy), then run it again',
      cause: reply.error,
    })
  }
  const said = `WHOOP answered ${status} to ${path}: ${reply.words}`
  if (status === 200) return new WhoopsterError('protocol', `WHOOP sent no JSON for ${path}: ${reply.words}`)
  if (status === 403 && reply.isMarkup) {
    return new WhoopsterError('unavailable', `WHOOP's front turned the request away (403): ${reply.words}`, {
      hint: 'it is not the login: try again later, or from another network',
    })
  }
  if (status === 403) {
    return new WhoopsterError('login', said, { hint: 'the app may lack a scope: tick it, then run: whoopster auth' })
  }
  if (status === 429) return new WhoopsterError('later', said, { hint: 'run it again in a minute' })
  const trouble = `WHOOP answered ${status}: ${reply.words}`
  if (status >= 500)
    return new WhoopsterError('unavailable', trouble, { hint: 'WHOOP has trouble: run it again later' })
  return new WhoopsterError('protocol', said, { hint: 'report this: it should not happen' })
}

function spent(path: string, waitMs: number): WhoopsterError {
  return new WhoopsterError('later', `WHOOP's request budget is spent for ${about(waitMs)} (before ${path}).`, {
    hint: 'everything fetched so far is kept; a later run goes on from there',
  })
}
