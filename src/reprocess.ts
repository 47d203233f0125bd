import type { Db, Tx } from './db/connection/index.ts'
import { loadRaw, loadReprocesses, rewrite, saveReprocess, type Place, type StoredRaw } from './db/reprocess.ts'
import { resources } from './resources/index.ts'
import { understand } from './resources/read.ts'
import type { Resource } from './resources/resource.ts'

const BATCH = 500

export interface Reprocessed {
  read: number
  changed: number
  /** Stored once, and not understood by this version. */
  unreadable: number
}

interface Options {
  /** Told after each batch how many records have been read. */
  report: (read: number) => void
  /** Where an earlier run has come to. */
  after?: Place | undefined
  /** Commits with each batch how far it has come; undefined: to the end. */
  save?: (tx: Tx, done: Place | undefined) => Promise<void>
}

/**
 * Builds a table's columns again from what WHOOP sent, in batches. Each batch is committed by itself and a row that is
 * right is not written, so a run that was ended is simply run again.
 */
export async function reprocess(db: Db, resource: Resource, { report, after, save }: Options): Promise<Reprocessed> {
  const total: Reprocessed = { read: 0, changed: 0, unreadable: 0 }
  for (let done = after; ;) {
    const batch = await db.transaction(async (tx) => {
      const rows = await loadRaw(tx, resource, done, BATCH)
      for (const some of byMember(rows)) {
        const [{ userId, whoopUserId }] = some
        const raws = some.map(({ raw }) => raw)
        const { understood, unreadable } = understand(resource, { whoopUserId }, raws)
        total.changed += understood.length === 0 ? 0 : await rewrite(tx, resource, userId, understood)
        total.unreadable += unreadable.length
      }
      await save?.(tx, rows.at(-1))
      return rows
    })
    done = batch.at(-1)
    if (!done) return total
    total.read += batch.length
    report(total.read)
  }
}

/** Does what migrations have left to be done, and goes on where an earlier run was ended; tells how many rows changed. */
export async function finishReprocesses(
  db: Db,
  report: (type: string, read: number) => void,
  left?: Awaited<ReturnType<typeof loadReprocesses>>,
): Promise<number> {
  let changed = 0
  for (const { type, done } of left ?? (await loadReprocesses(db))) {
    const resource = resources.find(({ name }) => name === type)
    if (!resource) continue // of a newer version
    const result = await reprocess(db, resource, {
      report: (read) => report(type, read),
      after: done,
      save: (tx, place) => saveReprocess(tx, type, place),
    })
    changed += result.changed
  }
  return changed
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
