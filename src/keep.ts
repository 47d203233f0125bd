import type { Leader } from './beside.ts'
import type { Database, Tx } from './db/connect.ts'
import { cover, iso, type Range } from './db/coverage.ts'
import { codeOf, rootCause } from './db/failure.ts'
import type { Fence } from './db/lock.ts'
import { isAsLeft } from './db/look.ts'
import { quarantine } from './db/quarantine.ts'
import type { TypeState } from './db/runs.ts'
import type { Member } from './db/tokens.ts'
import { placesOf, upsert, type Batch, type Stored } from './db/upsert.ts'
import type { Log } from './log.ts'
import { unknownFields } from './resources/drift.ts'
import { refused, understand, type Understood, type Unreadable } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'
import type { Tally } from './result.ts'
import { DAY_MS } from './tiers.ts'
import type { Whoop } from './whoop/client.ts'
import { readPage } from './whoop/pages.ts'
import type { Clock } from './world.ts'

/** One type of one member, and all that its sync needs. */
export interface Job {
  database: Database
  fence: Fence
  whoop: Whoop
  member: Member
  resource: Resource
  /** How earlier runs left the type. */
  state: TypeState
  clock: Clock
  log: Log
  tally: Tally
  /** The type that places these records in time, when it is being read at the same time. */
  leader?: Leader | undefined
  /** Told after each page: how far back it reached. */
  report(reached: string): void
}

/** The times between which a page's records began. */
export interface Span {
  top: string
  bottom: string
}

/** What was kept of a page. */
export interface Kept extends Span {
  keys: string[]
}

/** What a page is known to show, and what it completes. */
export interface Listed {
  /** Where its list was asked to end; undefined: it begins with the newest record. */
  before: string | undefined
  /** The keys on the pages before it, where it goes on with what began in the same millisecond. */
  shown?: readonly string[]
  claim(span: Span): Range | undefined
}

const DOUBT_MS = 30 * DAY_MS

/** One page of WHOOP's list, read. */
export interface Page {
  understood: Understood[]
  unreadable: Unreadable[]
  /** How many records it had. */
  length: number
  nextToken: string | undefined
  /** When its last record happened, if that is known before it is stored. */
  bottom: string | undefined
}

/** Asks for a page of the list, reads it, and waits for what places its records in time. */
export async function askPage(job: Job, where: { start?: string; end?: string; token?: string }): Promise<Page> {
  const { whoop, resource, member } = job
  const { records, nextToken } = await readPage(whoop, resource, where)
  const read = understand(resource, member, records)
  return { ...read, length: records.length, nextToken, bottom: await bottomOf(job, read.understood) }
}

async function bottomOf({ database, resource, leader }: Job, records: readonly Understood[]) {
  const own: unknown = records.at(-1)?.row['startTime']
  let bottom = typeof own === 'string' ? own : undefined
  await leader?.until(async () => {
    const { all, last } = await database.alone((db) => placesOf(db, resource, records))
    bottom = last
    return all
  })
  return bottom && iso(bottom)
}

/** Whether the newest page is stored as it is, nothing is missing below it, and nothing is due to be asked for. */
export async function isUpToDate(job: Job, page: Page, begun: string): Promise<boolean> {
  const { database, fence, member, resource } = job
  const { understood, unreadable, nextToken } = page
  if (understood.length === 0 || unreadable.length > 0) return false
  const newest = { records: understood, last: nextToken === undefined, at: begun }
  return database.alone((db) => isAsLeft(db, fence, member, resource, newest))
}

/** Counts a page that did not have to be kept again. */
export function countUnchanged(job: Job, { understood, length }: Page): void {
  const unchanged = understood.map(() => ({ change: 'unchanged' as const }))
  count(job, length, understood, unchanged)
}

/** Commits a page's records and the range that it completes, or neither; undefined when none could be read. */
export async function keepPage(job: Job, page: Page, listed: Listed): Promise<Kept | undefined> {
  const last = page.nextToken === undefined
  const { before, shown = [] } = listed
  const stored = await keep(job, page, { last, before, shown }, (rows) => {
    const span = spanOf(rows)
    if (!span) return {}
    // What is new where everything was thought to be known may not have come alone.
    const surprised = !last && rows.some((row) => row.claimed && row.change === 'inserted')
    const doubt = surprised ? { from: shift(span.bottom, -DOUBT_MS), to: justAfter(span.bottom) } : undefined
    return { claim: listed.claim(span), doubt, newest: before === undefined ? span.top : undefined }
  })
  const span = spanOf(stored)
  if (span) job.report(span.bottom)
  return span && { ...span, keys: stored.map(({ key }) => key) }
}

/** Commits one record that was asked for by its id, with what else has to be remembered of it. */
export async function keepRecord(job: Job, raw: unknown, remember?: (tx: Tx) => Promise<void>): Promise<void> {
  await keep(job, { ...understand(job.resource, job.member, [raw]), length: 1 }, undefined, () => ({}), remember)
}

type Claims = Parameters<typeof cover>[4]

async function keep(
  job: Job,
  { understood, unreadable, length }: Pick<Page, 'understood' | 'unreadable' | 'length'>,
  listed: NonNullable<Batch['listed']> | undefined,
  claims: (stored: readonly Stored[]) => Claims,
  remember: (tx: Tx) => Promise<void> = async () => {},
): Promise<Stored[]> {
  const { database, fence, member, resource, tally } = job
  const at = job.clock.now().toISOString()
  const commit = async (accepted: readonly Understood[], refusals: readonly Unreadable[]) => {
    const shown = [...(listed?.shown ?? []), ...refusals.map(({ key }) => key)]
    const batch: Batch = { records: accepted, at, ...(listed ? { listed: { ...listed, shown } } : {}) }
    return database.alone((db) =>
      db.transaction(async (tx) => {
        const stored = await upsert(tx, resource, member, batch)
        const places = new Map(stored.map(({ key, place }) => [key, place]))
        const listedBelow = ({ below }: Unreadable) => (below && places.get(below)) ?? listed?.before
        const fresh = await quarantine(tx, member, resource, refusals, at, listedBelow)
        await cover(tx, fence, member, resource, claims(stored))
        await remember(tx)
        return { stored, fresh }
      }),
    )
  }
  const { stored, fresh } = await commit(understood, unreadable).catch(async (error: unknown) => {
    if (!isAboutData(error)) throw error
    const sorted = await sortOut(job, understood, at)
    return commit(sorted.accepted, [...unreadable, ...sorted.refused])
  })
  tally.quarantined += fresh
  count(job, length, understood, stored)
  return stored
}

/** Counts records that WHOOP sent, and what became of those that could be read. */
function count(
  { resource, tally }: Job,
  length: number,
  understood: readonly Understood[],
  stored: readonly Pick<Stored, 'change'>[],
): void {
  tally.fetched += length
  for (const { change } of stored) tally[change]++
  for (const field of understood.flatMap(({ raw }) => unknownFields(resource, raw))) {
    tally.unknownFields[field] = (tally.unknownFields[field] ?? 0) + 1
  }
}

/** With this run's locks in hand: another run may have them since the connection was lost. */
export async function inTransaction(
  { database, fence }: Pick<Job, 'database' | 'fence'>,
  work: (tx: Tx) => Promise<void>,
): Promise<void> {
  await database.alone((db) =>
    db.transaction(async (tx) => {
      await fence.hold(tx)
      await work(tx)
    }),
  )
}

/** Which records PostgreSQL takes: each is tried alone, and taken back. */
async function sortOut(job: Job, records: readonly Understood[], at: string) {
  const { database, member, resource } = job
  const accepted: Understood[] = []
  const refusals: Unreadable[] = []
  for (const record of records) {
    try {
      await database.alone((db) =>
        db.transaction(async (tx) => {
          await upsert(tx, resource, member, { records: [record], at })
          throw new TakenBack()
        }),
      )
    } catch (error) {
      if (error instanceof TakenBack) accepted.push(record)
      else if (isAboutData(error)) refusals.push(refused(resource, record, `PostgreSQL: ${messageOf(error)}`))
      else throw error
    }
  }
  return { accepted, refused: refusals }
}

class TakenBack extends Error {}

/** SQLSTATE classes for what a value, not the server, is to blame: data, integrity, a limit of PostgreSQL's own. */
function isAboutData(error: unknown): boolean {
  return /^(22|23|54)/.test(codeOf(rootCause(error)) ?? '')
}

function messageOf(error: unknown): string {
  const cause = rootCause(error)
  return cause instanceof Error ? cause.message : String(cause)
}

function spanOf(stored: readonly Stored[]): Span | undefined {
  const [first, last] = [stored[0], stored.at(-1)]
  return first && last && { top: iso(first.place), bottom: iso(last.place) }
}

export function justAfter(time: string): string {
  return shift(time, 1)
}

export function shift(time: string, ms: number): string {
  return new Date(Date.parse(time) + ms).toISOString()
}
