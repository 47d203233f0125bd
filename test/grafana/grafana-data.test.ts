// The formatter that the other tests trust, against what Grafana itself makes of the same values: @grafana/data, which is too
// large for every run.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { fetchComponents } from '../../grafana/preview/components.ts'
import { colorOf, fieldOf, show } from '../../grafana/preview/format.ts'
import { dashboards } from './provisioned.ts'
import { isLong } from '../support/long.ts'
import { MINUTE_MS } from '../support/time.ts'

const VALUES = [
  -1.5, -0.25, -0.04, 0, 0.02, 0.76, 1, 1.25, 7.24, 13.25, 21, 55, 61.2, 66.5, 98.4, 131, 1234.5, 51_234.4, 200_000,
]

/** What Grafana does: a display processor for each field, asked for each value. */
const SCRIPT = `
import { readFileSync, writeFileSync } from 'node:fs'
import { createTheme, formattedValueToString, getDisplayProcessor } from '@grafana/data'
const theme = createTheme()
const asked = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const told = asked.fields.map((config) => {
  const thresholds = { mode: 'absolute', steps: config.thresholds.map((step) => ({ ...step, value: step.value ?? -Infinity })) }
  const display = getDisplayProcessor({ field: { type: 'number', config: { ...config, thresholds } }, theme, timeZone: 'utc' })
  return [null, ...asked.values].map((value) => {
    const shown = display(value)
    return [formattedValueToString(shown), shown.color]
  })
})
writeFileSync(process.argv[3], JSON.stringify(told))
`

it.skipIf(!isLong)(
  'every number of every panel has the text and the colour that Grafana gives it',
  async () => {
    const modules = join(await fetchComponents(), 'node_modules')
    const folder = await mkdtemp(join(tmpdir(), 'whoopster-grafana-data-'))
    try {
      const fields = dashboards.flatMap(({ panels }) =>
        panels.flatMap((panel) =>
          [...panel.fieldConfig.overrides.map(({ matcher }) => matcher.options), 'any other'].map((name) =>
            fieldOf(panel, name),
          ),
        ),
      )
      const numbers = fields.filter(({ unit }) => !unit.startsWith('time:') && unit !== 'string')
      expect(numbers.length).toBeGreaterThan(300)
      await writeFile(join(folder, 'asked.json'), JSON.stringify({ fields: numbers, values: VALUES }))
      await build({
        stdin: { contents: SCRIPT, resolveDir: modules },
        nodePaths: [modules],
        bundle: true,
        platform: 'node',
        format: 'cjs',
        outfile: join(folder, 'ask.cjs'),
        // what it expects of a browser
        banner: { js: "globalThis.navigator ??= { language: 'en-US', languages: ['en-US'] };" },
        logLevel: 'error',
      })
      await promisify(execFile)(process.execPath, [
        join(folder, 'ask.cjs'),
        join(folder, 'asked.json'),
        join(folder, 'told.json'),
      ])
      const { default: told } = (await import(join(folder, 'told.json'), { with: { type: 'json' } })) as {
        default: [string, string][][]
      }
      for (const [index, field] of numbers.entries()) {
        const ours = [null, ...VALUES].map((value) => [show(value, field), colorOf(value, field).toUpperCase()])
        const theirs = told[index]?.map(([text, color]) => [
          text,
          color === 'rgba(0,0,0,0)' ? 'TRANSPARENT' : color.toUpperCase(),
        ])
        if (field.color.mode === 'palette-classic')
          expect(
            ours.map(([text]) => text),
            field.name,
          ).toEqual(theirs?.map(([text]) => text))
        else expect(ours, `${field.name}, ${field.unit}`).toEqual(theirs)
      }
    } finally {
      await rm(folder, { recursive: true })
    }
  },
  10 * MINUTE_MS,
)
