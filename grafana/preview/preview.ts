// Draws the dashboards with the demo's data and Grafana's own components, to see what they look like without a Grafana:
//   npm run grafana:preview -- [folder] [--light] [--phone] [--echarts] [--keep]
// --keep leaves the pages beside their pictures. With --echarts nothing is fetched, and ECharts draws everything, near enough to judge the layout.
import { execFile, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import type { Sql } from 'postgres'
import { expand } from '../../test/grafana/expand.ts'
import { asked, dashboards, scopeOf } from '../../test/grafana/provisioned.ts'
import { withSql } from '../../test/support/postgres.ts'
import { withDemo } from './demo.ts'
import { bundleComponents } from './components.ts'
import { themes, type Answer, type Row } from './canvas.ts'
import { drawDashboard } from './draw.ts'
import type { Dashboard, Panel } from '../src/types.ts'

const SPANS: Record<string, number> = { d: 1, M: 30.44, y: 365.25 } // days

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    light: { type: 'boolean', default: false },
    phone: { type: 'boolean', default: false },
    echarts: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
const width = options.phone ? 390 : 1500

const browser = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)
if (!browser) {
  console.error('There is no Chromium on the PATH to draw with. On Debian: apt-get install chromium')
  process.exit(1)
}

const components = options.echarts ? undefined : await bundleComponents()
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
    const result = await sql.unsafe<Row[]>(
      expand(one.sql, scopeOf(one, { member: '10001', range: rangeOfPanel(one.panel, range) })),
    )
    if (one.panel)
      answers.set(one.panel, {
        columns: result.columns.map(({ name }) => name),
        rows: [...result],
        types: result.columns.map(({ type }) => type),
      })
  }
  const theme = options.light ? themes.light : themes.dark
  const page = drawDashboard(dashboard, answers, {
    theme,
    width,
    range,
    phone: options.phone,
    own: components !== undefined,
  })
  const html = join(folder, `${dashboard.uid}.html`)
  const png = join(folder, `${dashboard.uid}.png`)
  await writeFile(join(folder, 'panels.js'), components?.script ?? '')
  await writeFile(html, `${page.html}<style>${components?.styles ?? ''}</style><script src="panels.js"></script>`)
  const flags = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--hide-scrollbars',
    '--force-device-scale-factor=1',
    '--virtual-time-budget=10000',
  ]
  const size = `--window-size=${width},${page.height}`
  await promisify(execFile)(chromium, [...flags, size, `--screenshot=${png}`, pathToFileURL(html).href], {
    timeout: 120_000,
  })
  if (!options.keep) await rm(html)
  if (!options.keep) await rm(join(folder, 'panels.js'))
  return png
}

/** A panel may have a range of its own: `6w`. */
function rangeOfPanel(panel: Panel | undefined, { from, to }: { from: Date; to: Date }) {
  const weeks = Number(/^(\d+)w$/.exec(panel?.timeFrom ?? '')?.[1] ?? 0)
  return { from: weeks ? new Date(to.getTime() - weeks * 7 * 86_400_000) : from, to }
}

function rangeOf({ time }: Dashboard) {
  const [, count = '', unit = ''] = /^now-(\d+)([dMy])$/.exec(time?.from ?? '') ?? []
  const days = Number(count) * (SPANS[unit] ?? 0)
  return { from: new Date(Date.now() - days * 86_400_000), to: new Date() }
}
