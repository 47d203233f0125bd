import { sql } from 'drizzle-orm'
import type { Tiers } from '../sync/reread.ts'
import type { Db } from './connection/index.ts'
import { multirange, type Range } from './coverage.ts'
import { isOf, type Scope } from './scope.ts'

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
