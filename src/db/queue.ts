import { sql, type SQL } from 'drizzle-orm'
import { scopeOf } from '../resources/index.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import type { Db } from './connection/index.ts'
import { isLocked } from './lock.ts'
import { isOfApp, type Member } from './members.ts'

/** A member who waits for a sync. */
export interface Waiting extends Member {
  /** When the last run that was at work on this member began; null: there was none. */
  servedAt: Date | null
  /** Everything up to the newest record is stored, for every type that was granted. */
  complete: boolean
}

/** Whom the app's requests have to serve: how many are complete, and what a sync of one costs. */
export interface Plan {
  members: number
  cost: number
}

/** One of so many shares of the members, for runs that should not meet. */
export interface Shard {
  /** From 0. */
  index: number
  of: number
}

export interface Queue {
  /** Those who are complete first: they need little, and history can wait. Then by age, the stalest first. */
  members: Waiting[]
  /** Of all of the app's members, whoever is asked for. */
  plan: Plan
  /** Others have the rest of the members. */
  isShare: boolean
}

const histories = typeNames.filter((type) => type !== 'body').map((type) => sql`(${type}, ${scopeOf[type]})`)
/** The types that have a history, each with the scope that permits it. */
const GRANTED = sql`(values ${sql.join(histories, sql`, `)}) as granted (type, scope)`

const USUAL_COST = 5 // before there is anything to go by
const RECENT_RUNS = 200
const HISTORY_COST = 20

/** Whom a run may serve: everybody, one member, or a share of them. */
interface Wanted {
  clientId: string
  whoopUserId?: number | undefined
  types?: readonly TypeName[] | undefined
  shard?: Shard | undefined
}

/** Everybody who is logged in to the app, or the one asked for, by when these types were last synced (all of them, if none are named). */
export async function loadQueue(db: Db, now: Date, wanted: Wanted): Promise<Queue> {
  const { clientId, whoopUserId, types = typeNames, shard = { index: 0, of: 1 } } = wanted
  const isAll = whoopUserId === undefined && shard.of === 1
  const isWanted = (id: SQL) => {
    if (whoopUserId !== undefined) return sql`${id} = (select id from users where whoop_user_id = ${whoopUserId})`
    return isAll ? sql`true` : sql`${id} % ${shard.of}::int = ${shard.index}::int`
  }
  const rows = await db.execute<Row>(sql`
    select member.id, whoop_user_id as "whoopUserId", first_name as "firstName", array_to_string(scopes, ' ') as scopes,
      last.started_at as "servedAt", complete, ${isAll ? sql`served, ${recentCost()}` : sql`plan_members as served, plan_cost`} as cost
    from (
      select *, count(*) filter (where complete) over () as served from (
        select users.*, scopes, ${isComplete()} as complete
        from users join oauth_tokens on oauth_tokens.user_id = users.id and ${isOfApp(clientId)} ${withStored(isWanted)}
        where ${isWanted(sql`users.id`)}
      ) one
    ) member
      left join lateral (
        select id, started_at from sync_runs where user_id = member.id and ${wasServed(now, permitted(types, sql`scopes`))}
        order by started_at desc, id desc limit 1
      ) last on true
      ${isAll ? sql`` : sql`left join request_budgets on ${isRecentPlan(now, clientId)}`}
    order by complete desc, last.id nulls first, member.id`)
  const members = rows.map(({ id, whoopUserId, firstName, scopes, servedAt, complete }) => ({
    id,
    whoopUserId: Number(whoopUserId),
    firstName,
    scopes: scopes.split(' ').filter(Boolean),
    servedAt: servedAt === null ? null : new Date(servedAt),
    complete,
  }))
  const [first] = rows
  const isCounted = isAll || !first || first.served !== null
  const plan = isCounted
    ? planOf(first && { members: first.served, cost: first.cost })
    : await countPlan(db, now, clientId)
  return { members, plan, isShare: shard.of > 1 }
}

/**
 * Whom the app's requests have to serve: how many are complete, and what a sync of one costs. Without a client id, those
 * of the app which asked last.
 */
export async function loadPlan(db: Db, clientId?: string): Promise<Plan> {
  const [row] = await db.execute<PlanRow>(plan(isOfAppOrLast(clientId)))
  return planOf(row)
}

function isOfAppOrLast(clientId: string | undefined): SQL {
  const app = sql`coalesce(${clientId ?? null}, (select client_id from request_budgets order by updated_at desc limit 1))`
  return sql`(${app} is null or ${isOfApp(app)})`
}

/** What of the app's members is read again, or is still to be read. */
export interface Workload {
  /** Members of whom anything is stored, and how many records that is. */
  stored: number
  records: number
  /** Members whose history has never been read to its end. */
  unread: number
  /** How many pages that takes, if their histories are as long as those that were; undefined while none was. */
  unreadPages: number | undefined
}

/** Of the same members as `loadPlan`'s; `pageSize` in records. */
export async function loadWorkload(db: Db, pageSize: number, clientId?: string): Promise<Workload> {
  const [row] = await db.execute<{ stored: number; records: string; unread: number; pages: string | null }>(sql`
    with lists as (
      select users.id, type, coalesce(records, 0) as records, last_sync_time is null as unread
      from users join oauth_tokens on oauth_tokens.user_id = users.id and ${isOfAppOrLast(clientId)} and dead_fingerprint is null
        join ${GRANTED} on scope = any(scopes)
        left join sync_status on sync_status.user_id = users.id and data_type = type
    ), usual as (
      select type, avg(records) as records from lists where not unread group by type
    )
    select count(distinct id) filter (where lists.records > 0)::int as stored, coalesce(sum(lists.records), 0) as records,
      count(distinct id) filter (where unread)::int as unread,
      case when bool_and(usual.type is not null) filter (where unread)
        then sum(greatest(1, ceil((usual.records - lists.records) / ${pageSize}))) filter (where unread) end as pages
    from lists left join usual using (type)`)
  const { stored = 0, records = 0, unread = 0, pages = null } = row ?? {}
  return { stored, records: Number(records), unread, unreadPages: pages === null ? undefined : Number(pages) }
}

const PLAN_KEPT = '15 minutes' // few schedules ask for more: each run goes by the plan that it began with

/** The plan as somebody has counted it lately, so that who serves a few need not count everybody. */
function isRecentPlan(now: Date, clientId: string): SQL {
  const at = sql`${now.toISOString()}::timestamptz`
  return sql`client_id = ${clientId}
    and planned_at between ${at} - ${PLAN_KEPT}::interval and ${at} + ${PLAN_KEPT}::interval`
}

/** Counts everybody, and keeps that for those who come soon after. */
async function countPlan(db: Db, now: Date, clientId: string): Promise<Plan> {
  const [row] = await db.execute<PlanRow>(sql`
    with plan as (${plan(isOfApp(clientId))}), kept as (
      update request_budgets set plan_members = members, plan_cost = cost, planned_at = ${now.toISOString()}
      from plan where client_id = ${clientId}
    )
    select * from plan`)
  return planOf(row)
}

interface PlanRow extends Record<string, unknown> {
  members: number | string | null
  cost: number | string | null
}

function planOf(row: PlanRow | undefined): Plan {
  return { members: Number(row?.members ?? 0), cost: Number(row?.cost ?? USUAL_COST) }
}

function plan(isTheirs: SQL): SQL {
  return sql`
    select count(*) filter (where ${isComplete()})::int as members, ${recentCost()}::float8 as cost
    from users join oauth_tokens on oauth_tokens.user_id = users.id and ${isTheirs} ${withStored(() => sql`true`)}`
}

/** Joins to each of `users`, as `stored`, the types of which everything up to the newest record is there. */
function withStored(isWanted: (id: SQL) => SQL): SQL {
  return sql`
    left join (
      select user_id, array_agg(data_type) as types from sync_status
      where ${isWanted(sql`user_id`)} and last_sync_time is not null
        and (last_record_time is null or isempty(tstzmultirange(tstzrange(null, last_record_time)) - covered))
      group by user_id
    ) stored on stored.user_id = users.id`
}

function isComplete(): SQL {
  return sql`not exists (
    select from ${GRANTED}
    where scope = any(scopes) and (stored.types is null or type <> all(stored.types))
  )`
}

function recentCost(): SQL {
  return sql`(
    select avg(least(requests, ${HISTORY_COST}))
    from (select requests from sync_runs where requests > 0 order by id desc limit ${RECENT_RUNS}) runs
  )`
}

interface Row extends Record<string, unknown> {
  id: number
  whoopUserId: string
  firstName: string | null
  scopes: string
  servedAt: string | null
  complete: boolean
  /** Null: it was not counted lately. */
  served: number | string | null
  cost: string | null
}

const AT_ONCE = 32

/**
 * The line without those at its beginning whom another run has served since, or is serving: each is looked up by its key,
 * and only as many as it takes to find somebody. The runs are about to meet at whoever comes next, again and again, so
 * each goes through the next few in an order of its own.
 */
export async function stillDue(
  db: Db,
  line: readonly Waiting[],
  types: readonly TypeName[],
  { since, now }: { since: Date; now: Date },
): Promise<Waiting[]> {
  for (let from = 0; from < line.length; from += AT_ONCE) {
    const next = line.slice(from, from + AT_ONCE)
    const rows = await db.execute<{ id: number }>(sql`
      select users.id from users join oauth_tokens on oauth_tokens.user_id = users.id
      where users.id in ${next.map(({ id }) => id)} and not exists (
        select from sync_runs where user_id = users.id and started_at > ${since.toISOString()}
          and ${wasServed(now, permitted(types, sql`scopes`))}
      ) and not ${isLocked(sql`whoop_user_id`, sql`${types[0]}::text`)}
      order by md5(pg_backend_pid() || '/' || users.id)`)
    const due = rows.flatMap(({ id }) => next.find((one) => one.id === id) ?? [])
    if (due.length > 0) return [...due, ...line.slice(from + AT_ONCE)]
  }
  return []
}

/** Whether another run has been at work on the member since then. To be asked with the member's locks in hand. */
export async function servedSince(
  db: Db,
  member: Member,
  types: readonly TypeName[],
  { since, now }: { since: Date; now: Date },
): Promise<boolean> {
  const wanted = permitted(
    types,
    sql`array(select jsonb_array_elements_text(${JSON.stringify(member.scopes)}::text::jsonb))`,
  )
  const rows = await db.execute(sql`
    select from sync_runs
    where user_id = ${member.id} and started_at > ${since.toISOString()} and ${wasServed(now, wanted)} limit 1`)
  return rows.length > 0
}

/**
 * Whether a run was at work on everything that is `wanted` (rows of a column `type`), or failed before it came to any. A
 * run from the future was a clock's mistake, and must not keep the member waiting until then.
 */
function wasServed(now: Date, wanted: SQL): SQL {
  return sql`outcome <> 'skipped' and started_at <= ${now.toISOString()}::timestamptz + interval '1 hour'
    and (error_reason is not null or not exists (
      select from (${wanted}) wanted where not types ? type or types -> type ->> 'outcome' = 'skipped'
    ))`
}

/** Those of the types that a login's scopes permit. */
function permitted(types: readonly TypeName[], scopes: SQL): SQL {
  const rows = types.map((type) => sql`(${type}, ${scopeOf[type]})`)
  return sql`select type from (values ${sql.join(rows, sql`, `)}) as one (type, scope) where scope = any(${scopes})`
}
