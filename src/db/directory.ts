import { existsSync, mkdirSync } from 'node:fs'
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
