import { sql } from 'drizzle-orm'
import type { Database, Db } from './connection/index.ts'
import { isReadOnly } from './connection/failure.ts'

/**
 * What one app may still ask, in a row that all of its processes read and write. A write succeeds only on what was read
 * before: who comes too late is told what is there now and tries again, so nothing is given out twice, and nobody holds a
 * lock while it waits. A server that is read-only, a standby, has the row to look at: what is asked from there on is counted
 * here alone.
 */
export function createBudgetStore<State>({ pipelined }: Pick<Database, 'pipelined'>, clientId: string, empty: State) {
  interface Known {
    /** 0: there is no row yet. */
    version: string
    state: State
  }
  let known: Known | undefined
  let loading: Promise<Known> | undefined
  let isPrivate = false

  async function load(): Promise<Known> {
    const [row] = await pipelined((db) =>
      db.execute<Known & Record<string, unknown>>(sql`
        select version, state from request_budgets where client_id = ${clientId}`),
    )
    return row ?? { version: '0', state: empty }
  }

  async function look(): Promise<Known> {
    if (known) return known
    loading ??= load()
      .then((there) => (known = there))
      .finally(() => (loading = undefined))
    return loading
  }

  /** Undefined: it was stored. Else what another process has made of the same version. */
  async function save(version: string, state: State): Promise<Known | undefined> {
    const document = sql`${JSON.stringify(state)}::text::jsonb`
    const change =
      version === '0'
        ? sql`insert into request_budgets (client_id, version, state)
            select ${clientId}, 1, ${document} where not exists (select from now_there)
            on conflict do nothing returning 1`
        : sql`update request_budgets set version = now_there.version + 1, state = ${document}, updated_at = now()
            from now_there where client_id = ${clientId} and now_there.version = ${version} returning 1`
    const [row] = await pipelined((db) =>
      db.execute<{ saved: boolean; version: string | null; state: State }>(sql`
        with now_there as (select version, state from request_budgets where client_id = ${clientId} for update),
          change as (${change})
        select exists (select from change) as saved, version, state from (select) one left join now_there on true`),
    )
    if (row?.saved) return undefined
    return typeof row?.version === 'string' ? { version: row.version, state: row.state } : load()
  }

  return {
    read: async (): Promise<State> => (await look()).state,
    revise: async <Outcome>(change: (state: State) => { state: State; outcome: Outcome }): Promise<Outcome> => {
      for (;;) {
        const { version, state: before } = await look()
        const { state, outcome } = change(before)
        if (state === before) return outcome
        known = undefined // until it is known whether it was stored
        const other = isPrivate ? undefined : await save(version, state).catch(unlessReadOnly)
        known = other ?? { version: String(BigInt(version) + 1n), state }
        if (!other) return outcome
      }
    },
  }

  function unlessReadOnly(error: unknown): undefined {
    if (!isReadOnly(error)) throw error
    isPrivate = true
  }
}

/** The app's budget as it is now; without a client id, that of the app which asked last. */
export async function loadBudget(db: Db, clientId: string | undefined): Promise<unknown> {
  const [row] = await db.execute<{ state: unknown }>(sql`
    select state from request_budgets where ${clientId ?? null}::text is null or client_id = ${clientId ?? null}
    order by updated_at desc limit 1`)
  return row?.state
}
