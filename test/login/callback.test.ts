import { once } from 'node:events'
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listenForCallback, type Callback } from '../../src/login/callback.ts'
import { failure } from '../../src/errors.ts'

const STATE = 'a-state-of-43-characters'
const CODE = 'code-that-nobody-may-see'
const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

async function occupy(host: string, port = 0): Promise<Server> {
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return server
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

async function freePort(): Promise<number> {
  const server = await occupy('127.0.0.1')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

interface Opened {
  port: number
  callback: Callback
  /** Whether the redirect has been taken, as far as is known by now. */
  taken: () => string | undefined
  /** How many refusals came that may be anybody's. */
  doubts: () => number
}

async function open(host = '127.0.0.1'): Promise<Opened> {
  const port = await freePort()
  let doubts = 0
  const callback = await listenForCallback(`http://${host}:${port}/callback`, STATE, () => void doubts++)
  if (!callback) throw new Error(`nothing listens on ${host}`)
  onTestFinished(() => callback.close())
  let taken: string | undefined
  void callback.arrived.then((url) => (taken = url))
  return { port, callback, taken: () => taken, doubts: () => doubts }
}

interface Knock {
  address?: string
  method?: string
  host?: string
}

interface Got {
  status: number | undefined
  headers: IncomingHttpHeaders
  text: string
}

async function knock(
  port: number,
  path: string,
  { address = '127.0.0.1', method = 'GET', host }: Knock = {},
): Promise<Got> {
  const asking = request({ host: address, port, path, method, headers: { host: host ?? `127.0.0.1:${port}` } }).end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of answer) text += String(chunk)
  return { status: answer.statusCode, headers: answer.headers, text }
}

const opens = (port: number, address: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, address)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

const redirect = `/callback?code=${CODE}&state=${STATE}`

describe('the redirect', () => {
  it('arrives with its code, and sends the member back to the terminal', async () => {
    const { port, callback } = await open()
    const { status, text } = await knock(port, redirect)
    expect(await callback.arrived).toBe(`http://127.0.0.1:${port}${redirect}`)
    expect([status, text]).toMatchInlineSnapshot(`
      [
        200,
        "<!doctype html>
      <html lang="en">
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width">
      <title>whoopster</title>
      <style>
        :root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
        body { display: grid; place-content: center; min-height: 90vh; text-align: center; margin: 0 1rem }
        h1 { font-size: 1.6rem; margin: 0 }
      </style>
      <h1>Back to the terminal</h1>
      <p>You can close this tab. The terminal says how it went.</p>
      </html>
      ",
      ]
    `)
  })

  it('leaves the code nowhere', async () => {
    const { port } = await open()
    const { headers, text } = await knock(port, redirect)
    expect(JSON.stringify(headers) + text).not.toContain(CODE)
    expect(JSON.stringify(headers) + text).not.toContain(STATE)
    expect(headers).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      connection: 'close',
    })
  })

  it('may come twice; the first one counts', async () => {
    const { port, callback } = await open()
    await knock(port, redirect)
    expect((await knock(port, `${redirect}&again`)).status).toBe(200)
    expect(await callback.arrived).toBe(`http://127.0.0.1:${port}${redirect}`)
  })

  it('may be a refusal with the state', async () => {
    const path = `/callback?error=access_denied&state=${STATE}`
    const { port, callback } = await open()
    const { status, text } = await knock(port, path)
    expect(await callback.arrived).toBe(`http://127.0.0.1:${port}${path}`)
    expect(status).toBe(200)
    expect(text).toContain('WHOOP refused the login')
  })
})

describe('nothing else counts', () => {
  it.each([
    ['an empty state, as WHOOP does before it has looked at it', '/callback?error=invalid_scope&state='],
    ['no state, as any web page can', '/callback?error=access_denied&error_description=Call+0900+EVIL'],
  ])('a refusal with %s, is told and does not end the login', async (_, path) => {
    const { port, taken, doubts } = await open()
    const { status, text } = await knock(port, path)
    expect(status).toBe(400)
    expect(text).toContain('Was this WHOOP?')
    expect(text).not.toContain('EVIL')
    expect(doubts()).toBe(1)
    expect(taken()).toBeUndefined()
    await knock(port, redirect)
    expect(taken()).toBe(`http://127.0.0.1:${port}${redirect}`)
  })

  it.each<[string, string, number, Knock]>([
    ['a favicon', '/favicon.ico', 404, {}],
    ['another path', `/callback/more?code=1&state=${STATE}`, 404, {}],
    ['the root', `/?code=1&state=${STATE}`, 404, {}],
    ['a form', redirect, 404, { method: 'POST' }],
    ['a peek', redirect, 404, { method: 'HEAD' }],
    ['a second tab, with the state of another login', '/callback?code=1&state=another', 400, {}],
    ['a code without a state', '/callback?code=1', 400, {}],
    ['another login’s refusal', '/callback?error=access_denied&state=another', 400, {}],
    ['no question at all', '/callback', 400, {}],
    ['a page of somebody else’s, rebound to this machine', redirect, 421, { host: 'evil.example' }],
    ['this machine under another name', redirect, 421, { host: 'localhost:1' }],
    ['an address that is none', '//', 421, {}],
  ])('%s', async (_, path, status, how) => {
    const { port, taken } = await open()
    const got = await knock(port, path, how)
    expect(got.status).toBe(status)
    expect(got.text).not.toContain(CODE)
    await knock(port, '/favicon.ico') // whatever the first one set off has happened by now
    expect(taken()).toBeUndefined()
  })

  it('says so in words', async () => {
    const { port } = await open()
    const texts = await Promise.all([
      knock(port, '/callback?code=1&state=another'),
      knock(port, '/elsewhere'),
      knock(port, redirect, { host: 'evil.example' }),
    ])
    expect(texts.map(({ text }) => /<h1>(.*)<\/h1>\n<p>(.*)<\/p>/.exec(text)?.slice(1))).toMatchInlineSnapshot(`
      [
        [
          "Another login",
          "This answer belongs to a login that whoopster is not waiting for.",
        ],
        [
          "Nothing here",
          "whoopster is waiting for WHOOP on another address.",
        ],
        [
          "Wrong address",
          "This is not for here.",
        ],
      ]
    `)
  })
})

describe('the listener', () => {
  const outside = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address

  it.runIf(outside)('cannot be reached from outside of this machine', async () => {
    const { port } = await open('localhost')
    expect(await opens(port, '127.0.0.1')).toBe(true)
    expect(await opens(port, outside ?? '')).toBe(false)
  })

  it.runIf(hasIPv6)('hears localhost on both of its addresses, and [::1]', async () => {
    const both = await open('localhost')
    const six = await open('[::1]')
    expect(await opens(both.port, '127.0.0.1')).toBe(true)
    expect(await opens(both.port, '::1')).toBe(true)
    expect(await opens(six.port, '::1')).toBe(true)
    expect(await opens(six.port, '127.0.0.1')).toBe(false)
    const host = `localhost:${both.port}`
    expect((await knock(both.port, redirect, { address: '::1', host })).status).toBe(200)
    expect(await both.callback.arrived).toBe(`http://${host}${redirect}`)
  })

  it.each([
    'https://localhost:8000/callback',
    'https://example.com/callback',
    'http://example.com:8000/callback',
    'http://192.168.1.2:8000/callback',
    'whoop://example/callback',
  ])('is none for %s: there the URL has to be pasted', async (uri) => {
    expect(await listenForCallback(uri, STATE, () => {})).toBeUndefined()
  })

  it('closes with whatever still hangs on it', async () => {
    const { port, callback } = await open()
    const early = connect(port, '127.0.0.1') // browsers connect before they have anything to ask
    early.on('error', () => {})
    await once(early, 'connect')
    await knock(port, redirect)
    await callback.arrived
    callback.close()
    await once(early, 'close')
    expect(await opens(port, '127.0.0.1')).toBe(false)
  })

  it('says which port is taken, and what to do', async () => {
    const port = portOf(await occupy('127.0.0.1'))
    const error: unknown = await listenForCallback(`http://127.0.0.1:${port}/callback`, STATE, () => {}).catch(
      (e: unknown) => e,
    )
    const seen = JSON.stringify(failure(error), null, 2).replaceAll(String(port), '8000')
    expect(seen).toMatchInlineSnapshot(`
      "{
        "reason": "settings",
        "message": "Cannot wait for the browser on port 8000: another program has it",
        "hint": "free the port, register another WHOOP_REDIRECT_URI, or log in by hand: whoopster auth url"
      }"
    `)
  })

  it.runIf(hasIPv6).each([
    ['127.0.0.1', '::1'],
    ['::1', '127.0.0.1'],
  ])('gives both addresses back when %s is taken', async (taken, other) => {
    const port = portOf(await occupy(taken))
    await expect(listenForCallback(`http://localhost:${port}/callback`, STATE, () => {})).rejects.toThrow(/Cannot wait/)
    expect(await opens(port, other)).toBe(false)
  })
})
