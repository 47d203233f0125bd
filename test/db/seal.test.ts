import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { exitCodes, WhoopsterError } from '../../src/errors.ts'
import { keyId, loadKeys, newKey, seal, sealedUnder, unseal, type Keys } from '../../src/db/seal.ts'

const ONE = Buffer.alloc(32, 'one')
const OTHER = Buffer.alloc(32, 'other')
const one: Keys = [ONE]
const other: Keys = [OTHER]
const PLACE = 'oauth_tokens/1/access_token'

function failureOf(work: () => unknown): WhoopsterError {
  try {
    work()
  } catch (error) {
    if (error instanceof WhoopsterError) return error
    throw error
  }
  return expect.fail('it worked')
}

describe('a sealed secret', () => {
  it.each(['token', '', 'söße 漢字 🏋', 'x'.repeat(100_000), '\0\n'])('opens again: %#', (secret) => {
    expect(unseal(one, seal(one, secret, PLACE), PLACE)).toBe(secret)
  })

  it('does not show what it holds, and never looks the same twice', () => {
    const envelopes = Array.from({ length: 100 }, () => seal(one, 'a secret token', PLACE))
    expect(new Set(envelopes).size).toBe(100)
    for (const envelope of envelopes) {
      expect(envelope).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/)
      expect(Buffer.from(envelope.split('.')[2] ?? '', 'base64url').toString('latin1')).not.toContain('secret')
    }
  })

  it('names its key, without telling it', () => {
    const key = randomBytes(32)
    expect(sealedUnder(seal([key], 'x', PLACE))).toBe(keyId(key))
    expect(keyId(key)).toMatch(/^[0-9a-f]{8}$/)
    expect(key.toString('hex')).not.toContain(keyId(key))
    expect(keyId(one[0])).not.toBe(keyId(other[0]))
    expect(sealedUnder('no envelope')).toBeUndefined()
  })

  it('does not open with another key: 78, with the way out', () => {
    const error = failureOf(() => unseal(other, seal(one, 'hunter2', PLACE), PLACE))
    expect(exitCodes[error.reason]).toBe(78)
    expect(error.message).toBe(`The stored login was sealed with another key (${keyId(one[0])}).`)
    expect(error.hint).toBe(
      'bring back the key that sealed it, in TOKEN_ENCRYPTION_KEY (new,old while rotating) or as token.key of the ' +
        'embedded database; or log in again: whoopster auth',
    )
  })

  it.each(['oauth_tokens/2/access_token', 'oauth_tokens/1/refresh_token', ''])(
    'does not open in another place: %s',
    (place) => {
      const error = failureOf(() => unseal(one, seal(one, 'hunter2', PLACE), place))
      expect(exitCodes[error.reason]).toBe(78)
      expect(error.message).toBe('The stored login cannot be opened: it was changed, or moved from another row.')
    },
  )

  it('does not open when any byte of it was changed', () => {
    const envelope = seal(one, 'hunter2', PLACE)
    const [version, id, body = ''] = envelope.split('.')
    const bytes = Buffer.from(body, 'base64url')
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
      const error = failureOf(() => unseal(one, `${version}.${id}.${changed.toString('base64url')}`, PLACE))
      expect(exitCodes[error.reason]).toBe(78)
    }
  })

  it.each([
    '',
    'hunter2',
    'v1.',
    'v2.00000000.AAAA',
    `v1.${keyId(one[0])}`,
    `v1.${keyId(one[0])}.`,
    `v1.${keyId(one[0])}.AAAA`,
    `v1.${keyId(one[0])}.${Buffer.alloc(28).toString('base64url')}`,
    `v1.${keyId(one[0])}.%%%%`,
  ])('that is none is a settings error, never a crash: %s', (envelope) => {
    const error = failureOf(() => unseal(one, envelope, PLACE))
    expect(exitCodes[error.reason]).toBe(78)
    expect(error.message).not.toContain('hunter2')
  })
})

describe('while a key is rotated', () => {
  const rotating: Keys = [other[0], one[0]]

  it('both open, and the new one seals', () => {
    expect(unseal(rotating, seal(one, 'old', PLACE), PLACE)).toBe('old')
    const fresh = seal(rotating, 'new', PLACE)
    expect(sealedUnder(fresh)).toBe(keyId(other[0]))
    expect(unseal(other, fresh, PLACE)).toBe('new')
  })
})

describe('the keys', () => {
  const dirs: string[] = []
  const dataDir = () => {
    const dir = mkdtempSync(join(tmpdir(), 'whoopster-key-'))
    dirs.push(dir)
    return join(dir, 'new', 'data')
  }
  afterAll(() => dirs.forEach((dir) => rmSync(dir, { recursive: true })))
  const load = (dir: string, keys?: Buffer<ArrayBuffer>[]) =>
    loadKeys({ DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: dir, TOKEN_ENCRYPTION_KEY: keys }, {})

  it('are 32 bytes of base64 each', () => {
    expect(Buffer.from(newKey(), 'base64')).toHaveLength(32)
    expect(newKey()).not.toBe(newKey())
  })

  it('are those of the settings, in their order', () => {
    expect(load('/nowhere', [OTHER, ONE])).toEqual([OTHER, ONE])
    expect(exitCodes[failureOf(() => load('/nowhere', [])).reason]).toBe(78)
  })

  it("are the embedded database's own: nobody else may read it, and it stays the same", () => {
    const dir = dataDir()
    const first = load(dir)
    const path = join(dir, 'token.key')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(statSync(dir).mode & 0o777).toBe(0o700)
    expect(Buffer.from(readFileSync(path, 'utf8'), 'base64')).toEqual(first[0])
    expect(first[0]).toHaveLength(32)
    expect(load(dir)).toEqual(first)
    expect(load(dataDir())).not.toEqual(first)
  })

  it.each(['', 'short', '!'.repeat(44)])('a key file that was damaged is a settings error: %j', (content) => {
    const dir = dataDir()
    load(dir)
    writeFileSync(join(dir, 'token.key'), content)
    const error = failureOf(() => load(dir))
    expect(exitCodes[error.reason]).toBe(78)
    expect(error.message).toBe(`The key file ${join(dir, 'token.key')} is damaged.`)
    expect(error.hint).toBe('restore it from a backup, or remove it and log in again: whoopster auth')
  })

  it('a place where no key file can be is a settings error', () => {
    const dir = dataDir()
    load(dir)
    expect(exitCodes[failureOf(() => load(join(dir, 'token.key', 'below'))).reason]).toBe(78)
  })
})
