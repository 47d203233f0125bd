// What only the bundle can show: undici as esbuild has put it together, and V8 as `bin/` sets it.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect, type AddressInfo, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:tls'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, inject, it, onTestFinished } from 'vitest'
import { newMember } from '../support/member.ts'
import { startProgram } from '../support/program.ts'
import { expectFaithful } from '../support/truth.ts'
import { realClock } from '../support/world.ts'

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url))

it('HTTPS_PROXY: a sync goes through it, TLS and all', async () => {
  const member = await newMember({ days: 30, clock: realClock() })
  const whoop = await startTls(Number(new URL(member.sandbox.url).port))
  const proxy = await startProxy(whoop)
  const { code, out, err } = await startProgram(['sync', '--json'], {
    ...member.env,
    WHOOP_API_BASE_URL: 'https://db.example.com', // only the proxy knows where that is
    HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
    NODE_EXTRA_CA_CERTS: fixture('authority.crt'),
  }).ended
  expect({ code, err }).toMatchObject({ code: 0 })
  expect(JSON.parse(out)).toMatchObject({ outcome: 'ok', users: [{ types: { sleep: { complete: true } } }] })
  expect([...new Set(proxy.asked)]).toEqual(['db.example.com:443'])
})

it('HTTPS_PROXY: a certificate that nobody vouches for is refused behind it, too', async () => {
  const member = await newMember({ days: 5, clock: realClock() })
  const proxy = await startProxy(await startTls(Number(new URL(member.sandbox.url).port)))
  member.requests()
  const { code, err } = await startProgram(['sync', '--type', 'sleep'], {
    ...member.env,
    WHOOP_API_BASE_URL: 'https://db.example.com',
    HTTPS_PROXY: `http://127.0.0.1:${proxy.port}`,
  }).ended
  expect(code).toBe(69)
  expect(err).toMatch(/certificate/)
  expect(member.requests()).toEqual({})
})

it('a Node of tomorrow is not given flags that it may not know', async () => {
  const member = await newMember({ days: 5, clock: realClock() })
  const env = { ...member.env, NODE_OPTIONS: `--require "${fixture('../future-node.cjs')}"` }
  const { code, err } = await startProgram(['sync', '--type', 'sleep', '--quiet'], env).ended
  expect({ code, err }).toEqual({ code: 0, err: '' })
})

/** What only this package, or part of ours, has in it: where that is in the bundle, it is loaded with it. */
const marks = {
  'csv-parse': 'CSV_QUOTE_NOT_CLOSED',
  yauzl: 'End of central directory record signature not found',
  'd3-scale and d3-shape, for the report': 'What goes with recovery',
  archives: 'whoopster-archive',
  'the sandbox': 'The consent page answered',
}

it('a sync loads nothing that only other commands need', async () => {
  const dist = fileURLToPath(new URL('../../dist/', import.meta.url))
  const pieces = readdirSync(dist).filter((name) => name.endsWith('.cjs'))
  const holds = (files: readonly string[]) =>
    Object.entries(marks).flatMap(([what, mark]) =>
      files.some((file) => readFileSync(file, 'utf8').includes(mark)) ? [what] : [],
    )
  expect(holds(pieces.map((name) => join(dist, name)))).toEqual(Object.keys(marks))

  const member = await newMember({ days: 5, clock: realClock() })
  const env = { ...member.env, NODE_OPTIONS: `--require "${fixture('../loaded-files.cjs')}"` }
  const { code, err } = await startProgram(['sync', '--quiet'], env).ended
  expect(code).toBe(0)
  const loaded = JSON.parse(/^loaded (.*)$/m.exec(err)?.[1] ?? '[]') as string[]
  const ours = loaded.filter((file) => file.startsWith(dist))
  expect(ours.length).toBeGreaterThan(5)
  expect(holds(ours)).toEqual([])
  expect(loaded.filter((file) => /node_modules/.test(file))).toEqual([]) // nor the embedded database, which is not in the bundle
})

it('brings the licence of every package that is in it', async () => {
  const texts = readFileSync(new URL('../../dist/LICENSES.txt', import.meta.url), 'utf8')
  for (const name of ['undici', 'commander', 'drizzle-orm', 'postgres', 'valibot', 'chalk', 'ora', 'lossless-json']) {
    expect(texts).toMatch(new RegExp(`^${name} \\d+\\.`, 'm'))
  }
  expect(texts.match(/permission is hereby granted/gi)?.length).toBeGreaterThan(5)
})

// util-linux's script gives its command a terminal of 0 columns when it has none itself, as in CI.
const script = ['/usr/bin/script', '/bin/script'].find(existsSync)

it.runIf(script !== undefined).each(['sync', 'reprocess'])('%s ends on a terminal 0 columns wide', async (command) => {
  const member = await newMember({ days: 40, clock: realClock() })
  if (command === 'reprocess') await member.sync()
  const whoopster = fileURLToPath(new URL('../../bin/whoopster.js', import.meta.url))
  const line = `"${process.execPath}" "${whoopster}" ${command}`
  const child = spawn(script ?? '', ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd: inject('emptyDirectory'),
    env: { PATH: process.env.PATH, TERM: 'xterm', ...member.env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
  })
  let out = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  out = out.slice(-2_000) // ora has been seen to write without end
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('read') })
  await expectFaithful(member.database, member.sandbox)
})

/** A WHOOP with TLS: the sandbox behind it. */
async function startTls(port: number): Promise<number> {
  const options = { cert: readFileSync(fixture('elsewhere.crt')), key: readFileSync(fixture('server.key')) }
  return listen(createTlsServer(options, (socket) => joined(socket, connect(port, '127.0.0.1'))))
}

/** A proxy that leads to one port of this machine, and keeps what it was asked for. */
async function startProxy(port: number): Promise<{ port: number; asked: string[] }> {
  const asked: string[] = []
  const server = createHttpServer((_, response) => response.writeHead(405).end())
  server.on('connect', ({ url }, socket: Socket) => {
    asked.push(url ?? '')
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      joined(socket, upstream)
    })
  })
  return { port: await listen(server), asked }
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function joined(one: Socket, other: Socket): void {
  for (const socket of [one, other]) socket.on('error', () => {})
  one.pipe(other).pipe(one)
}
