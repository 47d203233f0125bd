import { existsSync, mkdirSync } from 'node:fs'
import { chmod, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseConfig } from '../config.ts'
import { WhoopsterError } from '../errors.ts'
import type { Env } from '../world.ts'

/** Where the embedded database and its key are. */
export function dataDirectory(config: DatabaseConfig, env: Env): string {
  if (config.WHOOPSTER_DATA_DIR) return config.WHOOPSTER_DATA_DIR
  const share = env['XDG_DATA_HOME'] || (env['HOME'] && join(env['HOME'], '.local', 'share'))
  if (share) return join(share, 'whoopster')
  throw new WhoopsterError('settings', 'There is no place for the embedded database: HOME is not set.', {
    hint: 'set DATABASE_URL or WHOOPSTER_DATA_DIR',
  })
}

/** Whether there is a database in `dir`: looking must not make one. */
export function holdsDatabase(dir: string): boolean {
  return existsSync(join(dir, 'postgres', 'PG_VERSION'))
}

const OURS = new Set(['postgres', 'postgres.new', 'token.key', 'lock'])
const OTHERS = 0o077

/**
 * Takes from everybody but the owner what they may do with the embedded database: PGlite makes its files as if what they
 * hold were for all, and the directory may have been there before. Of a directory that holds other things as well, only
 * ours is touched. What belongs to another user stays as it is; `openToOthers` tells.
 */
export async function shelter(dir: string): Promise<void> {
  const inside = await readdir(dir)
  const paths = inside.every((name) => OURS.has(name)) ? [dir] : []
  paths.push(...inside.filter((name) => name !== 'lock' && OURS.has(name)).map((name) => join(dir, name)))
  const below = await readdir(join(dir, 'postgres'), { recursive: true }).catch(() => [])
  paths.push(...below.map((name) => join(dir, 'postgres', name)))
  await Promise.all(paths.map((path) => close(path).catch(() => {}))) // it may be gone, or somebody else's
}

async function close(path: string): Promise<void> {
  const { mode } = await lstat(path)
  if ((mode & OTHERS) !== 0) await chmod(path, mode & 0o700)
}

/** What of the embedded database others than its owner may look into. */
export async function openToOthers(dir: string): Promise<string[]> {
  const open = []
  for (const name of ['postgres', 'token.key']) {
    const found = await lstat(join(dir, name)).catch(() => undefined)
    if (found && (found.mode & OTHERS) !== 0) open.push(join(dir, name))
  }
  return open
}

/** Makes the data directory, for its owner alone. */
export function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new WhoopsterError('settings', `The data directory ${dir} cannot be made: ${String(cause)}`, {
      hint: 'set WHOOPSTER_DATA_DIR to a directory that may be written, or set DATABASE_URL',
      cause,
    })
  }
}
