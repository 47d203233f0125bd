import { compare, storedExcept, type Comparison } from './db/compare.ts'
import type { Database } from './db/connect.ts'
import type { Member } from './db/tokens.ts'
import { understand } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'
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
  /** At WHOOP, and not understood by this version. */
  unreadable: { key: string; reason: string }[]
}

/** Walks WHOOP's list from the top and compares record by record; writes nothing. */
export async function verify(
  { database, whoop, member, resource }: { database: Database; whoop: Whoop; member: Member; resource: Resource },
  since: string | undefined,
): Promise<Verified> {
  const result: Verified = { equal: 0, missing: [], extra: [], different: [], unreadable: [] }
  const scope = { member, resource }
  const walked = newWalk(resource)
  const isNew = ({ key }: { key: string }) => !walked.seen.has(key)
  const take = async (records: readonly unknown[]) => {
    const { understood, unreadable } = understand(resource, member, records)
    const compared = await database.alone((db) => compare(db, scope, understood))
    result.unreadable.push(...unreadable.filter(isNew).map(({ key, reason }) => ({ key, reason })))
    for (const one of compared.filter(isNew)) sortIn(result, one)
    return [...compared, ...unreadable].map(({ key }) => key)
  }
  for (let token: string | undefined, more = true; more;) {
    const page = await readPage(whoop, resource, { ...(since && { start: since }), ...(token && { token }) })
    token = page.nextToken
    more = token !== undefined
    walked.note(await take(page.records), more)
  }
  // The list may have moved while it was walked: what it did not show is asked for by id.
  for (const one of await database.alone((db) => storedExcept(db, scope, since, [...walked.seen]))) {
    const found = await findRecord(whoop, resource, one, member.scopes)
    if (typeof found === 'object') await take([found.record])
    else result.extra.push(one.key)
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
