// What `npm install whoopster` gives: the list of its files, and the program among nothing else.
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { createRequire, isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, inject, it, onTestFinished } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { newMember } from '../support/member.ts'
import { startProgram } from '../support/program.ts'
import { surroundings } from '../support/surroundings.ts'
import { expectFaithful } from '../support/truth.ts'
import { realClock } from '../support/world.ts'
import { root } from './image.ts'

const SLOW = { timeout: 180_000 }
const MIB = 1024 ** 2

interface Packed {
  filename: string
  size: number
  unpackedSize: number
  files: { path: string }[]
}

it('holds the program, its migrations and what is to be read, and nothing else', SLOW, async () => {
  const { files, size, unpackedSize } = pack(root, ['--dry-run'])
  const kinds = files.map(({ path }) =>
    path
      .replace(/^dist\/[\w-]+\.cjs$/, 'dist/*.cjs')
      .replace(/^drizzle\/\d{4}_\w+((\.prepare|\.down)?\.sql)$/, 'drizzle/NNNN_name$1'),
  )
  expect([...new Set(kinds)].toSorted((one, other) => one.localeCompare(other, 'en'))).toMatchInlineSnapshot(`
    [
      ".env.example",
      "bin/browser.js",
      "bin/package.json",
      "bin/whoopster.js",
      "CHANGELOG.md",
      "dist/*.cjs",
      "dist/embedded.br",
      "dist/LICENSES.txt",
      "dist/whoop/fetch.cjs",
      "drizzle/meta/_journal.json",
      "drizzle/NNNN_name.down.sql",
      "drizzle/NNNN_name.prepare.sql",
      "drizzle/NNNN_name.sql",
      "LICENSE",
      "package.json",
      "README.md",
    ]
  `)
  const { entries } = JSON.parse(await readFile(join(root, 'drizzle/meta/_journal.json'), 'utf8')) as {
    entries: { tag: string }[]
  }
  const paths = files.map(({ path }) => path)
  const migrations = entries.flatMap(({ tag }) => [`drizzle/${tag}.sql`, `drizzle/${tag}.down.sql`])
  expect(paths).toEqual(expect.arrayContaining(migrations))
  expect(size).toBeLessThan(4 * MIB)
  expect(unpackedSize).toBeLessThan(8 * MIB)
})

it('asks for nothing that it does not bring: the rest is in the bundle', async () => {
  const asked = new Set<string>()
  for (const file of await readdir(join(root, 'dist'), { recursive: true })) {
    if (!file.endsWith('.cjs')) continue
    const source = await readFile(join(root, 'dist', file), 'utf8')
    for (const [, name = ''] of source.matchAll(/\brequire\(["']([^."'][^"']*)["']\)/g)) asked.add(name)
  }
  const packages = [...asked].filter((name) => !isBuiltin(name))
  expect(packages).toEqual(Object.keys(manifest.dependencies))
})

it('installed into an empty folder, it shows the demo, syncs, exports and reports', SLOW, async () => {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'whoopster-package-')))
  onTestFinished(() => rm(home, { recursive: true, maxRetries: 5 }))
  const pglite = dirname(dirname(createRequire(import.meta.url).resolve('@electric-sql/pglite')))
  const tarball = join(home, pack(root, ['--pack-destination', home]).filename)
  // What it depends on is linked to where it lies; it has no dependencies that could be found there, too.
  npm(['install', '--omit=dev', '--offline', '--no-audit', '--no-fund', '--prefix', home, tarball, pglite], home)

  const program = join(home, 'node_modules/whoopster/bin/whoopster.js')
  const member = await newMember({ days: 10, clock: realClock() })
  const here = {
    HOME: home,
    USERPROFILE: home,
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CONFIG_HOME: join(home, 'config'),
  }
  const whoopster = (line: string, env = {}) =>
    startProgram(line.split(' '), { ...here, ...env }, { cwd: home, program }).ended

  expect((await whoopster('--version')).out).toContain(manifest.version)
  expect(await whoopster('demo --days 7')).toMatchObject({
    code: 0,
    err: expect.not.stringMatching(/warn|error/i) as string,
  })
  expect(await whoopster('sync', member.env)).toMatchObject({ code: 0 })
  await expectFaithful(member.database, member.sandbox)
  expect((await whoopster('export --type sleep --format ndjson', member.env)).out).toMatch(/^\{.*\}\n/)
  expect(await whoopster('report --out report.html', member.env)).toMatchObject({ code: 0 })
  expect(await readFile(join(home, 'report.html'), 'utf8')).toContain('<svg')
})

/** Without building it anew: the tests' set-up has done that. */
function pack(folder: string, options: readonly string[]): Packed {
  const [packed] = JSON.parse(npm(['pack', folder, '--json', '--ignore-scripts', ...options])) as Packed[]
  return packed ?? expect.fail('npm packed nothing')
}

/** As a user has it who has set nothing and was never here. */
function npm(args: readonly string[], home = inject('runDirectory')): string {
  const env = { ...surroundings, HOME: home, npm_config_cache: join(home, '.npm'), npm_config_update_notifier: 'false' }
  const { status, stdout, stderr } = spawnSync('npm', args, {
    cwd: home,
    env,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  expect(status, stderr).toBe(0)
  return stdout
}
