import { sql, type SQL } from 'drizzle-orm'
import type { Failure, Reason } from '../errors.ts'
import { resources, scopeOf } from '../resources/index.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import type { Db } from './connection/index.ts'
import { isLocked } from './lock.ts'
import { readLogins, type Login, type SomeLogins } from './tokens.ts'

export interface TypeHealth {
  lastSuccess: Date | null
  lastRecordTime: Date | null
  records: number
  /** Nothing below the newest record is missing. */
  complete: boolean
  /** `interrupted`: its run ended without a word, killed or crashed. */
  status: 'success' | 'error' | 'in_progress' | 'interrupted' | 'never' | 'not_granted'
  /** How many runs in a row heard that there is nothing, where records are stored. */
  emptyRuns: number
  error: string | null
}

export interface MemberHealth {
  login: Login
  types: Record<TypeName, TypeHealth>
  /** Why the last run failed, for the member or for one type; the worst comes first. */
  lastErrors: Pick<Failure, 'reason' | 'message'>[]
  /** Fields that WHOOP sent in the last run and no column takes, with how often. */
  unknownFields: Record<string, number>
}

/** A range that is not stored completely; an absent bound is the beginning of time. */
export interface StoredGap {
  whoopUserId: number
  type: string
  from: Date | null
  to: Date
  /** How many of its records are stored, and only to be read again; 0 while the type was never complete. */
  records: number
}

const inGap = (place: SQL) => sql`(lower(gap) is null or ${place} >= lower(gap)) and ${place} < upper(gap)`

export async function loadGaps(db: Db): Promise<StoredGap[]> {
  const counts = resources.map(
    (resource) => sql`
      when ${resource.name} then (select count(*) from (${resource.within(sql`sync_status.user_id`, inGap)}) stored)`,
  )
  const rows = await db.execute<{
    id: string
    type: string
    lower: string | null
    upper: string
    records: number
  }>(sql`
    select whoop_user_id as id, data_type as type, lower(gap) as lower, upper(gap) as upper,
      case when last_sync_time is null then 0 -- never complete: what the last page left behind its end is no stored range
        else coalesce(case data_type ${sql.join(counts, sql` `)} end, 0) end::int as records
    from sync_status join users on users.id = user_id,
      unnest(tstzmultirange(tstzrange(null, last_record_time)) - covered) gap
    where last_record_time is not null order by 1, user_id, gap desc`)
  return rows.map(({ id, type, lower, upper, records }) => ({
    whoopUserId: Number(id),
    type,
    from: lower === null ? null : new Date(lower),
    to: new Date(upper),
    records,
  }))
}

export interface WhoopHealth {
  lastStatus: number | null
  at: Date | null
  remainingToday: number | null
}

export async function loadServerVersion(db: Db): Promise<string> {
  const [row] = await db.execute<{ server_version: string }>(sql`show server_version`)
  return row?.server_version.split(' ')[0] ?? ''
}

/** What the server lets us do here. */
export async function loadLimits(db: Db): Promise<{ version: string; readOnly: boolean; size: number }> {
  const [row] = await db.execute<{ readOnly: boolean; size: string }>(sql`
    select current_setting('transaction_read_only')::boolean as "readOnly", pg_database_size(current_database()) as size`)
  return { version: await loadServerVersion(db), readOnly: row?.readOnly ?? false, size: Number(row?.size ?? 0) }
}

/** What WHOOP last answered, to any run. */
export async function loadWhoopHealth(db: Db): Promise<WhoopHealth> {
  const [row] = await db.execute<{ status: number; at: string; remaining: number | null }>(sql`
    select last_http_status as status, finished_at as at, remaining_today as remaining from sync_runs
    where last_http_status is not null order by id desc limit 1`)
  return row
    ? { lastStatus: row.status, at: new Date(row.at), remainingToday: row.remaining }
    : { lastStatus: null, at: null, remainingToday: null }
}

const RUNS = 4

/** In which minutes of the hour the last runs began, the newest first; none before there have been enough to tell a habit. */
export async function loadRunMinutes(db: Db): Promise<number[]> {
  const rows = await db.execute<{ minute: number }>(sql`
    select extract(minute from at)::int as minute from (
      select distinct date_trunc('minute', started_at) as at from (
        select started_at from sync_runs
        where user_id = (select user_id from sync_runs order by id desc limit 1) -- a schedule serves all of them alike
        order by started_at desc limit ${5 * RUNS}
      ) recent
      order by at desc limit ${RUNS}
    ) runs`)
  return rows.length < RUNS ? [] : rows.map(({ minute }) => minute)
}

/** Of everybody who is logged in; read some members at a time, so that no more than the answer is ever in memory. */
export async function loadMemberHealth(db: Db): Promise<MemberHealth[]> {
  const members: MemberHealth[] = []
  for await (const some of readLogins(db)) {
    const status = groupBy(await loadTypes(db, some), (row) => Number(row.whoopUserId))
    const strange = await loadUnknownFields(db, some)
    const failed = groupBy(await loadLastErrors(db, some), (error) => error.whoopUserId)
    for (const login of some.logins) {
      members.push({
        login,
        types: typesOf(login, status.get(login.whoopUserId) ?? []),
        lastErrors: failed.get(login.whoopUserId) ?? [],
        unknownFields: strange.get(login.whoopUserId) ?? {},
      })
    }
  }
  return members
}

type Ids = Pick<SomeLogins, 'from' | 'to'>

function among({ from, to }: Ids): SQL {
  return sql`users.id between ${from} and ${to}`
}

async function loadTypes(db: Db, ids: Ids): Promise<readonly Row[]> {
  return db.execute<Row>(sql`
    select whoop_user_id as "whoopUserId", data_type as type, last_sync_time as "lastSync",
      last_record_time as "lastRecord", empty_runs as "emptyRuns", error_message as error,
      case when status = 'in_progress' and not ${isLocked(sql`whoop_user_id`, sql`data_type`)}
        then 'interrupted' else status end as status,
      case data_type when 'body' then (select count(*)::int from body_measurements b where b.user_id = users.id)
        else records end as records,
      last_sync_time is not null and (last_record_time is null
        or isempty(tstzmultirange(tstzrange(null, last_record_time)) - covered)) as complete
    from sync_status join users on users.id = sync_status.user_id where ${among(ids)}`)
}

/** Of each member, by the index. */
function lastRun(): SQL {
  return sql`lateral (
    select error_reason, error_message, types from sync_runs where user_id = users.id
    order by started_at desc, id desc limit 1
  )`
}

async function loadLastErrors(db: Db, ids: Ids) {
  const rows = await db.execute<{ id: string; reason: Reason; message: string }>(sql`
    select whoop_user_id as id, reason, message
    from users, ${lastRun()} run, lateral (
        select error_reason as reason, error_message as message where error_reason is not null
        union all
        select value -> 'error' ->> 'reason', value -> 'error' ->> 'message' from jsonb_each(types)
        where value -> 'error' ->> 'reason' is not null
      ) errors
    where ${among(ids)}`)
  return rows.map(({ id, reason, message }) => ({ whoopUserId: Number(id), reason, message }))
}

/** What the last run of each member met, as `sleep.score.field`. */
async function loadUnknownFields(db: Db, ids: Ids): Promise<Map<number, Record<string, number>>> {
  const rows = await db.execute<{ id: string; type: string; field: string; count: number }>(sql`
    select whoop_user_id as id, type.key as type, field.key as field, field.value::int as count
    from users, ${lastRun()} run, jsonb_each(types) type, jsonb_each_text(type.value -> 'unknownFields') field
    where ${among(ids)}`)
  const members = new Map<number, Record<string, number>>()
  for (const { id, type, field, count } of rows) {
    members.set(Number(id), { ...members.get(Number(id)), [`${type}.${field}`]: count })
  }
  return members
}

interface Row extends Record<string, unknown> {
  whoopUserId: string
  type: TypeName
  lastSync: string | null
  lastRecord: string | null
  status: 'success' | 'error' | 'in_progress' | 'interrupted'
  emptyRuns: number
  error: string | null
  records: number
  complete: boolean
}

function typesOf(login: Login, rows: readonly Row[]): Record<TypeName, TypeHealth> {
  const entries = typeNames.map((type) => {
    const row = rows.find((one) => one.type === type)
    return [
      type,
      { ...typeOf(row), ...(login.scopes.includes(scopeOf[type]) ? {} : { status: 'not_granted' }) },
    ] as const
  })
  return Object.fromEntries(entries) as Record<TypeName, TypeHealth>
}

function groupBy<T, Key>(items: readonly T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}

function typeOf(row: Row | undefined): TypeHealth {
  return {
    lastSuccess: row?.lastSync ? new Date(row.lastSync) : null,
    lastRecordTime: row?.lastRecord ? new Date(row.lastRecord) : null,
    records: row?.records ?? 0,
    complete: row?.complete ?? false,
    status: row?.status ?? 'never',
    emptyRuns: row?.emptyRuns ?? 0,
    error: row?.error ?? null,
  }
}
