// Node 20 runs no TypeScript: what bench/ holds is compiled first, then run. The original's algorithm is compiled
// beside it, and so as fast to start as it can be.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const cache = resolve('node_modules/.cache')
await mkdir(cache, { recursive: true })
const outdir = await mkdtemp(join(cache, 'bench-'))
try {
  await build({
    entryPoints: ['bench/main.ts', 'bench/original.ts'],
    outdir,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    logLevel: 'warning',
  })
  const { main } = await import(pathToFileURL(join(outdir, 'main.js')).href)
  process.exitCode = await main(process.argv.slice(2), outdir)
} finally {
  await rm(outdir, { recursive: true, force: true })
}
