import { sql } from 'drizzle-orm'
import { WhoopsterError } from '../errors.ts'
import type { Db, Tx } from './connect.ts'
import type { Member } from './tokens.ts'

/** Proof that this run still holds its locks: they belong to one backend, and die with it. */
export interface Fence {
  pid: number
  /** Refuses to go on when the locks are lost: for what is written in the rest of the transaction. */
  hold(tx: Tx): Promise<void>
  lost(): WhoopsterError
}

/** Works with those of a member's types locked that nobody else is syncing, and with what guards every write. */
export async function withTypesLocked<Name extends string, T>(
  db: Db,
  member: Member,
  types: readonly Name[],
  work: (fence: Fence, locked: Name[]) => Promise<T>,
): Promise<T> {
  const { fence, locked } = await lockTypes(db, member, types)
  const unlock = () => unlockTypes(db, member, locked)
  let result: T
  try {
    result = await work(fence, locked)
  } catch (error) {
    await unlock().catch(() => {}) // a connection that is gone has let go of them
    throw error
  }
  await unlock()
  return result
}

export async function lockTypes<Name extends string>(
  db: Db,
  member: Member,
  types: readonly Name[],
): Promise<{ fence: Fence; locked: Name[] }> {
  const rows = await db.execute<{ type: Name; locked: boolean; pid: number }>(sql`
    select type, pg_backend_pid() as pid, pg_try_advisory_lock(${lockKey(member)}) as locked
    from ${asRows(types)}`)
  return { fence: createFence(rows[0]?.pid ?? 0), locked: rows.filter((row) => row.locked).map((row) => row.type) }
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

/** A connection that broke is replaced in silence, without the locks: another run may hold them by now. */
function createFence(pid: number): Fence {
  return {
    pid,
    lost,
    hold: async (tx) => {
      const [row] = await tx.execute<{ held: boolean }>(sql`select pg_backend_pid() = ${pid} as held`)
      if (!row?.held) throw lost()
    },
  }
}

function lost(): WhoopsterError {
  return new WhoopsterError('unavailable', 'The connection to PostgreSQL was lost, and this run’s lock with it.', {
    hint: 'run it again; everything committed is kept',
  })
}
