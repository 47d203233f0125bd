import { suspectNewest } from './db/chase.ts'
import { cover, newestGap, type Gap, type Range } from './db/coverage.ts'
import { saveTiers } from './db/tiers.ts'
import { holdsBefore } from './db/upsert.ts'
import { chaseUnsettled, confirmMissing, retryQuarantined } from './chase.ts'
import { WhoopsterError } from './errors.ts'
import {
  askPage,
  countUnchanged,
  inTransaction,
  isUpToDate,
  justAfter,
  keepPage,
  type Job,
  type Page,
  type Span,
} from './keep.ts'
import { keyOf } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'
import { dueAgain } from './tiers.ts'
import { findRecord } from './whoop/pages.ts'

/**
 * Makes one type complete and true: the newest page always, what is not final by its id, then the newest page of what
 * is missing, until nothing is. Every request for a page asks by time, so going on after a crash and going on to the
 * next page are the same thing.
 */
export async function walk(job: Job): Promise<void> {
  const begun = job.clock.now().toISOString()
  await doubtByAge(job)
  const page = await askPage(job, {})
  if (await isUpToDate(job, page, begun)) return countUnchanged(job, page)
  const newest = await keepNewest(job, page)
  if (newest) {
    if (await isUpToDate(job, page, begun)) return
    await chaseUnsettled(job, newest.bottom)
    await fillGaps(job, newest)
  }
  const found = await confirmMissing(job)
  if (!newest && found > 0) throw emptyList(job.resource)
  await retryQuarantined(job, begun)
}

/** What has not been read for long is taken out of what is covered: an edit shows by being read again only. */
async function doubtByAge(job: Job): Promise<void> {
  const { database, fence, member, resource } = job
  const { tiers, oldest } = job.state
  const now = job.clock.now()
  const due = dueAgain(tiers, now, oldest ?? now)
  if (due.ranges.length === 0 && tiers.recentAt) return
  await database.alone((db) => db.transaction((tx) => saveTiers(tx, fence, member, resource, due)))
}

interface Newest extends Span {
  nextToken: string | undefined
}

/** Reads the newest page, without an `end`: the present is always open, and nobody's clock matters. */
async function keepNewest(job: Job, first: Page): Promise<Newest | undefined> {
  let page = first
  if (page.length === 0 && (await holdsRecords(job))) {
    page = await askPage(job, {})
    if (page.length === 0) await suspect(job)
  }
  let top: string | undefined
  let bottom: string | undefined
  const shown: string[] = []
  for (;;) {
    const { nextToken } = page
    const claim = (span: Span) => range(nextToken, span.bottom, top ?? span.top)
    const span = await keepPage(job, page, { before: bottom && justAfter(bottom), shown, claim })
    shown.push(...(span?.keys ?? []))
    top ??= span?.top
    bottom = span?.bottom ?? bottom
    if (nextToken === undefined || (top && bottom && bottom < top))
      return top && bottom ? { top, bottom, nextToken } : undefined
    page = await readFurther(job, nextToken)
  }
}

async function suspect(job: Job): Promise<void> {
  const { member, resource, clock } = job
  await inTransaction(job, (tx) => suspectNewest(tx, member, resource, clock.now().toISOString()))
}

async function fillGaps(job: Job, newest: Newest): Promise<void> {
  const { database, member, resource } = job
  const next = () => database.alone((db) => newestGap(db, member, resource, newest.top))
  const pages = createPages(job)
  try {
    for (let gap = await next(); gap; gap = await next()) {
      if (await fill(job, gap, pages)) continue
      await pages.settled()
      const type = resource.name
      job.log.warn("WHOOP's time filter contradicts its list; reading the list from its top", { type, before: gap.to })
      await walkByToken(job, newest)
      return
    }
  } finally {
    await pages.settled() // it may be in the middle of a token refresh
  }
}

/** Reads the newest page of a gap; false when WHOOP contradicts, twice, what it has said before. */
async function fill(job: Job, gap: Gap, pages: Pages): Promise<boolean> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const page = await pages.before(gap.to)
    const isAskedAgain = page.length > 0 || attempt > 1 // an empty answer is not believed at once
    if (!isAskedAgain || !(await believable(job, gap, page))) continue
    pages.lookAhead(page, gap)
    if (await keepDown(job, page, gap.to)) return true
  }
  return false
}

/** The pages of a gap, asked for while those above them are stored. */
interface Pages {
  before(end: string): Promise<Page>
  /** What follows this page will be wanted. */
  lookAhead(page: Page, gap: Gap): void
  /** No request is under way any more. */
  settled(): Promise<void>
}

const MOST_AHEAD = 2

function createPages(job: Job): Pages {
  const ahead: { end: string; page: Promise<Page> }[] = []
  let tail: { page: Page; gap: Pick<Gap, 'from' | 'to'> } | undefined // nobody has asked for what follows it
  let isStopping = false
  function goOn(): void {
    if (!tail || ahead.length >= MOST_AHEAD || isStopping) return
    const { page: above, gap } = tail
    tail = undefined
    if (above.bottom === undefined || above.nextToken === undefined) return
    const end = justAfter(above.bottom)
    if (end >= gap.to || (gap.from !== undefined && end <= gap.from)) return
    const page = askPage(job, { end })
    ahead.push({ end, page })
    const arrived = (below: Page) => {
      tail = { page: below, gap: { from: gap.from, to: end } }
      goOn()
    }
    page.then(arrived, () => {}) // whoever waits for it hears of it
  }
  async function settled(): Promise<void> {
    isStopping = true
    for (let next = ahead.shift(); next; next = ahead.shift()) await next.page.catch(() => {})
    tail = undefined
    isStopping = false
  }
  return {
    settled,
    before: async (end) => {
      if (ahead[0]?.end !== end) await settled()
      return ahead.shift()?.page ?? askPage(job, { end })
    },
    lookAhead: (page, gap) => {
      if (ahead.length === 0) tail = { page, gap }
      goOn()
    },
  }
}

/** The record that the gap was asked from must be on its page again, unless it has been deleted since. */
async function believable(job: Job, gap: Gap, page: Page): Promise<boolean> {
  const { resource, whoop } = job
  if (page.length === 0) return !(await holdsRecords(job, gap.to))
  if (gap.anchor === undefined) return true
  const keys = [...page.understood.map(({ row }) => keyOf(resource, row)), ...page.unreadable.map(({ key }) => key)]
  return keys.includes(gap.anchor) || (await findRecord(whoop, resource, gap.anchor)) === undefined
}

/**
 * Keeps the page before `to`, and those after it as long as time alone does not get past them: their records all began
 * in one millisecond, or cannot be read. False when a record is not from before `to`.
 */
async function keepDown(job: Job, first: Page, to: string): Promise<boolean> {
  let page = first
  let before = to
  const shown: string[] = []
  for (;;) {
    const { nextToken } = page
    const claim = (span: Span) => (span.top < to ? range(nextToken, span.bottom, to) : undefined)
    const span = await keepPage(job, page, { before, shown, claim })
    if (span && span.top >= to) return false
    if (!span && nextToken === undefined) await claimRest(job, to)
    if (nextToken === undefined || (span && justAfter(span.bottom) < to)) return true
    if (span) before = justAfter(span.bottom)
    shown.push(...(span?.keys ?? []))
    page = await readFurther(job, nextToken, to)
  }
}

const MOST_WALKS = 5

/**
 * The way back when the filter does not do what we believe. A token is an offset into a list that may move meanwhile,
 * and what moves past it is not seen: only a walk that met nothing new has shown everything.
 */
async function walkByToken(job: Job, newest: Newest): Promise<void> {
  for (let walks = 1; walks <= MOST_WALKS; walks++) {
    const known = job.tally.inserted
    await keepAll(job, newest)
    if (job.tally.inserted === known) return claimRest(job, newest.top)
  }
  throw emptyList(job.resource)
}

async function keepAll(job: Job, { bottom, nextToken }: Newest): Promise<void> {
  let before = justAfter(bottom)
  for (let token = nextToken; token !== undefined;) {
    const page = await readFurther(job, token)
    if (page.length === 0) throw emptyList(job.resource)
    const span = await keepPage(job, page, { before, claim: () => undefined })
    if (span && justAfter(span.bottom) < before) before = justAfter(span.bottom)
    token = page.nextToken
  }
}

async function readFurther(job: Job, token: string, end?: string): Promise<Page> {
  const page = await askPage(job, end === undefined ? { token } : { token, end })
  if (page.nextToken === token) throw emptyList(job.resource)
  return page
}

function holdsRecords({ database, member, resource }: Job, before?: string): Promise<boolean> {
  return database.alone((db) => holdsBefore(db, member, resource, before))
}

async function claimRest({ database, fence, member, resource }: Job, to: string): Promise<void> {
  await database.alone((db) => db.transaction((tx) => cover(tx, fence, member, resource, { claim: { to } })))
}

/** What a page completes: from its last record, or the beginning of time when it is the last page, up to `to`. */
function range(nextToken: string | undefined, bottom: string, to: string): Range | undefined {
  if (nextToken === undefined) return { to }
  const from = justAfter(bottom)
  return from < to ? { from, to } : undefined
}

function emptyList({ path }: Resource): WhoopsterError {
  return new WhoopsterError('protocol', `WHOOP sent an empty or repeated page for ${path}, where records must be.`, {
    hint: 'nothing was concluded from it; a later run asks again',
  })
}
