import { compare, storedExcept, type Comparison } from './db/compare.ts'
import type { Database } from './db/connect.ts'
import type { Member } from './db/tokens.ts'
import { WhoopsterError } from './errors.ts'
import { understand } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'
import type { Whoop } from './whoop/client.ts'
import { findRecord, readPage } from './whoop/pages.ts'

/** How one type's table compares with what WHOOP answers now. */
export interface Verified {
  equal: number
  /** At WHOOP, but not stored. */
  missing: string[]
  /** Stored, but no longer at WHOOP. */
  extra: string[]
  different: { key: string; columns: string[] }[]
  /** At WHOOP, and not understood by this version. */
  unreadable: { key: string; reason: string }[]
}

/** Walks WHOOP's list from the top and compares record by record; writes nothing. */
export async function verify(
  { database, whoop, member, resource }: { database: Database; whoop: Whoop; member: Member; resource: Resource },
  since: string | undefined,
): Promise<Verified> {
  const result: Verified = { equal: 0, missing: [], extra: [], different: [], unreadable: [] }
  const seen = new Set<string>()
  const take = async (records: readonly unknown[]) => {
    const { understood, unreadable } = understand(resource, member, records)
    for (const one of unreadable) if (!seen.has(one.key)) result.unreadable.push({ key: one.key, reason: one.reason })
    const compared = await database.alone((db) => compare(db, resource, member, understood))
    for (const one of compared) if (!seen.has(one.key)) sortIn(result, one)
    for (const { key } of [...compared, ...unreadable]) seen.add(key)
  }
  for (let token: string | undefined, more = true; more;) {
    const page = await readPage(whoop, resource, { ...(since && { start: since }), ...(token && { token }) })
    await take(page.records)
    if (page.nextToken !== undefined && page.nextToken === token) throw repeated(resource)
    token = page.nextToken
    more = token !== undefined
  }
  // The list may have moved while it was walked: what it did not show is asked for by id.
  for (const key of await database.alone((db) => storedExcept(db, resource, member, since, [...seen]))) {
    const raw = await findRecord(whoop, resource, key)
    if (raw === undefined) result.extra.push(key)
    else await take([raw])
  }
  return result
}

export function isFaithful({ missing, extra, different, unreadable }: Verified): boolean {
  return missing.length + extra.length + different.length + unreadable.length === 0
}

function sortIn(result: Verified, { key, stored, columns }: Comparison): void {
  if (!stored) result.missing.push(key)
  else if (columns.length > 0) result.different.push({ key, columns })
  else result.equal++
}

function repeated({ path }: Resource): WhoopsterError {
  return new WhoopsterError('protocol', `WHOOP sent the same page of ${path} again and again.`, {
    hint: 'try again later',
  })
}
