// The queries of grafana/ as Grafana finds them: out of the committed files, not out of their source.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import type { Dashboard, Panel, Variable } from '../../grafana/src/types.ts'
import type { Scope, VariableValue } from './expand.ts'

export const grafana = resolve('grafana') // the benchmark runs this from elsewhere, in one file

export const read = (path: string) => readFileSync(join(grafana, path), 'utf8')
export const readYaml = (path: string): unknown => parse(read(path))

export const dashboards = readdirSync(join(grafana, 'dashboards'))
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(read(`dashboards/${name}`)) as Dashboard)

/** One query, with all that decides how it is expanded and shown. */
export interface Asked {
  name: string
  sql: string
  kind: Panel['type'] | 'annotation' | 'variable'
  dashboard: Dashboard
  panel?: Panel
}

export const asked: Asked[] = dashboards.flatMap((dashboard) => [
  ...dashboard.panels.flatMap((panel) =>
    panel.targets.map(({ rawSql }) => ({
      name: `${dashboard.title} › ${panel.title} ${panel.id}`,
      sql: rawSql,
      kind: panel.type,
      dashboard,
      panel,
    })),
  ),
  ...dashboard.annotations.list.flatMap(({ name, target }) =>
    target
      ? [
          {
            name: `${dashboard.title} › annotation ${name}`,
            sql: target.rawSql,
            kind: 'annotation' as const,
            dashboard,
          },
        ]
      : [],
  ),
  ...dashboard.templating.list.flatMap(({ name, type, query }) =>
    type === 'query' && typeof query === 'string'
      ? [{ name: `${dashboard.title} › variable ${name}`, sql: query, kind: 'variable' as const, dashboard }]
      : [],
  ),
])

export function find(dashboard: string, title: string): Asked {
  const found = asked.find((one) => one.dashboard.title === dashboard && (one.panel?.title ?? one.name).endsWith(title))
  if (!found) throw new Error(`there is no ${title} on ${dashboard}`)
  return found
}

export interface Chosen {
  /** Several where the dashboard takes several, else the first. */
  member: string | readonly string[]
  range: { from: Date; to: Date }
  units?: 'metric' | 'imperial'
  energy?: 'kcal' | 'kJ'
  day?: string
}

/** What Grafana knows when somebody looks at this dashboard. */
export function scopeOf({ dashboard }: Asked, { member, range, ...chosen }: Chosen): Scope {
  const others: Record<string, string> = chosen
  const members = typeof member === 'string' ? [member] : [...member]
  const value = ({ name, multi, current }: Variable): VariableValue => {
    if (name === 'behaviour') return { value: 'Consumed caffeine?' }
    if (name === 'member') return { value: multi ? members : (members[0] ?? ''), multi: multi === true }
    return { value: others[name] ?? String(current?.value ?? '') }
  }
  return {
    ...range,
    intervalMs: 3_600_000,
    variables: Object.fromEntries(dashboard.templating.list.map((one) => [one.name, value(one)])),
  }
}

export interface AlertRule {
  uid: string
  title: string
  condition: string
  data: {
    refId: string
    datasourceUid: string
    model: {
      rawSql?: string
      type?: string
      expression?: string
      conditions?: { evaluator: { type: 'gt' | 'lt'; params: [number] } }[]
    }
  }[]
  labels: Record<string, string>
  annotations: Record<string, string>
  for: string
}

export const alertRules = (
  readYaml('provisioning/alerting/whoopster.yaml') as { groups: { rules: AlertRule[] }[] }
).groups.flatMap(({ rules }) => rules)
