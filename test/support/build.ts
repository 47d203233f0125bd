// The bundle that some tests start as a process of its own is never older than the source that the others import.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const sources = ['src', 'build.js', 'build-embedded.js', 'package.json', 'package-lock.json']

/** As `npm run build`, if anything has changed since. */
export function buildIfStale(directory = root): boolean {
  const isFresh = newest(directory, sources) < oldest(join(directory, 'dist'))
  if (!isFresh) execFileSync(process.execPath, ['build.js'], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] })
  return !isFresh
}

/** Folders count, too: a file that was deleted or renamed changes nothing else. */
function newest(directory: string, paths: readonly string[]): number {
  const all = paths.flatMap((path) => [join(directory, path), ...contentsOf(join(directory, path))])
  return Math.max(...all.map((path) => statSync(path).mtimeMs))
}

function oldest(folder: string): number {
  const files = contentsOf(folder).filter((path) => statSync(path).isFile())
  return files.length === 0 ? -Infinity : Math.min(...files.map((path) => statSync(path).mtimeMs))
}

function contentsOf(path: string): string[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) return []
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => join(path, name))
}
