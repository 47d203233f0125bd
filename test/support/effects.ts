// Members whose nights and habits are invented with known properties, and the statistics of docs/journal.md done once more,
// by other means than in SQL: the t distribution by adding up its density.
import type { TestDatabase } from './database.ts'

export const metrics = ['recovery_score', 'hrv_rmssd', 'resting_heart_rate', 'sleep_performance_percentage'] as const
export type Metric = (typeof metrics)[number]

export interface Life {
  /** Of each night, one after the other; null is a night without. */
  figures: Record<Metric, (number | null)[]>
  /** Of each question, its answers; null where there is none. */
  answers: Record<string, (boolean | null)[]>
  /** How many nights from the first on are WHOOP's calibration. */
  calibrating?: number
}

/** The same numbers for the same seed, evenly between 0 and 1. */
export function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Deviation 1, each night resembling the one before by `alike` (its autocorrelation). */
export function nights(random: () => number, length: number, alike: number): number[] {
  let last = normal(random)
  return Array.from({ length }, () => {
    const now = last
    last = alike * last + Math.sqrt(1 - alike ** 2) * normal(random)
    return now
  })
}

/** Yes as often as `often`, in runs: its autocorrelation is `alike`. */
export function habit(random: () => number, length: number, alike: number, often: number): boolean[] {
  let last = random() < often
  return Array.from({ length }, () => {
    const now = last
    if (random() >= alike) last = random() < often
    return now
  })
}

const FIRST_NIGHT = Date.UTC(2025, 0, 1, 23)

/** Stores members as a sync and an import would have: users 1, 2, … */
export async function storeLives({ sql }: Pick<TestDatabase, 'sql'>, lives: readonly Life[]): Promise<void> {
  const first = new Date(FIRST_NIGHT).toISOString()
  await sql`truncate users restart identity cascade`
  await sql`insert into users (whoop_user_id) select n from generate_series(1, ${lives.length}::int) n`
  for (const [index, life] of lives.entries()) {
    const rows = life.figures.recovery_score.map((_, night) => ({
      night,
      ...Object.fromEntries(metrics.map((metric) => [metric, life.figures[metric][night] ?? null])),
      calibrating: night < (life.calibrating ?? 0),
    }))
    await sql`
      with nights as (
        select *, gen_random_uuid() as id, ${first}::timestamptz + make_interval(days => night, secs => 0.123) as start
        from json_to_recordset(${JSON.stringify(rows)}::text::json) r (night int, recovery_score float8, hrv_rmssd float8,
          resting_heart_rate float8, sleep_performance_percentage float8, calibrating boolean)
      ), cycles as (
        insert into cycle_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, start_time, end_time, timezone_offset)
        select night, ${index + 1}::int, '{}', 'SCORED', start, start, start, start + interval '1 day', 'Z' from nights
      ), sleeps as (
        insert into sleep_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, cycle_id, start_time, end_time,
          timezone_offset, nap, sleep_performance_percentage)
        select id, ${index + 1}::int, '{}', 'SCORED', start, start, night, start, start + interval '8 hours', 'Z', false,
          sleep_performance_percentage
        from nights
      )
      insert into recovery_records (id, sleep_id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, cycle_id,
        user_calibrating, recovery_score, hrv_rmssd, resting_heart_rate)
      select id, id, ${index + 1}::int, '{}', 'SCORED', start, start, night, calibrating, recovery_score, hrv_rmssd, resting_heart_rate
      from nights`
    const answers = Object.entries(life.answers).map(([question, given]) => ({
      question,
      signs: given.map((answer) => (answer === null ? '-' : answer ? 'y' : 'n')).join(''),
    }))
    await sql`
      insert into journal_entries (user_id, cycle_start, question, timezone_offset, answered, raw_data, first_seen, updated_at)
      select ${index + 1}::int, ${first}::timestamptz + make_interval(days => night - 1), question, 'Z', substr(signs, night, 1) = 'y', '{}', now(), now()
      from json_to_recordset(${JSON.stringify(answers)}::text::json) r (question text, signs text), generate_series(1, length(signs)) night
      where substr(signs, night, 1) <> '-'`
  }
  await sql`analyze`
}

export interface Effect {
  question: string
  metric: Metric
  days_yes: number
  days_no: number
  mean_yes: number
  mean_no: number
  difference: number
  ci_low: number | null
  ci_high: number | null
  q_value: number
}

/** What behaviour_effects should say of a life, worked out night by night. */
export function effectsOf({ figures, answers, calibrating = 0 }: Life): Effect[] {
  return metrics.flatMap((metric) => {
    const compared = Object.entries(answers).flatMap(([question, given]) => {
      const pairs = given.map((yes, night) => {
        const y = night < calibrating ? null : (figures[metric][night] ?? null)
        return yes === null || y === null ? undefined : { x: Number(yes), y }
      })
      return compare(question, metric, pairs)
    })
    const sorted = compared.toSorted((a, b) => b.p - a.p)
    let least = 1
    return sorted.map(({ p, ...effect }, index) => {
      least = Math.min(least, (p * sorted.length) / (sorted.length - index))
      return { ...effect, q_value: least }
    })
  })
}

type Pair = { x: number; y: number } | undefined

function compare(
  question: string,
  metric: Metric,
  pairs: readonly Pair[],
): (Omit<Effect, 'q_value'> & { p: number })[] {
  const of = (answer: number) => pairs.flatMap((pair) => (pair?.x === answer ? [pair.y] : []))
  const [no, yes] = [of(0), of(1)]
  if (yes.length < 5 || no.length < 5) return []
  const means = [mean(no), mean(yes)] as const
  const residual = pairs.map((pair) => pair && { x: pair.x, e: pair.y - (means[pair.x] ?? 0) })
  const inRow = residual.flatMap((pair, night) => {
    const before = night > 0 ? residual[night - 1] : undefined
    return pair && before ? [{ pair, before }] : []
  })
  const phi = pearson(inRow.map(({ pair, before }) => [pair.e, before.e])) ?? 0
  const rho = pearson(inRow.map(({ pair, before }) => [pair.x, before.x])) ?? 0
  const alike = Math.min(0.9, phi * rho)
  const factor = Math.max(1, (1 + alike) / (1 - alike))
  const [a, b] = [variance(yes) / yes.length, variance(no) / no.length]
  const df = Math.max(2, (a + b) ** 2 / (a ** 2 / (yes.length - 1) + b ** 2 / (no.length - 1)) / factor)
  const error = Math.sqrt((a + b) * factor)
  const difference = means[1] - means[0]
  const margin = critical(df) * error
  const known = error > 0
  return [
    {
      question,
      metric,
      days_yes: yes.length,
      days_no: no.length,
      mean_yes: means[1],
      mean_no: means[0],
      difference,
      ci_low: known ? difference - margin : null,
      ci_high: known ? difference + margin : null,
      p: known ? beyond(difference / error, df) : 1,
    },
  ]
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function variance(values: readonly number[]): number {
  const middle = mean(values)
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1)
}

export function pearson(pairs: readonly (readonly [number, number])[]): number | undefined {
  const [mx, my] = [mean(pairs.map(([x]) => x)), mean(pairs.map(([, y]) => y))]
  const sum = (of: (x: number, y: number) => number) => pairs.reduce((all, [x, y]) => all + of(x - mx, y - my), 0)
  const [xx, yy] = [sum((x) => x * x), sum((_, y) => y * y)]
  return xx > 1e-18 && yy > 1e-18 ? sum((x, y) => x * y) / Math.sqrt(xx * yy) : undefined
}

/** Both tails of Student's distribution: with t = √df · tan u, the density is cos(u)^(df − 1). */
export function beyond(t: number, df: number): number {
  const from = Math.atan(Math.abs(t) / Math.sqrt(df))
  return area(from, Math.PI / 2, df) / area(0, Math.PI / 2, df)
}

/** By Simpson's rule, as far as there is anything. */
function area(from: number, to: number, df: number): number {
  const end = Math.min(to, from + 40 / Math.sqrt(df))
  const steps = 4000
  const width = (end - from) / steps
  let sum = 0
  for (let step = 0; step <= steps; step++) {
    const weight = step === 0 || step === steps ? 1 : step % 2 === 1 ? 4 : 2
    sum += weight * Math.max(0, Math.cos(from + step * width)) ** (df - 1)
  }
  return (sum * width) / 3
}

/** What 95 % of the values do not exceed in size, by halving. */
export function critical(df: number): number {
  let [low, high] = [0, 100]
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2
    if (beyond(middle, df) > 0.05) low = middle
    else high = middle
  }
  return (low + high) / 2
}
