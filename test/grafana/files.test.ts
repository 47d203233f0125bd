// The files in grafana/, without a database: made by the generator, and what Grafana's own types permit.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { describe, expect, it } from 'vitest'
import { switchOf } from '../../grafana/src/alerts.ts'
import { generate } from '../../grafana/src/generate.ts'
import { alertRules, dashboards, grafana, read, readYaml } from './provisioned.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

describe('what is generated', () => {
  it.each(Object.entries(generate()))('%s is as npm run grafana makes it', async (path, text) => {
    const file = join(grafana, path)
    expect(read(path)).toBe(await format(text, { ...(await resolveConfig(file)), filepath: file }))
  })

  it('is all there is', () => {
    const made = Object.keys(generate())
    expect(readdirSync(join(grafana, 'dashboards')).map((name) => `dashboards/${name}`)).toEqual(
      made.filter((path) => path.startsWith('dashboards/')).toSorted(),
    )
  })
})

describe('the dashboards', () => {
  it('are what Grafana’s own types permit, to the last option', () => {
    const dir = mkdtempSync(join(tmpdir(), 'whoopster-grafana-'))
    try {
      const lines = dashboards.map((one, index) => `export const d${index}: Dashboard = ${JSON.stringify(one)}`)
      const imported = `import type { Dashboard } from ${JSON.stringify(join(root, 'grafana/src/types.ts'))}`
      const spoiled = JSON.stringify({ ...dashboards[0], schemaVersion: 'new' })
      const config = {
        extends: join(root, 'tsconfig.json'),
        include: ['*.ts'],
        compilerOptions: { types: [], rootDir: '/' },
      }
      writeFileSync(join(dir, 'package.json'), '{"type":"module"}')
      writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config))
      writeFileSync(join(dir, 'good.ts'), [imported, ...lines].join('\n'))
      writeFileSync(join(dir, 'bad.ts'), `${imported}\n// @ts-expect-error\nexport const bad: Dashboard = ${spoiled}`)
      execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', dir], { encoding: 'utf8' })
    } catch (error) {
      expect.fail((error as { stdout?: string }).stdout?.slice(0, 4000) ?? String(error))
    } finally {
      rmSync(dir, { recursive: true })
    }
  })

  it('are nine, each with its own address, and linked with each other', () => {
    expect(dashboards.map(({ title }) => title).toSorted()).toEqual(
      ['Calendar', 'Day', 'Patterns', 'Recovery', 'Sleep', 'Strain', 'Sync health', 'Today', 'Workouts'], // prettier-ignore
    )
    expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(9)
    for (const { tags, links } of dashboards) {
      expect(tags).toContain('whoopster')
      expect(links).toMatchObject([{ type: 'dashboards', tags: ['whoopster'], includeVars: true }])
    }
  })

  describe.each(dashboards.map((dashboard) => ({ title: dashboard.title, dashboard })))('$title', ({ dashboard }) => {
    const { panels } = dashboard

    it('has a title, a description with source and unit, and a unit on every panel', () => {
      for (const { title, description, fieldConfig } of panels) {
        expect(title).toMatch(/^\p{L}/u)
        expect(description, title).toMatch(/^\p{L}.{25,}\.$/u)
        expect(fieldConfig.defaults.unit, title).toBeTruthy()
        expect(fieldConfig.defaults.noValue, title).toBeTruthy()
      }
    })

    it('names the unit of its numbers in words', () => {
      const words =
        /percent|hours|minutes|milliseconds|seconds|how long ago|a minute|degrees|0 to 21|kilocalories|kilograms|kilometres|count|deviations|ratio|−1 to 1/i
      const charts = panels.filter(({ type }) => type !== 'table') // a table has a unit a column
      for (const { title, description } of charts) expect(description, title).toMatch(words)
    })

    it('has no two panels in one place, none beyond the edge, and ids of their own', () => {
      const cells = panels.flatMap(({ gridPos }) => {
        const { x = 0, y = 0, w = 0, h = 0 } = gridPos ?? {}
        expect(x + w).toBeLessThanOrEqual(24)
        return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`)
      })
      expect(new Set(cells).size).toBe(cells.length)
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    })

    it('has no selector that changes nothing', () => {
      const asked = JSON.stringify(panels.map(({ targets }) => targets))
      for (const { name } of dashboard.templating.list) expect(asked).toContain(`\${${name}:`)
    })

    it('asks whoopster’s data source, for whom is chosen', () => {
      for (const { targets, datasource } of panels) {
        for (const one of [{ datasource }, ...targets]) expect(one.datasource).toMatchObject({ uid: 'whoopster' })
        for (const { rawSql } of targets) expect(rawSql).toContain('${member:sqlstring}')
      }
    })
  })
})

describe('provisioning', () => {
  it('takes the connection from the environment, and no more than is documented', () => {
    const text = read('provisioning/datasources/whoopster.yaml')
    const documented = read('README.md')
    const names = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name ?? '')
    expect(names).toEqual(
      ['HOST', 'USER', 'PASSWORD', 'NAME', 'SSLMODE', 'SSLROOTCERT'].map((name) => `WHOOPSTER_DB_${name}`),
    )
    for (const name of [...names, ...alertRules.map((rule) => /\{(\w+)\}/.exec(rule.condition)?.[1] ?? '')]) {
      expect(documented).toContain(`\`${name}\``)
    }
    expect(readYaml('provisioning/datasources/whoopster.yaml')).toMatchObject({
      datasources: [{ uid: 'whoopster', type: 'grafana-postgresql-datasource', jsonData: { timescaledb: false } }],
    })
  })

  it('finds the dashboards where compose and Kubernetes mount them', () => {
    expect(readYaml('provisioning/dashboards/whoopster.yaml')).toMatchObject({
      providers: [{ type: 'file', options: { path: '/var/lib/grafana/dashboards' } }],
    })
  })

  it.each(alertRules.map((rule) => ({ rule, title: rule.title })))('switches off: $title', ({ rule }) => {
    const name = switchOf({ name: rule.labels['alert'] ?? '' })
    const condition = (value: string) => rule.condition.replace(`\${${name}}`, value)
    const nodes = rule.data.map(({ refId }) => refId)
    expect(nodes).toContain(condition('')) // Grafana takes an unset variable for an empty one
    expect(nodes).toContain(condition('on'))
    expect(rule.data.find(({ refId }) => refId === condition('off'))?.model).toMatchObject({
      type: 'math',
      expression: '$A * 0',
    })
  })

  it('has no dollar where Grafana would take it for a variable of the environment', () => {
    for (const { title, annotations, labels } of alertRules) {
      expect([title, ...Object.values(annotations), ...Object.values(labels)].join('\n')).not.toContain('$')
    }
  })

  it('leads from every alert to a panel that is there', () => {
    for (const { annotations } of alertRules) {
      const dashboard = dashboards.find(({ uid }) => uid === annotations['__dashboardUid__'])
      expect(dashboard?.panels.map(({ id }) => String(id))).toContain(annotations['__panelId__'])
    }
  })

  it('leads to the panel that shows what the alert is about', () => {
    const led = alertRules.map(({ labels, annotations }) => {
      const board = dashboards.find(({ uid }) => uid === annotations['__dashboardUid__'])
      const panel = board?.panels.find(({ id }) => String(id) === annotations['__panelId__'])
      return `${labels['alert']}: ${board?.title} › ${panel?.title}`
    })
    expect(led).toMatchInlineSnapshot(`
      [
        "stale: Sync health › Every type of every member",
        "login-needed: Sync health › Logins",
        "quarantine: Sync health › Quarantine",
        "failing: Sync health › What went wrong",
        "low-recovery: Recovery › Recovery",
        "hrv: Recovery › HRV and what is normal",
        "resting-heart-rate: Recovery › Resting heart rate and what is normal",
        "skin-temperature: Recovery › Skin temperature, off the baseline",
        "respiratory-rate: Sleep › Respiratory rate and what is normal",
      ]
    `)
  })
})

describe('the table of successors', () => {
  const rows = [
    ...read('README.md').matchAll(/^\| (?:Overview|Sleep|Recovery|Workout|Cycle) +\| (.+?) +\| (.+?) +\|$/gm),
  ]

  it('has all 45 panels of the original', () => {
    expect(rows.length).toBe(45)
  })

  it.each(rows.map(([, old = '', successors = '']) => [old, successors]))('%s is succeeded by %s', (_, successors) => {
    for (const place of successors.split('; ').filter((one) => one.includes(' › '))) {
      const [title, list = ''] = place.split(' › ')
      const panels = dashboards.find((one) => one.title === title)?.panels.map((panel) => panel.title) ?? []
      expect(
        panels.filter((panel) => list.startsWith(panel)),
        place,
      ).not.toEqual([])
    }
  })
})
