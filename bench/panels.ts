// What Grafana asks, out of the committed files, as it finds them.
import type { Sql } from 'postgres'
import { DAY_MS } from '../src/time.ts'
import { expand } from '../test/grafana/expand.ts'
import { alertRules, asked, scopeOf, type Chosen } from '../test/grafana/provisioned.ts'

export interface Query {
  /** The board's title, or the alert's. */
  name: string
  text: string
}

/** Every query of the boards of which that is so, for these last days and members. */
export function queriesOf(
  isWanted: (board: string) => boolean,
  { days, member }: { days: number; member: Chosen['member'] },
): Query[] {
  const now = Date.now()
  const range = { from: new Date(now - days * DAY_MS), to: new Date(now) }
  return asked
    .filter(({ kind, dashboard }) => kind !== 'variable' && isWanted(dashboard.title))
    .map((one) => ({ name: one.dashboard.title, text: expand(one.sql, scopeOf(one, { member, range })) }))
}

/** The alerts' queries: they have no variables. */
export function alertsOf(...kinds: string[]): Query[] {
  return alertRules
    .filter(({ labels }) => kinds.includes(labels['kind'] ?? ''))
    .map(({ title, data }) => ({ name: title, text: data[0]?.model.rawSql ?? '' }))
}

/** How long it takes, in milliseconds, as for Grafana's role: without compiling. */
export async function ask(sql: Sql, text: string): Promise<number> {
  const from = performance.now()
  await sql.begin(async (tx) => {
    await tx`set local jit = off`
    await tx.unsafe(text)
  })
  return performance.now() - from
}
