import { dueMissing, dueUnsettled, endEvent, markAsked, type Chased } from '../db/chase.ts'
import type { Tx } from '../db/connection/index.ts'
import { cover, invalidate } from '../db/coverage.ts'
import { iso, justAfter, shift, DAY_MS } from '../time.ts'
import { moveToHistory } from '../db/history.ts'
import { suspectDependents } from '../db/omissions.ts'
import { dueQuarantined, markQuarantinedAsked, releaseQuarantined, type Held } from '../db/quarantine.ts'
import { placeOf } from '../db/upsert.ts'
import { WhoopsterError } from '../errors.ts'
import { askPage, inTransaction, keysOf, storePage, storeRecord } from './page.ts'
import type { Job } from './job.ts'
import { resources } from '../resources/index.ts'
import { hasNaturalKey, understand } from '../resources/read.ts'
import { findRecord, type Found, type Wanted } from '../whoop/pages.ts'

const MARGIN_MS = 3 * DAY_MS // a recovery may lie that far from where its sleep was
const MOST_UNANSWERED = 3 // in a row: then it is WHOOP, and not the record

// What is asked for by its id: what is not final yet, what WHOOP has told of, what a list has left out, and what could not be read.

/** Undefined: WHOOP gave no answer to this id, or was not asked any more. */
export type Ask = (wanted: Wanted) => Promise<Found | undefined>

/** No id stops a type: one without an answer is counted, and asked for again when its age has grown by a tenth. */
export function createAsker({ whoop, resource, member, tally, log }: Job): Ask {
  let inARow = 0
  return async (wanted) => {
    if (inARow >= MOST_UNANSWERED) return undefined
    try {
      const found = await findRecord(whoop, resource, wanted, member.scopes)
      inARow = 0
      return found
    } catch (error) {
      if (!(error instanceof WhoopsterError) || error.reason === 'later') throw error
      inARow++
      tally.unanswered++
      log.warn(`WHOOP has no answer for ${resource.name} ${wanted.key}`, {
        whoopUserId: member.whoopUserId,
        reason: error.message,
      })
      return undefined
    }
  }
}

/**
 * Asks for what is not final yet, below the newest page, which shows the rest, and for what WHOOP has told of. Tells whether any of it may be gone, so that
 * its place in the list has to be read again.
 */
export async function chaseUnsettled(job: Job, ask: Ask, below: string): Promise<boolean> {
  const at = job.clock.now().toISOString()
  let isReopened = false
  for (const one of await job.database.pipelined((db) => dueUnsettled(db, job, below, at))) {
    const found = await ask(one)
    const isOver = one.reason === 'event' && found !== undefined // what is not final is asked for again
    const note = (tx: Tx) => (isOver ? endEvent(tx, job, one) : markAsked(tx, job, one, at))
    if (typeof found === 'object') await storeRecord(job, found.record, note)
    else if (!found) await inTransaction(job, note)
    else {
      await reopen(job, one.key, note) // the list, too, must say so before it is believed, whatever an event says
      isReopened = true
    }
  }
  return isReopened
}

/**
 * Only a 404 makes a deletion of what a list has left out. Tells whether anything was deleted, so that a list is whole now
 * that was not.
 */
export async function confirmMissing(job: Job, ask: Ask): Promise<boolean> {
  const at = job.clock.now().toISOString()
  const before = job.tally.deleted
  for (const one of await job.database.pipelined((db) => dueMissing(db, job, at))) {
    const found = await ask(one)
    const note = (tx: Tx) => markAsked(tx, job, one, at)
    if (typeof found === 'object') await storeRecord(job, found.record, note)
    else if (!found) await inTransaction(job, note)
    else if (isGone(found, one)) {
      await inTransaction(job, (tx) => forget(job, tx, one.key))
      job.tally.deleted++
    } else await reopen(job, one.key, note)
  }
  return job.tally.deleted > before
}

/** What has no address of its own is gone, too, once lists of two runs have left it out and its address still does not say. */
function isGone(found: 'gone' | 'unclear', { askedBefore, isOmittedTwice }: Chased): boolean {
  return found === 'gone' || (askedBefore && isOmittedTwice)
}

/** Its place in the list is read again by the next run. */
async function reopen(job: Job, key: string, note: (tx: Tx) => Promise<void>): Promise<void> {
  await inTransaction(job, async (tx) => {
    const place = await placeOf(tx, job, key)
    if (place !== undefined) await cover(tx, job, { invalid: { from: iso(place), to: justAfter(iso(place)) } })
    await note(tx)
  })
}

/** Tries what could not be read once more, as WHOOP has it now: by its key or, where it shows none, where it was listed. */
export async function retryQuarantined(job: Job, ask: Ask, begun: string): Promise<void> {
  const at = job.clock.now().toISOString()
  for (const held of await job.database.pipelined((db) => dueQuarantined(db, job, begun))) {
    const release = (tx: Tx) => releaseQuarantined(tx, job, held.key)
    const found = hasNaturalKey(held) ? await ask(held) : 'gone'
    if (typeof found === 'object') {
      const isReadable = understand(job.resource, job.member, [found.record]).understood.length > 0
      await storeRecord(job, found.record, isReadable ? release : undefined)
    } else if (found === 'gone' && !(await isListed(job, held))) await inTransaction(job, release)
    else await inTransaction(job, (tx) => markQuarantinedAsked(tx, job, held.key, at))
  }
}

/**
 * Reads the page where a record was listed, and stores it: what was mended is on it, as any other record. It says something
 * of the record only if it shows what was listed above it and what was below.
 */
async function isListed(job: Job, { key, below }: Held): Promise<boolean> {
  const before = below === null ? undefined : justAfter(iso(below))
  const page = await askPage(job, before === undefined ? {} : { end: before })
  if (page.understood.length > 0) await storePage(job, page, { before, shown: [], isConfirmed: false })
  const isTooShort = page.length === 0 || (page.nextToken !== undefined && page.understood.length < 2)
  return isTooShort || keysOf(job, page).includes(key)
}

/** Moves a deleted record to the history; what it placed in time is asked for, and its surroundings are read again. */
async function forget(job: Job, tx: Tx, key: string): Promise<void> {
  const { fence, member, resource } = job
  const at = job.clock.now().toISOString()
  const dependents = resources.filter(({ after }) => after === resource.name)
  for (const dependent of dependents) await suspectDependents(tx, { member, resource: dependent }, key, at)
  const gone = await moveToHistory(tx, job, key, at)
  if (!gone) return
  const place = iso(gone.place)
  // A list that was long in doubt may have lied all the same: should it show the record again, it is taken back.
  await cover(tx, job, gone.wasDoubted ? { invalid: { from: place, to: justAfter(place) } } : {})
  const types = dependents.map(({ name }) => name)
  await invalidate(tx, fence, member, types, { from: shift(place, -MARGIN_MS), to: shift(place, MARGIN_MS) })
}
