import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { DatabaseConfig } from '../config.ts'
import { WhoopsterError } from '../errors.ts'
import type { Env } from '../world.ts'
import { createClient, type Client, type Options } from './client.ts'
import { dataDirectory } from './directory.ts'
import { databaseFailure } from './failure.ts'
import { openSocket, type Tls } from './socket.ts'

export type Db = PostgresJsDatabase
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]

export interface Database {
  /** One connection: a session's advisory locks on it are this run's. */
  db: Db
  /** That connection for one piece of work at a time: postgres.js has mixed up transactions that queue for it. */
  alone: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  /** For what must not wait behind, or be rolled back with, this run's pages: a connection of its own. */
  apart: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  /** Host, port and name, for messages: never the password. */
  where: string
  /** What the server has warned of on the first connection: a migration says so when it had to leave something out. */
  warnings: Client['warnings']
}

/** Opens the database that the settings name, closes it when the work is done, and names its failures. */
export async function withDatabase<T>(
  config: DatabaseConfig,
  env: Env,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  if (!config.DATABASE_URL) return withEmbedded(dataDirectory(config, env), work)
  const server = readUrl(config.DATABASE_URL)
  const main = server.connect()
  const db = drizzle(main)
  const database: Database = {
    db,
    warnings: main.warnings,
    alone: oneAtATime(db),
    where: server.where,
    apart: async (inner) => {
      const own = server.connect(APART)
      try {
        return await inner(drizzle(own))
      } finally {
        await own.end()
      }
    },
  }
  try {
    return await named(server.where, () => work(database))
  } finally {
    await main.end()
  }
}

async function withEmbedded<T>(dir: string, work: (database: Database) => Promise<T>): Promise<T> {
  const { openEmbedded } = await import('./embedded.ts')
  const embedded = await openEmbedded(dir)
  const client = createClient(() => embedded.socket())
  const db = drizzle(client)
  try {
    return await named(dir, async () => {
      await db.execute("set timezone = 'UTC'") // PGlite takes no start-up parameters
      const alone = oneAtATime(db)
      return work({ db, alone, where: dir, apart: alone, warnings: client.warnings }) // it has one connection, and we hold the directory
    })
  } finally {
    await client.end()
    await embedded.close()
  }
}

function oneAtATime(db: Db): Database['alone'] {
  let last: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = last.then(() => work(db))
    last = mine.catch(() => undefined) // its caller hears of it
    return mine
  }
}

async function named<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw databaseFailure(error, where)
  }
}

const PARAMETERS = {
  application_name: 'whoopster',
  TimeZone: 'UTC',
  DateStyle: 'ISO', // a database may have another default, and times come back as text
  search_path: 'public',
  statement_timeout: 60_000,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 60_000,
  tcp_keepalives_idle: 30, // a host that vanishes must not hold its locks for hours
  tcp_keepalives_interval: 10,
  tcp_keepalives_count: 3,
}

/** Holds a token's row across two requests to WHOOP that may take 90 seconds each, and others wait for it. */
const APART = {
  ...PARAMETERS,
  lock_timeout: 200_000,
  statement_timeout: 210_000,
  idle_in_transaction_session_timeout: 0,
}

/** What is worked out here, or is libpq's own business: the rest of the URL goes to the server with the start-up message. */
const NOT_FOR_THE_SERVER = ['sslmode', 'sslrootcert', 'ssl', 'host', 'channel_binding', 'gssencmode']

interface Server {
  where: string
  tls: Tls
  connect: (parameters?: Options['connection']) => Client
}

/** Reads DATABASE_URL; postgres.js does not know `sslrootcert`, so TLS is worked out here, as libpq would. */
export function readUrl(text: string): Server {
  const url = parseUrl(text)
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname)
  const hosts = (host || 'localhost').split(',').map((one) => one.replace(/^\[(.*)\]$/, '$1')) // an IPv6 address
  const port = Number(url.port) || 5432
  const database = decodeURIComponent(url.pathname.slice(1))
  const tls = tlsOptions(url.searchParams)
  for (const parameter of NOT_FOR_THE_SERVER) url.searchParams.delete(parameter)
  let attempts = 0
  const socket = () => openSocket({ host: hosts[attempts++ % hosts.length] ?? '', port }, tls)
  const options = {
    ...(database ? { database } : {}),
    connect_timeout: 10,
    ssl: false, // the socket has it already
  }
  return {
    where: `${host || 'localhost'}:${port}/${database}`,
    tls,
    connect: (parameters = PARAMETERS) => createClient(socket, { ...options, connection: parameters }, url.href),
  }
}

/** Of a URL that is not what it was meant to be nothing is repeated: any part of it may be the password. */
function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isSplitByPassword = url && (url.hash !== '' || (text.includes('@') && !url.username)) // at a #, / or ?
  if (url && !isSplitByPassword && [url.username, url.password, url.hostname, url.pathname].every(isDecodable))
    return url
  throw new WhoopsterError('settings', 'DATABASE_URL cannot be read.', {
    hint: 'write it as postgres://user:password@host:5432/database; encode special characters in the password',
  })
}

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

/** libpq's modes: https://www.postgresql.org/docs/current/libpq-ssl.html */
function tlsOptions(parameters: URLSearchParams): Tls {
  const rootCertificate = parameters.get('sslrootcert')
  const mode = parameters.get('sslmode') ?? (rootCertificate ? 'verify-ca' : 'prefer')
  switch (mode) {
    case 'disable':
      return false
    case 'allow':
    case 'prefer':
      return 'prefer'
    case 'require':
      return rootCertificate ? verified(rootCertificate, mode) : { rejectUnauthorized: false }
    case 'verify-ca':
    case 'verify-full':
      return verified(rootCertificate, mode)
    default:
      throw new WhoopsterError('settings', `DATABASE_URL has an unknown sslmode, ${mode}.`, {
        hint: 'use disable, prefer, require, verify-ca or verify-full',
      })
  }
}

/** Only verify-full looks at the host; but anybody has a certificate of the system's authorities, so there it must. */
function verified(rootCertificate: string | null, mode: string): ConnectionOptions {
  if (rootCertificate === 'system') return {}
  const ca = rootCertificate === null ? {} : { ca: readCertificate(rootCertificate) }
  return mode === 'verify-full' ? ca : { ...ca, checkServerIdentity: () => undefined }
}

function readCertificate(path: string): string {
  try {
    const pem = readFileSync(path, 'utf8')
    void new X509Certificate(pem) // throws when it is none
    return pem
  } catch (cause) {
    throw new WhoopsterError('settings', `The certificate ${path} (sslrootcert in DATABASE_URL) cannot be read.`, {
      cause,
    })
  }
}
