import * as v from 'valibot'
import type { Database, Db, Tx } from '../db/connection/index.ts'
import { codeOf, rootCause } from '../db/connection/failure.ts'
import { withTypesLocked, type Fence } from '../db/lock.ts'
import {
  hasJournal,
  holdsMeasurements,
  insertRecords,
  isUnknown,
  mergeRecords,
  orderMeasurements,
  restoreCoverage,
  restoreHistory,
  restoreJournal,
  restoreMeasurements,
  restoreProfile,
  restoreQuarantine,
  restoreUnreadable,
  type Archived,
  type Measured,
  type Verdict,
} from '../db/restore.ts'
import type { Member } from '../db/members.ts'
import { WhoopsterError } from '../errors.ts'
import { body, resourceOf, resources } from '../resources/index.ts'
import { parseJson } from '../resources/json.ts'
import { typeNames } from '../resources/names.ts'
import { refused, understand, type Unreadable } from '../resources/read.ts'
import type { Resource } from '../resources/resource.ts'
import { parts, type Part } from '../resources/archive.ts'
import type { Archive, ArchivedPart, ReadLine } from './read.ts'

/** What became of one member's records, and what of them this version does not understand. */
export type Restored = Counts & { whoopUserId: number; type: Resource['name'] }

interface Options {
  user: number | undefined
  interrupted: AbortSignal
  /** Told before each part, and after each batch of it, how many of its lines are done. */
  report: (part: ArchivedPart, done: number) => void
}

interface Job extends Options {
  db: Db
  archive: Archive
  member: Member
  fence: Fence
}

/** The connection that holds the locks. */
type Session = Pick<Database, 'db' | 'pipelined' | 'lastWords'>

/**
 * Brings a checked archive's members back, each with its types locked: no sync works beside it. A batch is a transaction,
 * and what is done is not done again, so a restore that died is simply begun anew. What a member's coverage claims is
 * stored last, with everything it speaks of in place.
 */
export async function restore(database: Session, archive: Archive, options: Options): Promise<Restored[]> {
  const { members } = archive.manifest
  const { user } = options
  if (user !== undefined && !members.includes(user)) {
    throw new WhoopsterError('usage', `WHOOP user ${user} is not in this archive.`, {
      hint: `it holds ${members.slice(0, 20).join(', ')}`,
    })
  }
  const wanted = archive.parts.filter(({ whoopUserId }) => user === undefined || whoopUserId === user)
  await requireJournal(database.db, wanted)
  const restored: Restored[] = []
  for (const whoopUserId of members.filter((id) => user === undefined || id === user)) {
    const own = wanted.filter((one) => one.whoopUserId === whoopUserId)
    restored.push(...(await restoreMember(database, archive, own, options)))
  }
  return restored
}

async function restoreMember(
  database: Session,
  archive: Archive,
  own: readonly ArchivedPart[],
  options: Options,
): Promise<Restored[]> {
  const { db } = database
  const inOrder = parts.flatMap((part) => own.filter((one) => one.part === part))
  const member = await restoreOwner(db, archive, inOrder)
  return withTypesLocked(database, member, typeNames, async (fence, locked) => {
    if (locked.length < typeNames.length) throw busy(member)
    const job = { ...options, db, archive, member, fence }
    const restored: Restored[] = []
    for (const one of inOrder) {
      options.report(one, 0)
      const resource = resources.find(({ name }) => name === one.part)
      if (resource) restored.push(await restoreType(job, resource, one))
      else await restorePart(job, one)
    }
    return restored
  })
}

async function restoreOwner(db: Db, archive: Archive, own: readonly ArchivedPart[]): Promise<Member> {
  for (const one of own) {
    if (!isPart(one, 'profile')) continue
    for await (const [line] of archive.read(one)) if (line) return restoreProfile(db, line.value)
  }
  throw new Error('an archive without a profile was not refused')
}

async function restoreType(job: Job, resource: Resource, one: ArchivedPart): Promise<Restored> {
  const { member, db } = job
  const counts = noCounts()
  const store = (await isUnknown(db, { member, resource })) ? insertBatch : mergeBatch
  await eachBatch(
    job,
    one as ArchivedPart & { part: Resource['name'] },
    (lines) => readRecords(job, resource, lines),
    async (batch) => add(counts, await store(job, resource, batch)),
  )
  return { whoopUserId: member.whoopUserId, type: resource.name, ...counts }
}

type Counts = Record<Verdict | 'unreadable', number>

const noCounts = (): Counts => ({ new: 0, same: 0, newer: 0, older: 0, gone: 0, unreadable: 0 })

function add(total: Counts, counts: Counts): void {
  for (const verdict of Object.keys(total) as (keyof Counts)[]) total[verdict] += counts[verdict]
}

type RecordLine = ReadLine<Resource['name']>

interface Batch {
  lines: readonly RecordLine[]
  records: Archived[]
  unreadable: Unreadable[]
}

/** What cannot be read is kept to the letter; of the others PostgreSQL reads the line itself. */
function readRecords(job: Job, resource: Resource, lines: readonly RecordLine[]): Batch {
  const read = readRaws(job, resource, lines, ({ value }) => value.raw_data)
  return read.unreadable.length === 0 ? read : readToTheLetter(job, resource, lines)
}

function readToTheLetter(job: Job, resource: Resource, lines: readonly RecordLine[]): Batch {
  return readRaws(job, resource, lines, ({ text }) => (parseJson(text) as { raw_data: unknown }).raw_data)
}

function readRaws(
  { member }: Job,
  resource: Resource,
  lines: readonly RecordLine[],
  rawOf: (line: RecordLine) => unknown,
): Batch {
  const lineOf = new Map(lines.map((line) => [rawOf(line), line]))
  const { understood, unreadable } = understand(resource, member, [...lineOf.keys()])
  const records = understood.flatMap((one) => {
    const line = lineOf.get(one.raw)
    return line ? [{ ...one, line }] : []
  })
  return { lines, records, unreadable }
}

/** Of a type of which nothing is known here; what PostgreSQL refuses is looked at again. */
async function insertBatch(job: Job, resource: Resource, batch: Batch): Promise<Counts> {
  const { records, unreadable } = batch
  try {
    return await inTransaction(job, async (tx) => {
      await insertRecords(tx, { ...job, resource }, records)
      await restoreAllUnreadable(tx, job, resource, batch)
      return { ...noCounts(), new: records.length, unreadable: unreadable.length }
    })
  } catch (error) {
    if (!isAboutData(error)) throw error
    return mergeBatch(job, resource, batch)
  }
}

/** One statement for all of them; where PostgreSQL refuses it for what is in it, each by itself. */
async function mergeBatch(job: Job, resource: Resource, batch: Batch): Promise<Counts> {
  const { lines, records, unreadable } = batch
  try {
    return await inTransaction(job, async (tx) => {
      const counts = await mergeRecords(tx, { ...job, resource }, records)
      await restoreAllUnreadable(tx, job, resource, batch)
      return { ...counts, unreadable: unreadable.length }
    })
  } catch (error) {
    if (!isAboutData(error)) throw error
    const [only, ...others] = lines
    if (only && others.length === 0) return quarantineRefused(job, resource, only, error)
    const total = noCounts()
    for (const line of lines) add(total, await mergeBatch(job, resource, readRecords(job, resource, [line])))
    return total
  }
}

async function restoreAllUnreadable(
  tx: Tx,
  { member }: Job,
  resource: Resource,
  { lines, unreadable }: Batch,
): Promise<void> {
  for (const one of unreadable) await restoreUnreadable(tx, { member, resource }, one, seenOf(lines))
}

async function quarantineRefused(job: Job, resource: Resource, line: RecordLine, error: unknown): Promise<Counts> {
  const { member } = job
  const [record] = readToTheLetter(job, resource, [line]).records
  if (!record) throw error
  const cause = rootCause(error)
  const reason = `PostgreSQL: ${cause instanceof Error ? cause.message : String(cause)}`
  const one = refused(resource, record, reason)
  await inTransaction(job, (tx) => restoreUnreadable(tx, { member, resource }, one, seenOf([line])))
  return { ...noCounts(), unreadable: 1 }
}

/** Since when the first of them has read like this. */
function seenOf([first]: readonly RecordLine[]): string {
  return first?.value.updated_at ?? new Date(0).toISOString()
}

/** SQLSTATE classes for what a value, not the server, is to blame. */
function isAboutData(error: unknown): boolean {
  return /^(22|23|54)/.test(codeOf(rootCause(error)) ?? '')
}

async function restorePart(job: Job, one: ArchivedPart): Promise<void> {
  const { member } = job
  if (isPart(one, 'body')) return restoreBody(job, one)
  if (isPart(one, 'journal') || isPart(one, 'journal-imports')) {
    const { part } = one
    return eachBatch(job, one, texts, (lines) => inTransaction(job, (tx) => restoreJournal(tx, member, part, lines)))
  }
  if (isPart(one, 'history')) {
    return eachBatch(job, one, texts, (lines) => inTransaction(job, (tx) => restoreHistory(tx, member, lines)))
  }
  if (isPart(one, 'quarantine')) {
    return eachBatch(job, one, asTheyAre, (lines) =>
      inTransaction(job, async (tx) => {
        for (const type of new Set(lines.map(({ value }) => value.data_type))) {
          const ofType = lines.filter(({ value }) => value.data_type === type)
          await restoreQuarantine(tx, member, resourceOf(type), texts(ofType))
        }
      }),
    )
  }
  if (isPart(one, 'coverage')) {
    return eachBatch(job, one, asTheyAre, async (lines) => {
      for (const line of lines) await inTransaction(job, (tx) => restoreCoverage(tx, job, line))
    })
  }
}

/** All of them at once: their order says which of them is today's. */
async function restoreBody(job: Job, one: ArchivedPart & { part: 'body' }): Promise<void> {
  const { member } = job
  await inTransaction(job, async (tx) => {
    const isMerged = await holdsMeasurements(tx, member)
    let added = 0
    await eachBatch(job, one, measured, async (batch) => {
      added += await restoreMeasurements(tx, member, batch)
    })
    if (isMerged && added > 0) await orderMeasurements(tx, member)
  })
}

function measured(lines: readonly ReadLine<'body'>[]): Measured[] {
  return lines.map(({ text, value }) => {
    const read = v.safeParse(body.row, value.raw_data)
    const { heightMeter = null, weightKilogram = null, maxHeartRate = null } = read.success ? read.output : {}
    return {
      text,
      columns: { height_meter: heightMeter, weight_kilogram: weightKilogram, max_heart_rate: maxHeartRate },
    }
  })
}

/** Stores a part's lines, as they were read, a batch at a time. */
async function eachBatch<P extends Part, Read>(
  { archive, interrupted, report }: Job,
  one: ArchivedPart & { part: P },
  read: (lines: ReadLine<P>[]) => Read,
  work: (batch: Read) => Promise<void>,
): Promise<void> {
  async function* batches() {
    for await (const lines of archive.read(one)) yield { batch: read(lines), size: lines.length }
  }
  let done = 0
  for await (const { batch, size } of readAhead(batches())) {
    interrupted.throwIfAborted()
    await work(batch)
    done += size
    report(one, done)
  }
}

/** The next batch is unpacked and read while PostgreSQL stores this one. */
async function* readAhead<T>(batches: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    let next = batches.next()
    for (;;) {
      const { value, done } = await next
      if (done) return
      next = batches.next()
      next.catch(() => {}) // it is heard of when its turn comes
      yield value
    }
  } finally {
    await batches.return(undefined)
  }
}

function inTransaction<T>({ db, fence }: Job, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    await fence.hold(tx)
    return work(tx)
  })
}

function isPart<P extends Part>(one: ArchivedPart, part: P): one is ArchivedPart & { part: P } {
  return one.part === part
}

function asTheyAre<Lines>(lines: Lines): Lines {
  return lines
}

function texts(lines: readonly { text: string }[]): string[] {
  return lines.map(({ text }) => text)
}

async function requireJournal(db: Db, wanted: readonly ArchivedPart[]): Promise<void> {
  const isNeeded = wanted.some(({ part, file }) => part.startsWith('journal') && file.lines > 0)
  if (!isNeeded || (await hasJournal(db))) return
  throw new WhoopsterError('settings', 'The archive holds a journal, for which this database has no table.', {
    hint: 'update whoopster, by git pull && npm ci in its folder; nothing was written',
  })
}

function busy({ whoopUserId }: Member): WhoopsterError {
  return new WhoopsterError('busy', `Another run is syncing WHOOP user ${whoopUserId}.`, {
    hint: 'try again when it has ended; suspend the schedule for a while',
  })
}
