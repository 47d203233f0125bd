// Anybody who may connect can hold our advisory locks: a run that did nothing for that is no success.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import postgres from 'postgres'
import { describe, expect, it, onTestFinished } from 'vitest'
import { newMember, syncedMember, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'

/** Holds the locks of these types, as somebody who may only read. */
async function hold({ database }: Member, types: readonly string[], as = 'whoopster_reader') {
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  onTestFinished(() => sql.end({ timeout: 1 }))
  const [row] = await database.sql<{ name: string }[]>`select current_database() as name`
  if (as !== 'owner') {
    const login = `stranger_${row?.name}`
    await database.sql.unsafe(`create role ${login} login password 'stranger' in role ${as}`)
    const url = Object.assign(new URL(database.url), { username: login, password: 'stranger' }).href
    const other = postgres(url, { max: 1, onnotice: () => {} })
    onTestFinished(async () => {
      await other.end({ timeout: 1 })
      await database.sql.unsafe(`drop role ${login}`)
    })
    for (const type of types)
      await other`select pg_advisory_lock(hashtextextended('whoopster:sync:10001:' || ${type}, 0))`
    return { login, free: () => other.end({ timeout: 1 }) }
  }
  for (const type of types) await sql`select pg_advisory_lock(hashtextextended('whoopster:sync:10001:' || ${type}, 0))`
  return { login: as, free: () => sql.end({ timeout: 1 }) }
}

const ALL = ['sleep', 'recovery', 'workout', 'cycle', 'body']

describe('locks that a stranger holds', () => {
  it('make a sync fail, naming him; the monitor is told, and status is not healthy', async () => {
    const member = await syncedMember({ days: 5 })
    const told: string[] = []
    const monitor = createServer((request, response) => {
      told.push(request.url ?? '')
      response.end()
    }).listen(0, '127.0.0.1')
    await once(monitor, 'listening')
    onTestFinished(() => void monitor.close())
    Object.assign(member.env, { HEALTHCHECK_URL: `http://127.0.0.1:${(monitor.address() as AddressInfo).port}` })
    const { login, free } = await hold(member, ALL)
    const { code, err } = await member.sync()
    expect(code).toBe(75)
    expect(err).toContain(`PostgreSQL's user ${login} (process `)
    expect(err).toContain('select pg_terminate_backend(')
    expect(told).toEqual(['/start', '/75'])
    const status = await member.run('status')
    expect(status.code).toBe(1)
    expect(status.out).toContain(login)
    await free()
    expect(await member.sync()).toMatchObject({ code: 0, outcome: 'ok' })
    expect((await member.run('status')).code).toBe(0)
  })

  it('of one type are told, and the others are synced', async () => {
    const member = await newMember({ days: 5 })
    const { login } = await hold(member, ['sleep'])
    const { code, err, users } = await member.sync()
    expect(code).toBe(75)
    expect(err).toContain(login)
    expect(users[0]?.types).toMatchObject({ sleep: { outcome: 'skipped' }, cycle: { outcome: 'ok' } })
    await expectFaithful(member.database, member.sandbox, { only: ['cycle', 'workout'] })
  })
})

it('locks of another run that has just begun are no failure', async () => {
  const member = await syncedMember({ days: 5 })
  await hold(member, ALL, 'owner')
  expect(await member.sync()).toMatchObject({ code: 0, outcome: 'skipped' })
  expect((await member.run('status')).code).toBe(0)
})
