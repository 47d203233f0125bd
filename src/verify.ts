import { compare, loadLastSync, storedExcept, type Comparison } from './db/verify.ts'
import type { Database } from './db/connection/index.ts'
import type { Member } from './db/members.ts'
import { understand, type Unreadable } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'
import { MINUTE_MS } from './time.ts'
import type { Whoop } from './whoop/client.ts'
import { findRecord, newWalk, readPage } from './whoop/pages.ts'

/** How one type's table compares with what WHOOP answers now. */
export interface Verified {
  equal: number
  /** At WHOOP, but not stored. */
  missing: string[]
  /** Stored, but no longer at WHOOP. */
  extra: string[]
  different: { key: string; columns: string[] }[]
  /** Differs, or is missing, because WHOOP has gone on since the last sync: the next one will store it. */
  changing: { key: string; why: Changing }[]
  /** At WHOOP, and not understood by this version. */
  unreadable: { key: string; reason: string }[]
}

/** Not over or not scored yet; or made or changed after our last sync. */
export type Changing = 'open' | 'changed since the last sync'

const MOST_SKEW_MS = MINUTE_MS // between WHOOP's clock and PostgreSQL's, above which doctor calls it a problem

/** How far a list is compared, after each of its pages and at its end. */
export interface PageCompared {
  fetched: number
  /** How far back (RFC 3339). */
  reached: string | undefined
  done: boolean
}

interface VerifyDependencies {
  database: Database
  whoop: Whoop
  member: Member
  resource: Resource
  report?: (page: PageCompared) => void
}

/** Walks WHOOP's list from the top and compares record by record; writes nothing. */
export async function verify(
  { database, whoop, member, resource, report }: VerifyDependencies,
  since: string | undefined,
): Promise<Verified> {
  const result: Verified = { equal: 0, missing: [], extra: [], different: [], changing: [], unreadable: [] }
  const scope = { member, resource }
  const lastSync = await database.alone((db) => loadLastSync(db, scope))
  const walked = newWalk(resource)
  let reached: string | undefined
  const isNew = ({ key }: { key: string }) => !walked.seen.has(key)
  const take = async (records: readonly unknown[]) => {
    const { understood, unreadable } = understand(resource, member, records)
    const compared = await database.alone((db) => compare(db, scope, understood, since))
    reached = placeOf(understood.at(-1)?.row) ?? reached
    const unread = unreadable.filter((one) => isNew(one) && isAsked(one, since))
    result.unreadable.push(...unread.map(({ key, reason }) => ({ key, reason })))
    for (const [index, one] of compared.entries()) {
      const row = understood[index]?.row
      if (row && one.asked && isNew(one)) sortIn(result, one, changeOf(row, lastSync))
    }
    return [...compared, ...unreadable].map(({ key }) => key)
  }
  for (let token: string | undefined, more = true; more;) {
    const page = await readPage(whoop, resource, { ...(since && { start: since }), ...(token && { token }) })
    token = page.nextToken
    more = token !== undefined
    walked.note(await take(page.records), more)
    report?.({ fetched: walked.seen.size, reached, done: false })
  }
  // The list may have moved while it was walked: what it did not show is asked for by id.
  for (const one of await database.alone((db) => storedExcept(db, scope, since, [...walked.seen]))) {
    const found = await findRecord(whoop, resource, one, member.scopes)
    if (typeof found === 'object') await take([found.record])
    else result.extra.push(one.key)
  }
  report?.({ fetched: walked.seen.size, reached: undefined, done: true })
  return result
}

/** About when a record happened; of a recovery, which has no start of its own, when it was made. */
function placeOf(row: Record<string, unknown> | undefined): string | undefined {
  const place = row?.['startTime'] ?? row?.['createdAtWhoop']
  return typeof place === 'string' ? place : undefined
}

export function isFaithful({ missing, extra, different, unreadable }: Verified): boolean {
  return missing.length + extra.length + different.length + unreadable.length === 0
}

/** As far as a record shows it that cannot be read. */
function isAsked({ text }: Unreadable, since: string | undefined): boolean {
  const [, start] = /"start":"([^"]+)"/.exec(text) ?? []
  return since === undefined || !(Date.parse(start ?? '') < Date.parse(since))
}

/** Why WHOOP's record may rightly be another than ours. */
function changeOf(row: Record<string, unknown>, lastSync: Date | undefined): Changing | undefined {
  if (lastSync === undefined) return undefined
  if (Date.parse(String(row['updatedAtWhoop'])) > lastSync.getTime() - MOST_SKEW_MS)
    return 'changed since the last sync'
  return row['endTime'] === null || row['scoreState'] === 'PENDING_SCORE' ? 'open' : undefined
}

function sortIn(result: Verified, { key, stored, columns }: Comparison, why: Changing | undefined): void {
  const isBehind = stored ? why !== undefined && columns.includes('raw_data') : why === 'changed since the last sync'
  if (isBehind && why) result.changing.push({ key, why })
  else if (!stored) result.missing.push(key)
  else if (columns.length > 0) result.different.push({ key, columns })
  else result.equal++
}
