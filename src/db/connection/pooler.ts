import { sql } from 'drizzle-orm'
import { WhoopsterError } from '../../errors.ts'
import type { Database, Db, Tx } from './index.ts'

const PATIENCE_MS = 3_000

/**
 * Refuses a pooler that gives a session's server to others between two transactions, or asks another server now and then: our
 * locks would stay behind, and what guards our writes would guard nothing. PostgreSQL names its process at the start; a pooler
 * names one of its own making. If so, a second session takes a server and holds on to it: it may be given anyone but ours.
 */
export async function requireSession({ alone, pipelined, apart, pid, where }: Database): Promise<void> {
  const ours = await pipelined(pidOf)
  const named = pid()
  if (named === undefined || named === ours) return
  const isShared = await apart((other) =>
    Promise.race([
      other.transaction(async (tx) => {
        if ((await pidOf(tx)) === ours) return true
        return (await alone(writerOf)) !== ours || (await alone(writerOf)) !== ours // twice, for one that goes round them all
      }),
      new Promise<boolean>((resolve) => setTimeout(resolve, PATIENCE_MS, false).unref()), // no server is left: ours is kept for us
    ]),
  )
  if (!isShared) return
  throw new WhoopsterError('settings', `PostgreSQL at ${where} is behind a pooler that does not keep our session.`, {
    hint: "put PostgreSQL's own address into DATABASE_URL, or that of a pooler in session mode; see docs/operations.md",
  })
}

async function pidOf(db: Db | Tx): Promise<number | undefined> {
  const [row] = await db.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
  return row?.pid
}

/** Who is asked when it is no mere question: not a standby that a balancer has chosen for those. */
function writerOf(db: Db): Promise<number | undefined> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_try_advisory_xact_lock(hashtextextended('whoopster:pooler', 0))`)
    return pidOf(tx)
  })
}
