import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import postgres, { type Sql } from 'postgres'
import { mib, ms, ratio, type Bench, type Figure } from '../figure.ts'
import { peakOf, run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'

const MEMBERS = 3

/** What it costs to leave and to come back, against what pg_dump and pg_restore do: COPY, packed by gzip, and indexes. */
export async function archive({ size, stages, node }: Bench): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'whoopster-bench-archive-'))
  const [decade, month] = [join(folder, 'decade.zip'), join(folder, 'month.zip')]
  try {
    await stages.with({ days: size.monthDays }, async ({ env }) => {
      await run(node, whoopster('sync'), env)
      await run(node, whoopster(`archive --out ${month}`), env)
    })
    return await stages.with({ days: size.decadeDays, members: MEMBERS }, async ({ sql, env, empty }) => {
      await run(node, whoopster('sync'), env)
      const bytes = await sizeOf(sql)
      const wall = await interleaved(
        size.longRounds,
        {
          dumped: () => timed(() => dump(env.DATABASE_URL, folder)),
          archived: async () => (await run(node, whoopster(`archive --out ${decade}`), env)).ms,
          loaded: () => timed(() => load(sql, folder)),
          restored: async () => {
            await empty()
            return (await run(node, whoopster(`restore ${decade}`), env)).ms
          },
        },
        { warm: false },
      )
      const peak = await interleaved(
        size.longRounds,
        {
          decade: async () => {
            await empty()
            return peakOf(node, whoopster(`restore ${decade}`), env)
          },
          month: async () => {
            await empty()
            return peakOf(node, whoopster(`restore ${month}`), env)
          },
        },
        { warm: false },
      )
      const speed = (took: number) => `${(bytes / 1000 / took).toFixed(1)} MB a second`
      const what = `${Math.round(size.decadeDays / 365)} years of ${MEMBERS} members`
      return [
        ratio([wall.archived, wall.dumped], ms, {
          name: `archiving ${what} ÷ COPY of the same tables, packed by gzip, as pg_dump does`,
          goal: 3,
          bound: `sorting, JSON and SHA-256 beside the packing; ${speed(wall.archived)}`,
        }),
        ratio([wall.restored, wall.loaded], ms, {
          name: `restoring them ÷ COPY into tables without indexes, and the indexes, as pg_restore does`,
          goal: 3,
          bound: `the file is read twice, so that nothing is written of a bad one, and each record understood as in a sync; ${speed(wall.restored)}`,
        }),
        ratio([peak.decade, peak.month], mib, {
          name: `peak memory of a restore, ${what} ÷ a month of one`,
          goal: 2,
          bound: 'three batches are under way at a time; V8 collects no sooner than it must',
        }),
      ]
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const tables = [
  'users',
  'sleep_records',
  'recovery_records',
  'workout_records',
  'cycle_records',
  'body_measurements',
  'record_history',
  'quarantined_records',
  'sync_status',
  'chased_records',
  'journal_entries',
]

async function dump(url: string, folder: string): Promise<void> {
  for (const table of tables) {
    const sql = postgres(url, { max: 1 }) // one for each: a COPY that had to wait leaves postgres.js's connection paused
    const rows = await sql`copy ${sql(table)} to stdout`.readable()
    await pipeline(rows, createGzip(), createWriteStream(join(folder, table)))
    await sql.end({ timeout: 0 })
  }
}

async function load(sql: Sql, folder: string): Promise<void> {
  await sql`drop schema if exists again cascade`
  await sql`create schema again`
  for (const table of tables) {
    await sql`create table again.${sql(table)} (like ${sql(table)} including defaults)`
    const rows = await sql`copy again.${sql(table)} from stdin`.writable()
    await pipeline(createReadStream(join(folder, table)), createGunzip(), rows)
  }
  const indexes = await sql<{ made: string }[]>`
    select replace(indexdef, ' ON public.', ' ON again.') as made from pg_indexes
    where schemaname = 'public' and tablename = any(${tables})`
  for (const { made } of indexes) await sql.unsafe(made)
}

/** In bytes of COPY's text, roughly. */
async function sizeOf(sql: Sql): Promise<number> {
  let bytes = 0
  for (const table of tables) {
    const [row] = await sql<{ n: string }[]>`select coalesce(sum(octet_length(t::text)), 0) as n from ${sql(table)} t`
    bytes += Number(row?.n)
  }
  return bytes
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
