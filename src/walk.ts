import type { Database, Tx } from './db/connect.ts'
import { cover, iso, newestGap, type Gap, type Range } from './db/coverage.ts'
import type { Fence } from './db/lock.ts'
import type { Member } from './db/tokens.ts'
import { holdsBefore, upsert } from './db/upsert.ts'
import { WhoopsterError } from './errors.ts'
import type { Log } from './log.ts'
import { keyOf, understand } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'
import type { Tally } from './result.ts'
import type { Whoop } from './whoop/client.ts'
import { findRecord, readPage, type Page } from './whoop/pages.ts'

/** One type of one member, and all that its sync needs. */
export interface Job {
  database: Database
  fence: Fence
  whoop: Whoop
  member: Member
  resource: Resource
  log: Log
  tally: Tally
  /** Told after each page: how far back it reached. */
  report(reached: string): void
}

/** The times between which a page's records began. */
interface Span {
  top: string
  bottom: string
}

const DOUBT_MS = 30 * 86_400_000

/**
 * Makes one type complete: the newest page always, then the newest page of what is missing, until nothing is.
 * Every request asks by time, so going on after a crash and going on to the next page are the same thing.
 */
export async function walk(job: Job): Promise<void> {
  const newest = await keepNewest(job)
  if (!newest) return
  const next = () => job.database.alone((db) => newestGap(db, job.member, job.resource, newest.top))
  for (let gap = await next(); gap; gap = await next()) {
    if (await fill(job, gap)) continue
    const type = job.resource.name
    job.log.warn("WHOOP's time filter contradicts its list; reading the list from its top", { type, before: gap.to })
    await walkByToken(job, newest, next)
    return
  }
}

/** Reads the newest page, without an `end`: the present is always open, and nobody's clock matters. */
async function keepNewest(job: Job): Promise<(Span & { nextToken: string | undefined }) | undefined> {
  let page = await readPage(job.whoop, job.resource, {})
  if (page.records.length === 0) {
    if (!(await holdsRecords(job))) return undefined
    page = await readPage(job.whoop, job.resource, {})
  }
  const span = await keep(job, page, ({ top, bottom }) => range(page, bottom, top))
  if (!span) throw emptyList(job.resource)
  let { bottom } = span
  while (bottom === span.top && page.nextToken) {
    page = await readPage(job.whoop, job.resource, { token: page.nextToken })
    bottom = (await keep(job, page, (lower) => range(page, lower.bottom, span.top)))?.bottom ?? bottom
  }
  return { top: span.top, bottom, nextToken: page.nextToken }
}

/** Reads the newest page of a gap; false when WHOOP contradicts, twice, what it has said before. */
async function fill(job: Job, gap: Gap): Promise<boolean> {
  const claim = (page: Page) => (span: Span) => (span.top < gap.to ? range(page, span.bottom, gap.to) : undefined)
  for (let attempt = 1; attempt <= 2; attempt++) {
    let page = await readPage(job.whoop, job.resource, { end: gap.to })
    if (!(await believable(job, gap, page))) continue
    if (page.records.length === 0) {
      await claimEmpty(job, gap)
      return true
    }
    let span = await keep(job, page, claim(page))
    // Time alone does not get past a page whose records all began in the same millisecond.
    while (span && page.nextToken && span.top < gap.to && range(page, span.bottom, gap.to) === undefined) {
      page = await readPage(job.whoop, job.resource, { end: gap.to, token: page.nextToken })
      span = await keep(job, page, claim(page))
    }
    if (span && span.top < gap.to) return true
  }
  return false
}

/** The record that the gap was asked from must be on its page again, unless it has been deleted since. */
async function believable(job: Job, gap: Gap, page: Page): Promise<boolean> {
  const { resource, member, whoop } = job
  if (page.records.length === 0) return !(await holdsRecords(job, gap.to))
  if (gap.anchor === undefined) return true
  const keys = understand(resource, member, page.records).map(({ row }) => keyOf(resource, row))
  return keys.includes(gap.anchor) || (await findRecord(whoop, resource, gap.anchor)) === undefined
}

function holdsRecords({ database, member, resource }: Job, before?: string): Promise<boolean> {
  return database.alone((db) => holdsBefore(db, member, resource, before))
}

async function claimEmpty(job: Job, gap: Gap): Promise<void> {
  const { database, fence, member, resource } = job
  const claim = { to: gap.to }
  await database.alone((db) => db.transaction((tx) => cover(tx, fence, member, resource, { claim })))
}

/** The way back when the filter does not do what we believe: an offset into a list that may move meanwhile. */
async function walkByToken(
  job: Job,
  newest: { bottom: string; nextToken: string | undefined },
  next: () => Promise<Gap | undefined>,
): Promise<void> {
  let bound = justAfter(newest.bottom)
  for (let token = newest.nextToken; token && (await next());) {
    const page = await readPage(job.whoop, job.resource, { token })
    const span = await keep(job, page, ({ bottom }) => range(page, bottom, bound))
    if (!span || page.nextToken === token) throw emptyList(job.resource)
    if (justAfter(span.bottom) < bound) bound = justAfter(span.bottom)
    token = page.nextToken
  }
}

/** Commits a page's rows and the range that it completes, or neither. */
async function keep(job: Job, page: Page, claim: (span: Span) => Range | undefined): Promise<Span | undefined> {
  const { database, fence, member, resource, tally } = job
  const records = understand(resource, member, page.records)
  if (records.length === 0) return undefined
  const store = async (tx: Tx) => {
    const stored = await upsert(tx, resource, member, records)
    const places = stored.map(({ place }) => iso(place))
    const span = { top: places[0] ?? '', bottom: places.at(-1) ?? '' }
    // What is new where everything was thought to be known may not have come alone.
    const surprised = page.nextToken !== undefined && stored.some((one) => one.claimed && one.change === 'inserted')
    const doubt = surprised ? { from: shift(span.bottom, -DOUBT_MS), to: justAfter(span.bottom) } : undefined
    await cover(tx, fence, member, resource, { claim: claim(span), doubt, newest: span.top })
    return { stored, span }
  }
  const { stored, span } = await database.alone((db) => db.transaction(store))
  tally.fetched += stored.length
  for (const { change } of stored) tally[change]++
  job.report(span.bottom)
  return span
}

/** What a page completes: from its last record, or the beginning of time when it is the last page, up to `to`. */
function range({ nextToken }: Page, bottom: string, to: string): Range | undefined {
  if (nextToken === undefined) return { to }
  const from = justAfter(bottom)
  return from < to ? { from, to } : undefined
}

function justAfter(time: string): string {
  return shift(time, 1)
}

function shift(time: string, ms: number): string {
  return new Date(Date.parse(time) + ms).toISOString()
}

function emptyList({ path }: Resource): WhoopsterError {
  return new WhoopsterError('protocol', `WHOOP sent an empty or repeated page for ${path}, where records must be.`, {
    hint: 'nothing was concluded from it; a later run asks again',
  })
}
