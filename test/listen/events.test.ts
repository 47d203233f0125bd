// What WHOOP tells is stored a moment later, and believed no more than a list.
import { describe, expect, it } from 'vitest'
import { withDatabase } from '../../src/db/connection/index.ts'
import { keepTold } from '../../src/db/events.ts'
import type { Fetch } from '../../src/world.ts'
import { syncedMember, uuid, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { DAY_MS } from '../support/time.ts'
import { builtInFetch } from '../support/world.ts'
import { startListener } from './listener.ts'

const ago = (member: Member, days: number) => new Date(member.clock.now().getTime() - days * DAY_MS).toISOString()

function old<Kind extends 'sleep' | 'workout' | 'recovery'>(member: Member, kind: Kind, days: number) {
  const { world } = member.sandbox
  const night = world.list('sleep').find(({ start, nap }) => start < ago(member, days) && !nap)
  const found =
    kind === 'recovery'
      ? world.get('recovery', night?.id ?? '')
      : world.list(kind).find((one) => 'start' in one && one.start < ago(member, days))
  return (found ?? expect.fail(`the sandbox has no ${kind} of ${days} days ago`)) as NonNullable<
    ReturnType<typeof world.get<Kind>>
  >
}

const stored = async ({ database: { sql } }: Member, table: string, id: string) => {
  const [row] = await sql<{ raw_data: Record<string, unknown> }[]>`select raw_data from ${sql(table)} where id = ${id}`
  return row?.raw_data
}
const chased = ({ database: { sql } }: Member) =>
  sql`select record_key, reason from chased_records where reason <> 'unsettled'`

describe('an event', () => {
  it('brings a workout that was not there before', async () => {
    const member = await syncedMember({ days: 60 })
    const { world } = member.sandbox
    const workout = { ...old(member, 'workout', 1), id: uuid(1), start: ago(member, 0.02), end: ago(member, 0.01) }
    world.put('workout', workout)
    const listener = await startListener(member)
    await listener.tell('workout.updated', workout.id)
    await expect.poll(() => stored(member, 'workout_records', workout.id)).toEqual(workout)
    await expect.poll(() => chased(member)).toEqual([])
  })

  it('brings a workout that was made in the middle of what is known', async () => {
    const member = await syncedMember({ days: 60 })
    const workout = { ...old(member, 'workout', 40), id: uuid(1), start: ago(member, 40.5), end: ago(member, 40.4) }
    member.sandbox.world.put('workout', workout)
    const listener = await startListener(member)
    await listener.tell('workout.updated', workout.id)
    await expect.poll(() => stored(member, 'workout_records', workout.id)).toEqual(workout)
    await listener.stop()
    await expectFaithful(member.database, member.sandbox)
  })

  it('brings an edit of a sleep of long ago, and the recovery that is named by that sleep', async () => {
    const member = await syncedMember({ days: 120 })
    const { world } = member.sandbox
    const recovery = old(member, 'recovery', 100)
    const sleep = world.get('sleep', recovery.sleep_id) ?? expect.fail()
    world.put('sleep', { ...sleep, end: new Date(Date.parse(sleep.end) - 60_000).toISOString() })
    world.put('recovery', { ...recovery, score: { ...(recovery.score ?? expect.fail()), recovery_score: 1 } })
    const listener = await startListener(member)
    member.requests()
    await listener.tell('sleep.updated', sleep.id)
    await listener.tell('recovery.updated', sleep.id)
    await expect
      .poll(() => stored(member, 'recovery_records', sleep.id))
      .toMatchObject({ score: { recovery_score: 1 } })
    await expect.poll(() => chased(member)).toEqual([])
    await listener.stop()
    await expectFaithful(member.database, member.sandbox)
    const asked = member.requests()
    expect(asked[`cycle/${recovery.cycle_id}/recovery`]).toBe(1)
    expect(Object.values(asked).reduce((sum, one) => sum + one, 0)).toBeLessThan(12)
  })

  it('takes a workout away that WHOOP no longer has, and a sleep with its recovery', async () => {
    const member = await syncedMember({ days: 60 })
    const { world } = member.sandbox
    const [workout, recovery] = [old(member, 'workout', 40), old(member, 'recovery', 30)]
    world.remove('workout', workout.id)
    world.removeSleep(recovery.sleep_id)
    const listener = await startListener(member)
    await listener.tell('workout.deleted', workout.id)
    await listener.tell('sleep.deleted', recovery.sleep_id)
    await listener.tell('recovery.deleted', recovery.sleep_id)
    await expect.poll(() => stored(member, 'workout_records', workout.id)).toBeUndefined()
    await expect.poll(() => stored(member, 'sleep_records', recovery.sleep_id)).toBeUndefined()
    await expect.poll(() => stored(member, 'recovery_records', recovery.sleep_id)).toBeUndefined()
    await listener.stop()
    await member.sync()
    await expectFaithful(member.database, member.sandbox)
    expect(await member.database.sql`select reason from record_history`).toHaveLength(3)
  })

  it.each(['workout', 'sleep', 'recovery'] as const)('that lies about a deletion takes no %s away', async (kind) => {
    const member = await syncedMember({ days: 60 })
    const one = old(member, kind, 30)
    const id = 'sleep_id' in one ? one.sleep_id : one.id
    const listener = await startListener(member)
    await listener.tell(`${kind}.deleted`, id)
    await expect.poll(() => chased(member)).toEqual([])
    expect(await stored(member, `${kind}_records`, id)).toEqual(one)
    expect(await member.database.sql`select from record_history`).toHaveLength(0)
  })

  it('of a change deletes nothing that its list still shows, though its address says 404', async () => {
    const member = await syncedMember({ days: 60 })
    const workout = old(member, 'workout', 30)
    member.sandbox.world.faults.onRequest = undefined
    member.sandbox.world.faults.lie = ({ path }, truth) =>
      path.includes(workout.id) ? { ...truth, status: 404, body: '' } : truth
    const listener = await startListener(member)
    await listener.tell('workout.updated', workout.id)
    await expect.poll(() => chased(member)).toEqual([])
    await listener.stop()
    expect(await stored(member, 'workout_records', workout.id)).toEqual(workout)
  })

  it('twenty times is one row and few syncs', async () => {
    const member = await syncedMember({ days: 60 })
    const listener = await startListener(member)
    const { id } = old(member, 'workout', 30)
    member.requests()
    await Promise.all(Array.from({ length: 20 }, () => listener.tell('workout.updated', id)))
    await expect.poll(() => chased(member)).toEqual([])
    await listener.stop()
    expect(member.requests()[`activity/workout/${id}`] ?? 0).toBeLessThanOrEqual(2)
    const [runs] = await member.database.sql`select count(*)::int as n from sync_runs`
    expect(runs?.['n']).toBeLessThanOrEqual(3) // and the first
  })

  it('is one of two hundred in a second: each is true afterwards, in a bounded number of requests', async () => {
    const member = await syncedMember({ days: 200 })
    const { world } = member.sandbox
    const workouts = world.list('workout').slice(0, 100)
    const sleeps = world
      .list('sleep')
      .filter(({ score }) => score)
      .slice(0, 100)
    for (const one of workouts) world.put('workout', { ...one, sport_name: 'curling' })
    for (const one of sleeps)
      world.put('sleep', { ...one, score: { ...(one.score ?? expect.fail()), sleep_performance_percentage: 7 } })
    const listener = await startListener(member)
    member.requests()
    await Promise.all([
      ...workouts.map(({ id }) => listener.tell('workout.updated', id)),
      ...sleeps.map(({ id }) => listener.tell('sleep.updated', id)),
    ])
    await expect.poll(() => chased(member), { timeout: 30_000 }).toEqual([])
    await listener.stop()
    await expectFaithful(member.database, member.sandbox)
    expect(Object.values(member.requests()).reduce((sum, one) => sum + one, 0)).toBeLessThan(200 + 60)
  })

  it('is not taken for answered by a page that was under way when it came', async () => {
    const member = await syncedMember({ days: 60 })
    const { world } = member.sandbox
    const old = world.list('workout')[30] ?? expect.fail() // on the second page, which a quiet sync does not ask for
    world.put('workout', { ...old, sport_name: 'first' })
    let isTold = false
    const fetch: Fetch = async (url, init) => {
      const answer = await builtInFetch(url, init)
      const body = await answer.text()
      if (url.includes('/activity/workout?') && body.includes(old.id) && !isTold) {
        isTold = true
        world.put('workout', { ...old, sport_name: 'second' })
        const told = [{ whoopUserId: 10_001, type: 'workout', key: old.id } as const]
        await withDatabase({ DATABASE_URL: member.database.url, WHOOPSTER_DATA_DIR: undefined }, {}, ({ db }) =>
          keepTold(db, 'sandbox', told),
        )
      }
      return { status: answer.status, headers: answer.headers, text: async () => body }
    }
    expect((await member.sync('--full', { fetch })).outcome).toBe('ok')
    expect((await member.sync()).outcome).toBe('ok')
    expect(await chased(member)).toEqual([])
    await expectFaithful(member.database, member.sandbox)
  })

  it('of a stranger, or of a kind that is not known, is taken and said', async () => {
    const member = await syncedMember({ days: 20 })
    const listener = await startListener(member)
    await listener.tell('workout.updated', uuid(1), 999)
    await listener.tell('heart.broken', uuid(1))
    await listener.tell('workout.updated', '123')
    expect(await listener.send({}, { body: '{"user_id":' })).toBe(204)
    expect(listener.said()).toContain('WHOOP tells of a member who is not logged in here')
    expect(listener.said().match(/an event that this version does not know/g)).toHaveLength(3)
    expect(await chased(member)).toEqual([])
  })

  it('of a type that the login may not read is left alone', async () => {
    const member = await syncedMember({ days: 20 })
    await member.database.sql`update oauth_tokens set scopes = array_remove(scopes, 'read:workout')`
    const listener = await startListener(member)
    await listener.tell('workout.updated', uuid(1))
    expect(await chased(member)).toEqual([])
  })
})
