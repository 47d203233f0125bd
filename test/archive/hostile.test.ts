// What an archive is not: each of these is refused with a sentence, before anything is written.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Manifest } from '../../src/resources/archive.ts'
import { endOfDirectory } from '../../src/archive/zip.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { createClock, envFor, logIn, run } from '../support/world.ts'
import { everything, firstLine, forge, zipped, type Files } from './stage.ts'

let home: string
let good: Buffer
let env: Env
let database: TestDatabase
const clock = createClock()

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'whoopster-hostile-'))
  const sandbox = await startSandbox({ days: 10, limits: 'none', now: clock.now })
  const source = await createDatabase()
  const from = envFor(sandbox, source.url)
  await logIn(sandbox, from, { clock })
  await run('sync', from, { clock })
  const { code, err } = await run(['archive', '--out', join(home, 'good.zip')], from, { clock })
  if (code !== 0) throw new Error(err)
  good = await readFile(join(home, 'good.zip'))
  await source.drop()
  await sandbox.close()
  database = await createDatabase()
  env = envFor(sandbox, database.url)
})
afterAll(async () => {
  await database.drop()
  await rm(home, { recursive: true })
})

/** What a restore of these bytes says; it must have written nothing, and left no member. */
async function refusal(bytes: Buffer, code = 64): Promise<string> {
  const file = join(home, 'bad.zip')
  await writeFile(file, bytes)
  const ran = await run(['restore', file], env, { clock, isTTY: true, columns: 1_000 })
  expect({ code: ran.code, out: ran.out }).toEqual({ code, out: '' })
  const stored = await everything(database.sql)
  expect(Object.values(stored).flat()).toEqual([])
  return ran.err.split('\n')[0]?.replace('error: ', '') ?? ''
}

const whole = 'This is no whole archive of whoopster'
const sleep = 'members/10001/sleep.ndjson'

/** The good archive, with something changed. */
const forged = (change: (files: Files, manifest: Manifest) => void, options?: { sums: boolean }) =>
  forge(join(home, 'good.zip'), change, options)

describe('restore', () => {
  it('refuses a file that is cut off, wherever', async () => {
    for (const length of [0, 1, 22, 100, good.length >> 1, good.length - 22, good.length - 1]) {
      expect(await refusal(good.subarray(0, length)), `cut to ${length}`).toContain(whole)
    }
    expect(await refusal(Buffer.concat([good, Buffer.from('more')]))).toContain('its end is missing')
    expect(await refusal(Buffer.from('%PDF-1.7 something else altogether, as long as an end'))).toContain(whole)
  })

  it('notices every byte that is another one', async () => {
    const file = join(home, 'flipped.zip')
    for (let at = 3; at < good.length; at += Math.ceil(good.length / 150)) {
      const flipped = Buffer.from(good)
      flipped[at] = (flipped[at] ?? 0) ^ 0xff
      await writeFile(file, flipped)
      const { code } = await run(['archive', '--verify', file, '--no-database'], env, { clock })
      expect(code, `byte ${at} of ${good.length}`).toBe(1)
    }
  })

  it.each<[string, (files: Files, manifest: Manifest) => void, string]>([
    [
      'a name outside',
      (files) => void files.set('../../etc/cron.d/x', Buffer.from('')),
      '"../../etc/cron.d/x" is no name of ours',
    ],
    [
      'a file beside',
      (files) => void files.set('members/10001/notes.ndjson', Buffer.from('{}\n')),
      'manifest.json is not in its place',
    ],
    ['no manifest', (files) => void files.delete('manifest.json'), 'manifest.json is not in its place'],
    [
      'a missing part',
      (files, manifest) => {
        files.delete(sleep)
        manifest.files = manifest.files.filter(({ name }) => name !== sleep)
      },
      `it lacks sleep of a member`,
    ],
    [
      'a manifest of something else',
      (_, manifest) => void Object.assign(manifest, { format: 'backup' }),
      'its manifest is not ours',
    ],
    [
      "another member's record",
      (files) => firstLine(files, sleep, (line) => line.replace('"user_id": 10001', '"user_id": 10002')),
      `line 1 of ${sleep} is of another member`,
    ],
    [
      "nobody's record",
      (files) => firstLine(files, sleep, (line) => line.replace('"user_id": 10001, ', '')),
      `line 1 of ${sleep} is of another member`,
    ],
    [
      "another member's profile",
      (files) => firstLine(files, 'members/10001/profile.ndjson', (line) => line.replace('10001', '10002')),
      'line 1 of members/10001/profile.ndjson is of another member',
    ],
    [
      'a line that is no JSON',
      (files) => firstLine(files, sleep, (line) => `${line}}`),
      `line 1 of ${sleep} is no JSON`,
    ],
    [
      'a line with other fields',
      (files) => firstLine(files, sleep, (line) => line.replace('"created_at"', '"made_at"')),
      `line 1 of ${sleep} cannot be read (created_at)`,
    ],
    [
      'a day that does not exist',
      (files) => firstLine(files, sleep, (line) => line.replace(/"created_at":"2026-\d\d/, '"created_at":"2026-99')),
      `line 1 of ${sleep} cannot be read (created_at)`,
    ],
    [
      'what PostgreSQL cannot store',
      (files) => firstLine(files, sleep, (line) => line.replace('"SCORED"', '"SCORED\\u0000"')),
      `line 1 of ${sleep} cannot be stored: raw_data.score_state: holds a character that PostgreSQL cannot store`,
    ],
    [
      'what is nested without end',
      (files) => firstLine(files, sleep, (line) => line.replace('"SCORED"', `${'['.repeat(5000)}${']'.repeat(5000)}`)),
      `line 1 of ${sleep} cannot be stored: it: is nested too deeply`,
    ],
    [
      'what is no UTF-8',
      (files) => firstLine(files, sleep, (line) => Buffer.from(line.replace('SCORED', 'SC\u00ffRED'), 'latin1')),
      `${sleep} is no UTF-8`,
    ],
    [
      'a last line without an end',
      (files) => void files.set(sleep, Buffer.concat([files.get(sleep) ?? Buffer.alloc(0), Buffer.from('{}')])),
      `${sleep} has a line without an end`,
    ],
    [
      'a line of 70 MB, which is 70 KB in the file',
      (files) => void files.set(sleep, Buffer.concat([Buffer.alloc(70e6, ' '), Buffer.from('{}\n')])),
      `${sleep} has a line without an end`,
    ],
    [
      'two profiles',
      (files) => {
        const name = 'members/10001/profile.ndjson'
        const content = files.get(name) ?? Buffer.alloc(0)
        files.set(name, Buffer.concat([content, content]))
      },
      `members/10001/profile.ndjson is not one member's`,
    ],
    [
      'ranges that are none',
      (files) =>
        firstLine(files, 'members/10001/coverage.ndjson', (line) =>
          line.replace(/"covered":"\{[^}]*\}"/, '"covered":"{now}"'),
        ),
      'line 1 of members/10001/coverage.ndjson cannot be read (covered)',
    ],
  ])('refuses %s', async (_, change, why) => {
    expect(await refusal(await forged(change))).toBe(`${whole}: ${why}.`)
  })

  it('refuses what was edited, or swapped, without the manifest knowing', async () => {
    const edited = await forged((files) => firstLine(files, sleep, (line) => line.replace('SCORED', 'SCORES')), {
      sums: false,
    })
    expect(await refusal(edited)).toBe(`${whole}: ${sleep} is not what was written.`)
    const swapped = await forged(
      (files) => {
        const [one, other] = [files.get(sleep), files.get('members/10001/workout.ndjson')]
        if (one && other) files.set(sleep, other).set('members/10001/workout.ndjson', one)
      },
      { sums: false },
    )
    expect(await refusal(swapped)).toBe(`${whole}: "${sleep}" is not as long as its manifest says.`)
  })

  it('refuses a million files before it looks at them, and a file that unpacks to more than it says', async () => {
    const million = Buffer.concat([good, endOfDirectory(1_000_000, 0, good.length)])
    expect(await refusal(million)).toBe(`${whole}: it claims to hold 1000000 files.`)
    const bomb = await zipped([
      ['README.txt', Buffer.from('hello')],
      ['manifest.json', Buffer.alloc(20e6)],
    ])
    const directory = bomb.length - 22 - (46 + 'README.txt'.length) - (46 + 'manifest.json'.length)
    bomb.writeUInt32LE(1000, directory - 16 + 12) // instead of 20 MB
    bomb.writeUInt32LE(1000, directory + 46 + 'README.txt'.length + 24)
    expect(await refusal(bomb)).toBe(
      `${whole}: "manifest.json" cannot be unpacked (too many bytes in the stream. expected 1000. got at least 16384).`,
    )
  })

  it('says which whoopster an archive of a later format needs, and whom an archive lacks', async () => {
    const later = await forged((_, manifest) => void Object.assign(manifest, { version: 2, more: true }))
    expect(await refusal(later, 78)).toBe('The archive was written by a newer whoopster than this.')
    const { err } = await run(['restore', join(home, 'bad.zip')], env, { clock, isTTY: true, columns: 1_000 })
    expect(err).toContain('update whoopster, by git pull && npm ci in its folder') // as README does: it is in no registry
    const ran = await run(['restore', join(home, 'good.zip'), '--user', '7'], env, { isTTY: true, columns: 1_000 })
    expect(ran).toMatchObject({ code: 64, err: 'error: WHOOP user 7 is not in this archive.\n  → it holds 10001\n' })
    const none = join(home, 'none.zip')
    expect(await run(['restore', none], env, { isTTY: true, columns: 1_000 })).toMatchObject({
      code: 64,
      err: `error: ${none} cannot be read: no such file or directory\n  → name a file that whoopster archive has written\n`,
    })
  })
})

describe('archive --verify', () => {
  it('says yes to a whole file, without a database too, and no to any other', async () => {
    const alone = await run(['archive', '--verify', join(home, 'good.zip'), '--no-database'], {})
    expect(alone.code).toBe(0)
    expect(alone.out).toMatch(/good\.zip is whole: 1 member, \d+ lines in \d+ files, written by whoopster \d/)
    const unequal = await run(['archive', '--verify', join(home, 'good.zip')], env)
    expect(unequal).toMatchObject({
      code: 1,
      out: expect.stringContaining(`${sleep} is not what the database holds: `),
    })
    await writeFile(join(home, 'cut.zip'), good.subarray(0, good.length - 1))
    const cut = await run(['archive', '--verify', join(home, 'cut.zip')], env, { isTTY: true, columns: 1_000 })
    expect(cut).toMatchObject({ code: 1, out: '', err: expect.stringContaining(whole) })
  })
})
