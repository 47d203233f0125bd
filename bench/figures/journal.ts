import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Sql } from 'postgres'
import { mib, ms, ratio, type Bench, type Figure } from '../figure.ts'
import { peakOf, run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'

const QUESTIONS = 60
const DAY_MS = 86_400_000

/** Ten years of a journal with sixty questions: as fast as PostgreSQL takes such rows in, and in no more memory than a month. */
export async function journal({ size, stages, node }: Bench): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'whoopster-bench-journal-'))
  try {
    return await stages.with({ days: size.monthDays }, async ({ sql, env }) => {
      const [decade, month] = [join(folder, 'decade.csv'), join(folder, 'month.csv')]
      await writeFile(decade, journalOf(size.decadeDays))
      await writeFile(month, journalOf(size.monthDays))
      const empty = () => sql`truncate journal_entries, journal_imports`
      const wall = await interleaved(
        size.longRounds,
        {
          imported: async () => {
            await empty()
            return (await run(node, importing(decade), env)).ms
          },
          copied: () => copyAgain(sql),
        },
        { warm: false },
      )
      const peak = await interleaved(
        size.longRounds,
        {
          month: async () => {
            await empty()
            return peakOf(node, importing(month), env)
          },
          decade: async () => {
            await empty()
            return peakOf(node, importing(decade), env)
          },
        },
        { warm: false },
      )
      const rows = size.decadeDays * QUESTIONS
      return [
        ratio([wall.imported, wall.copied], ms, {
          name: `importing a journal of ${rows.toLocaleString('en')} answers ÷ COPY of the same rows into the same table`,
          goal: 5,
          bound: `reading the CSV, laying the rows beside the table, and comparing; ${Math.round((rows / wall.imported) * 1000).toLocaleString('en')} rows a second`,
        }),
        ratio([peak.decade, peak.month], mib, {
          name: 'peak memory of importing a journal, ten years ÷ one month',
          goal: 2,
          bound: 'two thousand rows are under way at a time; V8 collects no sooner than it must',
        }),
      ]
    })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const importing = (file: string) => whoopster(`import --force ${file}`)
const local = (at: number) => new Date(at).toISOString().slice(0, 19).replace('T', ' ')

function journalOf(days: number): string {
  const rows = ['Cycle start time,Cycle end time,Cycle timezone,Question text,Answered yes,Notes']
  for (let day = 0; day < days; day++) {
    const start = Date.UTC(2016, 0, 1, 23, 0, day % 60) + day * DAY_MS
    const cycle = `${local(start)},${local(start + DAY_MS)},UTC+01:00`
    for (let question = 0; question < QUESTIONS; question++) {
      const note = question % 20 === 0 ? '"late, and ""tired"""' : ''
      rows.push(`${cycle},"Did it, whatever number ${question} is?",${(day + question) % 3 === 0},${note}`)
    }
  }
  return `${rows.join('\n')}\n`
}

/** What the import has stored, into the same table: with its key, and what holds a row to its member. */
async function copyAgain(sql: Sql): Promise<number> {
  const rows = await sql<Record<string, string | null>[]>`
    select user_id::text, cycle_start::text, question, cycle_end::text, timezone_offset, answered::text, notes, raw_data::text,
      first_seen::text, updated_at::text
    from journal_entries`
  const lines = rows.map((row) => `${Object.values(row).map(copyCell).join('\t')}\n`)
  await sql`truncate journal_entries, journal_imports`
  const startedAt = performance.now()
  await pipeline(Readable.from(inPieces(lines)), await sql`copy journal_entries from stdin`.writable())
  const took = performance.now() - startedAt
  const [copied] = await sql`select count(*)::int as n from journal_entries`
  if (copied?.['n'] !== rows.length) throw new Error(`${String(copied?.['n'])} of ${rows.length} rows were copied`)
  return took
}

function* inPieces(lines: readonly string[]): Generator<string> {
  for (let at = 0; at < lines.length; at += 1000) yield lines.slice(at, at + 1000).join('')
}

function copyCell(value: string | null): string {
  return value === null ? '\\N' : value.replaceAll('\\', '\\\\')
}
