// How many pages of the tables and their indexes PostgreSQL looks at for something: it does not depend on the machine.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TestDatabase } from './database.ts'

const RECORDS = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records']

/** What `work` gives, and the pages that its sessions looked at: of the records' tables, or of all of ours. */
export async function pagesOf<T>(
  { sql }: Pick<TestDatabase, 'sql'>,
  work: () => Promise<T>,
  of: 'records' | 'everything' = 'everything',
): Promise<{ result: T; pages: number }> {
  const before = await count(sql, of)
  const result = await work()
  return { result, pages: (await count(sql, of)) - before }
}

/** Sessions tell what they have read when they end, which is a little after their client has gone. */
async function count(sql: TestDatabase['sql'], of: 'records' | 'everything'): Promise<number> {
  await expect
    .poll(
      () => sql`select from pg_stat_activity where datname = current_database() and application_name = 'whoopster'`,
      { timeout: 10_000 },
    )
    .toHaveLength(0)
  let last = -1
  for (;;) {
    const [row] = await sql<{ pages: number }[]>`
      select sum(coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0) + coalesce(idx_blks_hit, 0)
        + coalesce(idx_blks_read, 0) + coalesce(toast_blks_hit, 0) + coalesce(toast_blks_read, 0)
        + coalesce(tidx_blks_hit, 0) + coalesce(tidx_blks_read, 0))::int as pages
      from pg_statio_user_tables where ${of === 'everything'} or relname = any(${RECORDS})`
    if (row?.pages === last) return last
    last = row?.pages ?? 0
    await sleep(20)
  }
}
