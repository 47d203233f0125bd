import { chownSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newMember, newMemberOn, syncedMember, type Member } from './support/member.ts'
import { startPostgres, withSql, type OwnServer } from './support/postgres.ts'
import { expectFaithful } from './support/truth.ts'
import { run } from './support/world.ts'

const types = ['sleep', 'recovery', 'workout', 'cycle'] as const

describe('verify', () => {
  it('says yes when every record is equal, and writes nothing', async () => {
    const member = await syncedMember({ days: 80 })
    const before = await everything(member)
    const { code, out } = await member.run('verify --json')
    expect(code).toBe(0)
    const [user] = JSON.parse(out).users
    for (const type of types) {
      const equal = member.sandbox.world.list(type).length
      expect(user.types[type]).toEqual({ equal, missing: [], extra: [], different: [], changing: [], unreadable: [] })
    }
    expect(await everything(member)).toEqual(before)
    expect((await member.run('verify')).out).toContain('WHOOP user 10001')
  })

  it('names what is missing, extra and different, with the columns', async () => {
    const member = await syncedMember({ days: 80 })
    const [, , missing, changed, gone] = member.sandbox.world.list('workout')
    if (!missing || !changed || !gone) throw new Error('the sandbox made too few workouts')
    const { sql } = member.database
    await sql`delete from workout_records where id = ${missing.id}`
    await sql`update workout_records set strain_score = 1 where id = ${changed.id}`
    member.sandbox.world.remove('workout', gone.id)
    const { code, out } = await member.run('verify --type workout --json')
    expect(code).toBe(1)
    expect(JSON.parse(out).users[0].types).toEqual({
      workout: {
        equal: member.sandbox.world.list('workout').length - 2,
        missing: [missing.id],
        extra: [gone.id],
        different: [{ key: changed.id, columns: ['strain_score'] }],
        changing: [],
        unreadable: [],
      },
    })
    expect((await member.run('verify --type workout')).out).toContain(`workout ${changed.id} differs in strain_score`)
  })

  it('says on a terminal how far it is, what it waits for, and whose records they are', async () => {
    const member = await syncedMember({ days: 80, limits: { perMinute: 100, perDay: 10_000 } })
    const { code, out, err } = await member.run('verify --type sleep', { isScreen: true })
    expect(code, err).toBe(0)
    expect(stripVTControlCharacters(out)).toMatch(/^Milo \(WHOOP user 10001\)\n/)
    const drawn = stripVTControlCharacters(err)
    expect(drawn).toMatch(/sleep {2}25 records {2}back to 2026-1/)
    expect(drawn).toContain('left this minute')
  })

  it('does not count what grows today, or was made or changed after the last sync', async () => {
    const member = await syncedMember({ days: 40 })
    member.clock.pass(2 * 3_600_000)
    const { world } = member.sandbox
    const [open] = world.list('cycle')
    const [edited, added] = world.list('workout').slice(5)
    if (!open || !edited?.score || !added) throw new Error('the sandbox made too little')
    world.put('cycle', {
      ...open,
      score: { strain: 20.5, kilojoule: 9_000, average_heart_rate: 80, max_heart_rate: 190 },
    })
    const updated_at = member.clock.now().toISOString()
    world.put('workout', { ...edited, score: { ...edited.score, strain: 3.5 }, updated_at })
    const id = 'ffffffff-0000-4000-8000-000000000001'
    world.put('workout', { ...added, id, created_at: updated_at, updated_at })
    const { code, out } = await member.run('verify --json')
    const [user] = JSON.parse(out).users
    expect(user.types.cycle.changing).toEqual([{ key: String(open.id), why: 'open' }])
    expect(user.types.workout.changing.map(({ key }: { key: string }) => key)).toEqual([edited.id, id].toSorted())
    expect({ code, faithful: JSON.parse(out).faithful }).toEqual({ code: 0, faithful: true })
    const said = (await member.run('verify')).out
    expect(said).toContain(`cycle ${open.id} is not over or scored yet`)
    expect(said).toContain(`workout ${edited.id} is changed since the last sync`)
    expect(said).toContain('the next sync stores it')
    expect(said).not.toContain('--full')
    await member.sync()
    expect((await member.run('verify')).out).not.toContain('→')
  })

  it('counts what is different though nothing has changed at WHOOP, and says what mends it', async () => {
    const member = await syncedMember({ days: 40 })
    const [open] = member.sandbox.world.list('cycle')
    await member.database.sql`update cycle_records set strain_score = 1 where id = ${open?.id ?? 0}`
    const columns = await member.run('verify --type cycle')
    expect(columns).toMatchObject({ code: 1, out: expect.stringContaining('whoopster reprocess') as string })
    expect(columns.out).not.toContain('sync --full')
    await member.database.sql`delete from workout_records`
    const missing = await member.run('verify --type workout')
    expect(missing).toMatchObject({ code: 1, out: expect.stringContaining('whoopster sync --full') as string })
    expect(missing.out).not.toContain('reprocess')
  })

  it('says nothing of what began before --since, though WHOOP lists it', async () => {
    const member = await syncedMember({ days: 40 })
    const [, , cycle] = member.sandbox.world.list('cycle')
    if (!cycle) throw new Error('the sandbox made no cycle')
    await member.database.sql`delete from cycle_records where id = ${cycle.id}`
    const after = new Date(Date.parse(cycle.start) + 1_000).toISOString() // in the middle of it
    expect(await member.run(`verify --type cycle --since ${after}`)).toMatchObject({ code: 0 })
    expect(await member.run(`verify --type cycle --since ${cycle.start}`)).toMatchObject({ code: 1 })
  })

  it('looks at what is newer than --since only', async () => {
    const member = await syncedMember({ days: 80 })
    const oldest = member.sandbox.world.list('cycle').at(-1)
    await member.database.sql`delete from cycle_records where id = ${oldest?.id ?? 0}`
    expect((await member.run('verify --since 2026-11-01')).code).toBe(0)
    expect((await member.run('verify')).code).toBe(1)
  })
})

describe('verify and the requests of a day', () => {
  it('leaves to the members’ syncs what they need: 75 once its half is spent', async () => {
    const member = await syncedMember({ days: 10 })
    const quarter = Math.floor(member.clock.now().getTime() / 900_000)
    const state = JSON.stringify({
      minute: [],
      day: [[quarter, 0, 450]],
      minuteLimit: null,
      dayLimit: null,
      closedUntil: 0,
      saved: null,
      savedAt: 0,
    })
    await member.database.sql`update request_budgets set state = ${state}::text::jsonb`
    const env = { ...member.env, MAX_REQUESTS_PER_MINUTE: '10' } // 900 a day, of which a sync every quarter wants half
    const { code, err } = await run('verify', env, { clock: member.clock })
    expect({ code, err }).toMatchObject({ code: 75, err: expect.stringContaining('budget is spent') as string })
    expect((await run('sync', env, { clock: member.clock })).code).toBe(0)
  })
})

describe('verify on a server that takes no writes', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
  })
  afterAll(() => server.stop())

  /** A hot standby, that has all but may be given nothing, not even by an administrator. */
  async function asStandby(work: () => Promise<void>): Promise<void> {
    const [row] = await withSql(server.url, (sql) => sql`select current_setting('data_directory') as data`)
    const data = String(row?.['data'])
    const signal = join(data, 'standby.signal')
    writeFileSync(signal, '')
    chownSync(signal, statSync(data).uid, statSync(data).gid)
    await server.restart()
    try {
      await work()
    } finally {
      rmSync(signal)
      await server.restart()
    }
  }

  /** A primary whose administrator has said so. */
  async function asReadOnly(work: () => Promise<void>): Promise<void> {
    await server.restart(['default_transaction_read_only=on'])
    try {
      await work()
    } finally {
      await server.restart()
    }
  }

  async function expectEqual(member: Member, ...lines: string[]): Promise<void> {
    for (const line of ['verify', ...lines]) {
      const { code, err } = await member.run(line)
      expect({ line, code, err }).toEqual({ line, code: 0, err: expect.any(String) as string })
    }
  }

  it.each([
    ['a standby', asStandby],
    ['one that is set to read-only', asReadOnly],
  ])('compares all the same: %s', async (_, on) => {
    const member = await newMemberOn(server)
    await member.sync()
    await on(() => expectEqual(member, 'verify --json', 'stats', 'status', 'export --type sleep'))
    await member.database.sql`delete from workout_records where id = (select id from workout_records limit 1)`
    await on(async () => expect((await member.run('verify')).code).toBe(1))
  })

  it('goes on with the token that is stored while it lasts, and then says what to do; the login is kept', async () => {
    const member = await newMemberOn(server)
    await member.sync()
    const renewals = () => member.sandbox.requests.filter(({ path }) => path.endsWith('/token')).length
    const before = renewals()
    await asStandby(async () => {
      member.clock.pass(45 * 60_000) // it would be renewed from half an hour on
      await expectEqual(member)
      member.clock.pass(60 * 60_000)
      const { code, err } = await member.run('verify')
      expect({ code, err }).toMatchObject({ code: 69, err: expect.stringContaining('is read-only') as string })
      expect(err).toContain('point DATABASE_URL at the primary')
    })
    expect(renewals()).toBe(before)
    expect(await member.sync()).toMatchObject({ code: 0 })
  })

  it('counts what it asks for itself: the app’s budget per minute holds', async () => {
    const member = await newMemberOn(server)
    await member.sync()
    const env = { ...member.env, MAX_REQUESTS_PER_MINUTE: '2' }
    await asStandby(async () => {
      const { code, slept } = await run('verify', env, { clock: member.clock })
      expect(code).toBe(0)
      expect(slept.length).toBeGreaterThan(0)
    })
  })
})

describe('reprocess', () => {
  it('builds every column again from the raw data, and writes only what is wrong', async () => {
    const member = await syncedMember({ days: 80 })
    const { sql } = member.database
    await sql`update workout_records set zone_two_duration = null, sport_name = 'wrong'`
    await sql`update sleep_records set rem_sleep_duration = -1 where nap`
    const naps = member.sandbox.world.list('sleep').filter(({ nap }) => nap).length
    const requests = member.sandbox.requests.length
    const { code, out } = await member.run('reprocess')
    expect(code).toBe(0)
    expect(out).toContain(`workout: ${member.sandbox.world.list('workout').length} read`)
    expect(out).toContain(`sleep: ${member.sandbox.world.list('sleep').length} read, ${naps} changed`)
    expect(member.sandbox.requests).toHaveLength(requests)
    await expectFaithful(member.database, member.sandbox)
    expect((await member.run('reprocess --type workout')).out).toMatch(/^workout: \d+ read, 0 changed\n$/)
  })
})

describe('a migration that leaves a column to be built', () => {
  it.each(['migrate', 'sync'])('has it built by the next %s, which goes on where a killed one was', async (line) => {
    const member = await newMember({ days: 1000 })
    await member.sync('--type workout')
    const { sql } = member.database
    const rows = await sql<{ id: string }[]>`select id from workout_records order by id`
    expect(rows.length).toBeGreaterThan(500) // more than a batch
    await sql`insert into reprocesses (data_type) values ('workout')`
    await sql`update workout_records set strain_score = null`
    await sql`
      create function die() returns trigger language plpgsql as $$ begin
        perform pg_terminate_backend(pg_backend_pid()); return new;
      end $$`
    const late = rows.at(-10)?.id ?? ''
    await sql.unsafe(`create trigger die before update on workout_records for each row when (new.id = '${late}')
      execute function die()`)
    expect((await member.run('migrate')).code).toBe(69)
    const [{ left } = { left: 0 }] = await sql<{ left: number }[]>`
      select count(*)::int as left from workout_records where strain_score is null and score_state = 'SCORED'`
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThan(rows.length - 400) // the first batch is committed
    const [begun] = await sql`select done_key is not null as begun from reprocesses`
    expect(begun).toEqual({ begun: true })
    await sql`drop trigger die on workout_records`
    expect((await member.run(line)).code).toBe(0)
    await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
    expect(await sql`select data_type from reprocesses`).toEqual([])
  })
})

describe('status', () => {
  it('lists what is in quarantine and stays unhealthy, while only the first run says 65', async () => {
    const member = await newMember({ days: 40 })
    const [, cycle] = member.sandbox.world.list('cycle')
    if (!cycle) throw new Error('the sandbox made no cycle')
    member.sandbox.world.put('cycle', { ...cycle, timezone_offset: 'nowhere' })
    expect(await member.sync()).toMatchObject({ code: 65, outcome: 'ok' })
    expect(await member.sync()).toMatchObject({ code: 0 })
    const { code, out } = await member.run('status')
    expect(code).toBe(1)
    expect(out).toContain(`cycle ${cycle.id}, since just now: timezone_offset`)
    member.sandbox.world.put('cycle', cycle)
    expect(await member.sync()).toMatchObject({ code: 0 })
    expect(await member.run('status')).toMatchObject({ code: 0 })
    await expectFaithful(member.database, member.sandbox)
  })

  it('shows the gaps that a failed run left, and that the next one fills them', async () => {
    const member = await newMember({ days: 120 })
    const answer = { status: 500, body: 'boom' }
    member.sandbox.world.faults.next = [{ path: '/developer/v2/cycle', skip: 2, times: 4, answer }]
    expect(await member.sync()).toMatchObject({ code: 69 })
    const { out } = await member.run('status --gaps')
    expect(out).toMatch(/not stored completely.*\n10001 cycle: from the beginning to 2026-/)
    expect(out).not.toContain('to be read again') // a page ends with records of times that are not complete yet
    expect(JSON.parse((await member.run('status --gaps --json')).out).gaps).toMatchObject([
      { type: 'cycle', from: null },
    ])
    await member.sync()
    expect((await member.run('status --gaps')).out).toContain('no gaps')
  })

  it('calls what an interrupted --full has not come to stored, and to be read again', async () => {
    const member = await syncedMember({ days: 120 })
    const answer = { status: 500, body: 'boom' }
    member.sandbox.world.faults.next = [{ path: '/developer/v2/cycle', skip: 2, times: 4, answer }]
    expect(await member.sync('--full')).toMatchObject({ code: 69 })
    const { out } = await member.run('status --gaps')
    expect(out).toMatch(/stored, and to be read again.*\n10001 cycle: from the beginning to 2026-/)
    expect(out).not.toContain('not stored')
    await member.sync()
    expect((await member.run('status --gaps')).out).toContain('no gaps')
  })

  it('tells a run that was killed from one that is at work, and that WHOOP was asked', async () => {
    const member = await syncedMember({ days: 60 })
    await member.database.sql`update sync_status set status = 'in_progress' where data_type in ('sleep', 'cycle')`
    await member.database.sql`delete from sync_runs`
    const sleep = "hashtextextended('whoopster:sync:10001:sleep', 0)"
    const holder = await member.database.sql.reserve()
    await holder.unsafe(`select pg_advisory_lock(${sleep})`)
    const { out } = await member.run('status')
    await holder.unsafe(`select pg_advisory_unlock(${sleep})`)
    holder.release()
    expect(out).toMatch(/^ {2}sleep .*in progress$/m)
    expect(out).toMatch(/^ {2}cycle .*interrupted$/m)
    expect(out).toMatch(/WHOOP +asked \d+ times today/)
    expect(out).toContain('the last sync of cycle was interrupted')
  })

  it('names fields that WHOOP sends and no column takes', async () => {
    const member = await newMember({ days: 10 })
    member.sandbox.world.faults.extraFields = true
    await member.sync()
    expect((await member.run('status')).out).toContain('cycle.step_count')
    expect(JSON.parse((await member.run('status --json')).out).users[0].unknownFields).toHaveProperty([
      'cycle.step_count',
    ])
  })
})

describe('stats', () => {
  it('says how many settled scores WHOOP changed', async () => {
    const member = await syncedMember({ days: 40 })
    expect((await member.run('stats')).out).not.toContain('record_history')
    const old = member.sandbox.world.list('workout').find((one) => one.end < '2026-11-20')
    if (!old?.score) throw new Error('the sandbox made no scored workout')
    member.sandbox.world.put('workout', { ...old, score: { ...old.score, strain: 3.5 } })
    await member.sync('--full')
    expect((await member.run('stats')).out).toContain('WHOOP changed 1 final record and deleted 0')
    expect(JSON.parse((await member.run('stats --json')).out).users[0].settledRecords).toEqual({
      changed: 1,
      deleted: 0,
    })
  })
})

async function everything({ database: { sql } }: Awaited<ReturnType<typeof newMember>>) {
  const tables = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records', 'sync_status', 'sync_runs']
  const rows = []
  for (const table of tables) rows.push(await sql`select * from ${sql(table)} order by id::text`)
  return rows
}
