// What runs remember for each other has one time: PostgreSQL's. A machine's own clock may be wrong by any amount.
import { describe, expect, it } from 'vitest'
import { newMember, syncedMember, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock } from '../support/world.ts'
import { DAY_MS } from '../support/time.ts'

const YEAR_MS = 365 * DAY_MS

/** Runs on a machine whose clock is ahead of PostgreSQL's. */
async function syncAhead(member: Member, ms: number) {
  const clock = createClock(new Date(member.clock.now().getTime() + ms))
  clock.serverAheadMs = -ms
  return member.sync('', { clock })
}

describe('a machine whose clock is a year ahead', () => {
  it('leaves times in the database that are PostgreSQL’s', async () => {
    const member = await newMember()
    await syncAhead(member, YEAR_MS)
    const [row] = await member.database.sql`
      select greatest(
        (select max(greatest(last_sync_time, recent_at, swept_at)) from sync_status),
        (select max(finished_at) from sync_runs), (select max(created_at) from body_measurements),
        (select max(updated_at) from sleep_records), (select max(since) from chased_records)
      ) as latest`
    expect(row?.['latest']).toEqual(member.clock.now())
  })

  it('does not keep what is edited from being seen by the runs after it', async () => {
    const member = await syncedMember()
    await syncAhead(member, YEAR_MS)
    const old = member.sandbox.world.list('workout').at(-1) ?? expect.fail('no workout')
    member.sandbox.world.put('workout', { ...old, sport_name: 'edited' })
    for (let day = 0; day < 40; day += 5) {
      member.clock.pass(5 * DAY_MS)
      await member.sync()
    }
    await expectFaithful(member.database, member.sandbox)
  })

  it('does not make status believe that everything is stale, or fresh', async () => {
    const member = await syncedMember()
    const ahead = createClock(new Date(member.clock.now().getTime() + YEAR_MS))
    expect((await member.run('status', { clock: ahead })).code).toBe(1) // and PostgreSQL's clock is as far ahead
    ahead.serverAheadMs = -YEAR_MS
    expect((await member.run('status', { clock: ahead })).code).toBe(0)
  })

  it('does not keep the runs after it from asking WHOOP', async () => {
    const member = await newMember({ limits: { perMinute: 100, perDay: 10_000 } })
    await syncAhead(member, YEAR_MS)
    await member.database.sql`update request_budgets set state = state || ${left(member, YEAR_MS)}::text::jsonb` // an older version's
    expect(await member.sync()).toMatchObject({ code: 0, outcome: 'ok' })
    const [row] = await member.database.sql<
      { until: string }[]
    >`select state ->> 'closedUntil' as until from request_budgets`
    expect(Number(row?.until)).toBeLessThanOrEqual(member.clock.now().getTime() + DAY_MS)
  })
})

describe('a PostgreSQL whose clock says 2038', () => {
  const startsOf = async ({ database: { sql } }: Member) =>
    (await sql<{ at: Date }[]>`select started_at as at from sync_runs order by id`).map(({ at }) =>
      at.toISOString().slice(0, 10),
    )

  it('drops no run of the member’s, and those of an hour like it do not either', async () => {
    const member = await syncedMember({ days: 5 })
    const clock = createClock('2038-01-20T03:14:08Z')
    for (let run = 0; run < 4; run++) {
      clock.pass(900_000)
      await member.sync('--type sleep', { clock })
    }
    await member.sync()
    expect(await startsOf(member)).toEqual(['2026-11-22', ...Array<string>(4).fill('2038-01-20'), '2026-11-22'])
  })

  it('runs go after 90 days, once the next 25 say so, too', async () => {
    const member = await syncedMember({ days: 5 })
    member.clock.pass(91 * DAY_MS)
    for (let run = 0; run < 25; run++) await member.sync('--type sleep')
    expect(await startsOf(member)).toHaveLength(26)
    await member.sync('--type sleep')
    expect((await startsOf(member))[0]).toBe('2027-02-21')
  })
})

it('status and doctor say until when WHOOP is not asked, and how to forget it', async () => {
  const member = await syncedMember({ days: 5 })
  const closedUntil = member.clock.now().getTime() + 3 * 3_600_000
  await member.database.sql`
    update request_budgets set state = state || ${JSON.stringify({ closedUntil })}::text::jsonb`
  for (const line of ['status', 'doctor']) {
    const { out } = await member.run(line)
    const said = out.replaceAll(/\s+/g, ' ')
    expect(said).toContain('WHOOP is not asked before 2026-11-22 13:20 UTC (in 3 hours)')
    expect(said).toContain('delete from request_budgets')
  }
})

function left({ clock }: Member, aheadMs: number): string {
  const then = clock.now().getTime() + aheadMs
  return JSON.stringify({
    minute: [[then, 90]],
    day: [[Math.floor(then / 900_000), 9_000, 0]],
    closedUntil: then,
    savedAt: then,
    saved: 0,
  })
}
