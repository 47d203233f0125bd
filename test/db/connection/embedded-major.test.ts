// PGlite changes PostgreSQL's major version inside of its 0.x, and an older directory is nothing to it.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import manifest from '../../../package.json' with { type: 'json' }
import { EMBEDDED_MAJOR } from '../../../src/db/connection/embedded.ts'
import { readyDirectory } from '../../support/ready.ts'
import { run } from '../../support/world.ts'

describe('the embedded database’s major version', () => {
  it('is pinned, and what the code says it is: to take another one, readersOf in db/embedded.ts must name who reads this one', async () => {
    const pinned = manifest.dependencies['@electric-sql/pglite']
    expect(pinned).toMatch(/^\d+\.\d+\.\d+$/)
    const installed = await readFile(
      new URL('../../../node_modules/@electric-sql/pglite/package.json', import.meta.url),
      'utf8',
    )
    expect((JSON.parse(installed) as { version: string }).version).toBe(pinned)
    const dir = await readyDirectory()
    onTestFinished(() => rm(dir, { recursive: true }))
    expect((await readFile(join(dir, 'postgres', 'PG_VERSION'), 'utf8')).trim()).toBe(String(EMBEDDED_MAJOR))
  })

  it.each([
    [
      '16',
      'with whoopster, in the version that made it, run: whoopster archive --out whoop.zip; move the directory away; then, with this one: whoopster restore whoop.zip',
    ],
    ['99', 'use the newer whoopster that wrote it'],
  ])('refuses a directory of PostgreSQL %s with the way out, and leaves it as it is', async (major, hint) => {
    const dir = await mkdtemp(join(tmpdir(), 'whoopster-major-'))
    onTestFinished(() => rm(dir, { recursive: true }))
    await mkdir(join(dir, 'postgres', 'base'), { recursive: true })
    await writeFile(join(dir, 'postgres', 'PG_VERSION'), `${major}\n`)
    const said = `The embedded database in ${dir} was written by PostgreSQL ${major}; this whoopster has 18, which does not read it. Nothing was changed.`
    const { code, err } = await run('stats', { WHOOPSTER_DATA_DIR: dir }, { isTTY: true, columns: 1_000 })
    expect({ code, err }).toEqual({ code: 78, err: `error: ${said}\n  → ${hint}\n` })
    const doctor = await run('doctor --json', { WHOOPSTER_DATA_DIR: dir })
    const { checks } = JSON.parse(doctor.out) as { checks: unknown[] }
    expect(checks).toContainEqual({ check: 'database', verdict: 'problem', message: said, hint })
    expect(await readdir(join(dir, 'postgres'))).toEqual(['PG_VERSION', 'base'])
  })
})
