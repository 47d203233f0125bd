// The port is open to everybody: only WHOOP is listened to, and nobody keeps it waiting.
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createWebhookServer } from '../../src/listen/server.ts'
import { isSigned, readEvent, type WebhookEvent } from '../../src/listen/event.ts'
import { freePort } from '../support/postgres.ts'
import { uuid } from '../support/member.ts'
import { MINUTE_MS } from '../support/time.ts'
import { ask, signed, type Oddity } from './listener.ts'

const SECRET = 'the secret of the app'
const now = new Date('2026-11-22T10:20:00Z')
const EVENT = JSON.stringify({ user_id: 10_001, id: uuid(1), type: 'sleep.updated', trace_id: 'd3709ee7' })
const kept: WebhookEvent[] = []
let port: number
let isAway = false

const nothing = () => undefined
const soon = { headersTimeout: 500, requestTimeout: 1_000, keepAliveTimeout: 500, connectionsCheckingInterval: 100 }
const server = createWebhookServer(
  {
    secret: SECRET,
    clock: { now: () => now },
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    keep: async (event) => {
      if (isAway) throw new Error('PostgreSQL is away')
      kept.push(event)
      return true
    },
    probe: async () => {
      if (isAway) throw new Error('PostgreSQL is away')
    },
  },
  { maxHeaderSize: 8_192, ...soon },
)
beforeAll(async () => {
  port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})

const send = (oddity: Oddity = {}) => ask(port, signed({ secret: SECRET, at: now, body: EVENT, ...oddity }))

describe('a request', () => {
  it('of WHOOP is taken', async () => {
    kept.length = 0
    expect(await send()).toBe(204)
    expect(kept).toEqual([{ whoopUserId: 10_001, type: 'sleep', key: uuid(1), change: 'updated' }])
  })

  const later = (ms: number) => new Date(now.getTime() + ms)
  it.each<[string, Oddity, number]>([
    ['signed with another secret', { secret: 'another' }, 401],
    ['without a signature', { headers: { 'x-whoop-signature': '' } }, 401],
    ['with a signature of hexadecimal digits', { headers: { 'x-whoop-signature': 'ab'.repeat(32) } }, 401],
    ['with a signature that is too long', { headers: { 'x-whoop-signature': 'A'.repeat(4_000) } }, 401],
    ['without a timestamp', { headers: { 'x-whoop-signature-timestamp': '' } }, 401],
    [
      'with another timestamp than it was signed with',
      { headers: { 'x-whoop-signature-timestamp': `${now.getTime() + 1}` } },
      401,
    ],
    ['signed six minutes ago', { at: later(-6 * MINUTE_MS) }, 401],
    ['signed in six minutes', { at: later(6 * MINUTE_MS) }, 401],
    ['signed four minutes ago', { at: later(-4 * MINUTE_MS) }, 204],
    ['of 64 KiB', { body: EVENT.padEnd(65_536) }, 204],
    ['of more', { body: EVENT.padEnd(65_537) }, 413],
    ['of far more, in chunks', { body: EVENT.padEnd(1_000_000), headers: { 'transfer-encoding': 'chunked' } }, 413],
    ['that is no JSON', { body: 'sleep.updated' }, 204], // signed by WHOOP: it would send it for ever
    ['with headers of 16 KiB', { headers: { 'x-bomb': 'x'.repeat(16_384) } }, 431],
    [
      'with a thousand headers',
      { headers: Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`x-${at}`, 'bomb'])) },
      431,
    ],
    ['to another path', { path: '/' }, 404],
    ['to another path below', { path: '/webhook/..' }, 404],
    ['by another method', { method: 'PUT' }, 405],
    ['that only looks', { method: 'GET', body: '' }, 405],
    ['that posts its health', { path: '/healthz' }, 405],
  ])('%s', async (_, oddity, status) => {
    kept.length = 0
    const answer = await send(oddity)
    expect(status === 431 ? [431, 0] : [status]).toContain(answer) // Node may end the connection before its answer is read
    expect(kept).toHaveLength(status === 204 && oddity.body !== 'sleep.updated' ? 1 : 0)
    expect(await send()).toBe(204)
  })

  it('while PostgreSQL is away is answered with 503, and taken when it is back', async () => {
    isAway = true
    expect(await send()).toBe(503)
    expect(await ask(port, { method: 'GET', path: '/healthz' })).toBe(503)
    isAway = false
    expect(await ask(port, { method: 'GET', path: '/healthz' })).toBe(200)
    expect(await send()).toBe(204)
  })
})

describe('a connection', () => {
  function open(text: string): { socket: Socket; closed: Promise<unknown> } {
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.on('error', nothing)
    socket.resume()
    socket.write(text)
    return { socket, closed: new Promise((resolve) => socket.once('close', resolve)) }
  }

  it.each([
    ['that sends its headers a byte a time', 'POST /webhook HTTP/1.1\r\nhost: a\r\n', 'x'],
    ['that sends its body a byte a time', 'POST /webhook HTTP/1.1\r\nhost: a\r\ncontent-length: 60000\r\n\r\n', '{'],
  ])('%s is cut off', { timeout: 30_000 }, async (_, head, drop) => {
    const { socket, closed } = open(head)
    const dripping = setInterval(() => socket.write(drop), 100)
    expect(await closed).toBeDefined()
    clearInterval(dripping)
  })

  it.each(['no HTTP at all\r\n\r\n', 'POST /webhook HTTP/1.1\r\ncontent-length: -1\r\n\r\n'])(
    'that says %j is cut off',
    async (text) => {
      await open(text).closed
      expect(await send()).toBe(204)
    },
  )

  it('of a thousand that are idle keeps nobody waiting', async () => {
    const idle = Array.from({ length: 1_000 }, () => open(''))
    const reached = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))
    await expect.poll(reached).toBeGreaterThan(400)
    expect(await Promise.all(Array.from({ length: 20 }, () => send()))).toEqual(Array.from({ length: 20 }, () => 204))
    await expect.poll(reached).toBeLessThanOrEqual(510)
    for (const { socket } of idle) socket.destroy()
  })
})

describe('a signature', () => {
  it('is base64 of HMAC-SHA256 over timestamp and body', () => {
    const body = Buffer.from('{"user_id":1}')
    const signature = 'Sbq0Wb9PC3giB7OKDLoIHcjb1CjOa5+sEZ3XKrUsJMI=' // by Python's hmac
    const asked = { timestamp: '1763806800000', signature, body, now: new Date(1_763_806_800_000) }
    expect(isSigned('secret', asked)).toBe(true)
    expect(isSigned('secret', { ...asked, body: Buffer.from('{"user_id":2}') })).toBe(false)
    expect(isSigned('secret', { ...asked, timestamp: '17638068000000000' })).toBe(false)
  })
})

describe('an event', () => {
  const event = { user_id: 10_001, id: uuid(1), type: 'workout.deleted', trace_id: 'a' }
  it.each<[object, ReturnType<typeof readEvent>]>([
    [event, { whoopUserId: 10_001, type: 'workout', key: uuid(1), change: 'deleted' }],
    [
      { ...event, id: uuid(1).toUpperCase(), more: {} },
      { whoopUserId: 10_001, type: 'workout', key: uuid(1), change: 'deleted' },
    ],
    [{ ...event, id: 93_845 }, undefined], // v1
    [{ ...event, type: 'cycle.updated' }, undefined],
    [{ ...event, type: 'constructor' }, undefined],
    [{ ...event, user_id: '10001' }, undefined],
    [{ ...event, user_id: 2 ** 60 }, undefined],
    [[event], undefined],
  ])('%j is %j', (told, read) => expect(readEvent(Buffer.from(JSON.stringify(told)))).toEqual(read))
})
