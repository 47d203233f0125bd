import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createFetch } from '../../src/whoop/fetch.ts'
import { reasonOf } from '../../src/whoop/wording.ts'
import { createLog } from '../../src/terminal/log.ts'
import { staticToken, createWhoop } from '../../src/whoop/client.ts'
import { createRateLimiter } from '../../src/whoop/limiter.ts'
import { createClock } from '../support/world.ts'
import type { FetchInit } from '../../src/world.ts'

const patient = AbortSignal.timeout(10_000)
const get = (signal = patient): FetchInit => ({ method: 'GET', headers: {}, signal })
const portOf = (server: Server) => (server.address() as AddressInfo).port

async function listen(server: Server): Promise<Server> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server
}

/** A WHOOP that says on which of its connections a request came. */
async function startWhoop(): Promise<{ url: string; port: number; connections: () => number }> {
  let connections = 0
  const server = await listen(createServer((_, response) => response.end(String(connections))))
  server.on('connection', () => connections++)
  return { url: `http://127.0.0.1:${portOf(server)}`, port: portOf(server), connections: () => connections }
}

/** A proxy that leads everything to one port of this machine, and keeps what it was asked for. */
async function startProxy(port: number, refusal?: string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = []
  const server = await listen(createServer((_, response) => response.writeHead(405).end()))
  server.on('connect', ({ url, headers }, socket: Socket) => {
    asked.push([url, headers['proxy-authorization']].filter(Boolean).join(' '))
    if (refusal) return socket.end(`HTTP/1.1 ${refusal}\r\n\r\n`)
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(socket).pipe(upstream)
    })
    onTestFinished(() => void upstream.destroy())
    return upstream
  })
  return { url: `127.0.0.1:${portOf(server)}`, asked }
}

const failing = (work: Promise<unknown>) =>
  work.then(
    () => 'it did not fail',
    (error: unknown) => reasonOf(error),
  )

it('keeps its connection for the next request', async () => {
  const { url, connections } = await startWhoop()
  const fetch = createFetch({})
  for (let index = 0; index < 20; index++) await (await fetch(`${url}/${index}`, get())).text()
  expect(connections()).toBeLessThanOrEqual(2) // undici may open a second one before it has seen that the first is kept
})

const echo: RequestListener = (request, response) => {
  response.writeHead(201, { 'x-ratelimit-limit': '100, 100;window=60' })
  response.write(`${request.method} ${request.headers['user-agent']} `)
  request.pipe(response)
}

it('sends what it is given, and reads what comes', async () => {
  const url = `http://127.0.0.1:${portOf(await listen(createServer(echo)))}`
  const answer = await createFetch({})(url, {
    method: 'POST',
    headers: { 'user-agent': 'whoopster/1' },
    body: 'grant_type=refresh_token',
    signal: patient,
  })
  expect(answer.status).toBe(201)
  expect(answer.headers.get('X-RateLimit-Limit')).toBe('100, 100;window=60')
  expect(await answer.text()).toBe('POST whoopster/1 grant_type=refresh_token')
})

it('follows no redirect', async () => {
  const url = `http://127.0.0.1:${portOf(await listen(createServer((_, response) => response.writeHead(302, { location: '/elsewhere' }).end())))}`
  expect((await createFetch({})(url, get())).status).toBe(302)
})

describe('a proxy', () => {
  it.each(['HTTP_PROXY', 'http_proxy'])('from %s is used', async (name) => {
    const { port } = await startWhoop()
    const proxy = await startProxy(port)
    const fetch = createFetch({ [name]: `http://${proxy.url}` })
    expect((await fetch('http://whoop.invalid/', get())).status).toBe(200) // only the proxy knows this name
    expect(proxy.asked).toEqual(['whoop.invalid:80'])
  })

  it.each(['HTTPS_PROXY', 'https_proxy'])('from %s is used for https only, and its refusal told', async (name) => {
    const proxy = await startProxy(0, '407 Proxy Authentication Required')
    const fetch = createFetch({ [name]: `http://${proxy.url}` })
    expect(await failing(fetch('https://whoop.invalid/', get()))).toContain('407')
    expect(proxy.asked).toEqual(['whoop.invalid:443'])
    const { url } = await startWhoop()
    expect((await fetch(url, get())).status).toBe(200)
    expect(proxy.asked).toHaveLength(1)
  })

  it('is told who asks', async () => {
    const proxy = await startProxy((await startWhoop()).port)
    const fetch = createFetch({ HTTP_PROXY: `http://me:pa%20ss@${proxy.url}` })
    await fetch('http://whoop.invalid/', get())
    expect(proxy.asked).toEqual([`whoop.invalid:80 Basic ${Buffer.from('me:pa ss').toString('base64')}`])
  })

  it.each([
    ['the name', 'NO_PROXY', 'whoop.invalid'],
    ['its domain', 'NO_PROXY', 'example.com, .invalid'],
    ['everything', 'no_proxy', '*'],
  ])('is passed by for what NO_PROXY names: %s', async (_, name, value) => {
    const proxy = await startProxy((await startWhoop()).port)
    const fetch = createFetch({ HTTP_PROXY: `http://${proxy.url}`, [name]: value })
    const asking = fetch('http://whoop.invalid/', get(AbortSignal.timeout(2_000)))
    await expect(asking).rejects.toThrow(/ENOTFOUND|EAI_AGAIN|timeout/) // and without the proxy, nobody knows this name
    expect(proxy.asked).toEqual([])
  })

  it('is not passed by for other names', async () => {
    const proxy = await startProxy((await startWhoop()).port)
    const fetch = createFetch({ HTTP_PROXY: `http://${proxy.url}`, no_proxy: 'example.com' })
    await fetch('http://whoop.invalid/', get())
    expect(proxy.asked).toEqual(['whoop.invalid:80'])
  })

  it.each(['127.0.0.1', 'localhost'])('is never asked for this machine: %s', async (host) => {
    const whoop = await startWhoop()
    const proxy = await startProxy(whoop.port)
    const fetch = createFetch({ HTTP_PROXY: `http://${proxy.url}`, NO_PROXY: 'example.com' })
    expect((await fetch(`http://${host}:${whoop.port}/`, get())).status).toBe(200)
    expect(proxy.asked).toEqual([])
  })

  it('is taken from the given environment only', async () => {
    const whoop = await startWhoop()
    const proxy = await startProxy(whoop.port)
    process.env['HTTP_PROXY'] = `http://${proxy.url}`
    onTestFinished(() => void delete process.env['HTTP_PROXY'])
    expect(await failing(createFetch({})('http://whoop.invalid/', get(AbortSignal.timeout(5_000))))).not.toBe('')
    expect(proxy.asked).toEqual([])
  })
})

const silent: RequestListener = () => {}
const halting: RequestListener = (_, response) => {
  response.writeHead(200)
  response.write('{"records":[')
}

describe('a signal', () => {
  it('ends a request that nobody answers', async () => {
    const server = await listen(createServer(silent))
    const interruption = new AbortController()
    server.once('request', () => interruption.abort(143))
    const asking = createFetch({})(`http://127.0.0.1:${portOf(server)}`, get(interruption.signal))
    await expect(asking).rejects.toBe(143)
  })

  it('ends an answer that does not end', async () => {
    const url = `http://127.0.0.1:${portOf(await listen(createServer(halting)))}`
    const patience = new AbortController()
    const answer = await createFetch({})(url, get(patience.signal))
    patience.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'))
    expect(await failing(answer.text())).toBe('no answer in time')
  })

  it('ends by itself after its time', async () => {
    const url = `http://127.0.0.1:${portOf(await listen(createServer(silent)))}`
    expect(await failing(createFetch({})(url, get(AbortSignal.timeout(20))))).toBe('no answer in time')
  })
})

describe('a proxy', () => {
  it.each(['HTTPS_PROXY', 'http_proxy'])('without a scheme is http, as curl has it: %s', async (name) => {
    const { port } = await startWhoop()
    const { url, asked } = await startProxy(port)
    const fetch = createFetch({ [name]: url })
    const target = name === 'HTTPS_PROXY' ? 'https://whoop.invalid/' : 'http://whoop.invalid/'
    await fetch(target, get()).catch(() => {})
    expect(asked).toEqual([expect.stringMatching(/^whoop\.invalid:(80|443)$/)])
  })

  it.each([
    ['socks5h://me:secret@127.0.0.1:1080', 'HTTPS_PROXY names a SOCKS proxy, which whoopster cannot use.'],
    ['http://me:secret@:port', 'HTTPS_PROXY is no address of a proxy.'],
  ])('that cannot be used is named, and nothing of it repeated: %s', (HTTPS_PROXY, says) => {
    expect(() => createFetch({ HTTPS_PROXY })).toThrow(says)
  })
})

it('a certificate that nobody vouches for is named with a way out, and not asked for again', async () => {
  const tls = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url))
  let visits = 0
  const server = createTlsServer({ key: tls('server.key'), cert: tls('server.crt') })
  server.on('connection', () => visits++)
  await listen(server)
  const clock = createClock()
  const whoop = createWhoop({
    baseUrl: `https://localhost:${portOf(server)}`,
    fetch: createFetch({}),
    clock,
    limiter: createRateLimiter(clock, 100),
    tokens: staticToken('token'),
    log: createLog({ write: () => true }, clock, 'error'),
    interrupted: new AbortController().signal,
  })
  await expect(whoop.get('/v2/cycle', 'read:cycles')).rejects.toMatchObject({
    reason: 'unavailable',
    hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
  })
  expect(clock.slept).toEqual([])
  expect(visits).toBeLessThanOrEqual(2) // one for each address of localhost
})
