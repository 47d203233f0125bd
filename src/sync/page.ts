import type { Tx } from '../db/connection/index.ts'
import { cover } from '../db/coverage.ts'
import { iso } from '../time.ts'
import { codeOf, rootCause } from '../db/connection/failure.ts'
import { endAsLeft } from '../db/unchanged.ts'
import type { Listed } from '../db/omissions.ts'
import { quarantine } from '../db/quarantine.ts'
import type { Member } from '../db/members.ts'
import { placesOf, upsert, type Batch, type Span, type Stored, type StoredBatch } from '../db/upsert.ts'
import { WhoopsterError } from '../errors.ts'
import { unknownFields } from '../resources/drift.ts'
import { areAnothers, keyOf, refused, understand, type Understood, type Unreadable } from '../resources/read.ts'
import { readPage } from '../whoop/pages.ts'
import type { Job } from './job.ts'

/** One page of WHOOP's list, read. */
export interface Page {
  understood: Understood[]
  unreadable: Unreadable[]
  /** How many records it had. */
  length: number
  nextToken: string | undefined
  /** When its last record happened, for `bottomOf`; undefined: nobody has asked yet. */
  bottom?: Promise<string | undefined>
}

/** What a page is known to show. */
export interface Shown extends Omit<Listed, 'last'> {
  /** What it completes, from its last record on (RFC 3339, exclusive); undefined: nothing, or up to its first record. */
  upTo?: string
  /** Whether it may claim that: a page that announced another one is followed by more. */
  isConfirmed: boolean
}

/** What was stored of a page. */
export interface Kept extends Span {
  keys: string[]
  /** It leaves out too much to be believed. */
  isDoubted: boolean
  /** The list ends with it, though older records are stored. */
  isCut: boolean
}

/** Asks for a page of the list, reads it, and waits for what places its records in time. */
export async function askPage(job: Job, where: { start?: string; end?: string; token?: string }): Promise<Page> {
  const { whoop, resource, member } = job
  const { records, nextToken } = await readPage(whoop, resource, where)
  if (areAnothers(member, records)) throw answersForAnother(member)
  const read = understand(resource, member, records)
  const page: Page = { ...read, length: records.length, nextToken }
  await job.leader?.until(async () => {
    const { all, last } = await placesIn(job, page)
    if (all) page.bottom = Promise.resolve(last) // or it may be asked just before the leader's last step
    return all
  })
  return page
}

/** When a page's last record happened (RFC 3339), before it is stored; undefined when none can be read. */
export async function bottomOf(job: Job, page: Page): Promise<string | undefined> {
  const row = page.understood.at(-1)?.row
  if (row && !row['startTime']) page.bottom ??= placesIn(job, page).then(({ last }) => last)
  const bottom = row?.['startTime'] ?? (await page.bottom) ?? row?.['createdAtWhoop']
  return typeof bottom === 'string' ? iso(bottom) : undefined
}

function placesIn(job: Job, { understood }: Page): ReturnType<typeof placesOf> {
  return job.database.pipelined((db) => placesOf(db, job, understood))
}

/** The keys of all that is on a page, whether or not it can be read. */
export function keysOf({ resource }: Pick<Job, 'resource'>, { understood, unreadable }: Page): string[] {
  return [...understood.map(({ row }) => keyOf(resource, row)), ...unreadable.map(({ key }) => key)]
}

/** Ends the type if its newest page is stored as it is, nothing is missing below it, and nothing is due to be asked for. */
export async function endIfUpToDate(job: Job, page: Page, begun: string): Promise<boolean> {
  const { understood, unreadable, nextToken, length } = page
  if (understood.length === 0 || unreadable.length > 0) return false
  const newest = { records: understood, last: nextToken === undefined, at: begun }
  const ending = { syncedAt: job.clock.now(), fetched: length, error: null }
  try {
    return await job.database.pipelined((db) => endAsLeft(db, job, newest, ending))
  } catch (error) {
    if (isAboutData(error)) return false // what PostgreSQL cannot even compare is put aside when it is stored
    throw error
  }
}

/** Counts a page that did not have to be stored again. */
export function countUnchanged(job: Job, { understood, length }: Page): void {
  const unchanged = understood.map(() => ({ change: 'unchanged' as const }))
  count(job, length, understood, unchanged)
}

/**
 * Commits a page's records and the range that it completes, or neither; throws when none of them can be read. Of a page
 * of which nobody knows what it should show, only the records are stored.
 */
export async function storePage(job: Job, page: Page, shown?: Shown): Promise<Kept> {
  const last = page.nextToken === undefined
  const { upTo, isConfirmed = false } = shown ?? {}
  const listed = shown && { before: shown.before, shown: shown.shown, last }
  const isNewest = shown !== undefined && shown.before === undefined
  const completes = { fence: job.fence, isConfirmed, upTo, last, isNewest }
  const { records, span, isDoubted, hasBelow } = await store(job, page, { completes, ...(listed ? { listed } : {}) })
  if (!span) throw nothingReadable(job, page)
  job.report(span.bottom)
  return { ...span, keys: records.map(({ key }) => key), isDoubted, isCut: last && hasBelow }
}

/** Commits one record that was asked for by its id, with what else has to be remembered of it. */
export async function storeRecord(job: Job, raw: unknown, remember?: (tx: Tx) => Promise<void>): Promise<void> {
  await store(job, { ...understand(job.resource, job.member, [raw]), length: 1 }, {}, remember)
}

async function store(
  job: Job,
  { understood, unreadable, length }: Pick<Page, 'understood' | 'unreadable' | 'length'>,
  { listed, completes }: Pick<Batch, 'listed' | 'completes'>,
  remember?: (tx: Tx) => Promise<void>,
): Promise<StoredBatch> {
  const { database, tally } = job
  const at = job.clock.now().toISOString()
  const commit = async (accepted: readonly Understood[], refusals: readonly Unreadable[]) => {
    const shown = [...(listed?.shown ?? []), ...refusals.map(({ key }) => key)]
    const batch: Batch = {
      records: accepted,
      at,
      answersUntil: job.state.begunAt,
      ...(listed ? { listed: { ...listed, shown } } : {}),
      ...(completes ? { completes } : {}),
    }
    const isWhole = completes && accepted.length > 0 // one statement is a transaction
    if (isWhole && refusals.length === 0 && !remember)
      return { stored: await database.pipelined((db) => upsert(db, job, batch)), fresh: 0 }
    return database.alone((db) =>
      db.transaction(async (tx) => {
        const stored = await upsert(tx, job, batch)
        const places = new Map(stored.records.map(({ key, place }) => [key, place]))
        const listedBelow = ({ below }: Unreadable) => (below && places.get(below)) ?? listed?.before
        const fresh = await quarantine(tx, job, refusals, at, listedBelow)
        if (!isWhole) await cover(tx, job, {})
        await remember?.(tx)
        return { stored, fresh }
      }),
    )
  }
  const { stored, fresh } = await commit(understood, unreadable).catch(async (error: unknown) => {
    if (!isAboutData(error)) throw error
    const sorted = await sortOut(job, understood, at)
    const refusals = [...unreadable, ...sorted.refused]
    const isForeign = codeOf(rootCause(error)) === NO_SUCH_CHARACTER // and so is the text that is put aside
    return commit(sorted.accepted, isForeign ? refusals.map((one) => ({ ...one, text: inAscii(one.text) })) : refusals)
  })
  tally.quarantined += fresh
  count(job, length, understood, stored.records)
  return stored
}

const MOST_UNKNOWN = 50 // fields are named in a summary that is stored and printed

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
    if (!(field in tally.unknownFields) && Object.keys(tally.unknownFields).length >= MOST_UNKNOWN) continue
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
  const { database, resource } = job
  const accepted: Understood[] = []
  const refusals: Unreadable[] = []
  for (const record of records) {
    try {
      await database.alone((db) =>
        db.transaction(async (tx) => {
          await upsert(tx, job, { records: [record], at })
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

/** The database's encoding lacks it. */
const NO_SUCH_CHARACTER = '22P05'

/** The same JSON, for a database in whatever encoding. */
function inAscii(json: string): string {
  return json.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** SQLSTATE classes for what a value, not the server, is to blame: data, integrity, a limit of PostgreSQL's own. */
function isAboutData(error: unknown): boolean {
  return /^(22|23|54)/.test(codeOf(rootCause(error)) ?? '')
}

function messageOf(error: unknown): string {
  const cause = rootCause(error)
  return cause instanceof Error ? cause.message : String(cause)
}

/** WHOOP says, to so many runs in a row, that there is nothing where something is stored: that judges nothing. */
export function nothingThere({ path, scope, runs }: { path: string; scope: string; runs: number }): WhoopsterError {
  return new WhoopsterError('protocol', `WHOOP says that there is nothing at ${path}, where records are stored.`, {
    hint:
      runs > 1
        ? `nothing was deleted. Does the login still have ${scope}? Compare with developer.whoop.com, then run: whoopster auth`
        : 'nothing was concluded from it; a later run asks again',
  })
}

/** A quarantine full of somebody else's records would help nobody. */
function answersForAnother({ whoopUserId }: Member): WhoopsterError {
  return new WhoopsterError(
    'login',
    `WHOOP answers to the login of user ${whoopUserId} with another member's records.`,
    {
      hint: `log in again, as WHOOP user ${whoopUserId}: whoopster auth`,
    },
  )
}

/** WHOOP has changed its format, rather than made a mistake: what lies below will be no better. */
function nothingReadable({ resource }: Job, { unreadable }: Page): WhoopsterError {
  const [first] = unreadable
  const page = `on a page of ${resource.path}`
  const count = unreadable.length
  const said =
    count === 1 ? `The one record ${page} cannot be read` : `None of the ${count} records ${page} can be read`
  return new WhoopsterError('quarantine', `${said}: ${first?.reason ?? ''}`, {
    hint: 'they are kept in quarantined_records; a newer version of whoopster may read them: please report it',
  })
}
