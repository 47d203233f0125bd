import { sql, type SQL } from 'drizzle-orm'
import type { TypeName } from '../resources/names.ts'
import { iso } from '../time.ts'
import type { Db, Tx } from './connection/index.ts'
import type { Fence } from './lock.ts'
import { isOf, keyOf, tableOf, type Collection, type Scope } from './scope.ts'
import type { Member } from './members.ts'

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
  /** Stored records that began just before `to`, in one millisecond: the next page must show one of them again. */
  anchors: { key: string; address: string }[]
}

const MOST_ANCHORS = 100

/** The newest range below `top` that is not stored completely. */
export async function newestGap(db: Db, scope: Collection, top: string): Promise<Gap | undefined> {
  const { member, resource } = scope
  const address = resource.addressedBy ? sql.identifier(resource.addressedBy.column.name) : keyOf(resource)
  const [gap] = await db.execute<Record<'lower' | 'anchors', string | null> & { upper: string }>(sql`
    select lower(gap) as lower, upper(gap) as upper, anchors
    from sync_status, unnest(tstzmultirange(tstzrange(null, ${top})) - covered) gap
      left join lateral (
        select json_agg(anchor)::text as anchors from (
          select r.${keyOf(resource)}::text as key, r.${address}::text as address
          from (${resource.within(member.id, justBefore)}) r limit ${MOST_ANCHORS}
        ) anchor
      ) near on true
    where ${isOf(scope)}
    order by gap desc limit 1`)
  if (!gap) return undefined
  const anchors = JSON.parse(gap.anchors ?? '[]') as Gap['anchors']
  return { from: isoOrUndefined(gap.lower), to: iso(gap.upper), anchors }
}

function justBefore(place: SQL): SQL {
  return sql`${place} >= upper(gap) - interval '1 millisecond' and ${place} < upper(gap)`
}

/** What a page, or a record, says of the times around it. */
export interface Claims {
  /** Completely stored. */
  claim?: Range | undefined
  /** To be read again. */
  invalid?: Range | undefined
  /** When the newest record happened. */
  newest?: string | undefined
  /** Where the list ended above what is stored. */
  cutAt?: string | undefined
}

/** Claims a range, and takes another out again, and counts what is there now; refuses when this run's locks are gone. */
export async function cover(tx: Db | Tx, scope: Scope, { claim, invalid, newest, cutAt }: Claims): Promise<void> {
  const rows = await tx.execute(
    covering(scope, {
      claim: multirange(claim),
      invalid: multirange(invalid),
      newest: sql`${newest ?? null}::timestamptz`,
      cutAt: sql`${cutAt ?? null}::timestamptz`,
    }),
  )
  if (rows.length === 0) throw scope.fence.lost()
}

/** The same as a statement, or a part of one, which may have stored so many records that it does not see itself. */
export function covering(
  { fence, member, resource }: Scope,
  { claim, invalid, newest, cutAt, unseen = sql`0` }: Record<keyof Claims, SQL> & { unseen?: SQL },
): SQL {
  return sql`
    update sync_status
    set covered = covered + ${claim} - ${invalid},
      last_record_time = coalesce(${newest}, last_record_time), updated_at = now(),
      cut_at = coalesce(${cutAt}, cut_at),
      empty_runs = case when ${newest} is null then empty_runs else 0 end,
      records = (select count(*) from ${tableOf(resource)} where user_id = ${member.id}) + ${unseen}
    where ${isOf({ member, resource })} and pg_backend_pid() = ${fence.pid}
    returning 1`
}

/** Counts one more run to which WHOOP has said that there is nothing; tells how many, and how much is stored. */
export async function noteEmpty(
  tx: Db | Tx,
  { member, fence, type }: Pick<Scope, 'member' | 'fence'> & { type: TypeName },
): Promise<{ runs: number; records: number }> {
  const [row] = await tx.execute<{ runs: number; records: number }>(sql`
    update sync_status set empty_runs = empty_runs + 1
    where user_id = ${member.id} and data_type = ${type} and pg_backend_pid() = ${fence.pid}
    returning empty_runs as runs, records`)
  if (!row) throw fence.lost()
  return row
}

/** Takes a range out of what is covered, for every named type: it is read again. Refuses when this run's locks are gone. */
export async function invalidate(
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

function isoOrUndefined(time: string | null): string | undefined {
  return time === null ? undefined : iso(time)
}
