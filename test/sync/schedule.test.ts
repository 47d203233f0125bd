// Runs that meet: what a person has ordered is done, or the run says for whom it was not.
import { describe, expect, it, onTestFinished } from 'vitest'
import { newMember, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock, logIn } from '../support/world.ts'

const SECOND = 10_002

async function twoMembers(): Promise<Member> {
  const member = await newMember({ days: 40, members: 2 })
  await logIn(member.sandbox, member.env, { clock: member.clock, member: SECOND })
  await member.sync()
  member.clock.pass(60_000)
  return member
}

/** Holds a lock of another run, until it is called again. */
async function hold({ database }: Member, whoopUserId: number, type: string): Promise<() => Promise<void>> {
  const other = await database.sql.reserve()
  const release = async () => void (await other`select pg_advisory_unlock_all()`)
  onTestFinished(async () => {
    await release()
    other.release()
  })
  await other`select pg_advisory_lock(hashtextextended(${`whoopster:sync:${whoopUserId}:${type}`}, 0))`
  return release
}

describe('an explicit order', () => {
  it('reads a member again whom another run has served meanwhile', async () => {
    const member = await twoMembers()
    const old = member.sandbox.world.list('workout', SECOND).at(-1) ?? expect.fail('no workout')
    member.sandbox.world.put('workout', { ...old, sport_name: 'edited' })
    let met = false
    member.sandbox.world.faults.onRequest = async ({ path }) => {
      if (met || !path.includes('/v2/')) return
      met = true
      expect(await member.sync(`--user ${SECOND}`, { clock: createClock(member.clock.now()) })).toMatchObject({
        code: 0,
      })
    }
    expect(await member.sync('--full')).toMatchObject({ code: 0, users: [{}, { whoopUserId: SECOND, outcome: 'ok' }] })
    await expectFaithful(member.database, member.sandbox)
  })

  it.each(['--full', '--type sleep', '--since 2026-11-01 --type sleep workout'])(
    'waits for what another run holds, and says for whom it could not be carried out: %s',
    async (line) => {
      const member = await twoMembers()
      await hold(member, SECOND, 'sleep')
      const { code, err, users } = await member.sync(line)
      expect(code).toBe(75)
      expect(users.map(({ whoopUserId }) => whoopUserId)).toEqual([10_001, SECOND])
      expect(users[1]?.types.sleep).toMatchObject({
        outcome: 'skipped',
        complete: false,
        error: {
          reason: 'busy',
          message: 'Another run is at work on sleep of WHOOP user 10002.',
          hint: 'run the same again when it has ended',
        },
      })
      for (const [type, result] of Object.entries(users[1]?.types ?? {})) {
        if (type !== 'sleep') expect(result.outcome).toBe('ok')
      }
      expect(err).toContain('another run is at work on sleep; waiting for it to end')
    },
  )

  it('is carried out once the other run has ended', async () => {
    const member = await twoMembers()
    const release = await hold(member, SECOND, 'sleep')
    const clock = createClock(member.clock.now())
    const sleep = async (ms: number) => {
      await clock.sleep(ms)
      await release()
    }
    const { code, users } = await member.sync('--type sleep recovery', { clock: { ...clock, sleep } })
    expect({ code, outcomes: users.map(({ outcome }) => outcome) }).toEqual({ code: 0, outcomes: ['ok', 'ok'] })
    expect(Object.keys(users[1]?.types ?? {}).toSorted()).toEqual(['recovery', 'sleep'])
    expect(users[1]?.types.sleep?.fetched).toBe(25)
  })

  it('says for whom it could not be carried out when the day’s requests are spent', async () => {
    const member = await twoMembers()
    const { faults } = member.sandbox.world
    faults.next = [
      {
        path: '/developer/v2/activity/sleep',
        skip: 1,
        answer: {
          status: 200,
          body: '{"records":[],"next_token":null}',
          headers: {
            'x-ratelimit-limit': '10000, 100;window=60, 10000;window=86400',
            'x-ratelimit-remaining': '0',
            'x-ratelimit-reset': '7200',
          },
        },
      },
    ]
    const { code, users, waiting } = await member.sync('--full')
    expect({ code, waiting }).toEqual({ code: 75, waiting: 0 })
    expect(users[1]).toMatchObject({ whoopUserId: SECOND, outcome: 'skipped' })
    expect(users[1]?.types.cycle?.error).toMatchObject({
      reason: 'later',
      message: 'WHOOP’s request budget is spent: WHOOP user 10002 was not read.'.replace('’', "'"),
    })
  })
})

describe('a run without an order', () => {
  it('leaves to the other run what that is at work on, and ends well', async () => {
    const member = await twoMembers()
    await hold(member, SECOND, 'sleep')
    const { code, users } = await member.sync()
    expect(code).toBe(0)
    expect(users[1]?.types).toMatchObject({ sleep: { outcome: 'skipped', error: null }, cycle: { outcome: 'ok' } })
  })

  it('is not made needless by one of certain types only', async () => {
    const member = await twoMembers()
    member.clock.pass(3_600_000)
    await member.sync('--type body')
    await member.sync('--type sleep workout')
    member.clock.pass(60_000)
    const served = async (line: string) => (await member.sync(line)).users.map(({ whoopUserId }) => whoopUserId)
    expect(await served('--older-than 10m --type sleep')).toEqual([])
    expect(await served('--older-than 10m')).toEqual([10_001, SECOND])
    expect(await served('--older-than 10m')).toEqual([])
  })
})

describe('a run that cannot be written down', () => {
  it('lets go of its locks before the next member’s turn', async () => {
    const member = await twoMembers()
    const { sql } = member.database
    await sql`create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end'`
    await sql`create trigger refuse before insert on sync_runs for each row execute function refuse()`
    let most = 0
    member.sandbox.world.faults.onRequest = async () => {
      const [row] = await sql`select count(*)::int as n from pg_locks where locktype = 'advisory'
        and database = (select oid from pg_database where datname = current_database())`
      most = Math.max(most, Number(row?.['n']))
    }
    const { users } = await member.sync()
    expect(users).toHaveLength(2)
    expect(most).toBe(5)
  })
})
