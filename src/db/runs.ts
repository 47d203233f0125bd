import { getTableName, sql, type SQL } from 'drizzle-orm'
import type { Failure, Reason } from '../errors.ts'
import { resources } from '../resources/index.ts'
import type { TypeName } from '../resources/names.ts'
import { forgetDoubts } from './omissions.ts'
import type { Tiers } from './reread.ts'
import type { Db } from './connection/index.ts'
import type { Fence } from './lock.ts'
import { syncRuns } from './schema.ts'
import type { Member } from './members.ts'

export type Outcome = 'ok' | 'partial' | 'failed' | 'skipped'

/** What a run did to one type. */
export interface Tally {
  fetched: number
  inserted: number
  updated: number
  unchanged: number
  deleted: number
  quarantined: number
  /** Records for whose ids WHOOP had no answer. */
  unanswered: number
  /** Fields that WHOOP sent and no column takes, with how often. */
  unknownFields: Record<string, number>
}

export interface TypeResult extends Tally {
  outcome: Exclude<Outcome, 'partial'>
  requests: number
  /** Nothing below the newest record is missing. */
  complete: boolean
  error: Failure | null
}

export function newTally(): Tally {
  return {
    fetched: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    quarantined: 0,
    unanswered: 0,
    unknownFields: Object.create(null) as Record<string, number>, // a field may be named as what every object has
  }
}

export function skipped(error: Failure | null = null): TypeResult {
  return { ...newTally(), outcome: 'skipped', requests: 0, complete: false, error }
}

const KEPT_DAYS = 90
const AGREEING_RUNS = 25 // a day, when one runs each hour

/** How earlier runs left a type. */
export interface TypeState {
  /** When it last ended well. */
  syncedAt: Date | undefined
  tiers: Tiers
  /** About how old its oldest record is. */
  oldest: Date | undefined
  /** When this run began, as PostgreSQL writes it: what WHOOP has told before is answered by what this run is shown. */
  begunAt: string
}

/**
 * Makes sure of a row for each of the member's types, says that a run is at work on them, and tells how they were left,
 * in order; refuses when this run's locks are gone.
 */
export async function beginTypes(
  db: Db,
  fence: Fence,
  member: Member,
  types: readonly TypeName[],
): Promise<Map<TypeName, TypeState>> {
  if (types.length === 0) return new Map()
  const begun = types.map((type) => sql`(${member.id}::int, ${type})`)
  const oldest = resources.map(
    ({ name, table, datedBy }) => sql`
      when ${name} then (
        select ${sql.identifier(datedBy.name)} from ${sql.identifier(getTableName(table))}
        where user_id = ${member.id} order by 1 limit 1
      )`,
  )
  const rows = await db.execute<
    { type: TypeName; begun: string } & Record<'synced' | 'recent' | 'swept' | 'to' | 'oldest', string | null>
  >(sql`
    insert into sync_status (user_id, data_type)
    select * from (values ${sql.join(begun, sql`, `)}) begun where pg_backend_pid() = ${fence.pid}
    on conflict (user_id, data_type) do update set status = 'in_progress', records_fetched = 0, updated_at = now()
    returning data_type as type, last_sync_time as synced, recent_at as recent, swept_at as swept, swept_to as to,
      case data_type ${sql.join(oldest, sql` `)} end as oldest, clock_timestamp() as begun`)
  if (rows.length === 0) throw fence.lost()
  return new Map(
    rows.map((row) => [
      row.type,
      {
        syncedAt: dateOf(row.synced),
        tiers: { recentAt: dateOf(row.recent), sweptAt: dateOf(row.swept), sweptTo: dateOf(row.to) },
        oldest: dateOf(row.oldest),
        begunAt: row.begun,
      },
    ]),
  )
}

function dateOf(text: string | null): Date | undefined {
  return text ? new Date(text) : undefined
}

/** How a type ended: when it was read, if it was, and how many records it has brought. */
export interface Ending {
  syncedAt: Date | undefined
  fetched: number
  error: Failure | null
}

/**
 * Writes how a type ended that was begun at `begunAt`; tells whether nothing below its newest record is missing. What its
 * list has been doubted for is over then, unless this run has seen it again. Refuses when it ended well and this run's
 * locks are gone.
 */
export async function endType(
  db: Db,
  fence: Fence,
  member: Member,
  type: TypeName,
  { begunAt, ...ending }: Ending & { begunAt: Date },
): Promise<boolean> {
  const isWhole = sql`exists (select from ended where complete and ${ending.error ? sql`false` : sql`true`})`
  const [row] = await db.execute<{ complete: boolean }>(sql`
    with ended as (
      update sync_status set ${ended(ending)}
      where user_id = ${member.id} and data_type = ${type} and pg_backend_pid() = ${fence.pid}
      returning last_record_time is null or isempty(tstzmultirange(tstzrange(null, last_record_time)) - covered) as complete
    ), believed_again as (${forgetDoubts(member, type, sql`${begunAt.toISOString()}::timestamptz`)} and ${isWhole})
    select complete from ended`)
  if (!row && !ending.error) throw fence.lost()
  return row?.complete ?? false
}

/** What is set in `sync_status` when a type ends. */
export function ended({ syncedAt, fetched, error }: Ending): SQL {
  return sql`status = ${error ? 'error' : 'success'}, error_message = ${error?.message ?? null},
    last_sync_time = coalesce(${syncedAt?.toISOString() ?? null}::timestamptz, last_sync_time),
    records_fetched = ${fetched}, updated_at = now()`
}

/** A run as it is written down. */
export interface Run extends Omit<typeof syncRuns.$inferInsert, 'types'> {
  types: Partial<Record<TypeName, TypeResult>>
}

/**
 * Writes the run into the history, and drops what is older than 90 days. What is to go must be that old for each of the
 * last runs: a machine whose clock was wrong for a while would drop everything. The last by their time, which an index of the
 * member's has: by their ids, everybody else's lie between them.
 */
export async function saveRun(db: Db, run: Run): Promise<void> {
  const last = sql`(
    select min(started_at) from (
      select started_at from ${syncRuns} where user_id = ${run.userId} order by started_at desc limit ${AGREEING_RUNS}
    ) last)`
  const old = db.$with('old').as(
    db
      .delete(syncRuns)
      .where(
        sql`${syncRuns.userId} = ${run.userId}
          and ${syncRuns.startedAt} < least(${run.startedAt}::timestamptz, ${last}) - make_interval(days => ${KEPT_DAYS})`,
      )
      .returning({ id: syncRuns.id }),
  )
  await db
    .with(old)
    .insert(syncRuns)
    .values({ ...run, types: brief(run.types) })
}

/**
 * What somebody will read: a hundred runs a day find nothing new. A type that was skipped without a reason is left out;
 * one that is as it was is `{}`; else it has what is not 0, not usual and not empty. How many records one request showed
 * that were as they are stored is not kept, nor whether there was that request.
 */
function brief(types: Run['types']): Record<string, unknown> {
  const tried = Object.entries(types).filter(([, { outcome, error }]) => outcome !== 'skipped' || error)
  return Object.fromEntries(tried.map(([type, result]) => [type, unusual(result)]))
}

function unusual({ outcome, complete, error, unknownFields, ...counts }: TypeResult): Record<string, unknown> {
  const isOnePage = counts.requests <= 1 && counts.unchanged === counts.fetched
  const { requests, fetched, unchanged, ...rest } = counts
  const figures = Object.entries(isOnePage ? rest : { requests, fetched, unchanged, ...rest })
  return {
    ...(outcome === 'ok' ? {} : { outcome }),
    ...(outcome === 'ok' && !complete ? { complete } : {}),
    ...(error ? { error } : {}),
    ...(Object.keys(unknownFields).length > 0 ? { unknownFields } : {}),
    ...Object.fromEntries(figures.filter(([, count]) => count > 0)),
  }
}

/** A run as it was written down, once for each member. */
export interface StoredRun {
  whoopUserId: number
  firstName: string | null
  startedAt: Date
  finishedAt: Date
  outcome: Outcome
  error: Pick<Failure, 'reason' | 'message'> | null
  requests: number
  retries: number
  waitedMs: number
  tokenRefreshes: number
  /** What WHOOP answered last; null where it was not asked, or did not. */
  lastStatus: number | null
  types: Partial<Record<TypeName, StoredResult>>
}

/** What was not worth storing of a quiet run is not known any more: null. The run's own `requests` always are. */
export type StoredResult = Omit<TypeResult, Unkept> & Record<Unkept, number | null>
type Unkept = 'requests' | 'fetched' | 'unchanged'

/** The newest come first. */
export async function loadRuns(db: Db, { user, limit }: { user: number | undefined; limit: number }) {
  const rows = await db.execute<RunRow>(sql`
    select whoop_user_id as "whoopUserId", first_name as "firstName", started_at as "startedAt",
      finished_at as "finishedAt", outcome, error_reason as reason, error_message as message, requests, retries,
      waited_ms as "waitedMs", token_refreshes as "tokenRefreshes", last_http_status as "lastStatus", types
    from sync_runs runs join users on users.id = runs.user_id
    ${
      user === undefined
        ? sql`order by runs.id desc`
        : sql`where runs.user_id = (select id from users where whoop_user_id = ${user}) order by started_at desc, runs.id desc` // by its index
    } limit ${limit}`)
  return rows.map(({ reason, message, types, ...row }): StoredRun => ({
    ...row,
    whoopUserId: Number(row.whoopUserId),
    startedAt: new Date(row.startedAt),
    finishedAt: new Date(row.finishedAt),
    error: reason === null ? null : { reason, message: message ?? '' },
    types: Object.fromEntries(
      Object.entries(types).map(([type, result]) => [type, { ...leftOut(result), ...result }]), // an older version counted less
    ),
  }))
}

/** What `brief` left out: counts of 0, but for a quiet type's. */
function leftOut({ outcome = 'ok', error = null, ...kept }: Partial<TypeResult>): StoredResult {
  const isCounted = outcome === 'skipped' || ['requests', 'fetched', 'unchanged'].some((name) => name in kept)
  const pages = isCounted ? 0 : null
  return { ...skipped(), outcome, error, complete: outcome === 'ok', requests: pages, fetched: pages, unchanged: pages }
}

interface RunRow extends Record<string, unknown> {
  whoopUserId: string
  firstName: string | null
  startedAt: string
  finishedAt: string
  outcome: Outcome
  reason: Reason | null
  message: string | null
  requests: number
  retries: number
  waitedMs: number
  tokenRefreshes: number
  lastStatus: number | null
  types: Partial<Record<TypeName, Partial<TypeResult>>>
}
