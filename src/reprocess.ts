import type { Db } from './db/connect.ts'
import { loadRaw, rewrite, type StoredRaw } from './db/reprocess.ts'
import { understand } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'

const BATCH = 500

export interface Reprocessed {
  read: number
  changed: number
  /** Stored once, and not understood by this version. */
  unreadable: number
}

/**
 * Builds a table's columns again from what WHOOP sent, in batches. Each batch is committed by itself and a row that is
 * right is not written, so a run that was ended is simply run again.
 */
export async function reprocess(db: Db, resource: Resource, report: (read: number) => void): Promise<Reprocessed> {
  const total: Reprocessed = { read: 0, changed: 0, unreadable: 0 }
  for (let after: string | undefined; ;) {
    const batch = await loadRaw(db, resource, after, BATCH)
    if (batch.length === 0) return total
    for (const rows of byMember(batch)) {
      const [{ userId, whoopUserId }] = rows
      const { understood, unreadable } = understand(
        resource,
        { whoopUserId },
        rows.map(({ raw }) => raw),
      )
      total.changed += understood.length === 0 ? 0 : await rewrite(db, resource, userId, understood)
      total.unreadable += unreadable.length
    }
    total.read += batch.length
    after = batch.at(-1)?.key
    report(total.read)
  }
}

function byMember(batch: readonly StoredRaw[]): [StoredRaw, ...StoredRaw[]][] {
  const groups = new Map<number, [StoredRaw, ...StoredRaw[]]>()
  for (const row of batch) {
    const group = groups.get(row.userId)
    if (group) group.push(row)
    else groups.set(row.userId, [row])
  }
  return [...groups.values()]
}
