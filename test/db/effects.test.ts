// behaviour_effects and correlation(): against the same arithmetic done otherwise, and against the truth of members whose
// effects are known. The table of what the intervals cover is in docs/journal.md.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import {
  beyond,
  critical,
  dice,
  effectsOf,
  habit,
  metrics,
  nights,
  normal,
  pearson,
  storeLives,
  type Effect,
  type Life,
} from '../support/effects.ts'
import { isLong } from '../support/long.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.drop())

describe('student_t', () => {
  it.each([
    [2, 4.3027],
    [3, 3.1824],
    [5, 2.5706],
    [10, 2.2281],
    [30, 2.0423],
    [120, 1.9799],
    [5000, 1.9604],
  ])('has the tables’ critical value with %d degrees of freedom: %d', async (df, value) => {
    const [row] = await database.sql`select critical from student_t(1, ${df})`
    expect(row?.['critical']).toBeCloseTo(value, 3)
  })

  it('is the area under the density beyond t', async () => {
    for (const df of [2, 2.7, 9, 33.3, 118, 3000]) {
      for (const t of [0, 0.01, 0.7, 1.6, 1.99, -2.5, 4, 9]) {
        const [row] = await database.sql`select p, critical from student_t(${t}, ${df})`
        expect(Math.abs(Number(row?.['p']) / beyond(t, df) - 1), `t ${t}, df ${df}`).toBeLessThan(1e-6)
        expect(Math.abs(Number(row?.['critical']) / critical(df) - 1), `df ${df}`).toBeLessThan(1e-6)
      }
    }
  })
})

function effectsIn(user: number): Promise<Effect[]> {
  return database.sql<Effect[]>`
    select question, metric, days_yes, days_no, mean_yes, mean_no, difference, ci_low, ci_high, q_value
    from behaviour_effects where user_id = ${user}`
}

function byName(effects: readonly Effect[]): Record<string, Effect> {
  return Object.fromEntries(effects.map((effect) => [`${effect.question} ${effect.metric}`, effect]))
}

function expectSame(said: readonly Effect[], made: readonly Effect[]): void {
  const [a, b] = [byName(said), byName(made)]
  expect(Object.keys(a).toSorted()).toEqual(Object.keys(b).toSorted())
  for (const [name, effect] of Object.entries(b)) {
    for (const [column, value] of Object.entries(effect)) {
      const stored = (a[name] as unknown as Record<string, unknown>)[column]
      if (typeof value === 'number') expect(stored, `${name} ${column}`).toBeCloseTo(value, 6)
      else expect(stored, `${name} ${column}`).toBe(value)
    }
  }
}

/** A year with everything in it: nights without a strap, unscored ones, skipped answers, rare habits. */
function untidyLife(seed: number): Life {
  const random = dice(seed)
  const length = 200
  const answers: Life['answers'] = {}
  for (let question = 0; question < 12; question++) {
    const often = [0.02, 0.025, 0.03, 0.1, 0.3, 0.5][question % 6] ?? 0.5
    const given = habit(random, length, [0, 0.4, 0.8][question % 3] ?? 0, often)
    answers[`Question ${question}?`] = given.map((yes) => (random() < 0.1 ? null : yes))
  }
  answers['Always yes?'] = Array.from({ length }, () => true)
  const first = answers['Question 4?'] ?? []
  const figures = Object.fromEntries(
    metrics.map((metric) => {
      const body = nights(random, length, 0.6)
      const values = body.map((night, index) => 60 + 12 * night + (first[index] ? 9 : 0))
      return [metric, values.map((value) => (random() < 0.08 ? null : Math.round(value * 10) / 10))]
    }),
  ) as Life['figures']
  return { figures, answers, calibrating: 4 }
}

describe('behaviour_effects', () => {
  it('says what the same arithmetic says that is done night by night', async () => {
    const lives = [1, 2, 3].map(untidyLife)
    await storeLives(database, lives)
    for (const [index, life] of lives.entries()) {
      const effects = await effectsIn(index + 1)
      expect(effects.length).toBeGreaterThan(20)
      expectSame(effects, effectsOf(life))
    }
  })

  it('shows nothing below five yes and five no of a figure, and nothing certain where nothing varies', async () => {
    const length = 40
    const yes = (often: number) => Array.from({ length }, (_, night) => night < often)
    const life: Life = {
      figures: {
        recovery_score: Array.from({ length }, (_, night) => (night === 0 ? null : 50 + (night % 7))),
        hrv_rmssd: Array.from({ length }, (_, night) => (night < 4 ? 0 : 60 + (night % 5))), // 0 is no reading
        resting_heart_rate: Array.from({ length }, () => 50),
        sleep_performance_percentage: Array.from({ length }, (_, night) => (night < 5 ? 80 : 90)),
      },
      answers: { 'Four?': yes(4), 'Five?': yes(5), 'Six?': yes(6), 'All but five?': yes(35), 'All but four?': yes(36) },
    }
    await storeLives(database, [life])
    const effects = await effectsIn(1)
    const questions = (metric: string) => effects.filter((one) => one.metric === metric).map(({ question }) => question)
    expect(questions('recovery_score').toSorted()).toEqual(['All but five?', 'Six?'])
    expect(questions('hrv_rmssd').toSorted()).toEqual(['All but five?'])
    expect(questions('sleep_performance_percentage').toSorted()).toEqual(['All but five?', 'Five?', 'Six?'])
    const same = effects.filter(({ metric }) => metric === 'resting_heart_rate')
    expect(same.map(({ difference, ci_low, q_value }) => ({ difference, ci_low, q_value }))).toEqual(
      same.map(() => ({ difference: 0, ci_low: null, q_value: 1 })),
    )
  })
})

interface Plan {
  'Relation Name'?: string
  'Index Cond'?: string
  'Recheck Cond'?: string
  Filter?: string
  'Join Filter'?: string
  Plans?: Plan[]
}

describe.each(['behaviour_effects', 'journal_days'])('%s', (view) => {
  it('reads nothing of another member', async () => {
    await storeLives(database, [1, 2].map(untidyLife))
    const [row] = await database.sql.unsafe<{ 'QUERY PLAN': { Plan: Plan }[] }[]>(
      `explain (format json) select * from ${view} where user_id = 1`,
    )
    const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)]
    const scans = nodes(row?.['QUERY PLAN'][0]?.Plan ?? {}).filter((node) => node['Relation Name'] !== undefined)
    expect(scans.length).toBeGreaterThan(2)
    for (const scan of scans) {
      const conditions = [scan['Index Cond'], scan['Recheck Cond'], scan.Filter].join(' ')
      expect(conditions, scan['Relation Name']).toMatch(/user_id = (1\b|\w+\.user_id)/) // or that of a row found so
    }
  })
})

interface Scenario {
  members: number
  length: number
  questions: number
  nightsAlike: number
  answersAlike: number
}

const EFFECT = 8 // of the first question, on half of the figures; nothing else has one
const AFFECTED: readonly string[] = metrics.slice(0, 2)
const SPREAD = 14

function simulated({ members, length, questions, nightsAlike, answersAlike }: Scenario): Life[] {
  return Array.from({ length: members }, (_, member) => {
    const random = dice(member * 104_729 + 17 + nightsAlike * 100 + answersAlike * 1000)
    const answers = Object.fromEntries(
      Array.from({ length: questions }, (_, question) => {
        const often = 0.2 + 0.6 * random()
        return [`Question ${question}?`, habit(random, length, answersAlike, often)]
      }),
    )
    const figures = Object.fromEntries(
      metrics.map((metric) => {
        const effect = AFFECTED.includes(metric) ? EFFECT : 0
        const body = nights(random, length, nightsAlike)
        return [metric, body.map((night, at) => 100 + SPREAD * night + (answers['Question 0?']?.[at] ? effect : 0))]
      }),
    ) as Life['figures']
    return { figures, answers }
  })
}

interface Measured {
  intervals: number
  /** The share of the intervals that hold the truth. */
  covered: number
  /** The share of the members who are shown a clear effect on a figure that nothing has an effect on. */
  fooled: number
  /** The share who are shown the one that there is. */
  found: number
}

async function measure(scenario: Scenario): Promise<Measured> {
  await storeLives(database, simulated(scenario))
  const [row] = await database.sql<Measured[]>`
    with effects as (
      select *, q_value <= 0.05 as clear, metric = any(${AFFECTED as string[]}) as affected,
        case when question = 'Question 0?' and metric = any(${AFFECTED as string[]}) then ${EFFECT}::float8 else 0 end as truth
      from behaviour_effects
    ), members as (
      select affected, bool_or(clear) as fooled, bool_or(clear and truth <> 0) as found
      from effects group by user_id, metric, affected
    )
    select avg((truth between ci_low and ci_high)::int)::float8 as covered, count(*)::int as intervals,
      (select avg(fooled::int) from members where not affected)::float8 as fooled,
      (select avg(found::int) from members where affected)::float8 as found
    from effects`
  if (!row) throw new Error('nothing was measured')
  return row
}

const everyKind = [0, 0.5, 0.7].flatMap((nightsAlike) =>
  [0, 0.6, 0.8].map((answersAlike) => ({ nightsAlike, answersAlike })),
)

describe('what the intervals promise', () => {
  it.each([
    { nightsAlike: 0, answersAlike: 0 },
    { nightsAlike: 0.7, answersAlike: 0.8 },
  ])('holds for a few members: nights $nightsAlike, habits $answersAlike', async (kind) => {
    const { covered, fooled } = await measure({ ...kind, members: 20, length: 120, questions: 40 })
    expect(covered).toBeGreaterThan(0.92)
    expect(covered).toBeLessThan(0.98)
    expect(fooled).toBeLessThanOrEqual(0.2) // of forty figures, so by luck; below, of four hundred
  })

  it.runIf(isLong).each(everyKind)(
    'holds for 200 members: nights $nightsAlike, habits $answersAlike',
    async (kind) => {
      const measured = await measure({ ...kind, members: 200, length: 120, questions: 40 })
      console.info(JSON.stringify({ ...kind, ...measured }))
      expect(measured.covered).toBeGreaterThan(0.92)
      expect(measured.covered).toBeLessThan(0.98)
      expect(measured.fooled).toBeLessThanOrEqual(0.1)
    },
    600_000,
  )
})

describe('correlation', () => {
  const ask = async (x: readonly (number | null)[], y: readonly (number | null)[], days = x.map((_, day) => day)) => {
    const rows = days.map((day, index) => ({ day, x: x[index] ?? null, y: y[index] ?? null }))
    const [row] = await database.sql<
      { r: number | null; n: number; effective_n: number; ci_low: number | null; ci_high: number | null }[]
    >`
      select c.* from (
        select array_agg('2026-01-01'::date + day) as days, array_agg(x) as x, array_agg(y) as y
        from json_to_recordset(${JSON.stringify(rows)}::text::json) r (day int, x float8, y float8)
      ) s, correlation(days, x, y) c`
    if (!row) throw new Error('no answer')
    return row
  }

  it('is Pearson’s, over the days that have both, and says less the more the days resemble each other', async () => {
    const random = dice(5)
    const [x, y] = [nights(random, 300, 0.7), nights(random, 300, 0.7)]
    const holed = y.map((value, day) => (day % 17 === 0 ? null : value))
    const pairs = x.flatMap((value, day) => (holed[day] == null ? [] : [[value, holed[day]] as const]))
    const row = await ask(x, holed)
    expect(row.r).toBeCloseTo(pearson(pairs) ?? 0, 9)
    expect(row.n).toBe(pairs.length)
    expect(row.effective_n / row.n).toBeGreaterThan(0.25)
    expect(row.effective_n / row.n).toBeLessThan(0.45) // (1 − 0.49) / (1 + 0.49) = 0.34
    const unrelated = await ask(
      Array.from(x, () => normal(random)),
      Array.from(x, () => normal(random)),
    )
    expect(unrelated.effective_n / unrelated.n).toBeGreaterThan(0.9)
  })

  it('has no interval where there is too little to say', async () => {
    expect(await ask([1, 2, 3], [1, 3, 2])).toMatchObject({ n: 3, ci_low: null, ci_high: null })
    expect(await ask([1, 1, 1, 1, 1, 1], [1, 3, 2, 4, 5, 6])).toMatchObject({ n: 6, r: null, ci_low: null })
    expect(await ask([], [])).toMatchObject({ n: 0, r: null, ci_low: null })
  })

  it.each([
    { alike: 0, truth: 0.4 },
    { alike: 0.7, truth: 0 },
    { alike: 0.7, truth: 0.4 },
  ])('covers the truth as often as it says: days $alike, r $truth', async ({ alike, truth }) => {
    const members = isLong ? 1000 : 100
    let covered = 0
    for (let member = 0; member < members; member++) {
      const random = dice(member * 31 + 7)
      const x = nights(random, 150, alike)
      const other = nights(random, 150, alike)
      const y = x.map((value, day) => truth * value + Math.sqrt(1 - truth ** 2) * (other[day] ?? 0))
      const { ci_low, ci_high } = await ask(x, y)
      if (ci_low !== null && ci_high !== null && ci_low <= truth && truth <= ci_high) covered++
    }
    expect(covered / members).toBeGreaterThan(0.9)
    expect(covered / members).toBeLessThan(0.985)
  })
})
