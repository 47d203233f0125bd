import { getTableName } from 'drizzle-orm'
import type postgres from 'postgres'
import { withDatabase } from '../../src/db/connection/index.ts'
import { lockTypes } from '../../src/db/lock.ts'
import { beginTypes, newTally } from '../../src/db/runs.ts'
import { loadMembers } from '../../src/db/members.ts'
import { storePage, type Page } from '../../src/sync/page.ts'
import type { Job } from '../../src/sync/job.ts'
import { sleep as resource } from '../../src/resources/index.ts'
import { understand } from '../../src/resources/read.ts'
import { PAGE_SIZE } from '../../src/whoop/pages.ts'
import type { Bench, Figure } from '../figure.ts'
import { median } from '../rounds.ts'
import { rowOf } from '../rows.ts'
import type { Stage } from '../stage.ts'

/** What keeping a page faithfully costs, against merely inserting it. */
export async function page({ size, stages }: Bench): Promise<Figure[]> {
  return stages.with({ days: size.yearsDays }, async (stage) => {
    const wall = await withJob(stage, (job) => compare(job, stage))
    return [
      {
        name: 'storing a page ÷ one INSERT of its 25 rows by postgres.js',
        goal: 3,
        measured: wall.kept / wall.inserted,
        kind: 'ratio',
        made: `${wall.kept.toFixed(1)} ms ÷ ${wall.inserted.toFixed(1)} ms, median of ${wall.pages} pages; rows read from JSON, compared, stored, covered and committed ÷ rows already read, inserted`,
        bound: 'four round trips where the INSERT is one; reading 25 records',
      },
    ]
  })
}

/** The pages of one history, each by either way. */
async function compare(job: Job, { sandbox, sql }: Stage) {
  const records = sandbox.world.list(resource.name)
  const kept: number[] = []
  const inserted: number[] = []
  let before: string | undefined
  for (let at = 0; at + PAGE_SIZE <= records.length; at += PAGE_SIZE) {
    const answer = JSON.parse(JSON.stringify(records.slice(at, at + PAGE_SIZE))) as unknown[]
    inserted.push(await timeInsert(job, sql, answer))
    kept.push(
      await timed(async () => {
        const upTo = before === undefined ? {} : { upTo: before }
        const shown = { before, shown: [], isConfirmed: true, ...upTo }
        before = (await storePage(job, readPage(job, answer), shown)).bottom
      }),
    )
  }
  return { kept: median(warm(kept)), inserted: median(warm(inserted)), pages: warm(kept).length }
}

/** Without the first ones, whose code is still being compiled. */
function warm(times: readonly number[]): readonly number[] {
  return times.slice(Math.min(10, times.length - 1))
}

function readPage({ member }: Job, answer: readonly unknown[]): Page {
  return { ...understand(resource, member, answer), length: answer.length, nextToken: 'more' }
}

/** Leaves the table as it was. */
async function timeInsert({ member }: Job, sql: postgres.Sql, records: readonly unknown[]): Promise<number> {
  const { understood } = understand(resource, member, records)
  const rows = understood.map((one) => rowOf(sql, resource, one, member.id))
  const table = sql(getTableName(resource.table))
  const time = await timed(() => sql`insert into ${table} ${sql(rows)}`)
  await sql`delete from ${table} where id = any(${rows.map((row) => String(Reflect.get(row, 'id')))})`
  return time
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** A sync's own means, as far as a page needs them. */
function withJob<T>({ env }: Stage, work: (job: Job) => Promise<T>): Promise<T> {
  return withDatabase({ DATABASE_URL: env.DATABASE_URL, WHOOPSTER_DATA_DIR: undefined }, {}, async (database) => {
    const [member] = await loadMembers(database.db)
    if (!member) throw new Error('nobody is logged in')
    const { fence } = await lockTypes(database.db, member, [resource.name])
    const state = (await beginTypes(database.db, fence, member, [resource.name])).get(resource.name)
    if (!state) throw new Error('no type has begun')
    return work({
      database,
      fence,
      member,
      resource,
      state,
      whoop: {
        find: refuse,
        get: refuse,
        usage: { requests: 0, retries: 0, waitedMs: 0, limitedMs: 0, lastStatus: null },
      },
      clock: {
        now: () => new Date(),
        ofServer: (time) => time,
        sleep: refuse,
        timeout: (ms) => AbortSignal.timeout(ms),
      },
      log: { debug: silent, info: silent, warn: silent, error: silent },
      tally: newTally(),
      report: silent,
    })
  })
}

function silent(): void {}

function refuse(): never {
  throw new Error('keeping a page asks nobody')
}
