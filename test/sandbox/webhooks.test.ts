import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/index.ts'
import { HOUR_MS } from '../support/time.ts'

interface Heard {
  body: Record<string, unknown>
  isSigned: boolean
}

/** A sandbox, and who it tells; `status` is what that answers. */
async function told(webhook: Partial<SandboxOptions['webhook']> = {}, status = () => 204) {
  const heard: Heard[] = []
  const slept: number[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      const timestamp = String(request.headers['x-whoop-signature-timestamp'])
      const right = createHmac('sha256', 'sandbox-secret')
        .update(timestamp + body)
        .digest('base64')
      heard.push({ body: JSON.parse(body) as Heard['body'], isSigned: request.headers['x-whoop-signature'] === right })
      response.writeHead(status()).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const sandbox = await startSandbox({
    days: 10,
    now: () => new Date('2026-11-22T10:20:00Z'),
    webhook: {
      url: `http://127.0.0.1:${port}/webhook`,
      lost: 0,
      twice: 0,
      sleep: async (ms) => void slept.push(ms),
      ...webhook,
    },
  })
  onTestFinished(() => sandbox.close())
  return { sandbox, heard, slept, types: () => heard.map(({ body }) => String(body['type'])).toSorted() }
}

function sleepOf({ world }: Sandbox) {
  return world.list('sleep').find(({ nap, id }) => !nap && world.get('recovery', id)) ?? expect.fail()
}

describe('the sandbox’s webhooks', () => {
  it('tell of an edited sleep and its recovery, signed as WHOOP signs', async () => {
    const { sandbox, heard, types } = await told()
    const sleep = sleepOf(sandbox)
    sandbox.world.put('sleep', { ...sleep, end: '2026-11-20T08:00:00.000Z' })
    await expect.poll(types).toEqual(['recovery.updated', 'sleep.updated'])
    for (const { body, isSigned } of heard) {
      expect(isSigned).toBe(true)
      expect(body).toMatchObject({ user_id: 10_001, id: sleep.id, trace_id: expect.any(String) as string })
    }
  })

  it('tell of a deletion, and of nothing that has not changed, nor of cycles', async () => {
    const { sandbox, types } = await told()
    const { world } = sandbox
    const [cycle] = world.list('cycle')
    world.put('cycle', { ...(cycle ?? expect.fail()), updated_at: '2026-11-22T10:20:00.000Z' })
    world.put('workout', world.list('workout')[0] ?? expect.fail())
    world.removeSleep(sleepOf(sandbox).id)
    await expect.poll(types).toEqual(['recovery.deleted', 'sleep.deleted'])
  })

  it('tell of what comes as time goes by', async () => {
    const { sandbox, types } = await told()
    sandbox.world.advanceTo(new Date('2026-11-24T10:20:00Z'))
    await expect.poll(types).toEqual(expect.arrayContaining(['recovery.updated', 'sleep.updated']))
  })

  it('are repeated five times over an hour when they are refused', async () => {
    const { sandbox, heard, slept } = await told({}, () => 503)
    sandbox.world.remove('workout', sandbox.world.list('workout')[0]?.id ?? '')
    await expect.poll(() => heard).toHaveLength(6)
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBe(HOUR_MS)
    expect(new Set(heard.map(({ body }) => body['trace_id'])).size).toBe(1)
  })

  it('come twice, or never', async () => {
    const twice = await told({ twice: 1 })
    twice.sandbox.world.remove('workout', twice.sandbox.world.list('workout')[0]?.id ?? '')
    await expect.poll(() => twice.heard).toHaveLength(2)
    const never = await told({ lost: 1 })
    never.sandbox.world.remove('workout', never.sandbox.world.list('workout')[0]?.id ?? '')
    await never.sandbox.close()
    expect(never.heard).toEqual([])
  })
})
