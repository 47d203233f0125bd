import { sql } from 'drizzle-orm'
import type { Db, Tx } from './connection/index.ts'

/** What was stored at one moment, whatever is written meanwhile; a slow reader of ours is no reason to be cut off. */
export function withSnapshot<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction(
    async (tx) => {
      await tx.execute(sql`set local statement_timeout = 0`)
      await tx.execute(sql`set local idle_in_transaction_session_timeout = 0`)
      return work(tx)
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
}
