import { mkdir, mkdtemp, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { buildIfStale } from '../support/build.ts'

/** A repository whose build copies its only source. */
async function newRepository(): Promise<{ dir: string; built: () => Promise<string> }> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-bundle-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await mkdir(join(dir, 'src/deep'), { recursive: true })
  await mkdir(join(dir, 'dist'))
  await writeFile(join(dir, 'src/deep/main.ts'), 'first')
  await writeFile(join(dir, 'src/other.ts'), 'other')
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }')
  await writeFile(join(dir, 'package-lock.json'), '{}')
  await writeFile(join(dir, 'build-embedded.js'), '')
  await writeFile(
    join(dir, 'build.js'),
    `import { copyFileSync } from 'node:fs'\ncopyFileSync('src/deep/main.ts', 'dist/main.cjs')\n`,
  )
  for (const path of ['', '/deep', '/deep/main.ts', '/other.ts']) await age(join(dir, `src${path}`))
  for (const file of ['package.json', 'package-lock.json', 'build.js', 'build-embedded.js']) await age(join(dir, file))
  return { dir, built: () => readFile(join(dir, 'dist/main.cjs'), 'utf8') }
}

/** As if it had been written a minute before it was, by the file system's clock. */
async function age(path: string): Promise<void> {
  const then = new Date((await stat(path)).mtimeMs - 60_000)
  await utimes(path, then, then)
}

it('builds what was never built, and not what is fresh', async () => {
  const { dir, built } = await newRepository()
  expect(buildIfStale(dir)).toBe(true)
  expect(await built()).toBe('first')
  expect(buildIfStale(dir)).toBe(false)
})

it.each<[what: string, change: (dir: string) => Promise<unknown>]>([
  ['a source was written', (dir) => writeFile(join(dir, 'src/deep/main.ts'), 'second')],
  ['a source was deleted', (dir) => rm(join(dir, 'src/other.ts'))],
  ['a dependency came or went', (dir) => writeFile(join(dir, 'package-lock.json'), '{ }')],
])('builds again when %s', async (_, change) => {
  const { dir, built } = await newRepository()
  buildIfStale(dir)
  await age(join(dir, 'dist/main.cjs'))
  await change(dir)
  expect(buildIfStale(dir)).toBe(true)
  expect(await built()).toBe(await readFile(join(dir, 'src/deep/main.ts'), 'utf8'))
})
