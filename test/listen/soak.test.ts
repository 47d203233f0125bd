// A listener is the one process that stays: it takes no more memory after a hundred thousand requests than after ten.
import { expect, it } from 'vitest'
import { isLong } from '../support/long.ts'
import { newMember, uuid } from '../support/member.ts'
import { freePort } from '../support/postgres.ts'
import { startProgram } from '../support/program.ts'
import { realClock } from '../support/world.ts'
import { ask, signed, type Oddity } from './listener.ts'
import { readFileSync } from 'node:fs'

const COUNT = 100_000
const AT_ONCE = 50

it.runIf(isLong)('a hundred thousand requests, most of them not WHOOP’s', { timeout: 900_000 }, async () => {
  const member = await newMember({ days: 20, clock: realClock() })
  await member.sync()
  const port = await freePort()
  const running = startProgram(['listen', '--port', String(port), '--quiet'], member.env)
  await expect.poll(() => ask(port, { method: 'GET', path: '/healthz' }), { timeout: 20_000 }).toBe(200)
  const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${running.child.pid}/status`, 'utf8'))?.[1]) / 1024 // MiB
  const secret = member.sandbox.clientSecret
  const kinds = (index: number): Oddity[] => [
    { secret: 'another' },
    { body: 'x'.repeat(70_000) },
    { path: `/${index}` },
    { body: '{' },
    { body: JSON.stringify({ user_id: 10_001, id: uuid(index % 100), type: 'sleep.updated' }) },
    { body: JSON.stringify({ user_id: index, id: uuid(index), type: 'sleep.updated' }) },
  ]
  const counts: Record<number, number> = {}
  let next = 0
  const sizes: number[] = []
  const work = async () => {
    while (next < COUNT) {
      const index = next++
      if (index % 10_000 === 9_999) sizes.push(rss())
      const oddity = kinds(index)[index % 6] ?? {}
      const status = await ask(port, signed({ secret, at: new Date(), body: '{}', ...oddity }))
      counts[status] = (counts[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
  console.log(JSON.stringify({ counts, sizes: sizes.map(Math.round) }))
  expect(Object.keys(counts).toSorted()).toEqual(['204', '401', '404', '413'])
  expect(sizes.at(-1)).toBeLessThan((sizes[1] ?? 0) * 1.2 + 10)
})
