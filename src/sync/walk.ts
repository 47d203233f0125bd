import { cover, newestGap, noteEmpty, type Gap } from '../db/coverage.ts'
import { holdsSuspects, suspectUnseen } from '../db/omissions.ts'
import { saveTiers } from '../db/reread.ts'
import { holdsBefore } from '../db/upsert.ts'
import { WhoopsterError } from '../errors.ts'
import {
  askPage,
  bottomOf,
  countUnchanged,
  endIfUpToDate,
  inTransaction,
  keysOf,
  nothingThere,
  storePage,
  type Page,
} from './page.ts'
import { justAfter } from '../time.ts'
import type { Job } from './job.ts'
import { chaseUnsettled, confirmMissing, createAsker, retryQuarantined } from './by-id.ts'
import { dueAgain } from './by-age.ts'
import { endless, findRecord, newWalk, type Walked } from '../whoop/pages.ts'

/**
 * Makes one type complete and true: the newest page always, then the newest page of what is missing, until nothing is;
 * last, by its id, what is not final or was left out. Every request for a page asks by time, so going on after a crash
 * and going on to the next page are the same thing. Tells whether all was as the last run had left it, and so has been ended.
 */
export async function walk(job: Job): Promise<boolean> {
  const begun = job.clock.now().toISOString()
  await doubtByAge(job)
  const first = await askPage(job, {})
  if (await endIfUpToDate(job, first, begun)) {
    countUnchanged(job, first)
    return true
  }
  const page = first.length > 0 ? first : await askPage(job, {}) // an empty answer is not believed at once
  if (page.length === 0) {
    if (await holdsRecords(job)) throw await emptyList(job)
    return false
  }
  const ask = createAsker(job)
  const { bottom, fillAgain } = await readAll(job, page)
  if (await chaseUnsettled(job, ask, bottom)) await fillAgain()
  if (await confirmMissing(job, ask)) await fillAgain()
  await retryQuarantined(job, ask, begun)
  return false
}

/** What has not been read for long is taken out of what is covered: an edit shows by being read again only. */
async function doubtByAge(job: Job): Promise<void> {
  const { tiers, oldest } = job.state
  const now = job.clock.now()
  const due = dueAgain(tiers, now, oldest ?? now)
  if (due.ranges.length === 0 && tiers.recentAt) return
  await job.database.pipelined((db) => saveTiers(db, job, due))
}

interface Read {
  /** When the last record of the newest page happened. */
  bottom: string
  /** Fills what has been taken out of what is covered since. */
  fillAgain: () => Promise<void>
}

/** Reads the newest page, and then the newest page of what is missing, until nothing is. */
async function readAll(job: Job, newest: Page): Promise<Read> {
  const withPages = async <T>(read: (way: Walked, pages: Pages) => Promise<T>): Promise<T> => {
    const pages = createPages(job)
    try {
      return await read(newWalk(job.resource), pages)
    } finally {
      await pages.settled() // one may be in the middle of a token refresh
    }
  }
  const stretch = await withPages(async (way, pages) => {
    const read = await storeNewest(job, way, newest, pages)
    const isFilled = read.outcome !== 'contradiction' && (await fillGaps(job, way, read, pages))
    return { ...read, isFilled }
  })
  if (!stretch.isFilled) await walkByToken(job, newest, stretch.top)
  const fillAgain = async () => {
    const first = await atLast(job, stretch)
    if (!(await withPages((way, pages) => fillGaps(job, way, first, pages)))) await walkByToken(job, newest, first.top)
  }
  return { bottom: stretch.bottom, fillAgain }
}

/** What was doubted for what it left out, or for ending too early, is to be believed when all of that is deleted. */
async function atLast(job: Job, stretch: Stretch): Promise<Stretch> {
  if (stretch.outcome !== 'end' && stretch.outcome !== 'doubted') return stretch
  if (await job.database.pipelined((db) => holdsSuspects(db, job))) return stretch
  if (stretch.outcome === 'end' && (await holdsRecords(job, stretch.bottom))) return stretch
  return { ...stretch, outcome: 'kept' }
}

/**
 * `kept`: stored, with what it completes. `doubted`: stored, but it leaves out too much to be believed. `end`: the same,
 * and the list ends here. `contradiction`: stored, but time and order are not
 * what we believe them to be.
 */
type Outcome = 'kept' | 'doubted' | 'end' | 'contradiction'

interface Stretch {
  outcome: Outcome
  /** The times between which its records began. */
  top: string
  bottom: string
  /** What is missing below, asked for while it was stored. */
  next: Promise<Gap | undefined> | undefined
}

/** The newest page is asked for without an `end`: the present is always open, and nobody's clock matters. */
async function storeNewest(job: Job, way: Walked, page: Page, pages: Pages): Promise<Stretch> {
  const goesOnBelow = async (bottom: string) => {
    const gap = await gapBelow(job, justAfter(bottom))
    if (gap?.to !== justAfter(bottom)) return true // what lies below is known from before
    pages.lookAhead(page, { from: gap.from })
    return false
  }
  return storeDown(job, way, page, { to: undefined, goesOnBelow, pages })
}

/** Fills what is missing below the newest page; false when WHOOP contradicts what it has said before. */
async function fillGaps(job: Job, way: Walked, newest: Stretch, pages: Pages): Promise<boolean> {
  let below = newest.outcome === 'kept' ? newest.top : justAfter(newest.bottom)
  if (newest.outcome === 'end') return true
  let gap = await gapBelow(job, below)
  while (gap) {
    const { outcome, bottom, next } = await fill(job, way, gap, { below, pages })
    if (outcome === 'contradiction') {
      const fields = { type: job.resource.name, before: gap.to }
      job.log.warn("WHOOP's time filter contradicts its list; reading the list from its top", fields)
      return false
    }
    if (outcome === 'end') return true
    if (outcome === 'doubted') below = justAfter(bottom)
    const ahead = outcome === 'kept' ? await next : gap // asked for before it was known what became of the page
    gap = ahead && ahead.to >= gap.to ? await gapBelow(job, below) : ahead
  }
  return true
}

function gapBelow(job: Job, top: string): Promise<Gap | undefined> {
  return job.database.pipelined((db) => newestGap(db, job, top))
}

/** Reads the newest page of a gap, and asks for the next one below `below` along with what it stores. */
async function fill(
  job: Job,
  way: Walked,
  gap: Gap,
  { below, pages }: { below: string; pages: Pages },
): Promise<Pick<Stretch, 'outcome' | 'bottom' | 'next'>> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const page = await pages.before(gap.to)
    const isAskedAgain = page.length > 0 || attempt > 1
    if (!isAskedAgain || !(await isBelievable(job, gap, page))) continue
    if (page.length === 0) {
      await job.database.pipelined((db) => cover(db, job, { claim: { to: gap.to } }))
      return { outcome: 'kept', bottom: gap.to, next: gapBelow(job, below) }
    }
    pages.lookAhead(page, gap)
    const goesOnBelow = async (bottom: string) => gap.from !== undefined && bottom <= gap.from
    return storeDown(job, way, page, { to: gap.to, goesOnBelow, pages, next: () => gapBelow(job, below) })
  }
  return { outcome: 'contradiction', bottom: gap.to, next: undefined }
}

/** What the gap was asked from must be on its page again, unless it has been deleted since. */
async function isBelievable(job: Job, gap: Gap, page: Page): Promise<boolean> {
  if (page.length === 0) return !(await holdsRecords(job, gap.to))
  const keys = new Set(keysOf(job, page))
  const [anchor] = gap.anchors
  if (!anchor || gap.anchors.some(({ key }) => keys.has(key))) return true
  const found = await findRecord(job.whoop, job.resource, anchor, job.member.scopes).catch((error: unknown) => {
    if (error instanceof WhoopsterError && error.reason !== 'later') return 'unclear' as const
    throw error
  })
  return typeof found !== 'object'
}

interface Where {
  /** Where the list was asked to end; undefined: with the newest record. */
  to: string | undefined
  /** Whether it is known that the list goes on below this time. */
  goesOnBelow: (bottom: string) => Promise<boolean>
  pages: Pages
  /** Asks what is missing below. */
  next?: () => Promise<Gap | undefined>
}

/**
 * Stores a page, and those after it as long as time alone does not get past them, because all of their records began in
 * one millisecond.
 */
async function storeDown(job: Job, way: Walked, first: Page, where: Where): Promise<Stretch> {
  const shown: string[] = []
  let page = first
  let before = where.to
  let top = where.to
  for (;;) {
    way.note(keysOf(job, page), page.nextToken !== undefined)
    const follows =
      page.nextToken === undefined || (await isFollowed(job, page, where).catch((error: unknown) => error))
    const isConfirmed = follows === true
    const storing = storePage(job, page, { before, shown, isConfirmed, ...(top ? { upTo: top } : {}) })
    const next = where.next?.() // PostgreSQL answers it when the page is stored, and we need not wait for that to ask
    next?.catch(() => {}) // whoever waits for it hears of it
    const kept = await storing
    if (typeof follows !== 'boolean') throw follows // what has arrived is stored all the same
    const isBeyond = where.to !== undefined && kept.placedTop !== undefined && kept.placedTop >= where.to
    top ??= kept.top
    const stretch = { top, bottom: kept.bottom, next }
    const isPast = where.to === undefined ? kept.bottom < top : justAfter(kept.bottom) < where.to
    if (isBeyond || !kept.isOrdered || (isPast && !isConfirmed)) return { ...stretch, outcome: 'contradiction' }
    if (page.nextToken === undefined) return { ...stretch, outcome: kept.isCut || kept.isDoubted ? 'end' : 'kept' }
    if (isPast) return { ...stretch, outcome: kept.isDoubted ? 'doubted' : 'kept' }
    before = justAfter(kept.bottom)
    shown.push(...kept.keys)
    page = await readFurther(job, page.nextToken, where.to)
  }
}

/** Whether there is more of the list below a page, as the page has announced. */
async function isFollowed(job: Job, page: Page, { goesOnBelow, pages }: Where): Promise<boolean> {
  const bottom = await bottomOf(job, page)
  if (bottom === undefined || (await goesOnBelow(bottom))) return true
  const keys = keysOf(job, page)
  for (let attempt = 1; attempt <= 2; attempt++) {
    const below = await (attempt === 1 ? pages.peek(justAfter(bottom)) : pages.peekAgain(justAfter(bottom)))
    if (keysOf(job, below).some((key) => !keys.includes(key))) return true
  }
  return false
}

/** The pages of the gaps, asked for while those above them are stored. */
interface Pages {
  before(end: string): Promise<Page>
  /** The same, and it will be had again. */
  peek(end: string): Promise<Page>
  /** Asked for once more. */
  peekAgain(end: string): Promise<Page>
  /** What follows this page will be wanted, down to `from`. */
  lookAhead(page: Page, gap: Pick<Gap, 'from'>): void
  /** No request is under way any more. */
  settled(): Promise<void>
}

const MOST_AHEAD = 2

function createPages(job: Job): Pages {
  const ahead: { end: string; page: Promise<Page> }[] = []
  let tail: { page: Page; from: string | undefined } | undefined // nobody has asked for what follows it
  const asked = new Set<string>()
  let isStopping = false
  function ask(end: string): Promise<Page> {
    asked.add(end)
    const page = askPage(job, { end })
    page.catch(() => {}) // whoever waits for it hears of it
    return page
  }
  async function goOn(): Promise<void> {
    if (!tail || ahead.length >= MOST_AHEAD || isStopping) return
    const { page: above, from } = tail
    tail = undefined
    if (above.nextToken === undefined) return
    const bottom = await bottomOf(job, above)
    if (bottom === undefined || isStopping || ahead.length >= MOST_AHEAD) return
    const end = justAfter(bottom)
    if (asked.has(end) || (from !== undefined && end <= from)) return // time gets no further, or is known from there on
    const page = ask(end)
    ahead.push({ end, page })
    const arrived = (below: Page) => {
      tail = { page: below, from }
      return goOn()
    }
    page.then(arrived).catch(() => {})
  }
  async function settled(): Promise<void> {
    isStopping = true
    for (let next = ahead.shift(); next; next = ahead.shift()) await next.page.catch(() => {})
    tail = undefined
    isStopping = false
  }
  async function peek(end: string): Promise<Page> {
    for (let next = ahead[0]; ; next = ahead[0]) {
      if (next?.end === end) return next.page
      await settled()
      if (ahead.length === 0) ahead.push({ end, page: ask(end) }) // or it has been asked for meanwhile
    }
  }
  return {
    settled,
    peek,
    peekAgain: async (end) => {
      await settled()
      return peek(end)
    },
    before: async (end) => {
      const page = await peek(end)
      ahead.shift()
      return page
    },
    lookAhead: (page, { from }) => {
      if (ahead.length === 0) tail = { page, from }
      goOn().catch(() => {})
    },
  }
}

const MOST_WALKS = 5

/**
 * The way through the list when it cannot be asked by time. A token is an offset into a list that may move meanwhile, and
 * what moves past it is not seen: only a walk that met nothing new has shown everything.
 */
async function walkByToken(job: Job, newest: Page, top: string): Promise<void> {
  for (let walks = 1; walks <= MOST_WALKS; walks++) {
    const known = job.tally.inserted
    const way = newWalk(job.resource)
    let latest = top
    let page = walks === 1 ? newest : await askPage(job, {})
    while (page.length > 0) {
      way.note(keysOf(job, page), page.nextToken !== undefined)
      const kept = await storePage(job, page)
      if (kept.top > latest) latest = kept.top
      if (page.nextToken === undefined) break
      page = await askPage(job, { token: page.nextToken })
    }
    const isWhole = page.length > 0 // where a page was announced and nothing came, the list has moved, or is not whole
    if (!isWhole || job.tally.inserted > known) continue
    return inTransaction(job, async (tx) => {
      const isDoubted = await suspectUnseen(tx, job, [...way.seen], job.clock.now().toISOString())
      await cover(tx, job, { claim: isDoubted ? undefined : { to: latest }, newest: latest })
    })
  }
  throw endless(job.resource.path)
}

/** Goes on in the list that was asked to end with `end`. */
async function readFurther(job: Job, token: string, end: string | undefined): Promise<Page> {
  const page = await askPage(job, end === undefined ? { token } : { token, end })
  if (page.length === 0 || page.nextToken === token) throw endless(job.resource.path)
  return page
}

function holdsRecords(job: Job, before?: string): Promise<boolean> {
  return job.database.pipelined((db) => holdsBefore(db, job, before))
}

/** Nothing is believed that a whole list of nothing says, while something is stored. */
async function emptyList(job: Job): Promise<WhoopsterError> {
  const { member, fence, resource } = job
  const type = resource.name
  const { runs } = await job.database.pipelined((db) => noteEmpty(db, { member, fence, type }))
  return nothingThere({ path: resource.path, scope: resource.scope, runs })
}
