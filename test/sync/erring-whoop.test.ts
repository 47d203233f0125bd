// A WHOOP that errs: what it says for a while is not the truth. Nothing may be lost by it, nothing be called complete that is
// not, and no run be without an end.
import { describe, expect, it } from 'vitest'
import type { Cycle, Kind, Records, Workout, World } from '../../src/sandbox/index.ts'
import { API, pageOf, paths, type Answer, type Body } from '../support/lie.ts'
import { isLong } from '../support/long.ts'
import { newMember, putLogin, syncedMember, type Member } from '../support/member.ts'
import { expectFaithful, kinds } from '../support/truth.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'

describe('an id that cannot be fetched', () => {
  const answers: Record<string, Partial<Answer>> = {
    500: { status: 500, body: 'HTTP 500 Internal Server Error' },
    400: { status: 400, body: '{"error":"Bad Request"}' },
    410: { status: 410, body: 'Gone' },
    403: { status: 403, body: 'Forbidden' },
    '{}': { body: '{}' },
    HTML: { headers: { 'content-type': 'text/html' }, body: '<h1>Down</h1>' },
  }

  it.each([...(isLong ? Object.keys(answers) : ['500']), 'another record'])(
    'with %s keeps nothing new away, and no deletion',
    async (name) => {
      const member = await syncedMember({ days: 120, before: leaveOneUnscored })
      const { world } = member.sandbox
      const [stuck, deleted, other] = [
        nth(member, 'workout', 40),
        nth(member, 'workout', 45),
        nth(member, 'workout', 2),
      ]
      world.remove('workout', deleted.id)
      addWorkouts(member, 60)
      const answer = answers[name] ?? { body: JSON.stringify(other) }
      lie(member, `${paths.workout}/${stuck.id}`, (truth) => ({ ...truth, ...answer }))
      for (const days of [1, 3, 40]) {
        member.clock.pass(days * DAY_MS)
        world.advanceTo(member.clock.now())
        expect((await member.sync()).code).toBeOneOf([0, 65])
        await expectFaithful(member.database, member.sandbox, { only: ['sleep', 'recovery', 'cycle'] })
        const noticed = days === 40 ? [] : [deleted.id] // it lies far below
        expect(await different(member, 'workout')).toEqual(noticed)
      }
      const full = await member.sync('--full')
      expect(full.users[0]?.types.workout, full.err).toMatchObject({ outcome: 'ok' })
      await expectFaithful(member.database, member.sandbox)
    },
  )

  it('is counted in the summary: 65, once each time that it is asked for', async () => {
    const member = await syncedMember({ days: 120, before: leaveOneUnscored })
    const stuck = nth(member, 'workout', 40)
    lie(member, `${paths.workout}/${stuck.id}`, (truth) => ({ ...truth, status: 500 }))
    const codes = []
    for (const hours of [1, 1, 1, 24]) {
      member.clock.pass(hours * HOUR_MS)
      const { code, users } = await member.sync()
      codes.push([code, users[0]?.types.workout?.unanswered])
    }
    expect(codes).toEqual([
      [65, 1],
      [65, 1],
      [65, 1],
      [65, 1],
    ])
  })
})

describe('pages without an end', () => {
  const fresh = (body: Body) => ({ ...body, next_token: `token-${++made}` })
  let made = 0
  const circles: Record<string, (body: Body, first: Body, query: Record<string, string>) => Body> = {
    'empty ones, each with a fresh token': () => fresh({ records: [], next_token: null }),
    'empty ones with two tokens in turn': (_, __, { nextToken }) => ({
      records: [],
      next_token: nextToken === 'A' ? 'B' : 'A',
    }),
    'the first page again and again': (_, first) => fresh(first),
    'the first page again and again, filtered or not, with two tokens in turn': (_, first, { nextToken }) => ({
      ...first,
      next_token: nextToken === 'A' ? 'B' : 'A',
    }),
  }

  it.each(Object.keys(circles))('%s: the sync ends with 76, claims nothing, and verify ends too', async (name) => {
    const member = await syncedMember({ days: 120 })
    const first = await truePage(member, 'workout')
    const before = await stored(member, 'workout')
    lie(member, paths.workout, (truth, query) => {
      return { ...truth, body: JSON.stringify(circles[name]?.(JSON.parse(truth.body) as Body, first, query)) }
    })
    for (const line of ['--full', '']) {
      member.requests()
      member.clock.pass(DAY_MS)
      const { users } = await member.sync(line)
      expect(total(member.requests())).toBeLessThan(200)
      if (line) expect(users[0]?.types.workout).toMatchObject({ outcome: 'failed', complete: false })
    }
    expect(await stored(member, 'workout')).toEqual(before)
    member.requests()
    const { code } = await member.run('verify')
    expect(code).not.toBe(0)
    expect(total(member.requests())).toBeLessThan(200)
    member.sandbox.world.faults.lie = undefined
    member.clock.pass(DAY_MS)
    expect((await member.sync()).code).toBe(0)
    await expectFaithful(member.database, member.sandbox)
  })
})

describe('an outage', () => {
  const outages: Record<string, (body: Body) => Body> = {
    'lists that are empty': () => ({ records: [], next_token: null }),
    'lists cut to two records': ({ records }) => ({ records: records.slice(0, 2), next_token: null }),
    'lists cut to two records, as if more came': ({ records, next_token }) => ({
      records: records.slice(0, 2),
      next_token,
    }),
  }

  it.each(Object.keys(outages))('of %s, and a gateway that says 404 to every id, deletes nothing', async (name) => {
    const member = await syncedMember({ days: 120 })
    const before = await all(member)
    member.sandbox.world.faults.lie = ({ path }, truth) => {
      if (!path.startsWith(API) || path.includes('/user/')) return truth
      const isList = Object.values(paths).some((one) => path === API + one)
      if (!isList) return { ...truth, status: 404, body: 'default backend - 404' }
      return { ...truth, body: JSON.stringify(outages[name]?.(JSON.parse(truth.body) as Body)) }
    }
    for (const line of ['', '--full', '', '']) {
      member.requests()
      member.clock.pass(2 * HOUR_MS)
      const { users } = await member.sync(line)
      expect(total(member.requests())).toBeLessThan(400)
      for (const kind of line ? kinds : []) expect(users[0]?.types[kind]).toMatchObject({ complete: false })
    }
    expect(await all(member)).toEqual(before)
    expect(await deletions(member)).toEqual([])
    await expectMended(member)
    expect(await deletions(member)).toEqual([])
    expect((await member.sync()).users[0]?.types).toMatchObject(each({ complete: true }))
  })

  it('of lists cut to two asks for no id, and a deletion behind it is noticed by the first run afterwards', async () => {
    const member = await syncedMember({ days: 120 })
    const deleted = nth(member, 'workout', 5)
    lie(member, paths.workout, (truth) => ({ ...truth, body: JSON.stringify(cut(JSON.parse(truth.body) as Body, 2)) }))
    for (let run = 0; run < 3; run++) {
      member.clock.pass(2 * HOUR_MS)
      member.requests()
      await member.sync()
      expect(total(member.requests())).toBeLessThanOrEqual(9) // four pages, and what lies below the two
    }
    member.sandbox.world.faults.lie = undefined
    member.sandbox.world.remove('workout', deleted.id)
    member.clock.pass(2 * HOUR_MS)
    member.requests()
    expect((await member.sync()).code).toBe(0)
    expect(total(member.requests())).toBeLessThan(20)
    expect(await deletions(member)).toEqual([`workout ${deleted.id}`])
  })

  it('of two days, and another day when ids are gone, too, deletes nothing: the lists were whole between', async () => {
    const member = await syncedMember({ days: 120 })
    const fail = (areIdsGone: boolean) => {
      member.sandbox.world.faults.lie = ({ path }, truth) => {
        if (path === API + paths.sleep)
          return { ...truth, body: JSON.stringify(cut(JSON.parse(truth.body) as Body, 2)) }
        return areIdsGone && path.startsWith(`${API}${paths.sleep}/`) ? { ...truth, status: 404, body: 'gone' } : truth
      }
    }
    const syncs = async () => {
      for (let run = 0; run < 3; run++) {
        member.clock.pass(8 * HOUR_MS)
        await member.sync()
      }
    }
    fail(false)
    await syncs()
    await syncs()
    member.sandbox.world.faults.lie = undefined
    expect((await member.sync()).users[0]?.types).toMatchObject(each({ complete: true }))
    fail(true)
    await syncs()
    expect(await deletions(member)).toEqual([])
    await expectMended(member)
  })

  it('while new records are made loses none of them', async () => {
    const member = await syncedMember({ days: 120 })
    lie(member, paths.cycle, (truth) => ({ ...truth, body: JSON.stringify(cut(JSON.parse(truth.body) as Body, 2)) }))
    for (let day = 0; day < 8; day++) {
      member.clock.pass(DAY_MS)
      member.sandbox.world.advanceTo(member.clock.now())
      await member.sync()
    }
    await expectMended(member)
    expect(await deletions(member)).toEqual([])
  })
})

describe('404', () => {
  const none = (truth: Answer) => ({ ...truth, status: 404, body: '{"error":"Not Found"}' })

  it('for a list, the body and the profile says that there is nothing', async () => {
    const member = await newMember({ days: 30 })
    member.sandbox.world.faults.lie = ({ path }, truth) => (path.startsWith(API) ? none(truth) : truth)
    const { code, users } = await member.sync()
    expect(code).toBe(0)
    expect(users[0]?.types).toMatchObject(each({ outcome: 'ok', complete: true, fetched: 0 }))
    member.sandbox.world.faults.lie = undefined
    member.clock.pass(DAY_MS)
    expect((await member.sync()).code).toBe(0)
    await expectFaithful(member.database, member.sandbox)
    expect(await member.database.sql`select weight_kilogram > 0 as ok from body_measurements`).toEqual([{ ok: true }])
  })

  it.each(['activity/sleep', 'user/measurement/body'])(
    'for %s, where something is stored, deletes nothing, and after two runs names scopes and login',
    async (path) => {
      const member = await syncedMember({ days: 30 })
      lie(member, path, none)
      const hints = []
      for (let run = 0; run < 2; run++) {
        member.clock.pass(DAY_MS)
        const { code, users } = await member.sync()
        expect(code).toBe(76)
        hints.push(Object.values(users[0]?.types ?? {}).find(({ error }) => error)?.error?.hint)
      }
      expect(hints[0]).toBe('nothing was concluded from it; a later run asks again')
      expect(hints[1]).toContain('whoopster auth')
      const { code, out } = await member.run('status --json')
      expect(code).toBe(1)
      const { problems } = JSON.parse(out) as { problems: { message: string; hint: string }[] }
      const type = path === 'activity/sleep' ? 'sleep' : 'body'
      expect(problems[0]?.message).toBe(
        `WHOOP user 10001: WHOOP says again and again that it has no ${type}, where records are stored.`,
      )
      expect(problems[0]?.hint).toMatch(/^does the login still have read:(sleep|body_measurement)\?/)
      member.sandbox.world.faults.lie = undefined
      member.clock.pass(DAY_MS)
      expect((await member.sync()).code).toBe(0)
      expect((await member.run('status')).code).toBe(0)
    },
  )

  it.each([
    ['nulls', { height_meter: null, weight_kilogram: null, max_heart_rate: null }],
    ['nothing at all', {}],
  ])('is not needed: a body of %s is stored as it is', async (_, body) => {
    const member = await newMember({ days: 3 })
    lie(member, 'user/measurement/body', (truth) => ({ ...truth, body: JSON.stringify(body) }))
    expect((await member.sync()).code).toBe(0)
    expect(await member.database.sql`select raw_data, weight_kilogram from body_measurements`).toEqual([
      { raw_data: body, weight_kilogram: null },
    ])
    for (const line of ['stats', 'stats --json', 'export --type body', 'status'])
      expect((await member.run(line)).code, line).toBe(0)
  })
})

describe('two recoveries of one cycle', () => {
  it.each([24, 25, 26])('are both stored, also around the end of a page (%i)', async (border) => {
    const member = await newMember({ days: 60 })
    const { world } = member.sandbox
    const night = nth(member, 'recovery', border)
    const sleep = world.list('sleep').find(({ id }) => id === night.sleep_id)
    if (!sleep || !night.score) throw new Error('the sandbox made too little')
    const after = (time: string) => new Date(Date.parse(time) + 9 * HOUR_MS).toISOString()
    const id = '00000000-0000-4000-8000-00000000000a'
    world.put('sleep', { ...sleep, id, nap: true, start: after(sleep.start), end: after(sleep.start) })
    const score = { ...night.score, recovery_score: 7 }
    world.put('recovery', { ...night, sleep_id: id, created_at: after(night.created_at), score })
    for (const line of ['', '--full', '']) {
      expect((await member.sync(line)).code).toBe(0)
      await expectFaithful(member.database, member.sandbox)
      member.clock.pass(HOUR_MS)
    }
    expect(await member.database.sql`select record_key from record_history`).toEqual([])
    const { code, out } = await member.run('verify --json')
    expect(code).toBe(0)
    expect(out).toContain(`"equal": ${world.list('recovery').length}`)
    const exported = (await member.run('export --type recovery --format ndjson')).out.trim().split('\n')
    expect(exported).toHaveLength(world.list('recovery').length)
    const [day] = await member.database.sql`
      select recovery_score from daily_summary where sleep_start = ${sleep.start}`
    expect(day?.['recovery_score']).toBe(night.score.recovery_score)
  })
})

describe('a list in disorder', () => {
  it.each(['on a first sync', 'later'])('whose oldest record stands last on its first page, %s', async (when) => {
    const member = await (when === 'later' ? syncedMember : newMember)({ days: 200 })
    const list = member.sandbox.world.list('workout')
    lie(member, paths.workout, (truth, query) => {
      const listed = list.filter(({ start }) => start < (query['end'] ?? '9'))
      const disordered = query['end'] ? listed : [...listed.slice(0, 24), ...list.slice(-1), ...listed.slice(24, -1)]
      return { ...truth, status: 200, body: JSON.stringify(pageOf(disordered, query)) }
    })
    const lying = await member.sync(when === 'later' ? '--full' : '')
    const type = lying.users[0]?.types.workout
    expect(type).toMatchObject({ outcome: 'ok', complete: true })
    expect(await different(member, 'workout')).toEqual([])
    member.sandbox.world.faults.lie = undefined
    for (let run = 0; run < 2; run++) {
      member.clock.pass(DAY_MS)
      await member.sync()
    }
    await expectFaithful(member.database, member.sandbox)
  })

  it.each(isLong ? [1, 2, 3] : [1])(
    'that is sorted by created_at and filtered by start loses nothing (%i)',
    async (seed) => {
      const member = await newMember({ days: 200, seed })
      const { world } = member.sandbox
      for (const [index, workout] of world.list('workout').entries()) {
        // every seventh was entered by hand, up to a month later
        const entered = new Date(Date.parse(workout.created_at) + (index % 30) * DAY_MS).toISOString()
        if (index % 7 === seed) world.put('workout', { ...workout, created_at: entered })
      }
      lie(member, paths.workout, (truth, query) => {
        const listed = world.list('workout').filter(({ start }) => start < (query['end'] ?? '9'))
        const made = listed.toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1))
        return { ...truth, status: 200, body: JSON.stringify(pageOf(made, query)) }
      })
      const { users, err } = await member.sync()
      expect(users[0]?.types.workout, err).toMatchObject({ outcome: 'ok', complete: true })
      await expectFaithful(member.database, member.sandbox)
    },
  )
})

describe('a change of format', () => {
  it('costs four requests a run while it lasts, is told by each of them, and few afterwards', async () => {
    const member = await syncedMember({ days: 200 })
    const before = await all(member)
    member.sandbox.world.faults.lie = ({ path }, truth) => {
      if (!path.startsWith(API) || path.includes('/user/') || truth.status !== 200) return truth
      return { ...truth, body: truth.body.replaceAll('"score_state":"', '"score_state":7,"state":"') }
    }
    member.requests()
    for (let run = 0; run < 5; run++) {
      member.clock.pass(HOUR_MS)
      const { code, users } = await member.sync()
      expect(total(member.requests())).toBeLessThanOrEqual(5)
      expect(code).toBe(65)
      expect(users[0]?.types).toMatchObject(each({ complete: false }))
    }
    expect(await all(member)).toEqual(before)
    member.sandbox.world.faults.lie = undefined
    member.clock.pass(HOUR_MS)
    expect((await member.sync()).code).toBe(0)
    expect(total(member.requests())).toBeLessThan(30)
    expect(await member.database.sql`select record_key from quarantined_records`).toEqual([])
    await expectFaithful(member.database, member.sandbox)
  })

  it('met by the very first sync does not read the history through', async () => {
    const member = await newMember({ days: 400 })
    member.sandbox.world.faults.lie = ({ path }, truth) => {
      if (!path.startsWith(API) || path.includes('/user/')) return truth
      return { ...truth, body: truth.body.replaceAll('"user_id":', '"member":') }
    }
    expect((await member.sync()).code).toBe(65)
    expect(total(member.requests())).toBeLessThanOrEqual(8)
    member.sandbox.world.faults.lie = undefined
    expect((await member.sync()).code).toBe(0)
    await expectFaithful(member.database, member.sandbox)
    expect(await member.database.sql`select record_key from quarantined_records`).toEqual([])
  })
})

describe('a record that no clock or column can hold', () => {
  it.each([
    ['a time before year 1', { start: '0000-12-31T23:59:59.999Z' }],
    ['the first day of the calendar', { start: '0001-01-01T00:00:00.000Z' }],
    ['a time after 9999', { start: '+010000-01-01T00:00:00.000Z' }],
    ['an end in 9999', { end: '9999-12-31T23:59:59.999Z' }],
    ['4,000 levels', { score: nested(4000) }],
  ])('%s: is in quarantine, the rest of its page is stored, and later runs are fine', async (_, fields) => {
    const member = await newMember({ days: 60 })
    const bad = nth(member, 'workout', 3)
    lie(member, paths.workout, (truth) => {
      const body = JSON.parse(truth.body) as Body
      const records = body.records.map((one) => (one['id'] === bad.id ? { ...one, ...fields } : one))
      return { ...truth, body: JSON.stringify({ ...body, records }) }
    })
    expect((await member.sync()).code).toBe(65)
    expect(await member.database.sql`select record_key from quarantined_records`).toHaveLength(1)
    expect(await different(member, 'workout')).toEqual([bad.id])
    const [{ days } = { days: 0 }] = await member.database.sql<{ days: number }[]>`
      select count(*)::int as days from daily_summary`
    expect(days).toBeLessThan(70)
    member.clock.pass(HOUR_MS)
    expect((await member.sync()).code).toBeOneOf([0, 65])
    member.sandbox.world.faults.lie = undefined
    member.clock.pass(DAY_MS)
    expect((await member.sync()).code).toBe(0)
    await expectFaithful(member.database, member.sandbox)
  })
})

describe('an absurd figure of one member’s', () => {
  it('breaks no view for anybody', async () => {
    const member = await newMember({ days: 30, members: 2 })
    await putLogin(member.database, member.sandbox, { clock: member.clock, member: 10_002 })
    const { world } = member.sandbox
    const night = world.list('sleep', 10_001).find(({ nap, score }) => !nap && score)
    const [cycle] = world.list('cycle', 10_001)
    const [workout] = world.list('workout', 10_001)
    if (!night?.score || !cycle || !workout) throw new Error('the sandbox made too little')
    const stage_summary = {
      ...night.score.stage_summary,
      total_light_sleep_time_milli: 1.2e9,
      total_slow_wave_sleep_time_milli: 1.2e9,
      total_rem_sleep_time_milli: 1.2e9,
    }
    world.put('sleep', { ...night, score: { ...night.score, stage_summary } })
    world.put('cycle', {
      ...cycle,
      score: { strain: 1e308, kilojoule: 1e308, average_heart_rate: 60, max_heart_rate: 90 },
    })
    await member.run('sync')
    const { sql } = member.database
    await sql`update cycle_records set strain_score = 1e308, kilojoules = 1e308` // as an older version has stored them
    await sql`update workout_records set strain_score = 1e308, kilojoules = 1e308, distance_meters = 1e308`
    const views = await sql<{ name: string }[]>`select viewname as name from pg_views where schemaname = 'public'`
    for (const { name } of views) await sql`select * from ${sql(name)}`
    for (const line of ['stats --user 10002', 'stats --user 10001', 'stats --json', 'export --type daily --user 10002'])
      expect((await member.run(line)).code, line).toBe(0)
  })
})

describe('a quarantined record', () => {
  it('whose id says 404 stays, as long as its list shows it', async () => {
    const member = await syncedMember({ days: 60 })
    const { world } = member.sandbox
    const bad = nth(member, 'workout', 30)
    world.put('workout', { ...bad, sport_name: 7 } as unknown as Workout)
    lie(member, `${paths.workout}/${bad.id}`, (truth) => ({ ...truth, status: 404, body: '' }))
    for (let run = 0; run < 4; run++) {
      await member.sync(run === 0 ? '--full' : '')
      member.clock.pass(DAY_MS)
      expect(await member.database.sql`select record_key from quarantined_records`).toEqual([{ record_key: bad.id }])
    }
    member.sandbox.world.faults.lie = undefined
    world.put('workout', bad)
    member.clock.pass(30 * DAY_MS)
    expect((await member.sync()).code).toBe(0)
    await expectFaithful(member.database, member.sandbox)
    expect(await member.database.sql`select record_key from quarantined_records`).toEqual([])
  })
})

describe('recoveries without their sleeps', () => {
  it.each(['without read:sleep', 'with the sleeps in quarantine'])(
    '%s are walked by time, in no more requests than with them',
    async (why) => {
      const grant = ['offline', 'read:profile', 'read:recovery']
      const member = await newMember({ days: 200, ...(why === 'without read:sleep' ? { grant } : {}) })
      if (why !== 'without read:sleep') {
        lie(member, paths.sleep, (truth) => ({ ...truth, body: truth.body.replaceAll('"nap":', '"is_nap":') }))
        await member.sync('--type sleep')
      }
      member.requests()
      const { users, err } = await member.sync('--type recovery')
      expect(users[0]?.types.recovery, err).toMatchObject({ outcome: 'ok', complete: true })
      expect(err).not.toContain('contradicts')
      expect(member.requests()['recovery']).toBeLessThanOrEqual(12)
      await expectFaithful(member.database, member.sandbox, { only: ['recovery'] })
    },
  )
})

describe('low ones', () => {
  it('a 403 in HTML is a firewall’s, and not a missing scope: 69', async () => {
    const member = await newMember()
    const html = '<!DOCTYPE html><title>Attention Required! | Cloudflare</title>'
    lie(member, paths.cycle, (truth) => ({
      ...truth,
      status: 403,
      headers: { 'content-type': 'text/html' },
      body: html,
    }))
    const { code, err } = await member.sync()
    expect(code).toBe(69)
    expect(err).not.toContain('scope')
  })

  it('an id under two members belongs to both, and neither has the other’s history', async () => {
    const member = await newMember({ days: 30, members: 2 })
    await putLogin(member.database, member.sandbox, { clock: member.clock, member: 10_002 })
    const mine = nth(member, 'workout', 2)
    const theirs: Workout = { ...mine, user_id: 10_002, sport_name: 'theirs' }
    member.sandbox.world.faults.lie = ({ path, member: who }, truth) => {
      if (path !== API + paths.workout || who !== 10_002) return truth
      const body = JSON.parse(truth.body) as Body
      return { ...truth, body: JSON.stringify({ ...body, records: [theirs, ...body.records.slice(1)] }) }
    }
    for (let run = 0; run < 3; run++) {
      await member.run('sync')
      member.clock.pass(DAY_MS)
    }
    const rows = await member.database.sql`
      select whoop_user_id, sport_name from workout_records w join users on users.id = user_id
      where w.id = ${mine.id} order by 1`
    expect([...rows]).toEqual([
      { whoop_user_id: '10001', sport_name: mine.sport_name },
      { whoop_user_id: '10002', sport_name: 'theirs' },
    ])
    expect(await member.database.sql`select record_key from record_history where data_type = 'workout'`).toEqual([])
  })

  it('a token that answers for another member ends with 77, and fills nobody’s quarantine', async () => {
    const member = await newMember({ days: 30, members: 2 })
    member.sandbox.world.faults.lie = ({ path }, truth) =>
      path.startsWith(API) ? { ...truth, body: truth.body.replaceAll('"user_id":10001', '"user_id":10002') } : truth
    const { code, error, users } = await member.sync()
    expect(code).toBe(77)
    expect(JSON.stringify([error, users])).toContain('another member')
    expect(await member.database.sql`select record_key from quarantined_records`).toEqual([])
    expect(await member.database.sql`select id from workout_records`).toEqual([])
  })

  it('figures beyond a double are kept as they were sent', async () => {
    const member = await newMember({ days: 30 })
    const odd = nth(member, 'workout', 1)
    lie(member, paths.workout, (truth) => ({
      ...truth,
      body: truth.body.replace(`"id":"${odd.id}"`, `"id":"${odd.id}","big":9007199254740993,"huge":1e400`),
    }))
    await member.sync()
    const [row] = await member.database.sql`
      select raw_data ->> 'big' as big, length(raw_data ->> 'huge') as huge from workout_records where id = ${odd.id}`
    expect(row).toEqual({ big: '9007199254740993', huge: 401 })
    expect((await member.run('verify')).code).toBe(0)
  })

  it('fields named like parts of every object are reported, and long names cut', async () => {
    const member = await newMember({ days: 30 })
    const odd = nth(member, 'workout', 1)
    const long = 'x'.repeat(1_000_000)
    lie(member, paths.workout, (truth) => ({
      ...truth,
      body: truth.body.replace(`"id":"${odd.id}"`, `"id":"${odd.id}","constructor":1,"__proto__":2,"${long}":3`),
    }))
    const { out } = await member.run('sync --json')
    expect(out).toContain('"constructor": 1')
    expect(out).toContain('"__proto__": 1')
    expect(out.length).toBeLessThan(10_000)
  })

  it('export --since takes the microsecond that was asked for', async () => {
    const member = await syncedMember({ days: 30 })
    const one = nth(member, 'workout', 3)
    const lines = async (since: string) =>
      (await member.run(`export --type workout --format csv --since ${since}`)).out.split('\n').length
    expect((await lines(one.start)) - (await lines(one.start.replace('Z', '001Z')))).toBe(1)
  })
})

function leaveOneUnscored(world: World): void {
  const stuck = world.list('workout')[40]
  if (!stuck) throw new Error('the sandbox made too few workouts')
  world.put('workout', { ...stuck, score_state: 'PENDING_SCORE', score: null })
}

/** From now on WHOOP answers so at this path, until it is taken back. */
function lie(
  { sandbox }: Member,
  path: string,
  answer: (truth: Answer, query: Record<string, string>) => Answer,
): void {
  sandbox.world.faults.lie = (asked, truth) => (asked.path === API + path ? answer(truth, asked.query) : truth)
}

function cut(body: Body, count: number): Body {
  return { records: body.records.slice(0, count), next_token: null }
}

async function truePage({ sandbox }: Member, kind: Kind): Promise<Body> {
  const records = sandbox.world.list(kind).slice(0, 25)
  return { records: records as unknown as Body['records'], next_token: null }
}

function nth<K extends Kind>({ sandbox }: Member, kind: K, index: number): Records[K] {
  const found = sandbox.world.list(kind)[index]
  if (!found) throw new Error(`the sandbox made too few of ${kind}`)
  return found
}

/** Of the last two days. */
function addWorkouts({ sandbox, clock }: Member, count: number): void {
  const [model] = sandbox.world.list('workout')
  if (!model) throw new Error('the sandbox made no workout')
  for (let index = 0; index < count; index++) {
    const start = clock.now().getTime() - index * 40 * 60_000 - HOUR_MS
    const [from, end] = [new Date(start).toISOString(), new Date(start + 30 * 60_000).toISOString()]
    const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
    sandbox.world.put('workout', { ...model, id, start: from, end, created_at: end, updated_at: end })
  }
}

async function stored({ database: { sql } }: Member, kind: Kind): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id::text from ${sql(`${kind}_records`)} order by 1`
  return rows.map(({ id }) => id)
}

async function all(member: Member): Promise<string[][]> {
  return Promise.all(kinds.map((kind) => stored(member, kind)))
}

/** The ids that WHOOP has and we do not, or the other way round. */
async function different(member: Member, kind: 'workout' | 'cycle'): Promise<string[]> {
  const ours = new Set(await stored(member, kind))
  const theirs = new Set(member.sandbox.world.list(kind).map(({ id }: Workout | Cycle) => String(id)))
  return [...ours, ...theirs].filter((id) => ours.has(id) !== theirs.has(id))
}

async function deletions({ database: { sql } }: Member): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`
    select data_type || ' ' || record_key as key from record_history where reason = 'deleted'`
  return rows.map(({ key }) => key)
}

/** After two honest days everything is there. */
async function expectMended(member: Member): Promise<void> {
  member.sandbox.world.faults.lie = undefined
  for (let run = 0; run < 2; run++) {
    member.clock.pass(DAY_MS)
    member.sandbox.world.advanceTo(member.clock.now())
    expect((await member.sync()).code).toBe(0)
  }
  await expectFaithful(member.database, member.sandbox)
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function each<T>(value: T): Record<Kind, T> {
  return { sleep: value, recovery: value, workout: value, cycle: value }
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = { a: value }
  return value
}
