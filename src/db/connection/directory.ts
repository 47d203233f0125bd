import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs'
import { access, chmod, lstat, readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { DatabaseConfig } from '../../config.ts'
import { WhoopsterError, whyOf } from '../../errors.ts'
import type { Env } from '../../world.ts'
import { codeOf } from './failure.ts'

/** Where the embedded database and its key are. */
export function dataDirectory(config: DatabaseConfig, env: Env): string {
  if (config.WHOOPSTER_DATA_DIR) return config.WHOOPSTER_DATA_DIR
  const share = env['XDG_DATA_HOME'] || (env['HOME'] && join(env['HOME'], '.local', 'share'))
  if (share) return join(share, 'whoopster')
  throw new WhoopsterError('settings', 'There is no place for the embedded database: HOME is not set.', {
    hint: 'set DATABASE_URL or WHOOPSTER_DATA_DIR',
  })
}

/** Whether there is a database in `dir`: looking must not make one. An error when this user may not know. */
export function holdsDatabase(dir: string): boolean {
  requireUsable(dir)
  return existsSync(join(dir, 'postgres', 'PG_VERSION'))
}

const { R_OK, W_OK, X_OK } = constants

/** Refuses a directory that this user cannot work in, before anything in it stumbles over that. */
export function requireUsable(dir: string): void {
  requireOwnUser(dir)
  requireAccess(dir, '', X_OK, 'read')
  requireAccess(dir, '', R_OK, 'read')
  requireAccess(dir, '', W_OK, 'written')
  requireAccess(dir, 'postgres', R_OK | X_OK, 'read')
  requireAccess(dir, 'postgres', W_OK, 'written')
  requireAccess(dir, 'token.key', R_OK, 'read')
}

/** Root may use everybody's, and what it made there its owner could not use any more. */
function requireOwnUser(dir: string): void {
  if (process.geteuid?.() !== 0) return
  const owner = statSync(dir, { throwIfNoEntry: false })?.uid ?? 0
  if (owner === 0) return
  throw new WhoopsterError(
    'settings',
    `The data directory ${dir} belongs to another user (${owner}), who could not use what root makes in it.`,
    { hint: 'run it as that user, without sudo; or set WHOOPSTER_DATA_DIR or DATABASE_URL' },
  )
}

function requireAccess(dir: string, name: string, mode: number, verb: 'read' | 'written'): void {
  try {
    accessSync(join(dir, name), mode)
  } catch (error) {
    if (isAbsent(error)) return
    throw unusable(dir, name, verb, error)
  }
}

function isAbsent(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR' // to make it says what is in its way
}

/** What is wrong with a file of the data directory, and how to mend it. */
export function unusable(dir: string, name: string, verb: 'read' | 'written', cause: unknown): WhoopsterError {
  const me = process.geteuid?.()
  const owner = ownerOf(join(dir, name)) ?? ownerOf(dir)
  const isStrange = owner !== undefined && owner !== me
  const what = isStrange ? `belongs to ${owner === 0 ? 'root' : `another user (${owner})`}` : `may not be ${verb}`
  const subject = name === '' ? 'it' : name
  const why = codeOf(cause) === 'EROFS' ? 'its file system is read-only' : `${subject} ${what}`
  const mend = isStrange && me !== undefined ? `sudo chown -R ${me} '${dir}'` : `chmod -R u+rwX '${dir}'`
  const take = codeOf(cause) === 'EROFS' ? 'make it writable' : `take it back: ${mend}`
  return new WhoopsterError('settings', `The data directory ${dir} cannot be used: ${why}.`, {
    hint: `${take}; or set WHOOPSTER_DATA_DIR to another one`,
    cause,
  })
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })?.uid
  } catch {
    return undefined
  }
}

/** How long a command that only looks waits for one that is at work on the embedded database. */
export const READERS_WAIT_MS = 3_000

const OURS = new Set(['postgres', 'postgres.new', 'token.key', 'lock'])
const OTHERS = 0o077

/**
 * Takes from everybody but the owner what they may do with the embedded database: PGlite makes its files as if what they
 * hold were for all, and the directory may have been there before. Of a directory that holds other things as well, only
 * ours is touched. Refuses what is another user's and closed to this one: PGlite would only find out in the middle.
 */
export async function shelter(dir: string): Promise<void> {
  const inside = await readdir(dir)
  const paths = inside.every((name) => OURS.has(name)) ? [dir] : []
  paths.push(...inside.filter((name) => name !== 'lock' && OURS.has(name)).map((name) => join(dir, name)))
  const below = await readdir(join(dir, 'postgres'), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (isAbsent(error)) return []
    throw unusable(dir, relative(dir, error.path ?? dir), 'read', error)
  })
  paths.push(...below.map((name) => join(dir, 'postgres', name)))
  await Promise.all(paths.map((path) => close(dir, path)))
}

async function close(dir: string, path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined) // it may be gone
  if (!found || found.isSymbolicLink()) return
  const { mode, uid } = found
  if ((mode & OTHERS) !== 0) await chmod(path, mode & 0o700).catch(() => {}) // it may be somebody else's
  if (uid === process.geteuid?.()) return
  await access(path, R_OK | W_OK).catch((error: unknown) => {
    if (!isAbsent(error)) throw unusable(dir, relative(dir, path), 'written', error)
  })
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

/** Refuses, like `makeDirectory`, where none can be made; makes none. */
export function requireMakeable(dir: string): void {
  let folder = dir
  while (!existsSync(folder)) folder = join(folder, '..')
  try {
    accessSync(folder, W_OK | X_OK)
    if (!statSync(folder).isDirectory()) throw new Error(`${folder} is a file`)
  } catch (cause) {
    throw notMade(dir, cause)
  }
}

/** Makes the data directory, for its owner alone. */
export function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw notMade(dir, cause)
  }
}

function notMade(dir: string, cause: unknown): WhoopsterError {
  return new WhoopsterError('settings', `The data directory ${dir} cannot be made: ${whyOf(cause)}`, {
    hint: 'set WHOOPSTER_DATA_DIR to a directory that may be written, or set DATABASE_URL',
    cause,
  })
}
