import { describe, expect, it } from 'vitest'
import type { Cycle, Recovery, Sleep, Workout } from '../../src/sandbox/index.ts'
import { coldOn, dayOf } from '../../src/sandbox/calendar.ts'
import { createPerson } from '../../src/sandbox/person.ts'
import { createWorld } from '../../src/sandbox/world.ts'
import { NOW } from './open.ts'

const FIVE_YEARS = 1826
const all = (seed: number, days: number, members = 1, now = NOW) => createWorld({ seed, days, members, now })
const dump = (world: ReturnType<typeof all>) =>
  JSON.stringify(
    world.members().map((profile) => ({
      profile,
      body: world.body(profile.user_id),
      cycles: world.list('cycle', profile.user_id),
      sleeps: world.list('sleep', profile.user_id),
      recoveries: world.list('recovery', profile.user_id),
      workouts: world.list('workout', profile.user_id),
    })),
  )

interface Life {
  cycles: Cycle[]
  sleeps: Sleep[]
  recoveries: Recovery[]
  workouts: Workout[]
}

// Two seeds and three members each, in Europe, India and America.
const LIVES: Life[] = [1, 2].flatMap((seed) => {
  const world = all(seed, FIVE_YEARS, 3)
  return world.members().map(({ user_id }) => ({
    cycles: world.list('cycle', user_id),
    sleeps: world.list('sleep', user_id),
    recoveries: world.list('recovery', user_id),
    workouts: world.list('workout', user_id),
  }))
})

const ms = (instant: string | null) => Date.parse(instant ?? '')
const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length
const share = <T>(list: T[], wanted: (item: T) => boolean) => list.filter(wanted).length / list.length

const isWeekend = ({ end }: Sleep) => [0, 6].includes(new Date(end).getUTCDay())
const length = ({ start, end }: Sleep) => ms(end) - ms(start)

function correlation(pairs: [number, number][]): number {
  const [a, b] = [mean(pairs.map(([x]) => x)), mean(pairs.map(([, y]) => y))]
  const sum = (term: (x: number, y: number) => number) => pairs.reduce((all, [x, y]) => all + term(x - a, y - b), 0)
  return sum((x, y) => x * y) / Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y))
}

describe('a seed', () => {
  it('gives the same people every time, and another seed other people', () => {
    expect(dump(all(1, 200, 3))).toBe(dump(all(1, 200, 3)))
    expect(dump(all(1, 200))).not.toBe(dump(all(2, 200)))
  })

  it('gives the same past however much of it is shown, and whenever one looks', () => {
    const short = all(1, 60)
    const long = all(1, 400, 2, new Date('2026-08-20T00:00:00Z'))
    for (const kind of ['cycle', 'sleep', 'workout'] as const) {
      for (const record of short.list(kind).slice(3, 40)) {
        const key = record.id
        expect(long.get(kind, key)).toEqual(record)
      }
    }
  })

  // A value that changes here changes on somebody's Node, or for everybody who has used this seed.
  it('gives these people for ever', () => {
    const world = all(1, 30)
    expect(world.members()).toMatchInlineSnapshot(`
      [
        {
          "email": "milo.nowak.10001@example.com",
          "first_name": "Milo",
          "last_name": "Nowak",
          "user_id": 10001,
        },
      ]
    `)
    expect(world.list('recovery').at(5)).toMatchInlineSnapshot(`
      {
        "created_at": "2026-07-27T04:24:03.021Z",
        "cycle_id": 1534152366,
        "score": {
          "hrv_rmssd_milli": 69.272514,
          "recovery_score": 77,
          "resting_heart_rate": 54,
          "skin_temp_celsius": 33.72167,
          "spo2_percentage": 94.833336,
          "user_calibrating": false,
        },
        "score_state": "SCORED",
        "sleep_id": "a875ede3-57d5-449f-bae9-1830fbaf6673",
        "updated_at": "2026-07-27T04:24:03.021Z",
        "user_id": 10001,
      }
    `)
    expect(world.list('workout').at(2)).toMatchInlineSnapshot(`
      {
        "created_at": "2026-07-29T16:38:36.029Z",
        "end": "2026-07-29T16:38:32.041Z",
        "id": "bd64d5c8-6cbd-4c75-a3f7-9dc5074e7a04",
        "score": {
          "altitude_change_meter": null,
          "altitude_gain_meter": null,
          "average_heart_rate": 112,
          "distance_meter": null,
          "kilojoule": 1167.6162,
          "max_heart_rate": 142,
          "percent_recorded": 1,
          "strain": 5.465848,
          "zone_durations": {
            "zone_five_milli": 0,
            "zone_four_milli": 0,
            "zone_one_milli": 532240,
            "zone_three_milli": 322891,
            "zone_two_milli": 1122222,
            "zone_zero_milli": 127070,
          },
        },
        "score_state": "SCORED",
        "sport_id": 123,
        "sport_name": "weightlifting_msk",
        "start": "2026-07-29T16:03:27.521Z",
        "timezone_offset": "+02:00",
        "updated_at": "2026-07-29T16:39:08.408Z",
        "user_id": 10001,
        "v1_id": null,
      }
    `)
  })

  it('gives five years well within two seconds of work', () => {
    const before = process.cpuUsage() // however busy the machine is with something else
    all(9, FIVE_YEARS)
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000)
  })

  it('never gives two records one id', () => {
    const world = all(1, 400, 12)
    const ids = world
      .members()
      .flatMap(({ user_id }) => [
        ...world.list('cycle', user_id).map(({ id }) => `${id}`),
        ...world.list('sleep', user_id).map(({ id }) => id),
        ...world.list('workout', user_id).map(({ id }) => id),
      ])
    expect(new Set(ids).size).toBe(ids.length)
    expect(new Set(world.members().map(({ email }) => email)).size).toBe(12)
    for (const { email } of world.members()) expect(email).toMatch(/@example\.com$/)
  })
})

describe.each(LIVES.map((life, nth) => ({ life, nth })))('five years of member $nth', ({ life }) => {
  const { cycles, sleeps, recoveries, workouts } = life
  const nights = new Map(sleeps.filter(({ nap }) => !nap).map((sleep) => [sleep.cycle_id, sleep]))
  const mornings = new Map(recoveries.map((recovery) => [recovery.cycle_id, recovery]))

  it('keeps cycles contiguous, and closes each five seconds after the next appears', () => {
    expect(cycles.length).toBeGreaterThan(FIVE_YEARS - 3)
    for (const [nth, cycle] of cycles.slice(1).entries()) {
      const next = cycles[nth] as Cycle
      expect(cycle.end).toBe(next.start)
      const wait = ms(cycle.updated_at) - ms(next.created_at)
      expect(wait >= 5000 && wait < 5200).toBe(true)
      expect(cycle.id).toBeLessThan(next.id)
    }
  })

  it('leaves the newest cycle open, and it alone', () => {
    expect(cycles.filter(({ end }) => end === null)).toEqual([cycles[0]])
  })

  it('begins a cycle with its sleep, to the millisecond, and records both times of a night together', () => {
    const starts = new Map(cycles.map(({ id, start }) => [id, start]))
    for (const night of nights.values()) expect(night.start).toBe(starts.get(night.cycle_id))
    for (const recovery of recoveries) {
      const slept = sleeps.find(({ id }) => id === recovery.sleep_id)
      expect([recovery.cycle_id, recovery.created_at, recovery.updated_at]).toEqual([
        slept?.cycle_id,
        slept?.created_at,
        slept?.updated_at,
      ])
    }
  })

  it('has cycles without recovery, and a few without any sleep', () => {
    expect(cycles.length - mornings.size).toBeGreaterThan(cycles.length - nights.size)
    expect(nights.size).toBeLessThan(cycles.length)
    expect(nights.size / cycles.length).toBeGreaterThan(0.98)
  })

  it('adds up every sleep', () => {
    for (const { start, end, score } of sleeps) {
      if (!score) continue
      const s = score.stage_summary
      const stages = [
        s.total_awake_time_milli,
        s.total_no_data_time_milli,
        s.total_light_sleep_time_milli,
        s.total_slow_wave_sleep_time_milli,
        s.total_rem_sleep_time_milli,
      ]
      expect(s.total_in_bed_time_milli).toBe(ms(end) - ms(start))
      expect(stages.reduce((sum, stage) => sum + stage, 0)).toBe(s.total_in_bed_time_milli)
      expect([...stages, ...Object.values(s)].every((value) => Number.isInteger(value) && value >= 0)).toBe(true)
      expect(score.sleep_needed.need_from_recent_nap_milli).toBeLessThanOrEqual(0)
    }
  })

  it('naps within the running cycle, and needs less sleep the night after', () => {
    const naps = sleeps.filter(({ nap }) => nap)
    expect(naps.length).toBeGreaterThan(20)
    const byId = new Map(cycles.map((cycle) => [cycle.id, cycle]))
    const credits: number[] = []
    for (const nap of naps) {
      const cycle = byId.get(nap.cycle_id) as Cycle
      expect(nap.start > cycle.start && (cycle.end === null || nap.end < cycle.end)).toBe(true)
      const next = cycles[cycles.indexOf(cycle) - 1]
      const credit = next && nights.get(next.id)?.score?.sleep_needed.need_from_recent_nap_milli
      if (credit !== undefined) credits.push(credit)
    }
    expect(credits.every((credit) => credit < 0)).toBe(true)
  })

  it('adds up every workout, and keeps it within the day', () => {
    for (const [nth, { start, end, score }] of workouts.entries()) {
      const later = workouts[nth - 1]
      expect(later === undefined || end < later.start).toBe(true)
      if (!score) continue
      const missing = ms(end) - ms(start) - Object.values(score.zone_durations).reduce((sum, zone) => sum + zone, 0)
      expect(missing >= 0 && missing < 600).toBe(true)
      expect(score.percent_recorded > 0 && score.percent_recorded <= 1).toBe(true)
      expect(score.strain > 0 && score.strain <= 21).toBe(true)
      expect(score.max_heart_rate).toBeGreaterThanOrEqual(score.average_heart_rate)
    }
  })

  it('knows gps and no gps, sport 0 and nulls', () => {
    const scored = workouts.flatMap(({ score, sport_id }) => (score ? [{ ...score, sport_id }] : []))
    expect(scored.some(({ distance_meter }) => distance_meter === null)).toBe(true)
    expect(scored.some(({ distance_meter, sport_id }) => distance_meter !== null && sport_id !== null)).toBe(true)
    expect(new Set(workouts.map(({ sport_name }) => sport_name)).size).toBeGreaterThan(3)
  })

  it('stays within human bounds', () => {
    for (const { score } of recoveries) {
      if (!score) continue
      expect(score.recovery_score >= 0 && score.recovery_score <= 100).toBe(true)
      expect(score.resting_heart_rate > 35 && score.resting_heart_rate < 100).toBe(true)
      expect(score.hrv_rmssd_milli > 5 && score.hrv_rmssd_milli < 250).toBe(true)
    }
    const strains = cycles.flatMap(({ score }) => score?.strain ?? [])
    expect(Math.min(...strains)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...strains)).toBeLessThanOrEqual(21)
    for (const { start, end } of nights.values()) {
      const hours = (ms(end) - ms(start)) / 3_600_000
      expect(hours > 3 && hours < 14).toBe(true)
    }
  })

  it('is green on a quarter of the mornings and red on some', () => {
    const scores = recoveries.flatMap(({ score }) => (score ? [score.recovery_score] : []))
    expect(share(scores, (score) => score >= 67)).toBeGreaterThan(0.18)
    expect(share(scores, (score) => score >= 67)).toBeLessThan(0.38)
    expect(share(scores, (score) => score < 34)).toBeGreaterThan(0.06)
    expect(share(scores, (score) => score < 34)).toBeLessThan(0.22)
  })

  it('pays for strain with recovery, and for a short night as well', () => {
    const pairs = cycles.slice(1).flatMap((cycle, nth): [number, number][] => {
      const after = mornings.get((cycles[nth] as Cycle).id)?.score
      return cycle.score && after ? [[cycle.score.strain, after.recovery_score]] : []
    })
    expect(correlation(pairs)).toBeLessThan(-0.1)
    const slept = recoveries.flatMap(({ cycle_id, score }): [number, number][] => {
      const performance = nights.get(cycle_id)?.score?.sleep_performance_percentage
      return score && performance ? [[performance, score.recovery_score]] : []
    })
    expect(correlation(slept)).toBeGreaterThan(0.1)
  })

  it('raises the pulse when the variability falls', () => {
    const pairs = recoveries.flatMap(({ score }): [number, number][] =>
      score ? [[score.hrv_rmssd_milli, score.resting_heart_rate]] : [],
    )
    expect(correlation(pairs)).toBeLessThan(-0.3)
  })

  it('sleeps longer at weekends', () => {
    const weekend = [...nights.values()].filter(isWeekend)
    const week = [...nights.values()].filter((night) => !isWeekend(night))
    expect(mean(weekend.map(length))).toBeGreaterThan(mean(week.map(length)) + 10 * 60_000)
  })

  it('moves its clock with the seasons or with a journey', () => {
    expect(new Set(cycles.map(({ timezone_offset }) => timezone_offset)).size).toBeGreaterThan(1)
    for (const { timezone_offset } of cycles) expect(timezone_offset).toMatch(/^[+-]\d\d:\d\d$/)
  })

  it('is calibrated in the first days', () => {
    const flags = recoveries.toReversed().map(({ score }) => score?.user_calibrating)
    expect(flags[0]).toBe(true)
    expect(flags.slice(5)).not.toContain(true)
  })

  it('is sometimes unscorable, with a null for a score', () => {
    const unscored = [...cycles, ...sleeps, ...recoveries, ...workouts].filter(({ score }) => score === null)
    expect(unscored.length).toBeGreaterThan(5)
    expect(unscored.every(({ score_state }) => score_state !== 'SCORED')).toBe(true)
  })

  it('writes times and numbers as WHOOP does', () => {
    for (const { start, updated_at } of [...cycles, ...workouts]) {
      expect(start + updated_at).toMatch(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z){2}$/)
    }
    const floats = recoveries.flatMap(({ score }) => (score ? [score.hrv_rmssd_milli] : []))
    for (const value of floats) expect(Number(Math.fround(value).toPrecision(9))).toBeCloseTo(value, 5)
    expect(Math.max(...floats.map((value) => String(value).length))).toBeLessThanOrEqual(10)
  })
})

describe('a cold', () => {
  const world = all(1, FIVE_YEARS)
  const person = createPerson(1, 0)
  const byCold = (ill: boolean) =>
    world.list('recovery').flatMap(({ score, sleep_id }) => {
      const sleep = world.get('sleep', sleep_id)
      const day = dayOf(ms(sleep?.end ?? null) + 2 * 3_600_000)
      return score && coldOn(person, day) > 0.5 === ill && (ill || coldOn(person, day) === 0) ? [score] : []
    })
  const [ill, well] = [byCold(true), byCold(false)]

  it('comes once or twice a year', () => {
    expect(ill.length).toBeGreaterThan(5 * 3)
    expect(ill.length).toBeLessThan(5 * 15)
  })

  it('raises the pulse and the skin temperature, and takes recovery and variability', () => {
    expect(mean(ill.map((s) => s.resting_heart_rate))).toBeGreaterThan(mean(well.map((s) => s.resting_heart_rate)) + 3)
    const skin = (scores: typeof ill) => mean(scores.flatMap((s) => s.skin_temp_celsius ?? []))
    expect(skin(ill)).toBeGreaterThan(skin(well) + 0.4)
    expect(mean(ill.map((s) => s.hrv_rmssd_milli))).toBeLessThan(mean(well.map((s) => s.hrv_rmssd_milli)) * 0.85)
    expect(mean(ill.map((s) => s.recovery_score))).toBeLessThan(35)
  })

  it('keeps people from training', () => {
    const trained = world.list('workout').filter(({ start, sport_name }) => {
      return sport_name !== 'meditation' && coldOn(person, dayOf(ms(start) + 7_200_000)) > 0
    })
    expect(trained).toEqual([])
  })
})

it('lets members differ', () => {
  const world = all(1, 365, 6)
  const people = world.members().map(({ user_id }) => ({
    hrv: mean(world.list('recovery', user_id).flatMap(({ score }) => (score ? [score.hrv_rmssd_milli] : []))),
    zone: world.list('cycle', user_id)[0]?.timezone_offset,
    sports: new Set(world.list('workout', user_id).map(({ sport_id }) => sport_id)),
    height: world.body(user_id).height_meter,
  }))
  expect(Math.max(...people.map(({ hrv }) => hrv)) / Math.min(...people.map(({ hrv }) => hrv))).toBeGreaterThan(1.3)
  expect(new Set(people.map(({ zone }) => zone))).toEqual(
    new Set(['+02:00', '+05:30', '-04:00', '+01:00', '+09:00', '-07:00']),
  )
  expect(people.some(({ sports }) => sports.has(0))).toBe(true)
  expect(people.some(({ sports }) => sports.has(-1))).toBe(true)
  expect(people.some(({ sports }) => sports.has(233))).toBe(true)
})
