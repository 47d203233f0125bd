import { clearMissing, dueUnsettled, loadMissing, markAsked, suspectDependents } from './db/chase.ts'
import type { Tx } from './db/connect.ts'
import { cover, iso, uncover } from './db/coverage.ts'
import { moveToHistory } from './db/history.ts'
import { dueQuarantined, releaseQuarantined, type Held } from './db/quarantine.ts'
import { placeOf } from './db/upsert.ts'
import { askPage, inTransaction, justAfter, keepPage, keepRecord, shift, type Job } from './keep.ts'
import { resources } from './resources/index.ts'
import { hasNaturalKey, understand } from './resources/read.ts'
import { DAY_MS } from './tiers.ts'
import { findRecord } from './whoop/pages.ts'

const MARGIN_MS = 3 * DAY_MS // a recovery may lie that far from where its sleep was

/** Asks by id for what is not final yet, below the newest page, which shows the rest. */
export async function chaseUnsettled(job: Job, below: string): Promise<void> {
  const { database, fence, member, resource } = job
  const at = job.clock.now().toISOString()
  for (const key of await database.alone((db) => dueUnsettled(db, member, resource, below, at))) {
    const raw = await findRecord(job.whoop, resource, key)
    if (raw !== undefined) {
      await keepRecord(job, raw, (tx) => markAsked(tx, member, resource, key, at))
      continue
    }
    // Gone, by its id. Its place is read again: the list, too, must say so before it is believed.
    await inTransaction(job, async (tx) => {
      const place = await placeOf(tx, member, resource, key)
      const doubt = place === undefined ? undefined : { from: iso(place), to: justAfter(iso(place)) }
      await cover(tx, fence, member, resource, { doubt })
      await markAsked(tx, member, resource, key, at)
    })
  }
}

/** Asks by id for what was missing on its page; only a 404 makes it a deletion. Returns how many were there after all. */
export async function confirmMissing(job: Job): Promise<number> {
  const { database, member, resource } = job
  let found = 0
  for (const key of await database.alone((db) => loadMissing(db, member, resource))) {
    const raw = await findRecord(job.whoop, resource, key)
    if (raw === undefined) {
      await inTransaction(job, (tx) => forget(job, tx, key))
      job.tally.deleted++
    } else {
      await keepRecord(job, raw, (tx) => clearMissing(tx, member, resource, key))
      found++
    }
  }
  return found
}

/** Tries what could not be read once more, as WHOOP has it now: by its key or, where it shows none, where it was listed. */
export async function retryQuarantined(job: Job, begun: string): Promise<void> {
  const { database, member, resource } = job
  for (const held of await database.alone((db) => dueQuarantined(db, member, resource, begun))) {
    const release = (tx: Tx) => releaseQuarantined(tx, member, resource, held.key)
    if (!hasNaturalKey(held)) {
      if (!(await isListed(job, held))) await inTransaction(job, release)
      continue
    }
    const fresh = await findRecord(job.whoop, resource, held.key)
    if (fresh === undefined) {
      await inTransaction(job, release)
      continue
    }
    const isReadable = understand(resource, member, [fresh]).understood.length > 0
    await keepRecord(job, fresh, isReadable ? release : undefined)
  }
}

/** Reads the page where a record without a key was, and keeps it: what was mended is on it, as any other record. */
async function isListed(job: Job, { key, below }: Held): Promise<boolean> {
  const before = below === null ? undefined : justAfter(iso(below))
  const page = await askPage(job, before === undefined ? {} : { end: before })
  if (page.length === 0) return true // as far as an empty answer can be believed
  await keepPage(job, page, { before, claim: () => undefined })
  return page.unreadable.some((record) => record.key === key)
}

/** Moves a deleted record to the history; what it placed in time is asked for, and its surroundings are read again. */
async function forget(job: Job, tx: Tx, key: string): Promise<void> {
  const { fence, member, resource } = job
  const at = job.clock.now().toISOString()
  const dependents = resources.filter(({ after }) => after === resource.name)
  for (const dependent of dependents) await suspectDependents(tx, member, dependent, key, at)
  const place = await moveToHistory(tx, member, resource, key, at)
  await cover(tx, fence, member, resource, {})
  if (place === undefined) return
  const around = { from: shift(iso(place), -MARGIN_MS), to: shift(iso(place), MARGIN_MS) }
  await uncover(
    tx,
    fence,
    member,
    dependents.map(({ name }) => name),
    around,
  )
}
