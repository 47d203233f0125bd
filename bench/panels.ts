// What Grafana asks, out of the committed files, as it finds them.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { parse } from 'yaml'
import type { Dashboard } from '../grafana/src/types.ts'
import { expand, type VariableValue } from '../test/grafana/expand.ts'
import type { AlertRule } from '../test/grafana/provisioned.ts'

const DAY_MS = 86_400_000

export interface Query {
  /** The board's title, or the alert's. */
  name: string
  text: string
}

/** Every query of the boards of which that is so, for these last days, with these chosen. */
export function queriesOf(
  isWanted: (board: string) => boolean,
  { days, chosen }: { days: number; chosen: Record<string, VariableValue> },
): Query[] {
  const folder = 'grafana/dashboards'
  const now = Date.now()
  const boards = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Dashboard)
  return boards
    .filter(({ title }) => isWanted(title))
    .flatMap(({ title, panels, annotations, templating }) => {
      const variables = templating.list.map(
        ({ name, current }) => [name, chosen[name] ?? { value: String(current?.value ?? '') }] as const,
      )
      const scope = {
        from: new Date(now - days * DAY_MS),
        to: new Date(now),
        intervalMs: 3_600_000,
        variables: Object.fromEntries(variables),
      }
      const asked = [
        ...panels.flatMap(({ targets }) => targets.map(({ rawSql }) => rawSql)),
        ...annotations.list.flatMap(({ target }) => (target ? [target.rawSql] : [])),
      ]
      return asked.map((sql) => ({ name: title, text: expand(sql, scope) }))
    })
}

/** The alerts' queries: they have no variables. */
export function alertsOf(...kinds: string[]): Query[] {
  const file = 'grafana/provisioning/alerting/whoopster.yaml'
  const { groups } = parse(readFileSync(file, 'utf8')) as { groups: { rules: AlertRule[] }[] }
  return groups
    .flatMap(({ rules }) => rules)
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
