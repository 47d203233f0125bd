import { getTableName, sql, type SQL } from 'drizzle-orm'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connect.ts'
import type { Fence } from './lock.ts'
import type { Member } from './tokens.ts'

// `covered` says which times are stored completely. It is a set of half-open ranges, so what is missing is a
// subtraction, and reading something again is taking it out. An absent bound is the beginning, or the end, of time.

/** A range of activity time, `from` inclusive, `to` exclusive, RFC 3339. */
export interface Range {
  from?: string | undefined
  to?: string | undefined
}

export interface Gap {
  from: string | undefined
  to: string
  /** The key of a stored record that began just before `to`: the next page must show it again. */
  anchor: string | undefined
}

/** The newest range below `top` that is not stored completely. */
export async function newestGap(db: Db, member: Member, resource: Resource, top: string): Promise<Gap | undefined> {
  const key = sql.identifier(resource.key.name)
  const [gap] = await db.execute<{ lower: string | null; upper: string; anchor: string | null }>(sql`
    select lower(gap) as lower, upper(gap) as upper, (
      select r.${key}::text from (${resource.within(member.id, justBefore)}) r limit 1
    ) as anchor
    from sync_status, unnest(tstzmultirange(tstzrange(null, ${top})) - covered) gap
    where user_id = ${member.id} and data_type = ${resource.name}
    order by gap desc limit 1`)
  return gap && { from: isoOrUndefined(gap.lower), to: iso(gap.upper), anchor: gap.anchor ?? undefined }
}

function justBefore(place: SQL): SQL {
  return sql`${place} >= upper(gap) - interval '1 millisecond' and ${place} < upper(gap)`
}

/** Claims a range, and takes another out again, and counts what is there now; refuses when this run's locks are gone. */
export async function cover(
  tx: Tx,
  fence: Fence,
  member: Member,
  resource: Resource,
  { claim, doubt, newest }: { claim?: Range | undefined; doubt?: Range | undefined; newest?: string | undefined },
): Promise<void> {
  const rows = await tx.execute(sql`
    update sync_status
    set covered = covered + ${multirange(claim)} - ${multirange(doubt)},
      last_record_time = coalesce(${newest ?? null}::timestamptz, last_record_time), updated_at = now(),
      records = (select count(*) from ${sql.identifier(getTableName(resource.table))} where user_id = ${member.id})
    where user_id = ${member.id} and data_type = ${resource.name} and pg_backend_pid() = ${fence.pid}
    returning 1`)
  if (rows.length === 0) throw fence.lost()
}

/** Takes a range out of what is covered, for every named type: it is read again. Refuses when this run's locks are gone. */
export async function uncover(
  db: Db | Tx,
  fence: Fence,
  member: Member,
  types: readonly string[],
  range: Range,
): Promise<void> {
  if (types.length === 0) return
  const [row] = await db.execute<{ held: boolean }>(sql`
    with doubted as (
      update sync_status set covered = covered - ${multirange(range)}, updated_at = now()
      where user_id = ${member.id} and data_type in ${[...types]} and pg_backend_pid() = ${fence.pid}
    )
    select pg_backend_pid() = ${fence.pid} as held`)
  if (!row?.held) throw fence.lost()
}

export function multirange(range: Range | undefined): SQL {
  if (!range) return sql`'{}'::tstzmultirange`
  return sql`tstzmultirange(tstzrange(${range.from ?? null}, ${range.to ?? null}))`
}

/** PostgreSQL writes `2022-04-24 02:25:44.774+00`; WHOOP reads RFC 3339 with milliseconds. */
export function iso(time: string): string {
  return new Date(time).toISOString()
}

function isoOrUndefined(time: string | null): string | undefined {
  return time === null ? undefined : iso(time)
}
