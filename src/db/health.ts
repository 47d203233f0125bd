import { getTableName, sql } from 'drizzle-orm'
import type { Failure, Reason } from '../errors.ts'
import { resources, scopeOf } from '../resources/index.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import type { Db } from './connect.ts'
import { isAroundTheHour } from '../session.ts'
import { loadLogins, type Login } from './tokens.ts'

export interface TypeHealth {
  lastSuccess: Date | null
  lastRecordTime: Date | null
  records: number
  /** Nothing below the newest record is missing. */
  complete: boolean
  status: 'success' | 'error' | 'in_progress' | 'never' | 'not_granted'
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
}

export async function loadGaps(db: Db): Promise<StoredGap[]> {
  const rows = await db.execute<{ id: string; type: string; lower: string | null; upper: string }>(sql`
    select whoop_user_id as id, data_type as type, lower(gap) as lower, upper(gap) as upper
    from sync_status join users on users.id = user_id,
      unnest(tstzmultirange(tstzrange(null, last_record_time)) - covered) gap
    where last_record_time is not null order by 1, 2, gap desc`)
  return rows.map(({ id, type, lower, upper }) => ({
    whoopUserId: Number(id),
    type,
    from: lower === null ? null : new Date(lower),
    to: new Date(upper),
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
    where last_http_status is not null order by finished_at desc limit 1`)
  return row
    ? { lastStatus: row.status, at: new Date(row.at), remainingToday: row.remaining }
    : { lastStatus: null, at: null, remainingToday: null }
}

const RUNS = 4

/** Whether the last runs all began around the full hour, when WHOOP has been seen to lose the answers to a refresh. */
export async function runsAroundTheHour(db: Db): Promise<boolean> {
  const rows = await db.execute<{ minute: number }>(sql`
    select extract(minute from at)::int as minute
    from (select distinct date_trunc('minute', started_at) as at from sync_runs order by at desc limit ${RUNS}) runs`)
  return rows.length === RUNS && rows.every(({ minute }) => isAroundTheHour(minute))
}

export async function loadMemberHealth(db: Db): Promise<MemberHealth[]> {
  const logins = await loadLogins(db)
  const counts = [...resources.map(({ name, table }) => ({ name, table: getTableName(table) })), BODY].map(
    ({ name, table }) => sql`
      select user_id, ${name} as type, count(*)::int as records from ${sql.identifier(table)} group by user_id`,
  )
  const rows = await db.execute<Row>(sql`
    select whoop_user_id as "whoopUserId", data_type as type, last_sync_time as "lastSync",
      last_record_time as "lastRecord", status, error_message as error, coalesce(records, 0) as records,
      last_sync_time is not null and (last_record_time is null
        or isempty(tstzmultirange(tstzrange(null, last_record_time)) - covered)) as complete
    from sync_status join users on users.id = sync_status.user_id
      left join (${sql.join(counts, sql` union all `)}) counted
        on counted.user_id = sync_status.user_id and counted.type = data_type`)
  const strange = await loadUnknownFields(db)
  const errors = await loadLastErrors(db)
  return logins.map((login) => ({
    login,
    types: typesOf(login, rows),
    lastErrors: errors.filter(({ whoopUserId }) => whoopUserId === login.whoopUserId),
    unknownFields: strange.get(login.whoopUserId) ?? {},
  }))
}

async function loadLastErrors(db: Db) {
  const rows = await db.execute<{ id: string; reason: Reason; message: string }>(sql`
    select whoop_user_id as id, reason, message
    from (select distinct on (user_id) * from sync_runs order by user_id, id desc) run
      join users on users.id = run.user_id,
      lateral (
        select error_reason as reason, error_message as message where error_reason is not null
        union all
        select value -> 'error' ->> 'reason', value -> 'error' ->> 'message' from jsonb_each(types)
        where value -> 'error' ->> 'reason' is not null
      ) errors`)
  return rows.map(({ id, reason, message }) => ({ whoopUserId: Number(id), reason, message }))
}

/** What the last run of each member met, as `sleep.score.field`. */
async function loadUnknownFields(db: Db): Promise<Map<number, Record<string, number>>> {
  const rows = await db.execute<{ id: string; type: string; field: string; count: number }>(sql`
    select whoop_user_id as id, type.key as type, field.key as field, field.value::int as count
    from (select distinct on (user_id) user_id, types from sync_runs order by user_id, id desc) run
      join users on users.id = run.user_id, jsonb_each(types) type, jsonb_each_text(type.value -> 'unknownFields') field`)
  const members = new Map<number, Record<string, number>>()
  for (const { id, type, field, count } of rows) {
    members.set(Number(id), { ...members.get(Number(id)), [`${type}.${field}`]: count })
  }
  return members
}

const BODY = { name: 'body', table: 'body_measurements' } as const

interface Row extends Record<string, unknown> {
  whoopUserId: string
  type: TypeName
  lastSync: string | null
  lastRecord: string | null
  status: 'success' | 'error' | 'in_progress'
  error: string | null
  records: number
  complete: boolean
}

function typesOf(login: Login, rows: readonly Row[]): Record<TypeName, TypeHealth> {
  const entries = typeNames.map((type) => {
    const row = rows.find((one) => Number(one.whoopUserId) === login.whoopUserId && one.type === type)
    return [
      type,
      { ...typeOf(row), ...(login.scopes.includes(scopeOf[type]) ? {} : { status: 'not_granted' }) },
    ] as const
  })
  return Object.fromEntries(entries) as Record<TypeName, TypeHealth>
}

function typeOf(row: Row | undefined): TypeHealth {
  return {
    lastSuccess: row?.lastSync ? new Date(row.lastSync) : null,
    lastRecordTime: row?.lastRecord ? new Date(row.lastRecord) : null,
    records: row?.records ?? 0,
    complete: row?.complete ?? false,
    status: row?.status ?? 'never',
    error: row?.error ?? null,
  }
}
