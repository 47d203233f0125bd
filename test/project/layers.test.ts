import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { expect, it } from 'vitest'

/** The floors of src/, the highest first. A file imports from lower floors and from its own room, never from its neighbours. */
const floors: readonly (readonly string[])[] = [
  ['main.ts'],
  ['commands'],
  ['terminal'],
  ['listen'],
  ['sync', 'doctor'],
  ['login'],
  ['report', 'archive'],
  ['export', 'import', 'completion', 'schedule.ts', 'status.ts', 'stats.ts', 'verify.ts', 'reprocess.ts'],
  ['db', 'whoop'],
  ['resources'],
  ['config.ts', 'files.ts', 'log.ts'],
  ['errors.ts', 'numbers.ts', 'spelling.ts', 'time.ts', 'version.ts', 'world.ts'],
]
const SANDBOX = 'sandbox' // WHOOP itself: it knows nothing of us, and only its command knows it

type Files = ReadonlyMap<string, string>

it('every import of src/ points down', () => {
  expect(upward(sources())).toEqual([])
})

it.each([
  ['a command from a verb', 'verify.ts', './commands/verify.ts'],
  ['the terminal from a sync', 'sync/run.ts', '../terminal/run.ts'],
  ['WHOOP’s HTTP from the database', 'db/runs.ts', '../whoop/client.ts'],
  ['the database from WHOOP’s HTTP', 'whoop/client.ts', '../db/runs.ts'],
  ['the sandbox from a sync', 'sync/run.ts', '../sandbox/index.ts'],
  ['ours from the sandbox', 'sandbox/api.ts', '../errors.ts'],
  ['a room that has no floor', 'sync/run.ts', '../attic/old.ts'],
])('notices %s', (_, file, imported) => {
  expect(upward(new Map([[file, `import { it } from '${imported}'\n`]]))).toHaveLength(1)
  expect(upward(new Map([[file, `const { it } = await import('${imported}')\n`]]))).toHaveLength(1)
})

it('every room of src/ has a floor, and every floor its rooms', () => {
  const rooms = new Set([...sources().keys()].map(roomOf))
  expect([...rooms].toSorted()).toEqual([...floors.flat(), SANDBOX].toSorted())
})

function sources(): Files {
  const folder = new URL('../../src/', import.meta.url)
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  return new Map(names.map((name) => [name.replaceAll('\\', '/'), readFileSync(new URL(name, folder), 'utf8')]))
}

/** Imports that point up, aside, or into a room that there is none. */
function upward(files: Files): string[] {
  return [...files].flatMap(([file, text]) => {
    const imports = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)]
    return imports.flatMap(([, path = '']) => {
      const target = posix.join(posix.dirname(file), path)
      if (target.startsWith('..') || isDown(roomOf(file), roomOf(target))) return []
      return [`${file} imports ${target}`]
    })
  })
}

function isDown(from: string, to: string): boolean {
  if (from === to) return true
  if (from === SANDBOX || to === SANDBOX) return from === 'commands'
  const [above, below] = [floorOf(from), floorOf(to)]
  return above !== -1 && above < below
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room))
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? file
}
