// One bundle, split so that a command loads only what it uses: resolving drizzle-orm's own files at run time
// would cost more than everything else together. esbuild splits ES modules only, but Node starts CommonJS sooner, and
// so each piece is turned into that afterwards.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { build, transform } from 'esbuild'

const target = { platform: 'node', target: 'node20.19' }

const { outputFiles, metafile } = await build({
  ...target,
  entryPoints: ['src/main.ts', 'src/whoop/fetch.ts'],
  outdir: 'dist',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  external: ['@electric-sql/pglite'], // finds its WebAssembly beside itself
  define: { BUILD: JSON.stringify(commit()) },
  write: false,
  metafile: true,
  logLevel: 'warning',
})

await rm('dist', { recursive: true, force: true })
for (const { path, text } of outputFiles) {
  const { code } = await transform(text, {
    ...target,
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true, // but names stay, for the stack traces
    supported: { 'dynamic-import': false }, // require() later is what it becomes
    define: { 'import.meta.url': '__url' },
    banner: text.includes('import.meta.url') ? "const __url=require('node:url').pathToFileURL(__filename).href;" : '',
    logLevel: 'warning',
  })
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, code)
}

await prepareEmbedded('dist/embedded.br')
await writeFile('dist/LICENSES.txt', await licences(Object.keys(metafile.inputs)))

/** The licence text of every package that is in the bundle, as most of them ask for. */
async function licences(inputs) {
  const folders = new Set(
    inputs.flatMap((path) => /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(path) ?? []),
  )
  const texts = []
  for (const folder of [...folders].toSorted((one, other) => one.localeCompare(other, 'en'))) {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'))
    const file = (await readdir(folder)).find((one) => /^(licen[cs]e|unlicense|copying)/i.test(one))
    const text = file ? await readFile(`${folder}/${file}`, 'utf8') : `https://spdx.org/licenses/${license}.html`
    texts.push(`${name} ${version} (${license})\n\n${text.trim()}`)
  }
  return `What is in this folder includes these packages:\n\n${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}

/**
 * The embedded database, ready to be unpacked: made once for each version of PGlite. In a process of its own, that may be
 * killed for the memory it takes: a program without it makes the database itself, when somebody wants one.
 */
async function prepareEmbedded(file) {
  const { version } = JSON.parse(await readFile('node_modules/@electric-sql/pglite/package.json', 'utf8'))
  const cached = `node_modules/.cache/whoopster/embedded-${version}-${await digest('build-embedded.js')}.br`
  try {
    if (!existsSync(cached)) {
      await mkdir(dirname(cached), { recursive: true })
      const unfinished = `${cached}.${process.pid}`
      execFileSync(process.execPath, ['build-embedded.js', unfinished], { stdio: ['ignore', 'inherit', 'pipe'] })
      await rename(unfinished, cached)
    }
    await writeFile(file, await readFile(cached))
  } catch (error) {
    console.warn(`The embedded database was not made beforehand, the first start will: ${error.message}`)
  }
}

async function digest(file) {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
    .slice(0, 8)
}

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
