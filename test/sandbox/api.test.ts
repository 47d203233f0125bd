import { describe, expect, it } from 'vitest'
import { NOW, open, walk } from './open.ts'

const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')

const aMinuteInto = (instant = '') => new Date(Date.parse(instant) + 60_000).toISOString()

const COLLECTIONS = [
  { kind: 'cycle', path: '/v2/cycle' },
  { kind: 'recovery', path: '/v2/recovery' },
  { kind: 'sleep', path: '/v2/activity/sleep' },
  { kind: 'workout', path: '/v2/activity/workout' },
] as const

describe('a page', () => {
  it('holds ten records when nobody asks for more, newest first', async () => {
    const { page } = await open()
    const { records, next_token } = await page('/v2/cycle')
    expect(records).toHaveLength(10)
    expect(next_token).toBe('eyIkIjoib0AxIiwibyI6MTB9')
    const starts = records.map(({ start }) => start ?? '')
    expect(starts).toEqual(starts.toSorted().toReversed())
  })

  it.each(COLLECTIONS)('of $kind is one of a walk that meets every record once', async ({ kind, path }) => {
    const visitor = await open()
    const truth: unknown[] = visitor.sandbox.world.list(kind)
    expect(truth.length).toBeGreaterThan(25)
    expect(await walk(visitor, path, { limit: '7' })).toEqual(truth)
    expect(await walk(visitor, path, { limit: '25' })).toEqual(truth)
  })

  it('counts its offset in the list as it is now', async () => {
    const { page, sandbox } = await open()
    const before = await page('/v2/activity/sleep', { limit: '5' })
    const [newest] = sandbox.world.list('sleep')
    if (newest) sandbox.world.put('sleep', { ...newest, id: '00000000-0000-4000-8000-000000000000', start: newest.end })
    const after = await page('/v2/activity/sleep', { limit: '5', nextToken: before.next_token ?? '' })
    expect(after.records[0]).toEqual(before.records[4])
  })

  it('is empty, and the last, where nothing happened', async () => {
    const { page } = await open()
    const query = { start: '2001-01-01T00:00:00Z', end: '2001-02-01T00:00:00Z' }
    expect(await page('/v2/cycle', query)).toEqual({ records: [], next_token: null })
  })

  it.each(['0', '-1', '26', '2.5', 'ten', ''])('refuses the limit "%s" with 400', async (limit) => {
    const { get } = await open()
    expect((await get('/v2/cycle', { limit })).status).toBe(400)
  })

  it.each(['', 'x', token([]), token({ $: 'o@1' }), token({ $: 'o@2', o: 1 }), token({ $: 'o@1', o: -1 })])(
    'refuses the token "%s" with 400',
    async (nextToken) => {
      const { get } = await open()
      expect((await get('/v2/cycle', { nextToken })).status).toBe(400)
    },
  )

  it.each(['2026-03-28', '2026-03-28T00:00:00', '2026-03-28T00:00:00 00:00', '2026-02-30T00:00:00Z', 'today', ''])(
    'knows no date "%s" and answers 404',
    async (date) => {
      const { get } = await open()
      const answer = await get('/v2/cycle', { start: date })
      expect([answer.status, await answer.text()]).toEqual([404, 'HTTP 404 Not Found'])
      expect((await get('/v2/cycle', { end: date })).status).toBe(404)
    },
  )

  it.each(['2026-07-20T02:00:00+02:00', '2026-07-20T00:00:00.000Z', '2026-07-20t00:00:00z'])(
    'takes the date %s',
    async (start) => {
      const { page } = await open()
      expect(await page('/v2/cycle', { start })).toEqual(await page('/v2/cycle', { start: '2026-07-20T00:00:00Z' }))
    },
  )
})

describe('a range', () => {
  it('means every cycle that touches it, the open one to the end of time', async () => {
    const { page, sandbox } = await open()
    const [current, second, third] = sandbox.world.list('cycle')
    const from = await page('/v2/cycle', { start: aMinuteInto(third?.start) })
    expect(from.records).toEqual([current, second, third])
    const until = await page('/v2/cycle', { end: aMinuteInto(second?.start), limit: '2' })
    expect(until.records).toEqual([second, third])
    const future = await page('/v2/cycle', { start: '2030-01-01T00:00:00Z' })
    expect(future.records).toEqual([current])
  })

  it('leaves out what begins at its end, and keeps what begins at its start', async () => {
    const { page, sandbox } = await open()
    const [, second, third] = sandbox.world.list('cycle')
    const { records } = await page('/v2/cycle', { start: third?.start ?? '', end: second?.start ?? '' })
    expect(records).toEqual([third])
  })

  it('finds a recovery where its sleep is, not where its cycle is', async () => {
    const { page, sandbox } = await open()
    const [, recovery] = sandbox.world.list('recovery')
    const sleep = sandbox.world.get('sleep', recovery?.sleep_id ?? '')
    const during = await page('/v2/recovery', { start: sleep?.start ?? '', end: sleep?.end ?? '' })
    expect(during.records).toEqual([recovery])
    const awake = new Date(Date.parse(sleep?.end ?? '') + 3_600_000).toISOString()
    expect((await page('/v2/recovery', { start: sleep?.end ?? '', end: awake })).records).toEqual([])
    expect((await page('/v2/cycle', { start: sleep?.end ?? '', end: awake })).records).toHaveLength(1)
  })

  it.each(['contained', 'created', 'ignored'] as const)('can be matched another way: %s', async (filter) => {
    const visitor = await open()
    const { world } = visitor.sandbox
    world.faults.filter = filter
    const [start, end] = ['2026-07-10T12:00:00.000Z', '2026-07-20T12:00:00.000Z']
    const expected = world.list('cycle').filter((cycle) => {
      if (filter === 'contained') return cycle.start >= start && (cycle.end ?? '9') <= end
      return filter === 'ignored' || (cycle.created_at >= start && cycle.created_at < end)
    })
    expect(await walk(visitor, '/v2/cycle', { start, end })).toEqual(expected)
  })
})

describe('one record', () => {
  it('is found by its id, and by its cycle', async () => {
    const { get, sandbox } = await open()
    const [recovery] = sandbox.world.list('recovery')
    const [workout] = sandbox.world.list('workout')
    const cycle = recovery?.cycle_id ?? 0
    const night = sandbox.world.get('sleep', recovery?.sleep_id ?? '')
    const json = async (path: string): Promise<unknown> => (await get(path)).json()
    expect(await json(`/v2/cycle/${cycle}`)).toEqual(sandbox.world.get('cycle', cycle))
    expect(await json(`/v2/cycle/${cycle}/recovery`)).toEqual(recovery)
    expect(await json(`/v2/cycle/${cycle}/sleep`)).toEqual(night)
    expect(await json(`/v2/activity/sleep/${night?.id}`)).toEqual(night)
    expect(await json(`/v2/activity/workout/${workout?.id}`)).toEqual(workout)
    expect(await json('/v2/user/profile/basic')).toEqual(sandbox.world.profile())
    expect(await json('/v2/user/measurement/body')).toEqual(sandbox.world.body())
  })

  it.each([
    '/v2/cycle/1',
    '/v2/cycle/1/recovery',
    '/v2/cycle/1/sleep',
    '/v2/cycle/abc',
    '/v2/activity/sleep/00000000-0000-4000-8000-000000000000',
    '/v2/activity/workout/7',
    '/v2/nothing',
    '/v2/cycle/',
  ])('that does not exist is a plain 404: %s', async (path) => {
    const { get } = await open()
    const answer = await get(path)
    expect([answer.status, await answer.text()]).toEqual([404, 'HTTP 404 Not Found'])
    expect(answer.headers.get('content-type')).toMatch('text/plain')
  })

  it('belongs to one member only', async () => {
    const { get, page, sandbox } = await open({ members: 2 }, { member: 10_002 })
    const [foreign] = sandbox.world.list('workout', 10_001)
    expect((await get(`/v2/activity/workout/${foreign?.id}`)).status).toBe(404)
    expect(await page('/v2/activity/workout', { limit: '1' })).toMatchObject({ records: [{ user_id: 10_002 }] })
  })
})

describe('the door', () => {
  it('is elsewhere without /developer', async () => {
    const { sandbox } = await open()
    const answer = await fetch(`${sandbox.url}/v2/cycle`)
    expect([answer.status, await answer.text()]).toEqual([404, 'default backend - 404'])
  })

  it.each([{}, { authorization: 'Bearer nonsense' }, { authorization: 'Basic eDp5' }])(
    'stays shut for %j',
    async (headers) => {
      const { sandbox } = await open()
      const answer = await fetch(`${sandbox.url}/developer/v2/cycle`, { headers })
      expect([answer.status, await answer.text()]).toEqual([401, 'Authorization was not valid'])
    },
  )

  it('stays shut for a scope that was not granted', async () => {
    const { get } = await open({}, { grant: ['read:sleep'] })
    expect((await get('/v2/activity/sleep')).status).toBe(200)
    const answer = await get('/v2/recovery')
    expect([answer.status, await answer.text()]).toEqual([401, 'Authorization was not valid'])
  })

  it('shuts when the token expires, and when it is revoked early', async () => {
    let now = NOW
    const { get, sandbox } = await open({ now: () => now })
    now = new Date(NOW.getTime() + 3_599_000)
    expect((await get('/v2/cycle')).status).toBe(200)
    now = new Date(NOW.getTime() + 3_600_000)
    expect((await get('/v2/cycle')).status).toBe(401)
    now = NOW
    sandbox.revokeAccess()
    expect((await get('/v2/cycle')).status).toBe(401)
  })

  it('lets nobody write', async () => {
    const { access, sandbox } = await open()
    const headers = { authorization: `Bearer ${access}` }
    const status = async (method: string, path: string) =>
      (await fetch(`${sandbox.url}/developer${path}`, { method, headers })).status
    expect(await status('POST', '/v2/cycle')).toBe(405)
    expect(await status('HEAD', '/v2/activity/sleep')).toBe(405)
    expect(await status('GET', '/v2/user/access')).toBe(405)
  })

  it('is closed for good by DELETE /v2/user/access', async () => {
    const { access, get, refresh, sandbox, token } = await open()
    const headers = { authorization: `Bearer ${access}` }
    const answer = await fetch(`${sandbox.url}/developer/v2/user/access`, { method: 'DELETE', headers })
    expect([answer.status, await answer.text()]).toEqual([204, ''])
    expect((await get('/v2/cycle')).status).toBe(401)
    expect((await token({ grant_type: 'refresh_token', refresh_token: refresh })).status).toBe(400)
  })
})

const keysOf = (text: string) => [...text.matchAll(/"(\w+)":/g)].map(([, key]) => key).join(' ')

describe('the JSON', () => {
  it.each([
    [
      '/v2/cycle',
      'id user_id created_at updated_at start end timezone_offset score_state score strain kilojoule average_heart_rate max_heart_rate',
    ],
    [
      '/v2/activity/sleep',
      'id cycle_id v1_id user_id created_at updated_at start end timezone_offset nap score_state score stage_summary total_in_bed_time_milli total_awake_time_milli total_no_data_time_milli total_light_sleep_time_milli total_slow_wave_sleep_time_milli total_rem_sleep_time_milli sleep_cycle_count disturbance_count sleep_needed baseline_milli need_from_sleep_debt_milli need_from_recent_strain_milli need_from_recent_nap_milli respiratory_rate sleep_performance_percentage sleep_consistency_percentage sleep_efficiency_percentage',
    ],
    [
      '/v2/recovery',
      'cycle_id sleep_id user_id created_at updated_at score_state score user_calibrating recovery_score resting_heart_rate hrv_rmssd_milli spo2_percentage skin_temp_celsius',
    ],
    [
      '/v2/activity/workout',
      'id v1_id user_id created_at updated_at start end timezone_offset sport_name score_state score strain average_heart_rate max_heart_rate kilojoule percent_recorded distance_meter altitude_gain_meter altitude_change_meter zone_durations zone_zero_milli zone_one_milli zone_two_milli zone_three_milli zone_four_milli zone_five_milli sport_id',
    ],
  ])('keeps the order of the keys of %s', async (path, order) => {
    const { get } = await open()
    expect(keysOf(await (await get(path, { limit: '1' })).text())).toBe(`records ${order} next_token`)
  })

  it('prints whole floats with a point, and integers without', async () => {
    const { get } = await open()
    const recovery = await (await get('/v2/recovery')).text()
    expect(recovery).toMatch(/"recovery_score":\d+\.0,"resting_heart_rate":\d+\.0,"hrv_rmssd_milli":\d+\.\d+/)
    const workout = await (await get('/v2/activity/workout')).text()
    expect(workout).toMatch(/"average_heart_rate":\d+,"max_heart_rate":\d+,"kilojoule":[\d.]+,"percent_recorded":1\.0/)
    expect(workout).toMatch(/"zone_zero_milli":\d+,/)
    expect(await (await get('/v2/user/measurement/body')).text()).toMatch(/"max_heart_rate":\d+}/)
  })

  it('says null where there is nothing, or leaves the key out when told to', async () => {
    const { get, sandbox } = await open()
    expect(await (await get('/v2/cycle', { limit: '1' })).text()).toContain('"end":null')
    expect(await (await get('/v2/activity/sleep')).text()).toContain('"v1_id":null')
    sandbox.world.faults.omitNulls = true
    expect(await (await get('/v2/cycle')).text()).not.toMatch(/null|"end":"?,/)
    expect(await (await get('/v2/activity/workout')).text()).not.toContain('null')
  })

  it('grows a field when told to', async () => {
    const { page, sandbox } = await open()
    sandbox.world.faults.extraFields = true
    const { records } = await page('/v2/cycle', { limit: '2' })
    expect(records[0]).not.toHaveProperty('step_count')
    expect(records[1]).toHaveProperty('step_count', expect.any(Number))
  })
})
