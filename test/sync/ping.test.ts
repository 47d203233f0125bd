import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { newMember } from '../support/member.ts'

/** A monitor, and what it was told: `/start`, `/0 why`. */
async function startMonitor(status = 200) {
  const told: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      told.push(`${request.method} ${request.url} ${body}`.trim())
      if (status > 0) response.writeHead(status).end('OK')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/ping/0a1b/`, told }
}

async function watched(status?: number) {
  const monitor = await startMonitor(status)
  const member = await newMember({ days: 4 })
  Object.assign(member.env, { HEALTHCHECK_URL: monitor.url })
  return { member, ...monitor }
}

it('is told that a sync began, and that it went well', async () => {
  const { member, told } = await watched()
  expect(await member.sync()).toMatchObject({ code: 0 })
  expect(told).toEqual(['POST /ping/0a1b/start', 'POST /ping/0a1b/0'])
})

it('is told the exit code and the reason of one that failed', async () => {
  const { member, told } = await watched()
  member.sandbox.killGrant()
  expect((await member.sync()).code).toBe(77)
  expect(told).toEqual(['POST /ping/0a1b/start', expect.stringMatching(/^POST \/ping\/0a1b\/77 WHOOP /)])
})

it('is told of one that could not begin', async () => {
  const { member, told } = await watched()
  Object.assign(member.env, { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nowhere' })
  expect((await member.sync()).code).toBe(69)
  expect(told).toEqual(['POST /ping/0a1b/start', expect.stringContaining('POST /ping/0a1b/69 PostgreSQL')])
})

it('is told of an interruption', async () => {
  const { member, told } = await watched()
  const interruption = new AbortController()
  member.sandbox.world.faults.onRequest = () => interruption.abort(143)
  expect((await member.run('sync', { interrupted: interruption.signal })).code).toBe(143)
  expect(told).toEqual(['POST /ping/0a1b/start', 'POST /ping/0a1b/143 interrupted'])
})

it.each([
  ['refuses', 500],
  ['never answers', 0],
])('changes nothing when it %s', async (_, status) => {
  const { member, told } = await watched(status)
  const timeout = (ms: number) => AbortSignal.timeout(ms === 5_000 ? 200 : ms) // the monitor's
  const { code, err } = await member.sync('', { clock: { ...member.clock, timeout } })
  expect(code).toBe(0)
  expect(told).toHaveLength(2)
  expect(err).toContain('HEALTHCHECK_URL')
  expect(err).not.toContain('0a1b') // who knows the address can report in our name
})

it('must be an address', async () => {
  const member = await newMember({ days: 4 })
  Object.assign(member.env, { HEALTHCHECK_URL: 'hc-ping.com/0a1b' })
  expect(await member.run('sync')).toMatchObject({
    code: 78,
    err: expect.stringContaining('HEALTHCHECK_URL does not begin with http:// or https://'),
  })
})
