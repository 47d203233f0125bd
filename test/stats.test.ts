import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stripVTControlCharacters } from 'node:util'
import { startSandbox, type Sandbox } from '../src/sandbox/index.ts'
import type { Env } from '../src/world.ts'
import { createDatabase, type TestDatabase } from './support/database.ts'
import { localDay, summarize, type Summary } from './support/days.ts'
import { createClock, envFor, logIn, run } from './support/world.ts'

const [FIRST, SECOND, EMPTY] = [10_001, 10_002, 10_003]

interface Stats {
  users: {
    whoopUserId: number
    firstDay: string | null
    lastDay: string | null
    types: Record<string, { records: number; scored: number; firstDay: string | null; lastDay: string | null }>
    metrics: {
      name: string
      unit: string
      average: number | null
      last90Days: number | null
      last30Days: number | null
      last7Days: number | null
    }[]
  }[]
}

describe('stats', () => {
  let database: TestDatabase
  let sandbox: Sandbox
  let env: Env
  const clock = createClock()

  beforeAll(async () => {
    database = await createDatabase()
    sandbox = await startSandbox({ days: 120, members: 3, now: clock.now, limits: 'none' })
    env = envFor(sandbox, database.url)
    for (const member of [FIRST, SECOND]) await logIn(sandbox, env, { clock, member })
    const { code, err } = await run('sync', env, { clock })
    if (code !== 0) throw new Error(err)
    await logIn(sandbox, env, { clock, member: EMPTY })
  })
  afterAll(async () => {
    await sandbox.close()
    await database.drop()
  })

  const stats = async (options = '', environment = env) => {
    const { code, out, err } = await run(`stats --json ${options}`, environment, { clock })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    return (JSON.parse(out) as Stats).users
  }

  it.each([FIRST, SECOND])('counts what member %i has at WHOOP, by their own days', async (member) => {
    const [user] = await stats(`--user ${member}`)
    const { world } = sandbox
    const sleeps = world.list('sleep', member)
    const woken = sleeps.map((one) => localDay(one.end, one.timezone_offset))
    const rested = world.list('recovery', member).map(({ sleep_id }) => {
      const sleep = sleeps.find(({ id }) => id === sleep_id)
      return localDay(sleep?.end ?? '', sleep?.timezone_offset ?? '')
    })
    const trained = world.list('workout', member).map((one) => localDay(one.start, one.timezone_offset))
    const lived = world.list('cycle', member).map((one) => localDay(one.start, one.timezone_offset, 12 * 3_600_000))
    const scored = (kind: 'sleep' | 'recovery' | 'workout' | 'cycle') =>
      world.list(kind, member).filter((one) => one.score_state === 'SCORED').length
    expect(user?.types).toMatchObject({
      sleep: { ...range(woken), scored: scored('sleep') },
      recovery: { ...range(rested), scored: scored('recovery') },
      workout: { ...range(trained), scored: scored('workout') },
      cycle: { ...range(lived), scored: scored('cycle') },
      body: { records: 1, scored: 1 },
    })
  })

  it.each([FIRST, SECOND])('averages what member %i lived through', async (member) => {
    // the newest day has not ended: its strain still grows, and is no day's
    const all = summarize(sandbox.world, member)
    const days = all.map((day, index) => (index === all.length - 1 ? Object.assign(day, { strain_score: null }) : day))
    const [user] = await stats(`--user ${member}`)
    expect([user?.firstDay, user?.lastDay]).toEqual([days[0]?.['day'], days.at(-1)?.['day']])
    expect(user?.metrics.map(roundedMetric)).toEqual(
      metrics.map(({ name, unit, value }) => ({
        name,
        unit,
        average: rounded(mean(days.map(value))),
        last90Days: rounded(mean(days.slice(-90).map(value))),
        last30Days: rounded(mean(days.slice(-30).map(value))),
        last7Days: rounded(mean(days.slice(-7).map(value))),
      })),
    )
  })

  it('looks at the last days only when asked', async () => {
    const days = summarize(sandbox.world, FIRST).slice(-10)
    const [user] = await stats(`--user ${FIRST} --days 10`)
    expect([user?.firstDay, user?.lastDay]).toEqual([days[0]?.['day'], days.at(-1)?.['day']])
    expect(rounded(user?.metrics[0]?.average ?? null)).toEqual(
      rounded(mean(days.map((day) => day['recovery_score'] ?? null))),
    )
    const { out } = await run(`stats --user ${FIRST} --days 10`, env, { clock })
    expect(out).toMatch(/average +10 d +7 d/)
    expect(out).not.toMatch(/30 d|90 d|all/)
  })

  it('shows the types asked for, and the averages that are theirs', async () => {
    const [user] = await stats(`--user ${FIRST} --type sleep,body`)
    expect(Object.keys(user?.types ?? {})).toEqual(['sleep', 'body'])
    expect(user?.metrics.map(({ name }) => name).slice(0, 3)).toEqual(['asleep', 'sleep score', 'in bed'])
    const { out } = await run(`stats --user ${FIRST} --type body`, env, { clock })
    expect(out).not.toContain('average')
  })

  it('shows every member in turn, with no data, too', async () => {
    expect((await stats()).map(({ whoopUserId }) => whoopUserId)).toEqual([FIRST, SECOND, EMPTY])
    const { out } = await run('stats', env, { clock })
    expect(out.match(/WHOOP user \d+/g)).toEqual([FIRST, SECOND, EMPTY].map((id) => `WHOOP user ${id}`))
    const [nobody] = await stats(`--user ${EMPTY}`)
    expect(nobody).toMatchObject({ firstDay: null, lastDay: null, types: { sleep: { records: 0, firstDay: null } } })
    expect(nobody?.metrics.map(({ average }) => average)).toEqual(metrics.map(() => null))
    expect((await run(`stats --user ${EMPTY}`, env, { clock, columns: 80 })).out).toMatchInlineSnapshot(`
      "Piotr (WHOOP user 10003)
                stored  first day  last day
      sleep          0  –          –
      recovery       0  –          –
      workout        0  –          –
      cycle          0  –          –
      body           0  –          –

      Nothing is stored yet.
      → run: whoopster sync

      "
    `)
  })

  it.each(['sleep', 'recovery', 'workout', 'cycle', 'body'])('looks closer at %s, within the width', async (type) => {
    const { code, out, err } = await run(`stats --user ${FIRST} --type ${type}`, env, { clock, columns: 80 })
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatchSnapshot()
  })

  it('knows other units', async () => {
    const [metric, imperial] = [
      await stats(`--user ${FIRST} --type recovery,cycle`),
      await stats(`--user ${FIRST} --type recovery,cycle --units imperial`),
    ]
    const of = (name: string, [user]: Stats['users']) => user?.metrics.find((one) => one.name === name)
    expect(of('skin temp', metric)?.unit).toBe('°C')
    expect(of('skin temp', imperial)).toMatchObject({ unit: '°F' })
    expect(of('skin temp', imperial)?.average).toBeCloseTo((of('skin temp', metric)?.average ?? 0) * 1.8 + 32)
    expect([of('energy', metric)?.unit, of('energy', imperial)?.unit]).toEqual(['kcal', 'kcal']) // as in Grafana and the app
    const { out } = await run(`stats --user ${FIRST} --type workout,body --units imperial`, env, { clock })
    expect(out).toMatch(/\b[4-6] ft \d{1,2} in\b/)
    for (const unit of ['kcal', 'mi', 'lb']) expect(out).toMatch(new RegExp(`\\b${unit}\\b`))
  })

  it('does not say that there were no workouts when nobody was allowed to look', async () => {
    const { sql } = database
    const [hidden] = await sql`select id as user_id from users where whoop_user_id = ${FIRST}`
    const user = hidden?.['user_id'] as number
    await sql.begin(async (tx) => {
      await tx`create table moved as select * from workout_records where user_id = ${user}`
      await tx`create table status_moved as select * from sync_status where user_id = ${user} and data_type = 'workout'`
      await tx`delete from workout_records where user_id = ${user}`
    })
    const shown = async () => {
      const { out } = await run(`stats --user ${FIRST}`, env, { clock, columns: 80 })
      return /^workouts +\/week.*/m.exec(out)?.[0]
    }
    expect(await shown()).toMatch(/ 0\.0 +0\.0 +0\.0 +0\.0 /) // WHOOP was asked, and there were none
    await sql`update sync_status set last_sync_time = null where user_id = ${user} and data_type = 'workout'`
    expect(await shown()).toMatch(/ – +– +– +–/)
    await sql.begin(async (tx) => {
      await tx`insert into workout_records select * from moved`
      await tx`update sync_status s set last_sync_time = m.last_sync_time from status_moved m where s.id = m.id`
      await tx`drop table moved, status_moved`
    })
  })

  it('says every figure at 40 columns, and breaks no word', async () => {
    const { out } = await run(`stats --user ${FIRST} --type workout,body`, env, { clock, columns: 40 })
    expect(out.split('\n').filter((line) => line.length > 40)).toEqual([])
    expect(out).toMatch(
      /^Running .*\n {2}workouts \d+ {2}hours [\d:]+ {2}strain [\d.]+\n {2}kcal [\d,]+ {2}km [\d.]+$/m,
    )
    expect(out).toMatch(/max HR bpm \d+/)
    expect(out).toContain('Weightlifting (MSK)') // WHOOP's weightlifting_msk
  })

  it('reads well at 80 columns', async () => {
    expect((await run(`stats --user ${FIRST}`, env, { clock, columns: 80 })).out).toMatchInlineSnapshot(`
      "Milo (WHOOP user 10001)
                stored  first day   last day
      sleep        128  2026-07-26  2026-11-22
      recovery     123  2026-07-26  2026-11-22
      workout      105  2026-07-26  2026-11-22
      cycle        120  2026-07-26  2026-11-22
      body           1  2026-11-22  2026-11-22

      average              all  90 d  30 d   7 d     the 120 days
      recovery     %        58    59    55    57  ↑  ▇▂▅▂▂▆▅▇▆█▅▄▆▄▄▆▃▄▄▅▅▄█▅▁▄▅▃▁▃▆▄▅
      HRV          ms       61    62    59    59  →  ▇▃▅▂▃▆▄▇▆█▄▆▆▃▄▆▃▃▄▅▅▅█▅▁▄▅▃▁▂▅▃▅
      resting HR   bpm      57    57    57    57  →  ▁▄▃▄▅▄▅▂▃▁▃▃▂▃▄▃▆▅▅▄▄▄▁▄▆▄▄▅█▅▃▅▄
      day strain   0–21    9.3   9.2   9.3   8.7  ↓  ▆▅▇▇▅▇▆▃▂▅▆█▅▃▇▄▇▇▆▂▇▅▁▄▄█▆█▃▄▆▂▆
      asleep       h      7:07  7:08  7:10  7:04  →  ▃▂▃▂▁▆▁▅▁▄▁▃▁█▂█▁▃▂▅▃▄▂▂▁▇▃▃▃▂▄▁▅
      sleep score  %        86    87    86    87  →  ▆▃▅▂▁▆▃▅▄▆▃▃▁█▅█▇▄▂▅▃▅▂▃▁▆▃▃▂▄▅▃▅
      workouts     /week   6.1   5.8   5.6   6.0  ↑  ▄▃█▆▅▄▃▂▁▃▄▄▂▁▄▄▅▃▅▁▃▃▁▅▄▅▄▂▁▃▄▂▄

      an average night of the last 30 days
      ███████████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░
      █ deep 1:22  ▓ REM 1:43  ▒ light 4:05  ░ awake 0:42

           recovery, 12 weeks       recovery  day strain  asleep  sleep score
      Mon  ● ◐ ◐ ◐ ◐ ◐ ◐ ◐ ◐ ○ ○ ◐        50         5.9    6:44           83
      Tue  ◐ ● · ◐ ◐ ● ● ◐ ◐ ● ◐ ◐        63        11.2    6:54           87
      Wed  ◐ ◐ ◐ ○ ◐ ◐ ● ◐ ◐ ○ ◐ ◐        49         9.1    6:41           80
      Thu  ◐ ● ● ◐ ◐ ● ● ○ ◐ ◐ ◐ ◐        59        10.3    6:56           83
      Fri  ◐ ◐ ◐ ◐ ◐ ◐ ● ◐ ◐ · ◐ ◐        56         6.2    7:16           87
      Sat  ● ◐ ● ◐ ◐ ◐ ● ◐ ● ◐ ● ●        70        11.1    7:43           92
      Sun  ◐ ◐ ◐ ◐ ◐ ◐ ◐ ◐ ◐ ◐ ● ●        61        11.4    7:34           91
           ● 67–100 %  ◐ 34–66 %  ○ 0–33 %

      "
    `)
  })

  it.each([40, 80, 120])('keeps within %i columns, and cuts nothing off', async (columns) => {
    for (const isTTY of [true, false]) {
      const { out } = await run('stats', env, { clock, columns, isTTY })
      const lines = stripVTControlCharacters(out).split('\n')
      expect(lines.filter((line) => line.length > columns)).toEqual([])
      expect(out).not.toContain('…')
      expect(out).toContain('7 d')
    }
  })

  it('draws a line across what is left of the width', async () => {
    const { out } = await run(`stats --user ${FIRST}`, env, { clock, columns: 120 })
    expect(out).toMatch(/recovery .*[▁▂▃▄▅▆▇█ ]{60}/)
    expect(out).toContain('the 120 days')
  })

  it('is colourful on a terminal only, and where colours are wanted', async () => {
    expect(await isColourful({ env, isTTY: true })).toBe(true)
    expect(await isColourful({ env: { ...env, NO_COLOR: '1' }, isTTY: true })).toBe(false)
    expect(await isColourful({ env: { ...env, TERM: 'dumb' }, isTTY: true })).toBe(false)
    expect(await isColourful({ env, isTTY: false })).toBe(false)
  })

  it('needs neither WHOOP’s settings nor the key', async () => {
    expect((await stats(`--user ${FIRST}`, { DATABASE_URL: database.url })).length).toBe(1)
  })

  it('says when that member is not there', async () => {
    const { code, out, err } = await run('stats --user 999', env, { clock, isTTY: true })
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(stripVTControlCharacters(err)).toContain(
      'Nothing is stored of WHOOP user 999.\n  → see who there is: whoopster stats',
    )
  })

  it.each(['--days 0', '--days -1', '--days x', '--type steps', '--user me'])('refuses %s', async (options) => {
    expect(await run(`stats ${options}`, env, { clock })).toMatchObject({ code: 64, out: '' })
  })
})

describe('stats of a database in which nobody has logged in', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  it('says so', async () => {
    const { code, out, err } = await run('stats', { DATABASE_URL: database.url })
    expect({ code, out }).toEqual({ code: 77, out: '' })
    expect(err).toContain('Nobody is logged in.')
    expect(err).toContain('run: whoopster auth')
  })
})

const column = (name: string) => (day: Summary) => {
  const value = day[name]
  return typeof value === 'number' ? value : null
}

const metrics = [
  { name: 'recovery', unit: '%', value: column('recovery_score') },
  { name: 'HRV', unit: 'ms', value: column('hrv_rmssd') },
  { name: 'resting HR', unit: 'bpm', value: column('resting_heart_rate') },
  { name: 'day strain', unit: '0–21', value: column('strain_score') },
  { name: 'asleep', unit: 'h', value: (day: Summary) => times(column('asleep_duration')(day), 1 / 3_600_000) },
  { name: 'sleep score', unit: '%', value: column('sleep_performance_percentage') },
  { name: 'workouts', unit: '/week', value: (day: Summary) => times(column('workouts')(day), 7) },
]

function times(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor
}

function range(days: readonly string[]) {
  const sorted = days.toSorted()
  return { records: days.length, firstDay: sorted[0], lastDay: sorted.at(-1) }
}

function mean(values: readonly unknown[]): number | null {
  const known = values.filter((value) => typeof value === 'number')
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0) / known.length
}

function roundedMetric(metric: Stats['users'][number]['metrics'][number]) {
  return {
    ...metric,
    average: rounded(metric.average),
    last90Days: rounded(metric.last90Days),
    last30Days: rounded(metric.last30Days),
    last7Days: rounded(metric.last7Days),
  }
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(6)) // sums may differ in their last digit
}

async function isColourful({ env, isTTY }: { env: Env; isTTY: boolean }): Promise<boolean> {
  const { out } = await run('stats', env, { isTTY })
  return out !== stripVTControlCharacters(out)
}
