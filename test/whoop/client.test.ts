import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import nock from 'nock'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { failure, type Failure } from '../../src/errors.ts'
import { cycle } from '../../src/resources/cycle.ts'
import { createLog } from '../../src/terminal/log.ts'
import { version } from '../../src/version.ts'
import { createWhoop, type TokenSource, type Whoop } from '../../src/whoop/client.ts'
import { createRateLimiter } from '../../src/whoop/limiter.ts'
import { findRecord, readPage } from '../../src/whoop/pages.ts'
import { reasonOf } from '../../src/whoop/wording.ts'
import type { Clock, Fetch, FetchInit } from '../../src/world.ts'
import { secrets } from '../support/secrets.ts'
import { builtInFetch, createClock, expectNoSecrets, type TestClock } from '../support/world.ts'
import { serve } from '../support/serve.ts'

const ORIGIN = 'https://api.prod.whoop.com'
const PATH = '/v2/cycle'
const SCOPE = 'read:cycles'
const TOKEN = 'access-token-that-nobody-may-see'
const RENEWED = 'renewed-token-that-nobody-may-see'
const LIMITS = '100, 100;window=60, 10000;window=86400'
const DAY_LIMITS = '10000, 100;window=60, 10000;window=86400'

const api = () => nock(`${ORIGIN}/developer`)
const said: string[] = [] // everything that a person could read afterwards

function expectNone(unused: readonly string[]): void {
  expect(unused, 'stubs that nobody used').toEqual([])
}

beforeAll(() => {
  nock.disableNetConnect()
  nock.enableNetConnect('127.0.0.1')
  secrets.add(TOKEN).add(RENEWED)
})
afterEach(() => {
  const unused = nock.pendingMocks()
  nock.abortPendingRequests()
  nock.cleanAll()
  expectNone(unused)
  expectNoSecrets(said.splice(0).join('\n'))
})
afterAll(() => {
  nock.restore()
})

interface Options {
  baseUrl?: string
  /** What renewing brings. */
  renewed?: string
  interruption?: AbortController
  clock?: Partial<Clock>
  fetch?: Fetch
}

interface Opened {
  whoop: Whoop
  clock: TestClock
  refused: string[]
  log: { msg: string; status?: number | null }[]
}

function open(options: Options = {}): Opened {
  const { baseUrl = ORIGIN, renewed, interruption = new AbortController(), fetch = builtInFetch } = options
  const clock = Object.assign(createClock(), options.clock)
  const refused: string[] = []
  const log: Opened['log'] = []
  const write = (line: string) => {
    said.push(line)
    log.push(JSON.parse(line) as Opened['log'][number])
  }
  const tokens: TokenSource = {
    token: async () => TOKEN,
    renew: async (token) => {
      refused.push(token)
      return renewed
    },
    learn: async () => {},
  }
  const whoop = createWhoop({
    baseUrl,
    clock,
    tokens,
    fetch,
    limiter: createRateLimiter(clock, 100),
    log: createLog({ write }, clock, 'debug'),
    interrupted: interruption.signal,
    random: () => 0.5,
  })
  return { whoop, clock, refused, log }
}

/** What a person or a program gets to see of a failure; its whole chain is searched for tokens. */
async function failing(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    (value) => expect.fail(`it did not fail, but brought ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  const seen = failure(error)
  said.push(JSON.stringify(seen))
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) said.push(String(cause.stack))
  return seen
}

describe('an answer', () => {
  it('is asked for with the token, for JSON and under our own name', async () => {
    const headers = {
      authorization: `Bearer ${TOKEN}`,
      accept: 'application/json',
      'user-agent': `whoopster/${version}`,
    }
    nock(`${ORIGIN}/developer`, { reqheaders: headers }).get(PATH).reply(200, { records: [] })
    expect(await open().whoop.get(PATH, SCOPE)).toEqual({ records: [] })
  })

  it('takes a query, and encodes it', async () => {
    api().get(`${PATH}?limit=25&end=2026-11-22T10%3A20%3A00%2B01%3A00&nextToken=a%3D%3D`).reply(200, [])
    const query = { limit: '25', end: '2026-11-22T10:20:00+01:00', nextToken: 'a==' }
    expect(await open().whoop.find(PATH, SCOPE, query)).toEqual([])
  })

  it('is counted, with its status', async () => {
    api().get(PATH).twice().reply(200, {})
    const { whoop, log } = open()
    expect(whoop.usage).toEqual({ requests: 0, retries: 0, waitedMs: 0, limitedMs: 0, lastStatus: null })
    await whoop.get(PATH, SCOPE)
    await whoop.get(PATH, SCOPE)
    expect(whoop.usage).toEqual({ requests: 2, retries: 0, waitedMs: 0, limitedMs: 0, lastStatus: 200 })
    expect(log).toMatchObject([
      { msg: 'asked', path: PATH, status: 200 },
      { msg: 'asked', path: PATH, status: 200 },
    ])
  })

  it('of 404 means that a record is gone, when one is looked for', async () => {
    api().get(`${PATH}/1`).reply(404, 'Not Found')
    const { whoop } = open()
    expect(await whoop.find(`${PATH}/1`, SCOPE)).toBeUndefined()
    expect(whoop.usage).toMatchObject({ requests: 1, lastStatus: 404 })
  })

  it('of 404 is no empty collection', async () => {
    api().get(PATH).reply(404, 'HTTP 404 Not Found')
    expect(await failing(open().whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "report this: it should not happen",
        "message": "WHOOP answered 404 to /v2/cycle: HTTP 404 Not Found",
        "reason": "protocol",
      }
    `)
  })

  it('of 400 is repeated in WHOOP’s own words, and not asked for again', async () => {
    api().get(PATH).reply(400, { message: 'limit must be at most 25' })
    const { whoop } = open()
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "report this: it should not happen",
        "message": "WHOOP answered 400 to /v2/cycle: {"message":"limit must be at most 25"}",
        "reason": "protocol",
      }
    `)
    expect(whoop.usage).toMatchObject({ requests: 1, retries: 0 })
  })
})

describe('a refused token', () => {
  it('is renewed once, and the question asked again', async () => {
    api().get(PATH).matchHeader('authorization', `Bearer ${TOKEN}`).reply(401, 'Authorization was not valid')
    api()
      .get(PATH)
      .matchHeader('authorization', `Bearer ${RENEWED}`)
      .reply(200, { records: [1] })
    const { whoop, refused } = open({ renewed: RENEWED })
    expect(await whoop.get(PATH, SCOPE)).toEqual({ records: [1] })
    expect(refused).toEqual([TOKEN])
    expect(whoop.usage).toMatchObject({ requests: 2, retries: 0, lastStatus: 200 })
  })

  it('names the scope when the new one is refused too', async () => {
    api().get(PATH).twice().reply(401, 'Authorization was not valid')
    const { whoop, refused } = open({ renewed: RENEWED })
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "run: whoopster auth, and grant read:cycles",
        "message": "WHOOP does not permit /v2/cycle: Authorization was not valid",
        "reason": "login",
      }
    `)
    expect(refused).toEqual([TOKEN])
  })

  it('is not tried again when there is no newer one', async () => {
    api().get(PATH).reply(401, 'Authorization was not valid')
    const { whoop } = open()
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchObject({ reason: 'login' })
    expect(whoop.usage.requests).toBe(1)
  })

  it('is not renewed for a path that is forbidden', async () => {
    api().get(PATH).reply(403, { message: 'Forbidden' })
    const { whoop, refused } = open({ renewed: RENEWED })
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "the app may lack a scope: tick it, then run: whoopster auth",
        "message": "WHOOP answered 403 to /v2/cycle: {"message":"Forbidden"}",
        "reason": "login",
      }
    `)
    expect(refused).toEqual([])
  })
})

describe('too many requests', () => {
  it.each([
    { says: 'seconds', headers: { 'retry-after': '7' }, waits: 7_000 },
    { says: 'a date', headers: { 'retry-after': 'Sun, 22 Nov 2026 10:20:42 GMT' }, waits: 42_000 },
    {
      says: 'only when the window has room again',
      headers: { 'x-ratelimit-limit': LIMITS, 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '23' },
      waits: 23_000,
    },
    {
      says: 'an empty Retry-After and a reset',
      headers: { 'retry-after': '', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '23' },
      waits: 23_000,
    },
    { says: 'nothing', headers: {}, waits: 375 },
  ])('waits as long as WHOOP asks when it says $says', async ({ headers, waits }) => {
    api().get(PATH).reply(429, 'Too Many Requests', headers)
    api().get(PATH).reply(200, {})
    const { whoop, clock } = open()
    await whoop.get(PATH, SCOPE)
    expect(clock.slept).toEqual([waits])
    expect(whoop.usage).toEqual({
      requests: 2,
      retries: 1,
      waitedMs: waits,
      limitedMs: expect.any(Number) as number,
      lastStatus: 200,
    })
  })

  it('ends after four tries, to be tried again later', async () => {
    api().get(PATH).times(4).reply(429, 'Too Many Requests', { 'retry-after': '1' })
    const { whoop } = open()
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "run it again in a minute",
        "message": "WHOOP answered 429 to /v2/cycle: Too Many Requests",
        "reason": "later",
      }
    `)
    expect(whoop.usage).toMatchObject({ requests: 4, retries: 3, lastStatus: 429 })
  })

  it('pays for a retry like for any request', async () => {
    api().get(PATH).times(89).reply(200, {})
    api().get(PATH).reply(500)
    api().get(PATH).reply(200, {})
    const { whoop, clock } = open()
    for (let index = 0; index < 90; index++) await whoop.get(PATH, SCOPE)
    expect(clock.slept).toEqual([375, 60_000 - 375])
    expect(whoop.usage).toEqual({
      requests: 91,
      retries: 1,
      waitedMs: 60_000,
      limitedMs: 60_000 - 375,
      lastStatus: 200,
    })
  })

  it('counts all waiting of many callers at once', async () => {
    api().get(PATH).times(100).reply(200, {})
    const { whoop, clock } = open()
    await Promise.all(Array.from({ length: 100 }, () => whoop.get(PATH, SCOPE)))
    expect(clock.slept).toEqual([60_000])
    expect(whoop.usage).toMatchObject({ requests: 100, waitedMs: 60_000 })
  })
})

describe('a day that is spent', () => {
  const headers = { 'x-ratelimit-limit': DAY_LIMITS, 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '40000' }

  it('ends the run instead of waiting for hours, when WHOOP refuses', async () => {
    api().get(PATH).reply(429, 'Too Many Requests', headers)
    const { whoop, clock } = open()
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "everything fetched so far is kept; a later run goes on from there",
        "message": "WHOOP's request budget is spent for 11 hours (before /v2/cycle).",
        "reason": "later",
      }
    `)
    expect(clock.slept).toEqual([])
  })

  it('keeps the last answer, and asks nothing more', async () => {
    api()
      .get(PATH)
      .reply(200, { records: [1] }, headers)
    const { whoop, clock } = open()
    expect(await whoop.get(PATH, SCOPE)).toEqual({ records: [1] })
    expect(await failing(whoop.get('/v2/recovery', SCOPE))).toMatchObject({ reason: 'later' })
    expect(whoop.usage.requests).toBe(1)
    expect(clock.slept).toEqual([])
  })

  it('ends the run for those too who wait for their turn', async () => {
    const { whoop, clock } = open({
      clock: {
        sleep: async (ms) => {
          await answered
          clock.slept.push(ms)
          clock.pass(ms)
        },
      },
    })
    api().get(PATH).times(89).reply(200, {})
    api().get(PATH).reply(200, {}, headers)
    const asking = Array.from({ length: 95 }, () => whoop.get(PATH, SCOPE))
    const answered = Promise.all(asking.slice(0, 90))
    const asked = await Promise.allSettled(asking)
    const refusals = asked.filter((one) => one.status === 'rejected').map(({ reason }) => failure(reason).reason)
    expect(refusals).toEqual(Array(5).fill('later'))
    expect(Math.max(0, ...clock.slept)).toBeLessThanOrEqual(60_000)
  })
})

describe('trouble at WHOOP', () => {
  const CLOUDFLARE = `<!DOCTYPE html>
<!--[if lt IE 7]> <html class="no-js ie6 oldie" lang="en-US"> <![endif]-->
<head><title>whoop.com | 502: Bad gateway</title><style>body { margin: 0 }</style></head>
<body><!-- what a > b means --><h1>Bad&nbsp;gateway</h1>
<p>Error code 502</p><script>if (1 < 2) track()</script></body></html>`

  it('passes', async () => {
    api().get(PATH).reply(500, 'Internal Server Error')
    api().get(PATH).reply(502, CLOUDFLARE)
    api().get(PATH).reply(503)
    api().get(PATH).reply(200, { records: [] })
    const { whoop, clock, log } = open()
    expect(await whoop.get(PATH, SCOPE)).toEqual({ records: [] })
    expect(clock.slept).toEqual([375, 1_125, 3_375])
    expect(whoop.usage).toEqual({ requests: 4, retries: 3, waitedMs: 4_875, limitedMs: 0, lastStatus: 200 })
    expect(log.map(({ msg, status }) => `${msg} ${status}`)).toEqual([
      'asked 500',
      'asking again 500',
      'asked 502',
      'asking again 502',
      'asked 503',
      'asking again 503',
      'asked 200',
    ])
  })

  it('is told in WHOOP’s own words, without the HTML', async () => {
    api().get(PATH).times(4).reply(502, CLOUDFLARE, { 'content-type': 'text/html' })
    expect(await failing(open().whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "WHOOP has trouble: run it again later",
        "message": "WHOOP answered 502: Bad gateway Error code 502",
        "reason": "unavailable",
      }
    `)
  })

  it.each([
    ['cuts what is long', 'blah '.repeat(100), /^WHOOP answered 500: (blah )+.{0,4}…$/],
    ['says so when there are no words', ' \n ', /: \(nothing\)$/],
    ['keeps to one line', 'one\r\n\ttwo\n\nthree', /: one two three$/],
    ['steers no terminal', '\u001B[2J\u001B]0;title\u0007 gone \u009B31m', /^[^\p{Cc}]+gone[^\p{Cc}]+$/u],
    ['repeats no token, even when WHOOP does', `your header was: Bearer ${TOKEN}`, /your header was: Bearer …$/],
  ])('%s', async (_, body, message) => {
    api().get(PATH).times(4).reply(500, body)
    const { message: line } = await failing(open().whoop.get(PATH, SCOPE))
    expect(line).toMatch(message)
    expect(line.length).toBeLessThan(260)
  })

  it('that WHOOP wants to last for an hour is not waited for', async () => {
    api().get(PATH).reply(503, 'Scheduled maintenance', { 'retry-after': '3600' })
    const { whoop, clock } = open()
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "WHOOP has trouble: run it again later",
        "message": "WHOOP answered 503: Scheduled maintenance",
        "reason": "unavailable",
      }
    `)
    expect(clock.slept).toEqual([])
  })
})

describe('an answer that cannot be read', () => {
  it('is asked for again', async () => {
    api().get(PATH).reply(200, '{"records":[{"id":1},')
    api().get(PATH).reply(200, '<html>Log in to the Wi-Fi</html>')
    api().get(PATH).reply(200, { records: [] })
    const { whoop } = open()
    expect(await whoop.get(PATH, SCOPE)).toEqual({ records: [] })
    expect(whoop.usage).toMatchObject({ requests: 3, retries: 2 })
  })

  it.each([
    ['truncated', '{"records":[{"id":1},', 'WHOOP sent no JSON for /v2/cycle: {"records":[{"id":1},'],
    ['HTML', '<h1>Log in to the Wi-Fi</h1>', 'WHOOP sent no JSON for /v2/cycle: Log in to the Wi-Fi'],
    ['empty', '', 'WHOOP sent no JSON for /v2/cycle: (nothing)'],
  ])('is named for what it is: %s', async (_, body, message) => {
    api().get(PATH).times(4).reply(200, body)
    expect(await failing(open().whoop.get(PATH, SCOPE))).toMatchObject({ reason: 'protocol', message })
  })

  it('is none when WHOOP sends nothing on purpose', async () => {
    api().get(PATH).reply(204)
    expect(await failing(open().whoop.get(PATH, SCOPE))).toMatchObject({
      reason: 'protocol',
      message: 'WHOOP answered 204 to /v2/cycle: (nothing)',
    })
  })
})

describe('a connection', () => {
  it('that is reset is made again', async () => {
    let requests = 0
    const baseUrl = await serve((request, response) => {
      if (++requests < 3) request.socket.resetAndDestroy()
      else response.end('{"records":[]}')
    })
    const { whoop } = open({ baseUrl })
    expect(await whoop.get(PATH, SCOPE)).toEqual({ records: [] })
    expect(whoop.usage).toMatchObject({ requests: 3, retries: 2, lastStatus: 200 })
  })

  it('that breaks in the middle of an answer is made again', async () => {
    let requests = 0
    const baseUrl = await serve((request, response) => {
      if (++requests > 1) return response.end('{"records":[]}')
      response.writeHead(200, { 'content-length': '1000' })
      return response.write('{"records":[', () => request.socket.destroy())
    })
    expect(await open({ baseUrl }).whoop.get(PATH, SCOPE)).toEqual({ records: [] })
  })

  it('that is always reset ends the run, and leaves no status', async () => {
    const baseUrl = await serve((request) => request.socket.destroy())
    const { whoop } = open({ baseUrl })
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "check the network (and HTTPS_PROXY, if there is a proxy), then run it again",
        "message": "WHOOP cannot be reached: other side closed",
        "reason": "unavailable",
      }
    `)
    expect(whoop.usage).toEqual({ requests: 4, retries: 3, waitedMs: 4_875, limitedMs: 0, lastStatus: null })
  })

  it('to a name that cannot be found is named', async () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND api.prod.whoop.com'), { code: 'ENOTFOUND' })
    api().get(PATH).times(4).replyWithError(error)
    expect(await failing(open().whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "check the network (and HTTPS_PROXY, if there is a proxy), then run it again",
        "message": "WHOOP cannot be reached: getaddrinfo ENOTFOUND api.prod.whoop.com",
        "reason": "unavailable",
      }
    `)
  })

  it('that hangs is given up in time, though memory is collected meanwhile', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const timer = setInterval(collect, 20)
    onTestFinished(() => clearInterval(timer))
    const hang: Fetch = (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    const { whoop } = open({ fetch: hang, clock: { timeout: () => AbortSignal.timeout(200) } })
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchObject({ reason: 'unavailable' })
  }, 15_000)

  it('that hangs is given up in time', async () => {
    const asked: number[] = []
    const baseUrl = await serve(() => {}) // and never answers
    const timeout = (ms: number) => {
      asked.push(ms)
      return AbortSignal.timeout(20)
    }
    const { whoop } = open({ baseUrl, clock: { timeout } })
    expect(await failing(whoop.get(PATH, SCOPE))).toMatchInlineSnapshot(`
      {
        "hint": "check the network (and HTTPS_PROXY, if there is a proxy), then run it again",
        "message": "WHOOP cannot be reached: no answer in time",
        "reason": "unavailable",
      }
    `)
    expect(asked).toEqual([30_000, 30_000, 30_000, 30_000])
  })

  it('that hangs in the middle of an answer is given up in time', async () => {
    let patience = new AbortController()
    const timeout = () => {
      patience = new AbortController()
      return patience.signal
    }
    const halfway = async (url: string, init: FetchInit) => {
      const answer = await builtInFetch(url, init)
      patience.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
      return answer
    }
    const baseUrl = await serve((_, response) => {
      response.writeHead(200)
      response.write('{"records":[')
    })
    const { whoop } = open({ baseUrl, clock: { timeout }, fetch: halfway })
    expect((await failing(whoop.get(PATH, SCOPE))).message).toMatch(/no answer in time$/)
    expect(whoop.usage).toMatchObject({ requests: 4, retries: 3 })
  })
})

describe('an interruption', () => {
  it('ends a request in the middle', async () => {
    const interruption = new AbortController()
    const baseUrl = await serve(() => interruption.abort(143))
    const { whoop } = open({ baseUrl, interruption })
    await expect(whoop.get(PATH, SCOPE)).rejects.toBe(143)
    expect(whoop.usage).toMatchObject({ requests: 1, retries: 0 })
  })

  it('ends a wait, and asks no more', async () => {
    api().get(PATH).reply(500)
    const interruption = new AbortController()
    const { whoop } = open({ interruption, clock: { sleep: async () => interruption.abort(130) } })
    await expect(whoop.get(PATH, SCOPE)).rejects.toBe(130)
    expect(whoop.usage).toEqual({ requests: 1, retries: 1, waitedMs: 0, limitedMs: 0, lastStatus: 500 })
  })

  it('asks nothing when it came before', async () => {
    const interruption = new AbortController()
    interruption.abort(130)
    const { whoop } = open({ interruption })
    await expect(whoop.get(PATH, SCOPE)).rejects.toBe(130)
    expect(whoop.usage.requests).toBe(0)
  })
})

const failed = (cause: unknown) => new TypeError('fetch failed', { cause })

describe('the reason of a failed fetch', () => {
  const refused = ['::1', '127.0.0.1'].map((address) => new Error(`connect ECONNREFUSED ${address}:5000`))

  it.each([
    ['the cause', failed(new Error('read ECONNRESET')), 'read ECONNRESET'],
    ['the last cause', failed(failed(new Error('certificate has expired'))), 'certificate has expired'],
    ['its own, without a cause', new TypeError('Invalid URL'), 'Invalid URL'],
    ['the code, without words', failed(Object.assign(new Error(''), { code: 'EPIPE' })), 'EPIPE'],
    ['the name, without anything', failed(new RangeError('')), 'RangeError'],
    ['time', new DOMException('aborted due to timeout', 'TimeoutError'), 'no answer in time'],
    ['each address', failed(new AggregateError(refused)), `${refused[0]?.message}, ${refused[1]?.message}`],
    ['something else', 'gone', 'gone'],
  ])('is %s', (_, error, reason) => {
    expect(reasonOf(error)).toBe(reason)
  })
})

const page = (body: object, query = `${PATH}?limit=25`) => api().get(query).reply(200, body)

describe('a page', () => {
  it.each([
    ['null', { records: [1, 2], next_token: null }],
    ['missing', { records: [1, 2] }],
    ['empty', { records: [1, 2], next_token: '' }],
  ])('is the last one when its token is %s', async (_, body) => {
    page(body)
    expect(await readPage(open().whoop, cycle, {})).toEqual({ records: [1, 2], nextToken: undefined })
  })

  it('says where the list goes on', async () => {
    page({ records: [1], next_token: 'eyIkIjoib0AxIiwibyI6MX0=' })
    expect(await readPage(open().whoop, cycle, {})).toEqual({ records: [1], nextToken: 'eyIkIjoib0AxIiwibyI6MX0=' })
  })

  it('is asked for with WHOOP’s names, in whole instants', async () => {
    page({ records: [] }, `${PATH}?limit=25&end=2026-11-22T10%3A20%3A00.000Z&nextToken=MTA%3D`)
    const asked = { end: '2026-11-22T10:20:00.000Z', token: 'MTA=' }
    expect(await readPage(open().whoop, cycle, asked)).toMatchObject({ records: [] })
  })

  it.each([
    ['has no records', { next_token: null }],
    ['has null for records', { records: null, next_token: null }],
  ])('is empty when it %s', async (_, body) => {
    page(body)
    expect(await readPage(open().whoop, cycle, {})).toEqual({ records: [], nextToken: undefined })
  })

  it.each([
    ['a list', []],
    ['an object of anything else', { message: 'Endpoint request timed out' }],
    ['an object of records', { records: { id: 1 } }],
    ['a number for a token', { records: [], next_token: 3 }],
  ])('is not %s', async (_, body) => {
    page(body)
    expect(await failing(readPage(open().whoop, cycle, {}))).toMatchObject({ reason: 'protocol' })
  })

  it('is not null', async () => {
    api().get(`${PATH}?limit=25`).reply(200, 'null')
    expect(await failing(readPage(open().whoop, cycle, {}))).toMatchInlineSnapshot(`
      {
        "hint": null,
        "message": "WHOOP sent no page for /v2/cycle.",
        "reason": "protocol",
      }
    `)
  })

  it('has its records also one by one, while they exist', async () => {
    api().get(`${PATH}/93845`).reply(200, { id: 93845 })
    api().get(`${PATH}/93846`).reply(404)
    const { whoop } = open()
    const find = (key: string) => findRecord(whoop, cycle, { key, address: key }, [])
    expect(await find('93845')).toEqual({ record: { id: 93845 } })
    expect(await find('93846')).toBe('gone')
  })
})
