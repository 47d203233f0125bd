// The last thing that a command says is what happened.
import { spawnSync } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, it } from 'vitest'
import { newMember, syncedMember } from '../support/member.ts'
import { startProxy } from '../support/proxy.ts'
import { surroundings } from '../support/surroundings.ts'
import { run } from '../support/world.ts'

describe('the summary of a sync', () => {
  it('names the member, and says how many requests were retries', async () => {
    const member = await newMember({ days: 5 })
    expect((await member.run('sync', { isTTY: true })).out).toMatch(/^\S*Milo\S* \(WHOOP user 10001\)/)
    const env = { ...member.env, WHOOP_API_BASE_URL: 'http://127.0.0.1:1' }
    const { code, out } = await run('sync', env, { clock: member.clock })
    expect(code).toBe(69)
    expect(out).toMatch(/\d+ requests in [\d.]+ s, \d+ of them retries$/m)
    expect(out).not.toContain('limit')
  })

  it('counts what was asked before PostgreSQL went away, and says that once', async () => {
    const member = await newMember({ days: 120 })
    const proxy = await startProxy(member.database.url, {
      statement: (statements) => statements.filter((one) => one.includes('insert into "cycle_records"')).length === 2,
      when: 'before',
      strike: () => void proxy.close(),
    })
    const env = { ...member.env, DATABASE_URL: proxy.url }
    const { code, out, err } = await run('sync', env, { clock: member.clock })
    expect(code).toBe(69)
    expect(out).toMatch(/^[1-9]\d* requests? in /m)
    expect(err.split('\n').filter((line) => line.includes('"level":"error"'))).toHaveLength(1)
    expect(out).toMatch(/^✘ +cycle +[1-9]\d* read +[1-9]\d* new .*failed$/m) // what it stored before
    const ended = new Set(out.match(/(sleep|recovery|workout|cycle|body)(?= )/g))
    expect([...ended].toSorted()).toEqual(['body', 'cycle', 'recovery', 'sleep', 'workout'])
  })
})

describe('an interruption', () => {
  it.each([
    ['sync', 'everything committed is kept'],
    ['verify', 'interrupted'],
    ['stats', 'interrupted'],
  ])('of %s says only of what writes that it is kept', async (line, said) => {
    const member = await newMember({ days: 5 })
    const { code, err } = await member.run(line, { interrupted: AbortSignal.abort(130) })
    expect(code).toBe(130)
    expect(err).toContain(said)
    expect(err.includes('kept')).toBe(line === 'sync')
  })
})

it.skipIf(!existsSync('/dev/full')).each([
  ['export', '--type', 'sleep'],
  ['archive', '--out', '-'],
])('what cannot be printed is said on stderr: %s', async (...args) => {
  const member = await syncedMember({ days: 5 })
  const full = openSync('/dev/full', 'w')
  const program = fileURLToPath(new URL('../../bin/whoopster.js', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: inject('emptyDirectory'),
    env: { ...surroundings, ...member.env },
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  expect(status).toBe(78)
  expect(JSON.parse(stderr)).toMatchObject({
    level: 'error',
    msg: 'What was to be printed could not be written: no space left on device',
    hint: 'make room, or write it to another place',
  })
})
