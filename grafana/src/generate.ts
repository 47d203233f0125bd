// Everything in grafana/ that is made, by its path there. `npm run grafana` writes it.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { provisionedAlerts } from './alerts.ts'
import { dashboards } from './dashboards/index.ts'

const ALERTS_HEAD = `# Made by npm run grafana from grafana/src/alerts.ts. A rule is switched off by setting the variable in its condition
# to off in Grafana's environment.
`

export function generate(): Record<string, string> {
  return {
    ...Object.fromEntries(dashboards.map((one) => [`dashboards/${one.uid}.json`, `${JSON.stringify(one, null, 2)}\n`])),
    'provisioning/alerting/whoopster.yaml':
      ALERTS_HEAD + stringify(provisionedAlerts, { lineWidth: 0, aliasDuplicateObjects: false }),
  }
}

export const folder = fileURLToPath(new URL('..', import.meta.url))

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [path, text] of Object.entries(generate())) {
    await mkdir(dirname(folder + path), { recursive: true })
    await writeFile(folder + path, text)
  }
}
