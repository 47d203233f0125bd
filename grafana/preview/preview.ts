// Draws the dashboards with the demo's data, to see what they look like without a Grafana:
//   npm run grafana:preview -- [folder] [--light] [--phone]
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import type { Sql } from 'postgres'
import { expand } from '../../test/grafana/expand.ts'
import { asked, dashboards, scopeOf } from '../../test/grafana/provisioned.ts'
import { withSql } from '../../test/postgres.ts'
import { withDemo } from './demo.ts'
import { themes, type Answer, type Row } from './canvas.ts'
import { drawDashboard } from './draw.ts'
import type { Dashboard, Panel } from '../src/types.ts'

const SPANS: Record<string, number> = { d: 1, M: 30.44, y: 365.25 } // days

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { light: { type: 'boolean', default: false }, phone: { type: 'boolean', default: false } },
})
const width = options.phone ? 420 : 1500

const browser = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)
if (!browser) {
  console.error('There is no Chromium on the PATH to draw with. On Debian: apt-get install chromium')
  process.exit(1)
}

const folder = positionals[0] ?? (await mkdtemp(join(tmpdir(), 'whoopster-preview-')))
await mkdir(folder, { recursive: true })
await withDemo((url) =>
  withSql(url, async (sql) => {
    await sql`set role whoopster_reader`
    await sql`set timezone = 'UTC'`
    for (const dashboard of dashboards) console.log(await draw(sql, dashboard, browser))
  }),
)

async function draw(sql: Sql, dashboard: Dashboard, chromium: string): Promise<string> {
  const range = rangeOf(dashboard)
  const answers = new Map<Panel, Answer>()
  for (const one of asked.filter(({ panel, dashboard: { uid } }) => panel && uid === dashboard.uid)) {
    const result = await sql.unsafe<Row[]>(expand(one.sql, scopeOf(one, { member: '10001', range })))
    if (one.panel) answers.set(one.panel, { columns: result.columns.map(({ name }) => name), rows: [...result] })
  }
  const theme = options.light ? themes.light : themes.dark
  const page = drawDashboard(dashboard, answers, { theme, width, range, phone: options.phone })
  const html = join(folder, `${dashboard.uid}.html`)
  const png = join(folder, `${dashboard.uid}.png`)
  await writeFile(html, page.html)
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--force-device-scale-factor=1']
  const size = `--window-size=${width},${page.height}`
  await promisify(execFile)(chromium, [...flags, size, `--screenshot=${png}`, pathToFileURL(html).href], {
    timeout: 60_000,
  })
  await rm(html)
  return png
}

function rangeOf({ time }: Dashboard) {
  const [, count = '', unit = ''] = /^now-(\d+)([dMy])$/.exec(time?.from ?? '') ?? []
  const days = Number(count) * (SPANS[unit] ?? 0)
  return { from: new Date(Date.now() - days * 86_400_000), to: new Date() }
}
