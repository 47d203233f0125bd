import { describe, expect, it } from 'vitest'
import type { Workout, World } from '../../src/sandbox/index.ts'
import { isLong } from '../support/long.ts'
import { newMember, syncedMember, typeOf, uuid, written, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { createClock } from '../support/world.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'

const NOW = '2026-11-22T10:20:00.000Z'
const ago = (ms: number, from = NOW) => new Date(Date.parse(from) - ms).toISOString()
const later = (time: string, ms: number) => new Date(Date.parse(time) + ms).toISOString()

describe('a record that is not final', () => {
  it('is asked for in the next run after it was seen, however old, daily and less often with its age', async () => {
    const member = await syncedMember({ days: 120 })
    const old = workoutBefore(member, ago(60 * DAY_MS))
    member.sandbox.world.put('workout', { ...old, score_state: 'PENDING_SCORE', score: null })
    await member.sync('--type workout --full')
    const days = isLong ? 20 : 4
    const asked: number[] = []
    member.requests()
    for (let hours = 6; hours <= days * 24; hours += 6) {
      member.clock.pass(6 * HOUR_MS)
      await member.sync('--type workout')
      if (member.requests()[`activity/workout/${old.id}`]) asked.push(hours)
    }
    expect(asked.slice(0, 4)).toEqual([6, 12, 18, 24])
    for (const [index, age] of asked.slice(4).entries()) {
      const before = asked[index + 3] ?? 0
      expect(age / before).toBeGreaterThan(1.0999)
      expect(age).toBeLessThan(before * 1.1 + 6)
    }
    expect(asked.length).toBeLessThan(35)
    expect(asked.at(-1)).toBeGreaterThan(days * 24 * 0.85)
    member.sandbox.world.put('workout', { ...old, sport_name: 'scored at last' })
    member.clock.pass(3 * DAY_MS)
    expect(typeOf(await member.sync('--type workout'), 'workout')).toMatchObject({ updated: 1 })
    await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
    expect(await member.database.sql`select from chased_records where data_type = 'workout'`).toHaveLength(0)
    member.requests()
    member.clock.pass(HOUR_MS)
    await member.sync('--type workout')
    expect(member.requests()).not.toHaveProperty(`activity/workout/${old.id}`)
  }, 120_000)

  it('is deleted when the list, read again at its place, does not show it either', async () => {
    const member = await syncedMember({ days: 120 })
    const old = workoutBefore(member, ago(60 * DAY_MS))
    member.sandbox.world.put('workout', { ...old, score_state: 'PENDING_SCORE', score: null })
    await member.sync('--type workout --full')
    member.sandbox.world.remove('workout', old.id)
    member.requests()
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ deleted: 1 })
    expect(member.requests()).toMatchObject({
      [`activity/workout/${old.id}`]: 3, // as chased, as the gap’s anchor, as missing
      'activity/workout': 2,
    })
    expect((await historyOf(member)).map(({ reason }) => reason)).toEqual(['changed', 'deleted'])
    await expectFaithful(member.database, member.sandbox)
  })

  it('stays when only its own address says 404', async () => {
    const member = await syncedMember({ days: 120 })
    const old = workoutBefore(member, ago(60 * DAY_MS))
    member.sandbox.world.put('workout', { ...old, score_state: 'PENDING_SCORE', score: null })
    await member.sync('--type workout --full')
    const answer = { status: 404, body: 'HTTP 404 Not Found' }
    member.sandbox.world.faults.next = [{ path: `/developer/v2/activity/workout/${old.id}`, times: 5, answer }]
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ deleted: 0 })
    await expectFaithful(member.database, member.sandbox)
  })
})

describe('a deletion', () => {
  it('of everything is not believed from an empty list: nothing is lost, and each run says so', async () => {
    const member = await withWorkouts([ago(3 * DAY_MS)])
    const only = member.sandbox.world.get('workout', uuid(0)) ?? expect.fail('no workout')
    member.sandbox.world.remove('workout', only.id)
    const errors = []
    for (let run = 0; run < 3; run++) {
      const result = await member.sync()
      expect(result.code).toBe(76)
      expect(typeOf(result, 'workout')).toMatchObject({ deleted: 0, complete: false, requests: 2 })
      errors.push(typeOf(result, 'workout')?.error)
      member.clock.pass(DAY_MS)
    }
    expect(errors[0]).toMatchInlineSnapshot(`
      {
        "hint": "nothing was concluded from it; a later run asks again",
        "message": "WHOOP says that there is nothing at /v2/activity/workout, where records are stored.",
        "reason": "protocol",
      }
    `)
    expect(errors[1]).toMatchInlineSnapshot(`
      {
        "hint": "nothing was deleted. Does the login still have read:workout? Compare with developer.whoop.com, then run: whoopster auth",
        "message": "WHOOP says that there is nothing at /v2/activity/workout, where records are stored.",
        "reason": "protocol",
      }
    `)
    expect(errors[2]).toEqual(errors[1])
    expect(await member.database.sql`select from workout_records`).toHaveLength(1)
    member.sandbox.world.put('workout', { ...only, id: uuid(1) })
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ inserted: 1, error: null })
  })

  it.each(['newest', 'second', 'oldest'] as const)('of the %s record of each type is noticed', async (which) => {
    const member = await syncedMember({ days: 20 })
    const { world } = member.sandbox
    const index = which === 'newest' ? 0 : which === 'second' ? 1 : -1
    for (const kind of ['workout', 'cycle', 'recovery'] as const) {
      const record = world.list(kind).at(index)
      if (record) world.remove(kind, 'id' in record ? record.id : record.sleep_id)
    }
    const sleep = world.list('sleep').at(index)
    if (sleep) world.removeSleep(sleep.id)
    expect((await member.sync('--full')).code).toBe(0)
    if (which === 'oldest') {
      expect(await historyOf(member)).toEqual([]) // a list that ends early is not believed at once
      member.clock.pass(DAY_MS)
      expect((await member.sync('--full')).code).toBe(0)
    }
    await expectFaithful(member.database, member.sandbox)
  })

  it('of many at once is believed a day later, and confirmed over several runs', async () => {
    const member = await withWorkouts(every(70, 5 * HOUR_MS))
    const { world } = member.sandbox
    for (const { id } of world.list('workout').slice(0, 45)) world.remove('workout', id)
    const deleted = async () => typeOf(await member.sync(), 'workout')?.deleted
    expect([await deleted(), await deleted()]).toEqual([0, 0])
    member.clock.pass(DAY_MS)
    expect([await deleted(), await deleted(), await deleted(), await deleted()]).toEqual([20, 20, 5, 0])
    await expectFaithful(member.database, member.sandbox)
    expect(await historyOf(member)).toHaveLength(45)
  })

  it.each([
    [2, '--full'],
    [5, ''],
  ])('of the oldest %i leaves nothing open once it is confirmed: sync %s', async (count, line) => {
    const member = await withWorkouts(every(20, 5 * HOUR_MS))
    const { world } = member.sandbox
    for (const { id } of world.list('workout').slice(-count)) world.remove('workout', id)
    expect(typeOf(await member.sync(line), 'workout')).toMatchObject({ deleted: 0, complete: false })
    member.clock.pass(DAY_MS)
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ deleted: count, complete: true })
    await expectFaithful(member.database, member.sandbox)
  })

  it('of many on the newest page leaves nothing open once it is confirmed', async () => {
    const member = await withWorkouts(every(60, 5 * HOUR_MS))
    const { world } = member.sandbox
    for (const { id } of world.list('workout').slice(3, 10)) world.remove('workout', id)
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ deleted: 0, complete: false })
    member.clock.pass(DAY_MS)
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ deleted: 7, complete: true })
    await expectFaithful(member.database, member.sandbox)
  })

  it('is not seen in the oldest record’s being moved later', async () => {
    const member = await withWorkouts(every(20, 5 * HOUR_MS))
    const { world } = member.sandbox
    const oldest = world.list('workout').at(-1) ?? expect.fail()
    world.put('workout', { ...oldest, start: later(oldest.start, HOUR_MS), end: later(oldest.end, HOUR_MS) })
    expect(typeOf(await member.sync('--full'), 'workout')).toMatchObject({ updated: 1, complete: true })
    await expectFaithful(member.database, member.sandbox)
  })

  it('of a sleep takes its recovery, which lies elsewhere in time', async () => {
    const member = await syncedMember({ days: 120 })
    const { world } = member.sandbox
    const night = world.list('sleep').find(({ start, nap }) => !nap && start < ago(60 * DAY_MS))
    if (!night) throw new Error('the sandbox made no night')
    world.removeSleep(night.id)
    const range = `--since ${later(night.start, -HOUR_MS)} --until ${later(night.start, HOUR_MS)}`
    expect(typeOf(await member.sync(`--type sleep ${range}`), 'sleep')).toMatchObject({ deleted: 1 })
    expect(typeOf(await member.sync(), 'recovery')).toMatchObject({ deleted: 1 })
    await expectFaithful(member.database, member.sandbox)
    expect((await historyOf(member)).map(({ data_type }) => data_type)).toEqual(['sleep', 'recovery'])
  })

  it('is taken back when the id comes back', async () => {
    const member = await withWorkouts(every(5, DAY_MS))
    const { world } = member.sandbox
    const [gone] = world.list('workout')
    if (!gone) throw new Error('there is no workout')
    world.remove('workout', gone.id)
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ deleted: 1 })
    world.put('workout', gone)
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ inserted: 1, deleted: 0 })
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ unchanged: 5, deleted: 0 })
    await expectFaithful(member.database, member.sandbox)
    expect(await historyOf(member)).toMatchObject([{ reason: 'deleted' }])
  })

  it('is not concluded for a recovery made 20 minutes after a sleep at the edge of a range (D2)', async () => {
    const member = await syncedMember({ days: 60 })
    const { world } = member.sandbox
    const nights = world.list('recovery').slice(5, isLong ? 9 : 6)
    for (const recovery of nights) {
      const night = world.get('sleep', recovery.sleep_id)
      if (!night) throw new Error('a recovery without its sleep')
      world.put('recovery', { ...recovery, created_at: later(night.end, 20 * 60_000) })
    }
    await member.sync('--full')
    const edits = await historyOf(member)
    member.requests()
    for (const { sleep_id } of nights) {
      const { start = '', end = '' } = world.get('sleep', sleep_id) ?? {}
      const edges = [start, later(end, 10 * 60_000), later(start, 1), later(end, -1), end]
      for (const edge of isLong ? edges : edges.slice(0, 2)) {
        for (const range of [
          `--since ${edge}`,
          `--until ${edge}`,
          `--since ${ago(7 * DAY_MS, edge)} --until ${edge}`,
        ]) {
          expect(typeOf(await member.sync(`--type recovery ${range}`), 'recovery')).toMatchObject({ deleted: 0 })
        }
      }
    }
    expect(Object.keys(member.requests())).toEqual(['recovery']) // nothing was even suspected
    await expectFaithful(member.database, member.sandbox)
    expect(await historyOf(member)).toEqual(edits)
  })
})

describe('the history', () => {
  it('keeps each settled version that WHOOP changed, from when to when it was seen', async () => {
    const member = await syncedMember({ days: 20 })
    const { world } = member.sandbox
    const night = world.list('sleep').find(({ end }) => end < ago(3 * DAY_MS))
    const score = night?.score
    if (!score) throw new Error('the sandbox made no night')
    const seen = [member.clock.now()]
    const versions = [100, 50].map((rate) => ({ ...night, score: { ...score, respiratory_rate: rate } }))
    for (const version of versions) {
      member.clock.pass(HOUR_MS)
      world.put('sleep', version)
      seen.push(member.clock.now())
      expect(typeOf(await member.sync(), 'sleep')).toMatchObject({ updated: 1 })
    }
    const kept = { data_type: 'sleep', record_key: night.id, reason: 'changed' }
    expect(await historyOf(member)).toEqual([
      { ...kept, raw_data: night, seen_from: seen[0], seen_until: seen[1] },
      { ...kept, raw_data: versions[0], seen_from: seen[1], seen_until: seen[2] },
    ])
    world.removeSleep(night.id)
    member.clock.pass(HOUR_MS)
    await member.sync()
    const deleted = (await historyOf(member)).find(
      ({ reason, data_type }) => reason === 'deleted' && data_type === 'sleep',
    )
    expect(deleted).toMatchObject({ raw_data: versions[1], seen_from: seen[2], seen_until: member.clock.now() })
  })

  it('knows neither the growing of an open cycle nor the rescoring of the first morning', async () => {
    const member = await syncedMember({ days: 20 })
    const { world } = member.sandbox
    for (let run = 0; run < (isLong ? 24 : 12); run++) {
      member.clock.pass(3 * HOUR_MS)
      world.advanceTo(member.clock.now())
      const [sleep] = world.list('sleep')
      if (sleep?.score && run === 4) world.put('sleep', { ...sleep, score: { ...sleep.score, respiratory_rate: 11 } })
      await member.sync()
    }
    await expectFaithful(member.database, member.sandbox)
    expect(await historyOf(member)).toEqual([])
  }, 120_000)
})

describe('the mistakes of others', () => {
  it('D1: heart-rate zones are stored', async () => {
    const member = await syncedMember({ days: 20 })
    const [row] = await member.database.sql`
      select count(*)::int as n, bool_and(zone_one_duration = (raw_data #>> '{score,zone_durations,zone_one_milli}')::int
        and zone_five_duration = (raw_data #>> '{score,zone_durations,zone_five_milli}')::int) as same
      from workout_records where score_state = 'SCORED'`
    expect(row).toMatchObject({ same: true })
    expect(row?.['n']).toBeGreaterThan(0)
  })

  it.each(['PENDING_SCORE', 'UNSCORABLE'] as const)(
    'D3: %s with a null score is stored, and cleared',
    async (state) => {
      const member = await syncedMember({ days: 20 })
      const { world } = member.sandbox
      for (const kind of ['sleep', 'recovery', 'workout', 'cycle'] as const) {
        for (const record of world.list(kind).slice(3, 5)) {
          world.put(kind, { ...record, score_state: state, score: null })
        }
      }
      const result = await member.sync()
      expect(result.code).toBe(0)
      for (const kind of ['sleep', 'recovery', 'workout', 'cycle']) {
        expect(typeOf(result, kind)).toMatchObject({ updated: 2, quarantined: 0 })
      }
      await expectFaithful(member.database, member.sandbox)
    },
  )

  it('D4: a row that PostgreSQL rejects does not stop its page, nor later runs', async () => {
    const member = await newMember({ days: 60 })
    const { world } = member.sandbox
    const odd = world.list('workout')[7]
    if (!odd) throw new Error('the sandbox made too few workouts')
    world.put('workout', { ...odd, sport_name: 'refused' })
    await member.database.sql`alter table workout_records add constraint taste check (sport_name <> 'refused')`
    const result = await member.sync()
    expect(result).toMatchObject({ code: 65 })
    const count = world.list('workout').length
    expect(typeOf(result, 'workout')).toMatchObject({ inserted: count - 1, quarantined: 1, complete: true })
    expect(await member.database.sql`select data_type, record_key, reason from quarantined_records`).toEqual([
      { data_type: 'workout', record_key: odd.id, reason: expect.stringContaining('"taste"') as string },
    ])
    expect(await member.sync()).toMatchObject({ code: 0 })
    await member.database.sql`alter table workout_records drop constraint taste`
    expect(typeOf(await member.sync(), 'workout')).toMatchObject({ inserted: 1 })
    expect(await member.database.sql`select from quarantined_records`).toHaveLength(0)
    await expectFaithful(member.database, member.sandbox)
  })

  it('D13: an old rescoring, an old deletion and an old addition arrive by themselves within a month', async () => {
    const member = await syncedMember({ days: 200 })
    const { world } = member.sandbox
    const [edited, deleted, model] = world.list('workout').filter(({ start }) => start < ago(100 * DAY_MS))
    if (!edited || !deleted || !model) throw new Error('the sandbox made too few workouts')
    world.put('workout', { ...edited, sport_name: 'rescored' })
    world.remove('workout', deleted.id)
    world.put('workout', { ...model, id: uuid(1), start: ago(900 * DAY_MS), end: ago(899.9 * DAY_MS) })
    const requests: number[] = []
    for (let hours = isLong ? 12 : 72, passed = 0; passed < 31 * 24; passed += hours) {
      member.clock.pass(hours * HOUR_MS)
      requests.push(typeOf(await member.sync('--type workout'), 'workout')?.requests ?? 0)
    }
    await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
    expect(Math.max(...requests)).toBeLessThanOrEqual(10)
  }, 120_000)

  it('D13: what was rescored in the last 30 days arrives within a day', async () => {
    const member = await withWorkouts(every(80, 8 * HOUR_MS))
    const { world } = member.sandbox
    const edited = workoutBefore(member, ago(24 * DAY_MS))
    world.put('workout', { ...edited, sport_name: 'rescored' })
    for (let run = 0; run < 4; run++) {
      member.clock.pass(6 * HOUR_MS)
      expect((await member.sync('--type workout')).code).toBe(0)
    }
    await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
  })

  it('D14: the open cycle is stored, and today’s recovery has a cycle to join', async () => {
    const member = await syncedMember({ days: 10 })
    const [today] = await member.database.sql`
      select c.end_time, r.recovery_score is not null as scored
      from recovery_records r join cycle_records c on c.id = r.cycle_id order by c.start_time desc limit 1`
    expect(today).toMatchObject({ end_time: null, scored: true })
  })
})

describe('boundaries', () => {
  const minute = 60_000
  it.each([
    ['a page exactly', every(25, HOUR_MS)],
    ['a page and one', every(26, HOUR_MS)],
    ['two pages exactly', every(49, HOUR_MS)],
    ['two full pages', every(50, HOUR_MS)],
    ['records a millisecond apart', every(60, 1)],
    ['two with one start on the edge', [...every(24, HOUR_MS), ...twins(2, 30 * HOUR_MS), ...every(30, HOUR_MS, 40)]],
    ['two with one start past the edge', [...every(25, HOUR_MS), ...twins(2, 30 * HOUR_MS), ...every(30, HOUR_MS, 40)]],
    ['thirty with one start', [...every(10, HOUR_MS), ...twins(30, 30 * HOUR_MS), ...every(10, HOUR_MS, 40)]],
    ['thirty with one start at the end', [...every(20, HOUR_MS), ...twins(30, 30 * HOUR_MS)]],
    ['thirty with one start at the top', [...twins(30, HOUR_MS), ...every(20, HOUR_MS, 40)]],
    ['nothing but one start', twins(60, HOUR_MS)],
  ])('%s: stored, read again the same, and deletions on it noticed', async (_, starts) => {
    for (const length of isLong ? [0, 50 * minute] : [starts.length % 2 ? 0 : 50 * minute]) {
      const member = await withWorkouts(starts, length)
      const { world } = member.sandbox
      await expectFaithful(member.database, member.sandbox)
      expect(typeOf(await member.sync('--type workout --full'), 'workout')).toMatchObject({ inserted: 0, deleted: 0 })
      const all = world.list('workout')
      for (const index of [23, 24, 25, 26]) if (all[index]) world.remove('workout', all[index].id)
      await member.sync('--type workout --full')
      member.clock.pass(DAY_MS) // four on a page are more than a few
      await member.sync('--type workout --full')
      await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
    }
  })

  it.each(isLong ? ['Z', '+05:30', '-12:00', '+14:00'] : ['-12:00', '+14:00'])(
    'offset %s, and the days when clocks are changed',
    async (offset) => {
      const member = await newMember({ days: 260, now: () => new Date(NOW) })
      const { world } = member.sandbox
      const [model] = world.list('sleep')
      if (!model) throw new Error('the sandbox made no sleep')
      const nights = [
        '2026-03-28T23:30:00.000Z',
        '2026-03-29T01:00:00.000Z',
        '2026-10-24T23:30:00.000Z',
        '2026-10-25T01:00:00.000Z',
      ]
      for (const [index, start] of nights.entries()) {
        const night = { id: uuid(index), start, end: later(start, 8 * HOUR_MS), timezone_offset: offset }
        world.put('sleep', { ...model, ...night })
      }
      expect((await member.sync()).code).toBe(0)
      await expectFaithful(member.database, member.sandbox)
    },
  )

  it('a cycle that straddles the edges of a range stays, and is read again', async () => {
    const member = await syncedMember({ days: 60 })
    const { world } = member.sandbox
    const cycle = world.list('cycle')[40]
    if (!cycle?.end || !cycle.score) throw new Error('the sandbox made too few cycles')
    const middle = later(cycle.start, 5 * HOUR_MS)
    world.put('cycle', { ...cycle, score: { ...cycle.score, strain: 20.5 } })
    for (const range of [`--until ${middle}`, `--since ${cycle.start} --until ${cycle.end}`]) {
      expect(typeOf(await member.sync(`--type cycle ${range}`), 'cycle')).toMatchObject({ deleted: 0 })
    }
    await expectFaithful(member.database, member.sandbox)
  })

  it.each([HOUR_MS, -HOUR_MS])(
    'our clock is %i ms wrong, and nothing is missed',
    async (wrong) => {
      const theirs = createClock()
      const member = await newMember({
        days: 60,
        now: theirs.now,
        clock: createClock(new Date(theirs.now().getTime() + wrong)),
      })
      const { world } = member.sandbox
      for (let run = 0; run < (isLong ? 12 : 8); run++) {
        theirs.pass(6 * HOUR_MS)
        member.clock.pass(6 * HOUR_MS)
        world.advanceTo(theirs.now())
        const workouts = world.list('workout')
        if (run === 3 && workouts[4]) world.remove('workout', workouts[4].id)
        if (run === 5 && workouts[5]) world.put('workout', { ...workouts[5], sport_name: 'edited' })
        expect((await member.sync()).code).toBe(0)
      }
      await expectFaithful(member.database, member.sandbox)
    },
    120_000,
  )
})

describe('a list that moves while it is read', () => {
  const moments = isLong ? [0, 1, 2, 3, 4, 5] : [2] // the request before which it moves
  const atTheBottom = (all: readonly Workout[]) => all.at(-1)
  const places: [string, (all: readonly Workout[], end: string | undefined) => Workout | undefined][] = [
    ['at the top', (all) => all[0]],
    ['just above what is asked for', (all, end) => all.findLast(({ start }) => start >= (end ?? NOW))],
    ['just below what is asked for', (all, end) => all.find(({ start }) => start < (end ?? NOW))],
    ['a page below', (all, end) => all.filter(({ start }) => start < (end ?? NOW))[25]],
    ['at the bottom', atTheBottom],
  ]
  it.each(places)('a deletion %s is noticed by this walk or the next', async (_, choose) => {
    const member = await withWorkouts(every(110, 7 * HOUR_MS))
    for (const moment of moments) {
      inTheWalk(member, moment, (world, end) => {
        const gone = choose(world.list('workout'), end)
        if (gone) world.remove('workout', gone.id)
      })
      expect((await member.sync('--type workout --full')).code).toBe(0)
      expect((await member.sync('--type workout --full')).code).toBe(0)
      if (choose === atTheBottom) {
        member.clock.pass(DAY_MS) // the list ended early, and is believed when it does so again
        expect((await member.sync('--type workout --full')).code).toBe(0)
      }
      await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
    }
  })

  it.each(places)('an insertion %s is noticed by this walk or the next', async (_, choose) => {
    const member = await withWorkouts(every(110, 7 * HOUR_MS))
    for (const moment of moments) {
      inTheWalk(member, moment, (world, end) => {
        const model = choose(world.list('workout'), end)
        if (model) world.put('workout', { ...model, id: uuid(1000 + moment), start: later(model.start, moment % 2) })
      })
      expect((await member.sync('--type workout --full')).code).toBe(0)
      expect((await member.sync('--type workout --full')).code).toBe(0)
      await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
    }
  })

  it.each(places)('a first walk loses nothing that is there to a deletion or insertion %s', async (_, choose) => {
    for (const moment of isLong ? [1, 2, 4] : [2, 4]) {
      const member = await newMember({ days: 3 })
      const { world } = member.sandbox
      fill(world, every(110, 7 * HOUR_MS))
      inTheWalk(member, moment, (_world, end) => {
        const one = choose(world.list('workout'), end)
        if (one && moment === 2) world.put('workout', { ...one, id: uuid(1000) })
        else if (one) world.remove('workout', one.id)
      })
      expect((await member.sync('--type workout')).code).toBe(0)
      world.faults.onRequest = undefined
      await member.sync('--type workout --full')
      await expectFaithful(member.database, member.sandbox, { only: ['workout'] })
    }
  })
})

describe('a filter that does not do what we believe', () => {
  it.each(['contained', 'created', 'ignored'] as const)(
    '%s: edits and deletions arrive all the same',
    async (filter) => {
      const member = await syncedMember({ days: 120 })
      const { world } = member.sandbox
      world.faults.filter = filter
      const [edited, deleted] = world.list('workout').filter(({ start }) => start < ago(60 * DAY_MS))
      if (!edited || !deleted) throw new Error('the sandbox made too few workouts')
      world.put('workout', { ...edited, sport_name: 'edited' })
      world.remove('workout', deleted.id)
      for (let run = 0; run < 2; run++) expect((await member.sync('--full')).code).toBe(0)
      await expectFaithful(member.database, member.sandbox)
      expect((await historyOf(member)).filter(({ reason }) => reason === 'deleted')).toMatchObject([
        { record_key: deleted.id },
      ])
    },
  )
})

describe('a quiet run', () => {
  it('writes nothing and costs four requests, while something is pending, quarantined or in the history', async () => {
    const member = await syncedMember({ days: 120 })
    const { world } = member.sandbox
    const [, pending, deleted, edited] = world.list('workout')
    if (!pending || !deleted || !edited) throw new Error('the sandbox made too few workouts')
    world.put('workout', { ...pending, score_state: 'PENDING_SCORE', score: null })
    world.remove('workout', deleted.id)
    world.put('workout', { ...edited, average_heart_rate: 'x', score: 'garbage' } as never)
    expect((await member.sync()).code).toBe(65)
    expect((await member.sync()).code).toBe(0)
    const before = await written(member)
    member.requests()
    expect((await member.sync()).code).toBe(0)
    expect(member.requests()).toEqual({ 'activity/sleep': 1, recovery: 1, 'activity/workout': 1, cycle: 1 })
    expect(await written(member)).toEqual(before)
  })
})

/** A member with just these workouts, synced. */
async function withWorkouts(starts: readonly string[], lengthMs = 30 * 60_000): Promise<Member> {
  const member = await newMember({ days: 3 })
  fill(member.sandbox.world, starts, lengthMs)
  expect((await member.sync()).code).toBe(0)
  return member
}

function fill(world: World, starts: readonly string[], lengthMs = 30 * 60_000): void {
  const [model] = world.list('workout')
  if (!model) throw new Error('the sandbox made no workout')
  for (const { id } of world.list('workout')) world.remove('workout', id)
  for (const [index, start] of starts.entries()) {
    world.put('workout', { ...model, id: uuid(index), start, end: later(start, lengthMs) })
  }
}

function every(count: number, stepMs: number, firstHour = 1): string[] {
  return Array.from({ length: count }, (_, index) => ago(firstHour * HOUR_MS + index * stepMs))
}

function twins(count: number, agoMs: number): string[] {
  return Array.from({ length: count }, () => ago(agoMs))
}

function workoutBefore({ sandbox }: Member, time: string): Workout {
  const found = sandbox.world.list('workout').find(({ start }) => start < time)
  if (!found) throw new Error('the sandbox made too few workouts')
  return found
}

/** Does something when the walk asks for its page of that number, before it is answered. */
function inTheWalk({ sandbox: { world } }: Member, moment: number, act: (world: World, end?: string) => void): void {
  let seen = 0
  world.faults.onRequest = ({ path, query }) => {
    if (path === '/developer/v2/activity/workout' && seen++ === moment) act(world, query['end'])
  }
}

function historyOf({ database: { sql } }: Member) {
  return sql<{ data_type: string; record_key: string; reason: string }[]>`
    select data_type, record_key, raw_data, seen_from, seen_until, reason from record_history order by id`
}
