// One bundle, split so that a command loads only what it uses: resolving drizzle-orm's own files at run time
// would cost more than everything else together.
import { execFileSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { build } from 'esbuild'

await rm('dist', { recursive: true, force: true })
await build({
  entryPoints: ['src/main.ts', 'src/whoop/fetch.ts'],
  outdir: 'dist',
  bundle: true,
  splitting: true,
  minify: true,
  keepNames: true, // an error keeps its name in what it prints
  sourcemap: false,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  external: ['@electric-sql/pglite'], // finds its WebAssembly beside itself
  // commander and undici are CommonJS and call require() for Node's own modules
  banner: { js: "import{createRequire as __require}from'node:module';const require=__require(import.meta.url);" },
  define: { BUILD: JSON.stringify(commit()) },
  logLevel: 'warning',
})

/** For `--version`. An image is built without the repository, and says it in WHOOPSTER_BUILD. */
function commit() {
  if (process.env.WHOOPSTER_BUILD) return process.env.WHOOPSTER_BUILD
  try {
    const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }
    return execFileSync('git', ['describe', '--always', '--dirty', '--exclude=*'], options).trim()
  } catch {
    return ''
  }
}
