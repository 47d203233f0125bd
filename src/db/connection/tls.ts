// TLS as libpq's parameters ask for it: https://www.postgresql.org/docs/current/libpq-ssl.html
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext, type ConnectionOptions, type SecureVersion } from 'node:tls'
import { WhoopsterError } from '../../errors.ts'
import type { Env } from '../../world.ts'

/** In which order libpq tries a connection with TLS and one without. */
export type TlsMode = 'disable' | 'allow' | 'prefer' | 'require'

export interface Tls {
  mode: TlsMode
  /** Whether the server is asked first whether it speaks TLS. */
  negotiation: 'postgres' | 'direct'
  /** The server is told which host is meant. */
  sni: boolean
  options: ConnectionOptions
}

type Get = (name: string) => { value: string; source: string } | undefined

const NOBODY: ConnectionOptions = { rejectUnauthorized: false }

export function readTls(get: Get, env: Env): Tls {
  const mode = readMode(get)
  const base = {
    negotiation: readNegotiation(get, mode),
    sni: get('sslsni')?.value !== '0',
  }
  if (mode === 'disable') return { ...base, mode, options: NOBODY }
  const own = { ...clientCertificate(get, env), ...versions(get), ...revoked(get) }
  if (mode === 'allow' || mode === 'prefer') return { ...base, mode, options: { ...own, ...NOBODY } }
  return { ...base, mode: 'require', options: { ...own, ...verification(mode, get, env) } }
}

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'] as const
type Mode = (typeof MODES)[number]

function readMode(get: Get): Mode {
  const given = get('sslmode')
  if (!given && get('requiressl')?.value === '1') return 'require'
  if (!given) return get('sslrootcert') ? 'verify-ca' : 'prefer'
  const mode = MODES.find((one) => one === given.value)
  if (mode) return mode
  throw new WhoopsterError('settings', `${given.source} has an unknown sslmode, ${given.value}.`, {
    hint: 'use disable, prefer, require, verify-ca or verify-full',
  })
}

function readNegotiation(get: Get, mode: Mode): Tls['negotiation'] {
  const given = get('sslnegotiation')
  if (!given || given.value === 'postgres') return 'postgres'
  if (given.value === 'direct' && !['disable', 'allow', 'prefer'].includes(mode)) return 'direct'
  throw new WhoopsterError(
    'settings',
    `${given.source} has sslnegotiation=${given.value}, which does not go with sslmode=${mode}.`,
    {
      hint: 'use sslnegotiation=postgres, or direct with sslmode=require or stricter',
    },
  )
}

/** Only verify-full looks at the host; but anybody has a certificate of the system's authorities, so there it must. */
function verification(mode: Mode, get: Get, env: Env): ConnectionOptions {
  const root = get('sslrootcert')?.value ?? homeFile(env, 'root.crt')
  if (mode === 'no-verify' || (mode === 'require' && root === undefined)) return NOBODY
  if (root === undefined || root === 'system') return {}
  const ca = readCertificate(root, 'sslrootcert', get)
  return mode === 'verify-full' ? { ca } : { ca, checkServerIdentity: () => undefined }
}

function homeFile(env: Env, name: string): string | undefined {
  const file = env['HOME'] ? join(env['HOME'], '.postgresql', name) : undefined
  return file !== undefined && existsSync(file) ? file : undefined
}

function clientCertificate(get: Get, env: Env): ConnectionOptions {
  const certificate = get('sslcert')?.value ?? homeFile(env, 'postgresql.crt')
  if (certificate === undefined) {
    if (get('sslkey')) throw alone('sslkey', 'sslcert', get)
    return {}
  }
  const key = get('sslkey')?.value ?? homeFile(env, 'postgresql.key')
  if (key === undefined) throw alone('sslcert', 'sslkey', get)
  const passphrase = get('sslpassword')?.value
  const options = {
    cert: readCertificate(certificate, 'sslcert', get),
    key: readFile(key, 'key', 'sslkey', get),
    ...(passphrase === undefined ? {} : { passphrase }),
  }
  try {
    createSecureContext(options) // throws when they are no pair, or the key cannot be opened
    return options
  } catch (cause) {
    throw new WhoopsterError(
      'settings',
      `The key ${key} (${said('sslkey', get)}) does not open, or is not that of ${certificate}.`,
      {
        hint: 'check sslcert, sslkey and sslpassword',
        cause,
      },
    )
  }
}

function alone(one: string, other: string, get: Get): WhoopsterError {
  return new WhoopsterError('settings', `${get(one)?.source ?? 'DATABASE_URL'} has ${one} without ${other}.`, {
    hint: `name both, or none: a client certificate takes its key`,
  })
}

function versions(get: Get): ConnectionOptions {
  const read = (name: string): SecureVersion | undefined => {
    const given = get(name)
    if (!given || /^TLSv1(\.[123])?$/.test(given.value)) return given?.value as SecureVersion | undefined
    throw new WhoopsterError('settings', `${given.source} has an unknown ${name}, ${given.value}.`, {
      hint: 'use TLSv1.2 or TLSv1.3',
    })
  }
  const [minVersion, maxVersion] = [read('ssl_min_protocol_version'), read('ssl_max_protocol_version')]
  return { ...(minVersion ? { minVersion } : {}), ...(maxVersion ? { maxVersion } : {}) }
}

function revoked(get: Get): ConnectionOptions {
  const file = get('sslcrl')?.value
  return file === undefined ? {} : { crl: readFile(file, 'list of revoked certificates', 'sslcrl', get) }
}

function readCertificate(path: string, parameter: string, get: Get): string {
  const pem = readFile(path, 'certificate', parameter, get)
  try {
    void new X509Certificate(pem) // throws when it is none
    return pem
  } catch (cause) {
    throw unreadable(path, 'certificate', parameter, get, cause)
  }
}

function readFile(path: string, what: string, parameter: string, get: Get): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw unreadable(path, what, parameter, get, cause)
  }
}

function unreadable(path: string, what: string, parameter: string, get: Get, cause: unknown): WhoopsterError {
  return new WhoopsterError('settings', `The ${what} ${path} (${said(parameter, get)}) cannot be read.`, { cause })
}

function said(parameter: string, get: Get): string {
  const source = get(parameter)?.source
  if (source === undefined) return "libpq's default"
  return source === 'DATABASE_URL' ? `${parameter} in DATABASE_URL` : source
}
