import { sql, type SQL } from 'drizzle-orm'
import { WhoopsterError } from '../errors.ts'
import { toTheMinute } from '../time.ts'
import type { Database, Db, Tx } from './connection/index.ts'
import type { Member } from './members.ts'

/** Proof that this run still holds its locks: they belong to one backend, and die with it. */
export interface Fence {
  pid: number
  /** Refuses to go on when the locks are lost: for what is written in the rest of the transaction. */
  hold(tx: Tx): Promise<void>
  lost(): WhoopsterError
}

/**
 * Works with those of a member's types locked that nobody else is syncing, and with what guards every write. What is to be
 * written of the result is written before they are unlocked, and its answer is not waited for to do that.
 */
export async function withTypesLocked<Name extends string, T>(
  { pipelined, lastWords }: Pick<Database, 'pipelined' | 'lastWords'>,
  member: Member,
  types: readonly Name[],
  work: (fence: Fence, locked: Name[]) => Promise<T>,
  write: (result: T) => Promise<unknown> = async () => {},
): Promise<T> {
  const { fence, locked } = await pipelined((db) => lockTypes(db, member, types, lastWords))
  const unlock = () => pipelined((db) => unlockTypes(db, member, locked))
  let result: T
  try {
    result = await work(fence, locked)
  } catch (error) {
    await unlock().catch(() => {}) // a connection that is gone has let go of them
    throw error
  }
  const [written, unlocked] = await Promise.allSettled([write(result), unlock()])
  for (const one of [written, unlocked]) if (one.status === 'rejected') throw one.reason
  return result
}

export async function lockTypes<Name extends string>(
  db: Db,
  member: Member,
  types: readonly Name[],
  lastWords: Database['lastWords'] = () => undefined,
): Promise<{ fence: Fence; locked: Name[] }> {
  const rows = await db.execute<{ type: Name; locked: boolean; pid: number }>(sql`
    select type, pg_backend_pid() as pid, pg_try_advisory_lock(${lockKey(member)}) as locked
    from ${asRows(types)}`)
  const fence = createFence(rows[0]?.pid ?? 0, lastWords)
  return { fence, locked: rows.filter((row) => row.locked).map((row) => row.type) }
}

export async function unlockTypes(db: Db, member: Member, types: readonly string[]): Promise<void> {
  if (types.length === 0) return
  await db.execute(sql`select pg_advisory_unlock(${lockKey(member)}) from ${asRows(types)}`)
}

function asRows(types: readonly string[]) {
  const values = types.map((type) => sql`${type}`)
  return sql`unnest(array[${sql.join(values, sql`, `)}]::text[]) type`
}

const lockKey = (member: Member) =>
  sql`hashtextextended('whoopster:sync:' || ${member.whoopUserId}::text || ':' || type, 0)`

/** Whether a run, or somebody in its place, is at work on a type; the parameters are columns. */
export function isLocked(whoopUserId: SQL, type: SQL): SQL {
  return sql`exists (
    select from (select hashtextextended('whoopster:sync:' || ${whoopUserId}::text || ':' || ${type}, 0) as key) wanted
    join pg_locks on locktype = 'advisory' and objsubid = 1 and granted
      and classid = ((key >> 32) & 4294967295)::oid and objid = (key & 4294967295)::oid
      and pg_locks.database = (select oid from pg_database where datname = current_database())
  )`
}

/** A connection that broke is replaced in silence, without the locks: another run may hold them by now. */
function createFence(pid: number, lastWords: Database['lastWords']): Fence {
  const lost = () => {
    const words = lastWords()
    const said = words === undefined ? '' : ` (${words})`
    return new WhoopsterError(
      'unavailable',
      `The connection to PostgreSQL was lost, and this run’s lock with it${said}.`,
      {
        hint: 'run it again; everything committed is kept',
      },
    )
  }
  return {
    pid,
    lost,
    hold: async (tx) => {
      const [row] = await tx.execute<{ held: boolean }>(sql`select pg_backend_pid() = ${pid} as held`)
      if (!row?.held) throw lost()
    },
  }
}

/** Somebody has a type's lock, and it is no sync that goes on. */
export interface StuckLock {
  whoopUserId: number
  type: string
  /** PostgreSQL's number and name of who holds it. */
  pid: number
  user: string
  /** When the type was last written to; null: never. */
  lastWritten: Date | null
}

const LONGEST_SILENCE = '1 hour' // a sync that is at work writes something with every page

/**
 * Anybody who may connect can take a lock of ours. It is no run's when its user could not write what a run writes, or
 * when neither a new connection nor a page was seen for longer than a sync takes from one to the next.
 */
export async function loadStuckLocks(db: Db, types: readonly string[], member?: Member): Promise<StuckLock[]> {
  const rows = await db.execute<{
    id: string
    type: string
    pid: number
    user: string | null
    written: string | null
  }>(sql`
    with wanted as (
      select whoop_user_id, type, hashtextextended('whoopster:sync:' || whoop_user_id::text || ':' || type, 0) as key,
        (select max(updated_at) from sync_status where user_id = users.id and data_type = type) as written
      from users cross join ${asRows(types)} where ${member === undefined ? sql`true` : sql`users.id = ${member.id}`}
    )
    select whoop_user_id as id, type, pid, usename as "user", written
    from wanted join pg_locks on locktype = 'advisory' and objsubid = 1 and granted
      and classid = ((key >> 32) & 4294967295)::oid and objid = (key & 4294967295)::oid
      and pg_locks.database = (select oid from pg_database where datname = current_database())
    left join pg_stat_activity using (pid)
    where pid <> pg_backend_pid() and (
      not coalesce(has_table_privilege(usesysid, 'sync_status', 'UPDATE'), true)
      or (backend_start < clock_timestamp() - ${LONGEST_SILENCE}::interval
        and coalesce(written < clock_timestamp() - ${LONGEST_SILENCE}::interval, true)))
    order by 1, 2`)
  return rows.map(({ id, type, pid, user, written }) => ({
    whoopUserId: Number(id),
    type,
    pid,
    user: user ?? 'somebody',
    lastWritten: written === null ? null : new Date(written),
  }))
}

/** What to say of them: who, since when, and how to end it. */
export function stuckLock(locks: readonly StuckLock[]): WhoopsterError | undefined {
  const [first] = locks
  if (!first) return undefined
  const { whoopUserId, pid, user, lastWritten } = first
  const types = locks.filter((one) => one.pid === pid && one.whoopUserId === whoopUserId).map(({ type }) => type)
  const since = lastWritten ? `since ${toTheMinute(lastWritten)}` : 'yet'
  return new WhoopsterError(
    'busy',
    `PostgreSQL's user ${user} (process ${pid}) keeps ${types.join(', ')} of WHOOP user ${whoopUserId} locked, and syncs nothing: ` +
      `nothing was stored ${since}.`,
    { hint: `end it, as that user or an administrator: select pg_terminate_backend(${pid})` },
  )
}
