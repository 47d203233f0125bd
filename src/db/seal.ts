import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseConfig, TokenConfig } from '../config.ts'
import { WhoopsterError } from '../errors.ts'
import type { Env } from '../world.ts'
import { dataDirectory, makeDirectory, requireUsable } from './connection/directory.ts'

/** The first key seals; every key opens, so that a new one can be put before the old. */
export type Keys = readonly [Buffer, ...Buffer[]]

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals a secret for one place in the database; `place` is authenticated with it, so it opens nowhere else. */
export function seal(keys: Keys, secret: string, place: string): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, keys[0], nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(place))
  const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return `v1.${keyId(keys[0])}.${sealed.toString('base64url')}`
}

export function unseal(keys: Keys, envelope: string, place: string): string {
  const key = keys.find((candidate) => keyId(candidate) === sealedUnder(envelope))
  if (!key) throw wrongKey(`The stored login was sealed with another key (${sealedUnder(envelope) ?? 'unknown'}).`)
  const sealed = Buffer.from(envelope.split('.')[2] ?? '', 'base64url')
  try {
    const nonce = sealed.subarray(0, NONCE_BYTES)
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(place))
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    const secret = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
    return Buffer.concat([secret, decipher.final()]).toString('utf8')
  } catch (cause) {
    throw wrongKey('The stored login cannot be opened: it was changed, or moved from another row.', cause)
  }
}

/** As much of an envelope as `sealedUnder` looks at. */
export const ENVELOPE_HEAD = 'v1.01234567.'.length

/** The id of the key that an envelope was sealed with. */
export function sealedUnder(envelope: string): string | undefined {
  return /^v1\.([0-9a-f]{8})\./.exec(envelope)?.[1]
}

export function keyId(key: Buffer): string {
  return createHash('sha256').update('whoopster key id').update(key).digest('hex').slice(0, 8)
}

export function newKey(): string {
  return randomBytes(32).toString('base64')
}

/** The configured keys; the embedded database keeps one of its own beside it, made here unless logins need the lost one. */
export function loadKeys(config: TokenConfig, env: Env, { mayMake = true }: { mayMake?: boolean } = {}): Keys {
  const [first, ...rest] = config.TOKEN_ENCRYPTION_KEY ?? [embeddedKey(dataDirectory(config, env), mayMake)]
  if (!first) throw wrongKey('TOKEN_ENCRYPTION_KEY is empty.')
  return [first, ...rest]
}

function embeddedKey(dir: string, mayMake: boolean): Buffer {
  const path = join(dir, 'token.key')
  makeDirectory(dir)
  requireUsable(dir)
  if (!existsSync(path)) {
    if (!mayMake) throw lostKey(path)
    const draft = `${path}.${randomBytes(4).toString('hex')}`
    writeFileSync(draft, newKey(), { flag: 'wx', mode: 0o600 })
    renameSync(draft, path) // whole, or not at all; the directory's lock keeps others away
  }
  const key = Buffer.from(readFileSync(path, 'utf8'), 'base64')
  if (key.length === 32) return key
  throw new WhoopsterError('settings', `The key file ${path} is damaged.`, {
    hint: 'restore it from a backup, or remove it and log in again: whoopster auth',
  })
}

/**
 * The embedded database's key file, when it is gone: where somebody is logged in, no sync can open that login. Undefined
 * when it is there, or another key is used.
 */
export function missingKeyFile(config: DatabaseConfig, env: Env): string | undefined {
  if (config.DATABASE_URL || env['TOKEN_ENCRYPTION_KEY']?.trim()) return undefined
  const path = join(dataDirectory(config, env), 'token.key')
  return existsSync(path) ? undefined : path
}

export function lostKey(path: string): WhoopsterError {
  return new WhoopsterError('settings', `The key file ${path} is lost, and with it what opens the logins.`, {
    hint: 'restore it from a backup, or log in again: whoopster auth',
  })
}

function wrongKey(message: string, cause?: unknown): WhoopsterError {
  return new WhoopsterError('settings', message, {
    hint:
      'bring back the key that sealed it, in TOKEN_ENCRYPTION_KEY (new,old while rotating) or as token.key of the ' +
      'embedded database; or log in again: whoopster auth',
    cause,
  })
}
