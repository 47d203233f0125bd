// What the sandbox's members tell of themselves: some of it is why they slept as they did, the rest is not.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { behaviours, type Behaviour } from '../../src/sandbox/journal.ts'
import { createWorld, type World } from '../../src/sandbox/index.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { pearson, storeLives, type Life } from '../support/effects.ts'
import { isLong } from '../support/long.ts'

const MEMBERS = isLong ? 40 : 15
const DAYS = 365
const now = new Date('2026-11-22T10:20:00Z')
const withEffect = new Set<Behaviour>(['alcohol', 'sick', 'jetLag', 'training'])

let world: World
let lives: Life[]
let database: TestDatabase
beforeAll(async () => {
  world = createWorld({ seed: 4, days: DAYS, members: MEMBERS, now })
  lives = world.members().map(({ user_id }) => lifeOf(user_id))
  database = await createDatabase()
})
afterAll(() => database.drop())

function lifeOf(member: number): Life {
  const { cycles, sleeps, recoveries, journal } = world.export(member)
  const nights = cycles.toReversed().map(({ id }) => {
    const sleep = sleeps.find((one) => one.cycle_id === id && !one.nap)
    const recovery = recoveries.find(({ sleep_id }) => sleep_id === sleep?.id)
    return { told: journal.get(id), sleep: sleep?.score, recovery: recovery?.score }
  })
  return {
    figures: {
      recovery_score: nights.map(({ recovery }) => recovery?.recovery_score ?? null),
      hrv_rmssd: nights.map(({ recovery }) => recovery?.hrv_rmssd_milli ?? null),
      resting_heart_rate: nights.map(({ recovery }) => recovery?.resting_heart_rate ?? null),
      sleep_performance_percentage: nights.map(({ sleep }) => sleep?.sleep_performance_percentage ?? null),
    },
    answers: Object.fromEntries(
      behaviours.map((behaviour) => [
        behaviour,
        nights.map(({ told }) => told?.answers.find((one) => one.behaviour === behaviour)?.yes ?? null),
      ]),
    ),
    calibrating: 4,
  }
}

describe('the journal of the sandbox', () => {
  it('is the same whenever it is asked, and however much of a life is', () => {
    const later = createWorld({ seed: 4, days: 30, members: 1, now: new Date(now.getTime() + 86_400_000) })
    const [before, after] = [world.export(10_001).journal, later.export(10_001).journal]
    const common = [...after].filter(([id]) => before.has(id))
    expect(common.length).toBeGreaterThan(20)
    for (const [id, told] of common) expect(before.get(id)).toEqual(told)
  })

  it('has habits that come in runs', () => {
    const runs = (behaviour: string) => {
      const pairs = lives.flatMap(({ answers }) => {
        const given = answers[behaviour] ?? []
        return given.flatMap((now, day) => {
          const before = given[day - 1]
          return now === null || before == null ? [] : [[Number(now), Number(before)] as const]
        })
      })
      return pearson(pairs) ?? 0
    }
    expect(runs('magnesium')).toBeGreaterThan(0.7)
    expect(runs('sharedBed')).toBeGreaterThan(0.6)
    expect(runs('lateMeal')).toBeLessThan(0.45)
  })

  it('tells of effects where there are some, and seldom where there are none', async () => {
    await storeLives(database, lives)
    const rows = await database.sql<
      { question: Behaviour; metric: string; members: number; clear: number; up: number }[]
    >`
      select question, metric, count(*)::int as members, count(*) filter (where q_value <= 0.05)::int as clear,
        count(*) filter (where difference > 0)::int as up
      from behaviour_effects group by question, metric`
    const of = (behaviour: Behaviour, metric: string) => {
      const row = rows.find(({ question, metric: one }) => question === behaviour && one === metric)
      if (!row) throw new Error(`nobody has ${behaviour}`)
      return row
    }
    for (const behaviour of ['alcohol', 'sick', 'training'] as const) {
      expect(of(behaviour, 'recovery_score').up, behaviour).toBe(0) // of each the recovery suffers
    }
    for (const behaviour of ['alcohol', 'training'] as const) {
      // a cold is a week a year: too few days to be sure
      const { members, clear } = of(behaviour, 'recovery_score')
      expect(clear / members, behaviour).toBeGreaterThan(0.6)
    }
    expect(of('alcohol', 'resting_heart_rate').up / of('alcohol', 'resting_heart_rate').members).toBeGreaterThan(0.95)
    const without = rows.filter(({ question }) => !withEffect.has(question))
    const sum = (column: 'clear' | 'members') => without.reduce((all, row) => all + row[column], 0)
    expect(sum('members')).toBeGreaterThan(25 * MEMBERS)
    expect(sum('clear') / sum('members')).toBeLessThan(0.05)
  })
})
