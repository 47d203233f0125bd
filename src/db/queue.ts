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

const USUAL_COST = 5 // before there is anything to go by
const RECENT_RUNS = 200
const HISTORY_COST = 20

/** Everybody who is logged in to the app, or the one asked for, by when these types were last synced (all of them, if none are named). */
export async function loadQueue(
  db: Db,
  now: Date,
  {
    clientId,
    whoopUserId,
    types = typeNames,
    shard = { index: 0, of: 1 },
  }: {
    clientId: string
    whoopUserId?: number | undefined
    types?: readonly TypeName[] | undefined
    shard?: Shard | undefined
  },
): Promise<Queue> {
  const rows = await db.execute<Row>(sql`
    select member.id, whoop_user_id as "whoopUserId", first_name as "firstName", array_to_string(scopes, ' ') as scopes,
      last.started_at as "servedAt", complete, served, ${recentCost()} as cost
    from (
      select *, count(*) filter (where complete) over () as served from (
        select users.*, scopes, ${isComplete()} as complete
        from users join oauth_tokens on oauth_tokens.user_id = users.id and ${isOfApp(clientId)}
      ) everybody
    ) member
      left join lateral (
        select id, started_at from sync_runs where user_id = member.id and ${wasServed(now, permitted(types, sql`scopes`))}
        order by started_at desc, id desc limit 1
      ) last on true
    where (${whoopUserId ?? null}::bigint is null or whoop_user_id = ${whoopUserId ?? null})
      and member.id % ${shard.of}::int = ${shard.index}::int
    order by complete desc, last.id nulls first, member.id`)
  const members = rows.map(({ id, whoopUserId, firstName, scopes, servedAt, complete }) => ({
    id,
    whoopUserId: Number(whoopUserId),
    firstName,
    scopes: scopes.split(' ').filter(Boolean),
    servedAt: servedAt === null ? null : new Date(servedAt),
    complete,
  }))
  return {
    members,
    plan: { members: Number(rows[0]?.served ?? 0), cost: Number(rows[0]?.cost ?? USUAL_COST) },
    isShare: shard.of > 1,
  }
}

/**
 * Whom the app's requests have to serve: how many are complete, and what a sync of one costs. Without a client id, those
 * of the app which asked last.
 */
export async function loadPlan(db: Db, clientId?: string): Promise<Plan> {
  const app = sql`coalesce(${clientId ?? null}, (select client_id from request_budgets order by updated_at desc limit 1))`
  const [row] = await db.execute<{ members: number; cost: string | null }>(sql`
    select count(*) filter (where ${isComplete()})::int as members, ${recentCost()} as cost
    from users join oauth_tokens on oauth_tokens.user_id = users.id and (${app} is null or ${isOfApp(app)})`)
  return { members: row?.members ?? 0, cost: Number(row?.cost ?? USUAL_COST) }
}

function isComplete(): SQL {
  const granted = typeNames.filter((type) => type !== 'body').map((type) => sql`(${type}, ${scopeOf[type]})`)
  return sql`not exists (
    select from (values ${sql.join(granted, sql`, `)}) as granted (type, scope)
      left join sync_status on user_id = users.id and data_type = type
    where scope = any(scopes) and (last_sync_time is null
      or last_record_time is not null and not isempty(tstzmultirange(tstzrange(null, last_record_time)) - covered))
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
  served: string
  cost: string | null
}

const AT_ONCE = 32

/**
 * The line without those at its beginning whom another run has served since, or is serving: each is looked up by its key,
 * and only as many as it takes to find somebody.
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
      ) and not ${isLocked(sql`whoop_user_id`, sql`${types[0]}::text`)}`)
    const due = new Set(rows.map(({ id }) => id))
    if (due.size > 0) return [...next.filter(({ id }) => due.has(id)), ...line.slice(from + AT_ONCE)]
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
