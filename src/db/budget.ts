import { sql } from 'drizzle-orm'
import type { Database, Db } from './connection/index.ts'
import { isReadOnly } from './connection/failure.ts'

/**
 * What one app may still ask, in a row that all of its processes read and write. A write succeeds only on what was read
 * before: who comes too late looks again, so nothing is given out twice, and nobody holds a lock while it waits. A server
 * that is read-only, a standby, has the row to look at: what is asked from there on is counted here alone.
 */
export function createBudgetStore<State>({ alone }: Pick<Database, 'alone'>, clientId: string, empty: State) {
  let known: { version: string; state: State } | undefined // version 0: no row yet
  let isPrivate = false

  function load() {
    return alone(async (db) => {
      const [row] = await db.execute<{ version: string; state: State }>(sql`
        select version, state from request_budgets where client_id = ${clientId}`)
      return row ?? { version: '0', state: empty }
    })
  }

  /** Whether it was stored, and not what another process made of the same version. */
  function save(version: string, state: State): Promise<boolean> {
    const document = sql`${JSON.stringify(state)}::text::jsonb`
    const write =
      version === '0'
        ? sql`insert into request_budgets (client_id, version, state) values (${clientId}, 1, ${document})
            on conflict do nothing`
        : sql`update request_budgets set version = version + 1, state = ${document}, updated_at = now()
            where client_id = ${clientId} and version = ${version}`
    return alone(async (db) => (await db.execute(sql`${write} returning 1`)).length > 0).catch((error: unknown) => {
      if (!isReadOnly(error)) throw error
      return (isPrivate = true)
    })
  }

  return {
    read: async (): Promise<State> => {
      known ??= await load()
      return known.state
    },
    revise: async <Outcome>(change: (state: State) => { state: State; outcome: Outcome }): Promise<Outcome> => {
      for (;;) {
        known ??= await load()
        const { state, outcome } = change(known.state)
        if (state === known.state) return outcome
        const { version } = known
        known = undefined
        if (!isPrivate && !(await save(version, state))) continue
        known = { version: String(BigInt(version) + 1n), state }
        return outcome
      }
    },
  }
}

/** The app's budget as it is now; without a client id, that of the app which asked last. */
export async function loadBudget(db: Db, clientId: string | undefined): Promise<unknown> {
  const [row] = await db.execute<{ state: unknown }>(sql`
    select state from request_budgets where ${clientId ?? null}::text is null or client_id = ${clientId ?? null}
    order by updated_at desc limit 1`)
  return row?.state
}
