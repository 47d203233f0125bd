// SCRAM-SHA-256, with and without channel binding: RFC 5802, 7677 and 5929.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'

export interface Scram {
  mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  first: string
  /** Answers the server's challenge. */
  answer(challenge: string): string
  /** Whether the server knows the password, too. */
  isProven(verdict: string): boolean
}

/** What the connection is bound to: nothing here (`n`), nothing there (`y`), or the server's certificate. */
export type Binding = 'n' | 'y' | Buffer

const HASH = 'sha256'
const NORMALISED = 'NFKC' // what SASLprep (RFC 4013) does to letters

export function createScram(password: string, binding: Binding, nonce = randomBytes(18).toString('base64')): Scram {
  const header = typeof binding === 'string' ? `${binding},,` : 'p=tls-server-end-point,,'
  const bound = typeof binding === 'string' ? Buffer.from(header) : Buffer.concat([Buffer.from(header), binding])
  const bare = `n=,r=${nonce}` // the user's name is in the start-up message
  let signature: Buffer = Buffer.alloc(0)
  return {
    mechanism: typeof binding === 'string' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-256-PLUS',
    first: header + bare,
    answer(challenge) {
      const { r: both = '', s: salt = '', i: iterations = '' } = attributes(challenge)
      if (!both.startsWith(nonce) || both === nonce) throw new Error('the server repeats a challenge of another login')
      const salted = pbkdf2Sync(
        password.normalize(NORMALISED),
        Buffer.from(salt, 'base64'),
        Number(iterations),
        32,
        HASH,
      )
      const clientKey = hmac(salted, 'Client Key')
      const rest = `c=${bound.toString('base64')},r=${both}`
      const whole = [bare, challenge, rest].join(',')
      const mask = hmac(createHash(HASH).update(clientKey).digest(), whole)
      signature = hmac(hmac(salted, 'Server Key'), whole)
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (mask[index] ?? 0)))
      return `${rest},p=${proof.toString('base64')}`
    },
    isProven(verdict) {
      const theirs = Buffer.from(attributes(verdict)['v'] ?? '', 'base64')
      return theirs.length === signature.length && signature.length > 0 && timingSafeEqual(theirs, signature)
    },
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac(HASH, key).update(text).digest()
}

function attributes(text: string): Record<string, string | undefined> {
  return Object.fromEntries(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
}

/** `tls-server-end-point`: the certificate's hash, made as its signature was, but never with MD5 or SHA-1. */
export function endPointOf(certificate: Buffer): Buffer | undefined {
  const hash = HASHES[signatureAlgorithm(certificate)]
  return hash === undefined ? undefined : createHash(hash).update(certificate).digest()
}

const RSA = '2a864886f70d0101'
const RSA_PSS = `${RSA}0a`
const ECDSA = '2a8648ce3d04'
const SHA2 = '6086480165030402'
/** Object identifiers as DER has them. Ed25519 signs without a hash of its own, so nothing is defined for it. */
const HASHES: Readonly<Record<string, string>> = {
  [`${RSA}04`]: 'sha256', // MD5
  [`${RSA}05`]: 'sha256', // SHA-1
  [`${RSA}0e`]: 'sha224',
  [`${RSA}0b`]: 'sha256',
  [`${RSA}0c`]: 'sha384',
  [`${RSA}0d`]: 'sha512',
  [`${ECDSA}01`]: 'sha256', // SHA-1
  [`${ECDSA}0301`]: 'sha224',
  [`${ECDSA}0302`]: 'sha256',
  [`${ECDSA}0303`]: 'sha384',
  [`${ECDSA}0304`]: 'sha512',
  [`${SHA2}01`]: 'sha256',
  [`${SHA2}02`]: 'sha384',
  [`${SHA2}03`]: 'sha512',
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … } */
function signatureAlgorithm(certificate: Buffer): string {
  const [, algorithm] = children(element(certificate, 0).content)
  const [identifier, parameters] = children(algorithm ?? Buffer.alloc(0))
  const name = identifier?.toString('hex') ?? ''
  if (name !== RSA_PSS || !parameters) return name
  const [hash] = children(parameters) // [0] { SEQUENCE { OBJECT IDENTIFIER } }; absent, it is SHA-1
  const [inner] = children(hash ?? Buffer.alloc(0))
  return children(inner ?? Buffer.alloc(0))[0]?.toString('hex') ?? `${RSA}05`
}

/** What the elements in a DER sequence contain. */
function children(content: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < content.length;) {
    const { content: one, end } = element(content, at)
    found.push(one)
    at = end
  }
  return found
}

function element(der: Buffer, at: number): { content: Buffer; end: number } {
  const short = der[at + 1] ?? 0
  const more = short < 0x80 ? 0 : short & 0x7f
  const length = more === 0 ? short : der.readUIntBE(at + 2, more)
  const start = at + 2 + more
  return { content: der.subarray(start, start + length), end: start + length }
}
