import { sql } from 'drizzle-orm'
import type { Failure } from '../errors.ts'
import type { TypeName } from '../resources/names.ts'
import type { Db } from './connect.ts'
import type { Fence } from './lock.ts'
import { syncRuns } from './schema.ts'
import type { Member } from './tokens.ts'

const KEPT_DAYS = 90

/** Makes sure of a row for each of the member's types, and says that a run is at work on them. */
export async function beginTypes(db: Db, member: Member, types: readonly TypeName[]): Promise<void> {
  if (types.length === 0) return
  const rows = types.map((type) => sql`(${member.id}::int, ${type})`)
  await db.execute(sql`
    insert into sync_status (user_id, data_type) values ${sql.join(rows, sql`, `)}
    on conflict (user_id, data_type) do update set status = 'in_progress', records_fetched = 0, updated_at = now()`)
}

/** Writes how a type ended, and when it was read, if it was. */
export async function endType(
  db: Db,
  fence: Fence,
  member: Member,
  type: TypeName,
  result: { syncedAt: Date | undefined; fetched: number; error: Failure | null },
): Promise<void> {
  const at = result.syncedAt?.toISOString() ?? null
  await db.execute(sql`
    update sync_status
    set status = ${result.error ? 'error' : 'success'}, error_message = ${result.error?.message ?? null},
      last_sync_time = coalesce(${at}::timestamptz, last_sync_time), records_fetched = ${result.fetched}, updated_at = now()
    where user_id = ${member.id} and data_type = ${type} and pg_backend_pid() = ${fence.pid}`)
}

/** When each of the member's types last ended well. */
export async function lastSyncTimes(db: Db, member: Member): Promise<Partial<Record<TypeName, Date>>> {
  const rows = await db.execute<{ data_type: TypeName; at: string }>(sql`
    select data_type, last_sync_time as at from sync_status
    where user_id = ${member.id} and last_sync_time is not null`)
  return Object.fromEntries(rows.map((row) => [row.data_type, new Date(row.at)]))
}

/** Writes the run into the history, and drops what is older than 90 days. */
export async function saveRun(db: Db, run: typeof syncRuns.$inferInsert): Promise<void> {
  await db.insert(syncRuns).values(run)
  await db.execute(sql`
    delete from sync_runs
    where user_id = ${run.userId} and started_at < ${run.startedAt}::timestamptz - make_interval(days => ${KEPT_DAYS})`)
}
