import { describe, expect, it, onTestFinished } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { newMember, putLogin, syncedMember, typeOf, written, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { run } from '../support/world.ts'

const collections = {
  sleep: 'activity/sleep',
  recovery: 'recovery',
  workout: 'activity/workout',
  cycle: 'cycle',
} as const
const oncePerType = { 'activity/sleep': 1, recovery: 1, 'activity/workout': 1, cycle: 1 }

describe('a first sync', () => {
  const years = isLong ? 5 : 1
  it(`stores every record of ${years} years, every column right, with no more requests than needed`, async () => {
    const member = await newMember({ days: years * 366 })
    member.requests()
    const result = await member.sync()
    expect(result).toMatchObject({ code: 0, outcome: 'ok', error: null })
    await expectFaithful(member.database, member.sandbox)
    const requests = member.requests()
    for (const [type, path] of Object.entries(collections)) {
      const records = member.sandbox.world.list(type as keyof typeof collections).length
      expect(requests[path], type).toBeLessThanOrEqual(Math.ceil(records / 24) + 1)
      expect(typeOf(result, type), type).toMatchObject({ inserted: records, complete: true, requests: requests[path] })
    }
  })

  it('stores what WHOOP leaves out as it stores explicit nulls, and keeps fields nobody knows', async () => {
    const member = await newMember({ days: 10 })
    Object.assign(member.sandbox.world.faults, { omitNulls: true, extraFields: true })
    expect((await member.sync()).code).toBe(0)
    const [open] = await member.database.sql`select * from cycle_records order by start_time desc limit 1`
    expect(open).toMatchObject({ end_time: null })
    const [kept] = await member.database.sql`
      select count(*)::int as n from cycle_records where raw_data ? 'step_count'`
    const closed = member.sandbox.world.list('cycle').filter(({ end }) => end !== null)
    expect(kept).toEqual({ n: closed.length })
  })

  it('stores many records with one start, and a page of nothing else', async () => {
    const member = await newMember({ days: 20 })
    const [workout] = member.sandbox.world.list('workout')
    if (!workout) throw new Error('the sandbox made no workout')
    const start = '2026-11-10T06:00:00.000Z'
    for (let index = 0; index < 60; index++) {
      const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
      member.sandbox.world.put('workout', { ...workout, id, start, end: '2026-11-10T07:00:00.000Z' })
    }
    expect((await member.sync()).code).toBe(0)
    await expectFaithful(member.database, member.sandbox)
  })

  it('is content with a member who has nothing yet', async () => {
    const member = await newMember({ days: 5 })
    for (const kind of ['sleep', 'recovery', 'workout', 'cycle'] as const) clear(member, kind)
    expect(await member.sync()).toMatchObject({ code: 0, outcome: 'ok' })
    expect(await member.sync()).toMatchObject({ code: 0, outcome: 'ok' })
  })
})

describe('a quiet sync', () => {
  it('asks each collection once and writes nothing into the record tables', async () => {
    const member = await syncedMember()
    member.requests()
    const before = await written(member)
    const result = await member.sync()
    expect(member.requests()).toEqual(oncePerType)
    expect(await written(member)).toEqual(before)
    for (const type of Object.keys(collections)) {
      expect(typeOf(result, type)).toMatchObject({ inserted: 0, updated: 0, deleted: 0, unchanged: 25 })
    }
  })

  it('takes the strain of the open cycle, which grows while updated_at stands still', async () => {
    const member = await syncedMember()
    member.clock.pass(2 * 3_600_000)
    member.sandbox.world.advanceTo(member.clock.now())
    expect(typeOf(await member.sync(), 'cycle')).toMatchObject({ updated: 1 })
    await expectFaithful(member.database, member.sandbox)
  })

  it('reads body measurements daily though it runs every four hours', async () => {
    const member = await newMember({ days: 5 })
    member.requests()
    for (let hour = 0; hour < 50; hour += 4) {
      await member.sync()
      member.clock.pass(4 * 3_600_000)
    }
    expect(member.requests()['user/measurement/body']).toBe(3)
  })

  it('reads body measurements with every run of a daily schedule, though a run takes its time', async () => {
    const member = await newMember({ days: 5 })
    member.sandbox.world.faults.onRequest = () => member.clock.pass(300)
    member.requests()
    for (let day = 1; day <= 4; day++) {
      await member.sync()
      expect(member.requests()['user/measurement/body']).toBe(1)
      member.clock.set(new Date(Date.parse('2026-11-22T10:20:00Z') + day * 24 * 3_600_000))
    }
  })

  it('reads body measurements and the profile once a day, and again when asked to', async () => {
    const member = await newMember({ days: 5 })
    member.sandbox.world.setBody({ weight_kilogram: 81.5 })
    await member.sync()
    member.sandbox.world.setBody({ weight_kilogram: 80.25 })
    member.sandbox.world.setProfile({ email: 'new@example.com' })
    expect(typeOf(await member.sync(), 'body')).toMatchObject({ outcome: 'ok', requests: 0 })
    member.clock.pass(24 * 3_600_000)
    expect(typeOf(await member.sync(), 'body')).toMatchObject({ inserted: 1, requests: 2 })
    expect(typeOf(await member.sync('--type body'), 'body')).toMatchObject({ unchanged: 1, requests: 2 })
    const weights = await member.database.sql`select weight_kilogram from body_measurements order by id`
    expect(weights.map((row) => row['weight_kilogram'])).toEqual([81.5, 80.25])
    const [user] = await member.database.sql`select email from users`
    expect(user).toEqual({ email: 'new@example.com' })
  })
})

describe('reading again', () => {
  it('takes old edits with --full, and only those of its range with --since and --until', async () => {
    const member = await syncedMember({ days: 120 })
    const workouts = member.sandbox.world.list('workout')
    const older = workouts.filter((one) => one.start < '2026-10-15')
    const [inRange] = older
    const outOfRange = older.at(-1)
    if (!inRange || !outOfRange) throw new Error('the sandbox made too few workouts')
    for (const one of [inRange, outOfRange]) member.sandbox.world.put('workout', { ...one, sport_name: 'edited' })
    const day = inRange.start.slice(0, 10)
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ updated: 0 })
    const again = `--type workout --since ${day} --until 2026-10-20`
    expect(typeOf(await member.sync(again), 'workout')).toMatchObject({ updated: 1 })
    expect(typeOf(await member.sync('--full'), 'workout')).toMatchObject({ updated: 1 })
    await expectFaithful(member.database, member.sandbox)
  })

  it('finds a workout that was added by hand, and looks around it for more', async () => {
    const member = await syncedMember({ days: 120 })
    const [model] = member.sandbox.world.list('workout')
    if (!model) throw new Error('the sandbox made no workout')
    const recent = new Date(Date.parse(model.start) - 3 * 86_400_000).toISOString()
    const behindThePage = new Date(Date.parse(model.start) - 40 * 86_400_000).toISOString()
    for (const [index, start] of [recent, behindThePage].entries()) {
      const id = `00000000-0000-4000-8000-00000000000${index}`
      member.sandbox.world.put('workout', {
        ...model,
        id,
        start,
        end: new Date(Date.parse(start) + 60_000).toISOString(),
      })
    }
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ inserted: 2 })
    await expectFaithful(member.database, member.sandbox)
  })
})

describe('what WHOOP grants', () => {
  it('syncs the other types when a scope is missing, and asks nothing that was not granted', async () => {
    const grant = ['offline', 'read:profile', 'read:sleep', 'read:recovery', 'read:cycles', 'read:body_measurement']
    const member = await newMember({ days: 10, grant })
    member.requests()
    const result = await member.sync()
    expect(result).toMatchObject({ code: 0, outcome: 'ok' })
    expect(typeOf(result, 'workout')).toMatchObject({ outcome: 'skipped', error: null })
    expect(member.requests()).not.toHaveProperty('activity/workout')
    const asked = await member.sync('--type workout')
    expect(asked).toMatchObject({ code: 77, outcome: 'skipped' })
    expect(typeOf(asked, 'workout')?.error?.hint).toContain('read:workout')
  })
})

describe('who is synced', () => {
  it('syncs every member, or the one asked for', async () => {
    const member = await newMember({ days: 10, members: 2 })
    await putLogin(member.database, member.sandbox, { clock: member.clock, member: 10_002 })
    expect((await member.sync('--user 10002')).users.map(({ whoopUserId }) => whoopUserId)).toEqual([10_002])
    const { users } = await member.sync() // who is complete comes first, and needs little
    expect(users.map(({ whoopUserId }) => whoopUserId)).toEqual([10_002, 10_001])
    await expectFaithful(member.database, member.sandbox, { member: 10_001 })
    await expectFaithful(member.database, member.sandbox, { member: 10_002 })
    expect((await member.sync('--user 4711')).code).toBe(77)
  })

  it('says who has to do what before anybody has logged in', async () => {
    const member = await newMember({ days: 5, loggedIn: false })
    const { code, err } = await member.run('sync')
    expect(code).toBe(77)
    expect(err).toContain('"hint":"run: whoopster auth"')
  })
})

describe('whatever the command line and the database say', () => {
  it('sleep comes before recovery, which it places in time', async () => {
    const member = await newMember({ days: 10 })
    await member.sync('--type recovery,sleep')
    const [sleep] = await member.database.sql`select max(start_time) as newest from sleep_records where not nap`
    const [status] = await member.database.sql`select last_record_time from sync_status where data_type = 'recovery'`
    expect(status?.['last_record_time']).toEqual(sleep?.['newest'])
  })

  it('times are read as they are in a database with another date style', async () => {
    const member = await newMember({ days: 40 })
    await member.database.sql.unsafe(`
      do $$ begin execute format('alter database %I set datestyle = ''SQL, DMY''', current_database()); end $$`)
    expect(await member.sync()).toMatchObject({ code: 0 })
    await expectFaithful(member.database, member.sandbox)
  })
})

describe('a sync that cannot', () => {
  it('names host and port of a database that does not answer', async () => {
    const env = { DATABASE_URL: 'postgres://u:geheim@127.0.0.1:1/db', ...settings }
    const { code, err } = await run('sync', env)
    expect(code).toBe(69)
    expect(err).toContain('127.0.0.1:1/db')
    expect(err).not.toContain('geheim')
  })

  it('reports all wrong settings in one message', async () => {
    const { code, err } = await run('sync', { DATABASE_URL: 'mysql://x', MAX_REQUESTS_PER_MINUTE: 'many' })
    expect(code).toBe(78)
    expect(JSON.parse(err)).toMatchInlineSnapshot(`
      {
        "hint": "whoopster auth, on a terminal, explains how to get them; or put them into the environment, or .env here",
        "level": "error",
        "msg": "The settings are incomplete or wrong:
        WHOOP_CLIENT_ID is not set
        WHOOP_CLIENT_SECRET is not set
        MAX_REQUESTS_PER_MINUTE is not a whole number above 0
        DATABASE_URL does not begin with postgres://
        TOKEN_ENCRYPTION_KEY is not set (make one: whoopster auth keygen)",
        "reason": "settings",
        "time": "2026-11-22T10:20:00.000Z",
      }
    `)
  })

  it('prints the run as JSON even when there was none', async () => {
    const { code, out } = await run('sync --json', { DATABASE_URL: 'postgres://u@127.0.0.1:1/db', ...settings })
    expect(code).toBe(69)
    expect(JSON.parse(out)).toMatchObject({ outcome: 'failed', error: { reason: 'unavailable' }, users: [] })
  })

  it.each([
    ['sync --since tomorrow', 'Write a day'],
    ['sync --full --since 2026-01-01', '--full'],
    ['sync --since 2026-02-01 --until 2026-01-01', '--since must be before --until'],
    ['sync --type steps', 'sleep, recovery, workout, cycle, body'],
    ['sync --type ,', 'sleep, recovery, workout, cycle, body'],
    ['sandbox --port 70000', 'It is a port'],
    ['sync --frobnicate', 'There is no option --frobnicate.'],
    ['snyc', 'Did you mean sync?'],
  ])('refuses %s with 64', async (line, words) => {
    const { code, err } = await run(line, settings)
    expect(err).toContain(words)
    expect(code).toBe(64)
  })

  it('leaves the schema alone with --no-migrate', async () => {
    const database = await createDatabase()
    onTestFinished(database.drop)
    const env = { DATABASE_URL: database.url, ...settings }
    await run('migrate --down 1 --yes', env)
    expect(await run('sync --no-migrate', env)).toMatchObject({ code: 78, err: expect.stringContaining('migrate') })
    expect(await run('sync', env)).toMatchObject({ code: 77, err: expect.stringContaining('migrated the schema') })
  })

  it('goes on with the other types when one fails, and says which', async () => {
    const member = await newMember({ days: 10 })
    const answer = { status: 500, body: 'boom', headers: { 'content-type': 'text/plain' } }
    member.sandbox.world.faults.next = [{ path: '/developer/v2/cycle', times: 4, answer }]
    const result = await member.sync()
    expect(result).toMatchObject({ code: 69, outcome: 'partial' })
    expect(typeOf(result, 'cycle')?.error).toMatchObject({
      reason: 'unavailable',
      message: expect.stringContaining('boom'),
    })
    await expectFaithful(member.database, member.sandbox, { only: ['sleep', 'recovery', 'workout'] })
    expect((await member.sync()).code).toBe(0)
    await expectFaithful(member.database, member.sandbox)
  })

  it('says once that WHOOP cannot be reached, whatever number of types it was for', async () => {
    const member = await newMember({ days: 10 })
    const { code, err } = await member.run('sync', {
      fetch: async () => {
        throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED 10.0.0.1:443') })
      },
    })
    expect(code).toBe(69)
    const errors = err.split('\n').filter((line) => line.includes('"level":"error"'))
    expect(errors.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      'sleep, recovery, workout, cycle, body: WHOOP cannot be reached: connect ECONNREFUSED 10.0.0.1:443',
    ])
  })

  it('stops cleanly when the day is spent, and keeps what it has', async () => {
    const member = await newMember({ days: 300, limits: { perMinute: 100_000, perDay: 30 } })
    const result = await member.sync()
    expect(result).toMatchObject({ code: 75 })
    const [kept] = await member.database.sql`select count(*)::int as n from sleep_records`
    expect(kept?.['n']).toBeGreaterThan(25)
    member.clock.pass(25 * 3_600_000)
    for (let run = 0; run < 5 && (await member.sync()).code === 75; run++) member.clock.pass(25 * 3_600_000)
    await expectFaithful(member.database, member.sandbox)
  })
})

describe('a WHOOP that lies', () => {
  it.each(['contained', 'created', 'ignored'] as const)('stores everything when the filter is %s', async (filter) => {
    const member = await newMember({ days: 120 })
    member.sandbox.world.faults.filter = filter
    const result = await member.sync()
    expect(result).toMatchObject({ code: 0 })
    await expectFaithful(member.database, member.sandbox)
  })

  it.each(['empty-page', 'repeat-page', 'truncate', 'not-json', 'reset'] as const)(
    'asks again after %s before it believes it',
    async (act) => {
      const member = await newMember({ days: 120 })
      member.sandbox.world.faults.next = [{ path: '/developer/v2/cycle', skip: 2, act }]
      expect(await member.sync()).toMatchObject({ code: 0 })
      await expectFaithful(member.database, member.sandbox)
    },
  )

  it('does not take an empty list for the truth while it holds records', async () => {
    const member = await syncedMember({ days: 10 })
    member.sandbox.world.faults.next = [{ path: '/developer/v2/cycle', times: 2, act: 'empty-page' }]
    expect(await member.sync()).toMatchObject({ code: 76 })
    expect(await member.sync()).toMatchObject({ code: 0 })
    await expectFaithful(member.database, member.sandbox)
  })

  it('loses nothing to records that come and go in the middle of the walk', async () => {
    const member = await newMember({ days: 120 })
    const { world } = member.sandbox
    let seen = 0
    world.faults.onRequest = ({ path, query }) => {
      if (path !== '/developer/v2/activity/workout' || seen++ !== 2) return
      const gone = world.list('workout').find((one) => one.start < (query['end'] ?? ''))
      if (gone) world.remove('workout', gone.id)
    }
    expect(await member.sync()).toMatchObject({ code: 0 })
    const ids = await member.database.sql`select id from workout_records`
    const stored = new Set(ids.map((row) => row['id']))
    for (const workout of world.list('workout')) expect(stored).toContain(workout.id)
  })
})

const settings = {
  TOKEN_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  WHOOP_CLIENT_ID: 'id',
  WHOOP_CLIENT_SECRET: 'a secret of ours',
}

function clear({ sandbox }: Member, kind: 'sleep' | 'recovery' | 'workout' | 'cycle'): void {
  for (const record of sandbox.world.list(kind)) {
    sandbox.world.remove(kind, 'id' in record ? record.id : record.sleep_id)
  }
}
