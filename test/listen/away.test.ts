// Whatever breaks between an event and its sync: what was acknowledged is fetched, and what could not be kept is not acknowledged.
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { isLong } from '../support/long.ts'
import { newMember, newMemberOn, syncedMember, uuid, type Member } from '../support/member.ts'
import { freePort, startPostgres, withSql, type OwnServer } from '../support/postgres.ts'
import { startProgram } from '../support/program.ts'
import { startProxy, type When } from '../support/proxy.ts'
import { expectFaithful } from '../support/truth.ts'
import { realClock, run } from '../support/world.ts'
import { DAY_MS } from '../support/time.ts'
import { ask, signed, startListener } from './listener.ts'

/** A workout of long ago that WHOOP has changed since the last sync. */
function edit({ sandbox: { world } }: Member, strain = 1.5): string {
  const [one] = world
    .list('workout')
    .filter(({ score }) => score)
    .slice(30)
  if (!one?.score) throw new Error('the sandbox made too few workouts')
  world.put('workout', { ...one, score: { ...one.score, strain } })
  return one.id
}

const strainOf = async ({ database: { sql } }: Member, id: string) => {
  const [row] = await sql<{ strain: number }[]>`select strain_score as strain from workout_records where id = ${id}`
  return row?.strain
}
const chased = ({ database: { sql } }: Member) => sql`select record_key from chased_records where reason = 'event'`

describe('kill -9', () => {
  const moments: [string, When, (sql: string) => boolean, number][] = [
    ['before the event is committed', 'before', isHandOver, 1],
    ['while the event is being committed', 'torn', isHandOver, 1],
    ['after the event was committed', 'after', isHandOver, 1],
    ...[2, 4, 6, 9, 12, 15]
      .filter((_, index) => isLong || index % 4 === 1)
      .map((nth): (typeof moments)[number] => [`at statement ${nth} of the sync`, 'before', () => true, nth]),
  ]
  it.each(moments)('%s costs nothing that was acknowledged', async (_, when, is, nth) => {
    const member = await newMember({ days: 60, clock: realClock() })
    await member.sync()
    const port = await freePort()
    let seen = 0
    let hasEvent = false
    const statement = (all: readonly string[]) => {
      if (isHandOver(all.at(-1) ?? '')) hasEvent = true
      if (hasEvent && is(all.at(-1) ?? '')) seen++
      return seen === nth
    }
    const proxy = await startProxy(member.database.url, {
      statement,
      when,
      strike: () => void running.child.kill('SIGKILL'),
    })
    onTestFinished(() => proxy.close())
    const env = { ...member.env, DATABASE_URL: proxy.url }
    const running = startProgram(['listen', '--port', String(port)], env)
    onTestFinished(() => void running.child.kill('SIGKILL'))
    await expect.poll(() => ask(port, { method: 'GET', path: '/healthz' }), { timeout: 20_000 }).toBe(200)
    const id = edit(member)
    const body = JSON.stringify({ user_id: 10_001, id, type: 'workout.updated', trace_id: 'a' })
    const answer = await ask(port, signed({ secret: member.sandbox.clientSecret, body }))
    expect([0, 204]).toContain(answer)
    await running.ended
    if (nth > 1) expect(answer).toBe(204)
    expect((await member.sync()).code).toBe(0)
    if (answer === 204 || when === 'after') expect(await strainOf(member, id)).toBe(1.5)
    await expect.poll(() => chased(member)).toEqual([])
  })

  function isHandOver(sql: string): boolean {
    return sql.includes('jsonb_to_recordset')
  }
})

describe('PostgreSQL', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
  })
  afterAll(() => server.stop())

  it('that restarts, is read-only, or is away is said with 503, and all is well again without a restart', async () => {
    const member = await newMemberOn(server)
    await member.sync()
    const id = edit(member)
    const listener = await startListener(member)
    const event = { id, type: 'workout.updated' }
    expect(await listener.health()).toBe(200)

    await server.restart()
    await expect.poll(listener.health).toBe(200)

    const { pathname } = new URL(member.env.DATABASE_URL ?? '')
    const setReadOnly = (value: string) =>
      withSql(server.url, async (admin) => {
        await admin.unsafe(`alter database "${pathname.slice(1)}" set default_transaction_read_only = ${value}`)
        await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${pathname.slice(1)}`
      })
    await setReadOnly('on')
    await expect.poll(() => listener.send(event)).toBe(503)
    await setReadOnly('off')
    await expect.poll(() => listener.send(event)).toBe(204)
    await expect.poll(() => chased(member)).toEqual([])
    expect(await strainOf(member, id)).toBe(1.5)
    expect(await listener.stop()).toBe(0)
  })

  it('that is away when it begins is waited for', async () => {
    const member = await syncedMember({ days: 60 })
    const port = await freePort()
    const away = { DATABASE_URL: `postgres://nobody:secret@127.0.0.1:${port}/none` }
    const listener = await startListener(member, { env: away })
    await expect.poll(listener.said).toContain('PostgreSQL does not answer yet')
    expect(listener.said()).not.toContain('secret')
    expect(await listener.health()).toBe(503)
    expect(await listener.send({ id: uuid(1), type: 'sleep.updated' })).toBe(503)
    expect(await listener.stop()).toBe(0)
  })
})

describe('WHOOP', () => {
  it('that is away does not lose what it has told', async () => {
    const member = await syncedMember({ days: 60 })
    const { faults } = member.sandbox.world
    const id = edit(member)
    let refused = 0
    faults.lie = (_, truth) => (refused++ < 60 ? { ...truth, status: 503, body: 'away' } : truth)
    const listener = await startListener(member)
    await listener.tell('workout.updated', id)
    await expect.poll(() => refused, { timeout: 20_000 }).toBeGreaterThan(60)
    await expect.poll(() => chased(member), { timeout: 20_000 }).toEqual([])
    expect(await strainOf(member, id)).toBe(1.5)
  })

  it('that has ended the login is not asked again and again, and a person is told', async () => {
    const member = await syncedMember({ days: 20 })
    const listener = await startListener(member)
    member.sandbox.killGrant()
    await listener.tell('workout.updated', uuid(1))
    await expect.poll(() => listener.said(), { timeout: 20_000 }).toContain('run: whoopster auth')
    member.clock.pass(DAY_MS)
    expect(member.requests()['oauth/oauth2/token'] ?? 0).toBeLessThanOrEqual(2)
  })
})

describe('beside others', () => {
  it('two listeners and a schedule sync a member once at a time, and miss nothing', async () => {
    const member = await syncedMember({ days: 60 })
    const { world } = member.sandbox
    const [one, other] = [await startListener(member), await startListener(member)]
    let most = 0
    let now = 0
    world.faults.onRequest = async ({ path, query }) => {
      if (!path.endsWith('/v2/cycle') || 'nextToken' in query) return
      most = Math.max(most, ++now) // each sync begins with one of these
      await new Promise((resolve) => setTimeout(resolve, 20))
      now--
    }
    const workouts = world
      .list('workout')
      .filter(({ score }) => score)
      .slice(5, 25)
    const told = workouts.map(async (workout, index) => {
      world.put('workout', { ...workout, sport_name: 'curling' })
      await (index % 2 ? one : other).tell('workout.updated', workout.id)
      if (index % 7 === 0) await member.sync()
    })
    await Promise.all(told)
    await expect.poll(() => chased(member), { timeout: 20_000 }).toEqual([])
    await Promise.all([one.stop(), other.stop()])
    expect(most).toBe(1)
    await expectFaithful(member.database, member.sandbox)
  })

  it('SIGTERM: what is under way is answered, and the process ends with 0', async () => {
    const member = await newMember({ days: 20, clock: realClock() })
    await member.sync()
    const port = await freePort()
    const running = startProgram(['listen', '--port', String(port)], member.env)
    await expect.poll(() => ask(port, { method: 'GET', path: '/healthz' }), { timeout: 20_000 }).toBe(200)
    const body = JSON.stringify({ user_id: 10_001, id: uuid(1), type: 'sleep.updated', trace_id: 'a' })
    const answer = ask(port, signed({ secret: member.sandbox.clientSecret, body }))
    expect(await answer).toBe(204)
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 0 })
    expect((await member.sync()).code).toBe(0)
    expect(await chased(member)).toEqual([])
  })

  it('a port that is taken, and the embedded database, are refused: 78', async () => {
    const member = await syncedMember({ days: 20 })
    const { port } = await startListener(member)
    const taken = await member.run(`listen --port ${port}`, { isTTY: true, columns: 1_000 })
    expect(taken).toMatchObject({
      code: 78,
      err: expect.stringContaining(`whoopster cannot listen on port ${port}`) as string,
    })
    const { DATABASE_URL: _, ...env } = member.env
    const embedded = await run('listen', { ...env, WHOOPSTER_DATA_DIR: '/nowhere' }, { isTTY: true, columns: 1_000 })
    expect(embedded).toMatchObject({ code: 78, err: expect.stringContaining('takes a PostgreSQL server') as string })
  })
})
