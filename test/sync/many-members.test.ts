// Any number of processes share the members and the app's requests: each member once a round, nobody twice at once.
import { describe, expect, it } from 'vitest'
import { newCrowd, type Crowd } from '../support/crowd.ts'
import { isLong } from '../support/long.ts'
import { newMember, putLogin } from '../support/member.ts'
import { logIn } from '../support/world.ts'

const ROUND = 'sync --older-than 1d'

describe('processes that share the members', () => {
  it('sync each of them once, in one budget', async () => {
    const crowd = await newCrowd({ members: 8, days: 4, speed: 20, perMinute: 50 })
    await round(crowd, 3)
    await expectServedOnce(crowd, 8)
    expect(crowd.traffic().refused).toBe(0)
    expect(crowd.traffic().requests).toBeGreaterThan(45) // so that somebody had to wait
    const again = await crowd.start(ROUND).ended
    expect(again).toMatchObject({ code: 0, result: { outcome: 'skipped', users: [], requests: 0 } })
  })

  describe.runIf(isLong)('twenty of them, and five hundred members', () => {
    it.each([
      ['that live', 0],
      ['of which ten are killed', 10],
    ])(
      '%s',
      async (_, deaths) => {
        const crowd = await newCrowd({ members: 500, days: 4, speed: 2, perMinute: 300 })
        await round(crowd, 20, deaths)
        await expectServedOnce(crowd, 500)
        const { refused, used } = crowd.traffic()
        expect(refused).toBe(0)
        expect(used).toBeGreaterThan(0.95)
        expect(used).toBeLessThan(1.01)
      },
      1_200_000,
    )
  })
})

describe('whose turn it is', () => {
  it('goes by who has waited longest, and ends where it is told to', async () => {
    const member = await newMember({ days: 4, members: 3 })
    for (const id of [10_002, 10_003])
      await putLogin(member.database, member.sandbox, { clock: member.clock, member: id })
    const turns = async (line: string) => {
      const { users, waiting, code } = await member.sync(line)
      member.clock.pass(60_000)
      return [...users.map(({ whoopUserId }) => whoopUserId), `${waiting} wait`, code]
    }
    expect(await turns('--user 10003')).toEqual([10_003, '0 wait', 0])
    expect(await turns('--user 10001')).toEqual([10_001, '0 wait', 0])
    expect(await turns('--max-members 2')).toEqual([10_003, 10_001, '1 wait', 0])
    expect(await turns('--older-than 2m')).toEqual([10_002, '0 wait', 0])
    expect(await turns('--older-than 1d')).toEqual(['0 wait', 0])
    expect(await turns('')).toEqual([10_003, 10_001, 10_002, '0 wait', 0])
  })

  it('is the same for each share of the members, of which none is in two', async () => {
    const member = await newMember({ days: 4, members: 3 })
    for (const id of [10_002, 10_003]) await logIn(member.sandbox, member.env, { clock: member.clock, member: id })
    const share = async (line: string) => (await member.sync(line)).users.map(({ whoopUserId }) => whoopUserId)
    const shares = [await share('--shard 0/2'), await share('--shard 1/2'), await share('--shard 5/9')]
    expect(shares.map(({ length }) => length)).toEqual([1, 2, 0])
    expect(shares.flat().toSorted((a, b) => a - b)).toEqual([10_001, 10_002, 10_003])
    for (const wrong of ['2/2', '1', '-1/2', '1/0', 'a/b'])
      expect(await member.run(`sync --shard ${wrong}`)).toMatchObject({ code: 64 })
  })

  it('takes a member who never does a workout for complete', async () => {
    const member = await newMember({ days: 4 })
    for (const { id } of member.sandbox.world.list('workout')) member.sandbox.world.remove('workout', id)
    expect(await member.sync()).toMatchObject({ code: 0 })
    const status = await member.run('status --json')
    expect(JSON.parse(status.out)).toMatchObject({ budget: { members: 1 } })
  })

  it('begins with nobody after the deadline', async () => {
    const member = await newMember({ days: 4, members: 2 })
    await putLogin(member.database, member.sandbox, { clock: member.clock, member: 10_002 })
    member.sandbox.world.faults.onRequest = () => member.clock.pass(30_000)
    expect(await member.sync('--deadline 2m')).toMatchObject({ users: [{ whoopUserId: 10_001 }], waiting: 1 })
  })

  it('does not make a person wait who asks for one member', async () => {
    const member = await newMember({ days: 4 })
    for (let times = 0; times < 3; times++) expect(await member.sync()).toMatchObject({ code: 0, outcome: 'ok' })
  })
})

/** Processes that share the members until all are served. Who is killed is replaced, as Kubernetes would. */
async function round(crowd: Crowd, processes: number, deaths = 0): Promise<void> {
  const live = async (dies: number) => {
    const { child, ended } = crowd.start(ROUND)
    const killed = setTimeout(() => child.kill('SIGKILL'), dies * 7_000)
    if (!dies) clearTimeout(killed)
    const { code, err } = await ended
    clearTimeout(killed)
    if (dies && code === null) return live(0)
    expect([code, err]).toEqual([0, ''])
  }
  await Promise.all(Array.from({ length: processes }, (_, index) => live(index < deaths ? index + 1 : 0)))
}

async function expectServedOnce({ database, sandbox }: Crowd, members: number): Promise<void> {
  const runs = await database.sql<{ id: string; n: number; fine: boolean }[]>`
    select whoop_user_id as id, count(*)::int as n, bool_and(outcome = 'ok') as fine
    from sync_runs join users on users.id = user_id group by 1`
  expect(runs).toHaveLength(members)
  expect(runs.filter(({ n, fine }) => n !== 1 || !fine)).toEqual([])
  const stored = await database.sql<{ n: number }[]>`select count(*)::int as n from cycle_records`
  const ids = Array.from({ length: members }, (_, index) => 10_001 + index)
  expect(stored[0]?.n).toBe(ids.reduce((total, id) => total + sandbox.world.list('cycle', id).length, 0))
}
