import { sql } from 'drizzle-orm'
import type { Db } from './connection/index.ts'
import { multirange, type Range } from './coverage.ts'
import { isOf, type Scope } from './scope.ts'

/** When one type of a member was last read again. */
export interface Tiers {
  recentAt: Date | undefined
  /** When the last slice of the sweep was due, and how far back the sweep has come; undefined before its first slice. */
  sweptAt: Date | undefined
  sweptTo: Date | undefined
}

/** Takes the ranges out of what is covered, and remembers how far that has come. */
export async function saveTiers(
  db: Db,
  scope: Scope,
  { ranges, tiers }: { ranges: readonly Range[]; tiers: Tiers },
): Promise<void> {
  const { fence } = scope
  const doubted = sql.join([sql`covered`, ...ranges.map(multirange)], sql` - `)
  const rows = await db.execute(sql`
    update sync_status
    set covered = ${doubted}, recent_at = ${textOf(tiers.recentAt)}, swept_at = ${textOf(tiers.sweptAt)},
      swept_to = ${textOf(tiers.sweptTo)}
    where ${isOf(scope)} and pg_backend_pid() = ${fence.pid}
    returning 1`)
  if (rows.length === 0) throw fence.lost()
}

function textOf(date: Date | undefined): string | null {
  return date?.toISOString() ?? null
}
