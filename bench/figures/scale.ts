import { mib, ms, ratio, type Bench, type Figure } from '../figure.ts'
import { ask, queriesOf } from '../panels.ts'
import { peakOf, run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'
import type { Stage } from '../stage.ts'
import { fillYears } from '../years.ts'
import { health } from './health.ts'

const YEAR_DAYS = 365
const QUIET = '{"sleep": {}, "recovery": {}, "workout": {}, "cycle": {}, "body": {}}'

/** What does not depend on how many years are stored, nor on how many members share the database. */
export async function scale(bench: Bench): Promise<Figure[]> {
  const { size, stages } = bench
  const { few, many, days, decade } = size.scale
  return stages.with({ days: size.monthDays }, (small) =>
    stages.with({ days: size.monthDays }, async (large) => {
      await run(bench.node, whoopster('sync'), small.env)
      await run(bench.node, whoopster('sync'), large.env)
      await fillYears(small.sql, { members: 1, days: Math.min(YEAR_DAYS, decade) }) // whoop_user_id 1
      await fillYears(small.sql, { members: few - 1, days, from: 2, runsEvery: '1 day' })
      await fillYears(large.sql, { members: 1, days: decade })
      await fillYears(large.sql, { members: many - 1, days, from: 2, runsEvery: '1 day' })
      return [
        ...(await panels(bench, small, large)),
        ...(await health(bench, small, large)),
        await pages(bench, large),
        await bytes(large),
        ...(await peaks(bench, small, large)),
      ]
    }),
  )
}

/** Every query of every board but Sync health's, for a year: of one who has stored a year among few, or ten among many. */
async function panels({ size }: Bench, small: Stage, large: Stage): Promise<Figure[]> {
  const boards = new Map<string, number>()
  let slowest = 0
  const total = { small: 0, large: 0 }
  for (const { name: board, text } of queriesOf((name) => name !== 'Sync health', { days: YEAR_DAYS, member: '1' })) {
    const wall = await interleaved(size.longRounds, {
      small: () => ask(small.sql, text),
      large: () => ask(large.sql, text),
    })
    total.small += wall.small
    total.large += wall.large
    slowest = Math.max(slowest, wall.large)
    boards.set(board, (boards.get(board) ?? 0) + wall.large)
  }
  const [name = '', heaviest = 0] = [...boards].toSorted(([, a], [, b]) => b - a)[0] ?? []
  return [
    ratio([total.large, total.small], ms, {
      name: `all panels of a year with ${size.scale.decade} days stored among ${size.scale.many} members ÷ with ${YEAR_DAYS} among ${size.scale.few}`,
      goal: 1.5,
      bound: 'planning each query, and that year',
    }),
    { name: 'the slowest panel of these', goal: 200, measured: slowest, kind: 'ms', made: '', bound: '' },
    {
      name: 'the heaviest board, one query after the other',
      goal: 2000,
      measured: heaviest,
      kind: 'ms',
      made: name,
      bound: '',
    },
  ]
}

/** Of all tables of ours and their indexes: PostgreSQL's own count, which a session adds to when it ends. */
async function pages({ node }: Bench, { env, sql }: Stage): Promise<Figure> {
  const count = async () => {
    for (;;) {
      const [one] =
        await sql`select from pg_stat_activity where application_name = 'whoopster' and datname = current_database()`
      if (!one) break
    }
    const rows = await sql<{ name: string; pages: number }[]>`
      select relname as name, (coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0) + coalesce(idx_blks_hit, 0)
        + coalesce(idx_blks_read, 0))::int as pages from pg_statio_user_tables`
    return rows.reduce((sum, row) => sum + row.pages, 0)
  }
  const before = await count()
  await run(node, whoopster('sync --user 10001 --no-migrate'), env)
  const all = (await count()) - before
  return {
    name: 'pages that a quiet sync looks at, of all tables and indexes, for each record that WHOOP lists',
    goal: 10,
    measured: all / 100,
    kind: 'ratio',
    made: `${all} pages; four lists of 25`,
    bound: 'each record is looked up by its key: the levels of an index, and the row',
  }
}

async function bytes({ sql }: Stage): Promise<Figure> {
  const [row] = await sql<{ bytes: number }[]>`
    select pg_column_size(r)::int as bytes from sync_runs r where types = ${QUIET}::text::jsonb order by id desc limit 1`
  return {
    name: 'bytes of a quiet run in sync_runs',
    goal: 300,
    measured: row?.bytes ?? Number.NaN,
    kind: 'count',
    made: '',
    bound: '',
  }
}

async function peaks({ size, node }: Bench, small: Stage, large: Stage): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const line of ['status', 'stats --json', 'export --type cycle']) {
    const peak = await interleaved(1, {
      small: () => peakOf(node, whoopster(line), small.env),
      large: () => peakOf(node, whoopster(line), large.env),
    })
    figures.push(
      ratio([peak.large, peak.small], mib, {
        name: `peak memory of \`${line}\` with ${size.scale.many} members ÷ with ${size.scale.few}`,
        goal: 1.2,
        bound: '',
      }),
    )
  }
  const wall = await interleaved(size.longRounds, {
    one: async () => (await run(node, whoopster('export --type daily --user 2'), small.env)).ms,
    many: async () => (await run(node, whoopster('export --type daily --user 2'), large.env)).ms,
  })
  figures.push(
    ratio([wall.many, wall.one], ms, {
      name: `\`export --type daily --user\` with ${size.scale.many} members ÷ with ${size.scale.few}`,
      goal: 1.2,
      bound: 'the start of the program',
    }),
  )
  return figures
}
