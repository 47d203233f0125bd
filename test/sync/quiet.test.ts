// A sync with nothing to do runs a hundred times a day: what it asks of WHOOP and PostgreSQL does not grow.
import { describe, expect, it, onTestFinished } from 'vitest'
import { syncedMember, type Member } from '../support/member.ts'
import { startProxy } from '../support/proxy.ts'
import { run } from '../support/world.ts'
import { MINUTE_MS } from '../support/time.ts'

async function settled(days: number): Promise<Member> {
  const member = await syncedMember({ days })
  member.clock.pass(10 * MINUTE_MS)
  await member.sync()
  member.clock.pass(10 * MINUTE_MS)
  return member
}

/** The statements of one more sync. */
async function statementsOf(member: Member): Promise<string[]> {
  const proxy = await startProxy(member.database.url)
  onTestFinished(() => proxy.close())
  const { code, err } = await run('sync', { ...member.env, DATABASE_URL: proxy.url }, { clock: member.clock })
  expect(code, err).toBe(0)
  return proxy.statements
}

/** Every version of every row, and when PostgreSQL last wrote or locked it. */
async function tuples({ database: { sql } }: Member): Promise<unknown> {
  const found = []
  for (const table of ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records'])
    found.push(await sql`select ctid::text, xmin::text, xmax::text from ${sql(table)} order by 1`)
  return found
}

describe('a sync with nothing new', () => {
  it.each([12, 400])(
    'of %i days takes four requests, as many statements as ever, and touches no record',
    async (days) => {
      const member = await settled(days)
      member.requests()
      const before = await tuples(member)
      const statements = await statementsOf(member)
      expect(statements).toHaveLength(18) // two of them for the session, on the way of others; two for the budget that is shared
      expect(statements.filter((sql) => sql.startsWith('begin'))).toEqual([])
      expect(member.requests()).toEqual({ 'activity/sleep': 1, recovery: 1, 'activity/workout': 1, cycle: 1 })
      expect(await tuples(member)).toEqual(before)
    },
  )

  it('leaves a line of 300 bytes in sync_runs, and all that was not as usual', async () => {
    const member = await settled(60)
    const { sql } = member.database
    const run = async () => {
      await member.sync()
      member.clock.pass(10 * MINUTE_MS)
      const [row] = await sql<{ bytes: number; types: Record<string, unknown> }[]>`
        select pg_column_size(r) as bytes, types from sync_runs r order by id desc limit 1`
      return row
    }
    const quiet = await run()
    expect(quiet?.types).toEqual({ sleep: {}, recovery: {}, workout: {}, cycle: {}, body: {} })
    expect(quiet?.bytes).toBeLessThanOrEqual(300)

    const { world } = member.sandbox
    const [workout] = world.list('workout')
    if (workout) world.put('workout', { ...workout, sport_name: 'chess' })
    expect((await run())?.types).toEqual({
      ...quiet?.types,
      workout: { requests: 1, fetched: 25, updated: 1, unchanged: 24 },
    })
    world.faults.next.push({ path: '/developer/v2/cycle', answer: { status: 400, body: 'no' } })
    expect((await run())?.types).toMatchObject({
      sleep: {},
      cycle: { outcome: 'failed', error: { reason: expect.stringMatching('.') as string } },
    })
  })

  it('but an open cycle that has grown writes that alone', async () => {
    const member = await settled(60)
    const { world } = member.sandbox
    const [open] = world.list('cycle')
    if (!open?.score) throw new Error('the sandbox made no open cycle')
    world.put('cycle', { ...open, score: { ...open.score, strain: open.score.strain + 1 } })
    expect((await statementsOf(member)).length).toBeLessThanOrEqual(32)
  })
})

describe('a sync of one member among hundreds', () => {
  it('reads nobody else’s rows, once somebody has counted them', async () => {
    const member = await settled(12)
    await crowd(member, 400)
    const one = async () => {
      member.clock.pass(MINUTE_MS)
      const before = await rowsRead(member)
      expect(await member.sync('--user 10001')).toMatchObject({ code: 0 })
      return (await rowsRead(member)) - before
    }
    const first = await one()
    expect(first).toBeGreaterThan(400)
    expect(await one()).toBeLessThan(200)
    expect(await planOf(member)).toBe(401)
    await member.database.sql`delete from users where whoop_user_id > 20000`
    expect(await one()).toBeLessThan(200)
    expect(await planOf(member)).toBe(401)
    member.clock.pass(15 * MINUTE_MS)
    await one()
    expect(await planOf(member)).toBe(1)
  })
})

async function planOf({ database: { sql } }: Member): Promise<number | undefined> {
  const [row] = await sql<{ members: number }[]>`select plan_members as members from request_budgets`
  return row?.members
}

/** Copies of the one member's login and state; some have months of runs. */
async function crowd({ database: { sql } }: Member, members: number): Promise<void> {
  await sql`insert into users (whoop_user_id) select 20000 + n from generate_series(1, ${members}::int) n`
  await sql`
    insert into oauth_tokens (user_id, client_id, access_token, refresh_token, expires_at, scopes)
    select u.id, client_id, access_token, refresh_token, expires_at, scopes from oauth_tokens, users u where whoop_user_id > 20000`
  await sql`
    insert into sync_status (user_id, data_type, last_sync_time, last_record_time, status, covered)
    select u.id, data_type, last_sync_time, last_record_time, status, covered from sync_status, users u where whoop_user_id > 20000`
  await sql`
    insert into sync_runs (user_id, started_at, finished_at, outcome, requests, retries, waited_ms, token_refreshes, types)
    select u.id, started_at - ago, finished_at - ago, outcome, requests, retries, waited_ms, token_refreshes, types
    from sync_runs, users u, lateral (select n * interval '1 hour' as ago from generate_series(1, 700) n) times
    where whoop_user_id between 20001 and 20020`
  await sql`analyze`
}

/** Of the tables that have much of everybody, by PostgreSQL's own count, which a session adds to when it ends. */
async function rowsRead({ database: { sql } }: Member): Promise<number> {
  for (;;) {
    const [open] = await sql`
      select from pg_stat_activity where application_name = 'whoopster' and datname = current_database()`
    if (!open) break
  }
  const [row] = await sql<{ rows: number }[]>`
    select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_user_tables
    where relname in ('oauth_tokens', 'sync_status', 'sync_runs')`
  return row?.rows ?? Number.NaN
}
