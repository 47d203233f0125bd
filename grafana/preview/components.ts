// Grafana's own components, of the version that docker-compose.yml runs. They take more than 600 MB, so the preview fetches
// them when it is asked to draw, into a folder of their own; `npm ci` never does.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
const REACT = '18.3.1' // what Grafana 13 runs on

/** The version of the compose file's image. */
export function grafanaVersion(): string {
  const [, version] =
    /image: grafana\/grafana:([\d.]+)/.exec(readFileSync(join(root, 'docker-compose.yml'), 'utf8')) ?? []
  if (!version) throw new Error('docker-compose.yml names no version of grafana/grafana.')
  return version
}

/** The folder whose node_modules holds @grafana/ui and @grafana/data, filled if need be. */
export async function fetchComponents(): Promise<string> {
  const version = grafanaVersion()
  const folder = join(root, 'node_modules/.cache', `grafana-${version}`)
  if (existsSync(join(folder, 'complete'))) return folder
  console.error(`Fetching the components of Grafana ${version} (600 MB), once.`)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), '{"private":true}')
  const packages = [`@grafana/ui@${version}`, `@grafana/data@${version}`, `react@${REACT}`, `react-dom@${REACT}`]
  const quietly = ['--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps', '--loglevel=error']
  await promisify(execFile)('npm', ['install', ...quietly, ...packages], { cwd: folder })
  await writeFile(join(folder, 'complete'), version)
  return folder
}

/** A script for the browser that draws panels with them, and its styles. */
export async function bundleComponents(): Promise<{ script: string; styles: string }> {
  const folder = await fetchComponents()
  const { outputFiles } = await build({
    entryPoints: [join(root, 'grafana/preview/panels.mjs')],
    nodePaths: [join(folder, 'node_modules')],
    bundle: true,
    write: false,
    outdir: '/', // nothing is written, but a style sheet needs a place of its own
    minify: true,
    format: 'iife',
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    loader: { '.svg': 'text', '.ttf': 'empty' },
    logLevel: 'error',
  })
  const textOf = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? ''
  return { script: textOf('.js'), styles: textOf('.css') }
}
