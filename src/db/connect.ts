import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import type { DatabaseConfig } from '../config.ts'
import { WhoopsterError } from '../errors.ts'
import type { Env } from '../world.ts'
import { openEmbedded } from './embedded.ts'
import { databaseFailure } from './failure.ts'

export type Db = PostgresJsDatabase
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]

export interface Database {
  /** One connection: a session's advisory locks on it are this run's. */
  db: Db
  /** That connection for one piece of work at a time: postgres.js has mixed up transactions that queue for it. */
  alone<T>(work: (db: Db) => Promise<T>): Promise<T>
  /** For what must not wait behind, or be rolled back with, this run's pages: a connection of its own. */
  apart<T>(work: (db: Db) => Promise<T>): Promise<T>
  /** Host, port and name, for messages: never the password. */
  where: string
}

/** Opens the database that the settings name, closes it when the work is done, and names its failures. */
export async function withDatabase<T>(
  config: DatabaseConfig,
  env: Env,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  if (!config.DATABASE_URL) return withEmbedded(dataDirectory(config, env), work)
  const server = readUrl(config.DATABASE_URL)
  const main = postgres(server.url, server.options)
  const db = drizzle(main)
  const database: Database = {
    db,
    alone: oneAtATime(db),
    where: server.where,
    apart: async (inner) => {
      const own = postgres(server.url, { ...server.options, connection: APART })
      return inner(drizzle(own)).finally(() => own.end({ timeout: 5 }))
    },
  }
  return named(server.where, () => work(database)).finally(() => main.end({ timeout: 5 }))
}

/** Where the embedded database and its key are. */
export function dataDirectory(config: DatabaseConfig, env: Env): string {
  if (config.WHOOPSTER_DATA_DIR) return config.WHOOPSTER_DATA_DIR
  const share = env['XDG_DATA_HOME'] || (env['HOME'] && join(env['HOME'], '.local', 'share'))
  if (share) return join(share, 'whoopster')
  throw new WhoopsterError('settings', 'There is no place for the embedded database: HOME is not set.', {
    hint: 'set DATABASE_URL or WHOOPSTER_DATA_DIR',
  })
}

async function withEmbedded<T>(dir: string, work: (database: Database) => Promise<T>): Promise<T> {
  const embedded = await openEmbedded(dir)
  const client = postgres({
    ...ONE_CONNECTION,
    fetch_types: false,
    socket: () => embedded.socket(),
  } as unknown as postgres.Options<Record<string, never>>) // its types do not know `socket`
  const db = drizzle(client)
  try {
    return await named(dir, async () => {
      await db.execute("set timezone = 'UTC'") // PGlite takes no start-up parameters
      const alone = oneAtATime(db)
      return work({ db, alone, where: dir, apart: alone }) // it has one connection, and we hold the directory
    })
  } finally {
    await client.end({ timeout: 5 })
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

// The connection may hold locks, so it is never replaced behind our back for being old or idle.
const ONE_CONNECTION = { max: 1, max_lifetime: null, idle_timeout: 0, onnotice: () => {} }

const PARAMETERS = {
  application_name: 'whoopster',
  TimeZone: 'UTC',
  statement_timeout: 60_000,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 60_000,
}

/** Holds a token's row across a request to WHOOP that may take 90 seconds, and others wait for it. */
const APART = {
  ...PARAMETERS,
  lock_timeout: 110_000,
  statement_timeout: 120_000,
  idle_in_transaction_session_timeout: 0,
}

const TLS_PARAMETERS = ['sslmode', 'sslrootcert', 'ssl']

interface Server {
  url: string
  where: string
  options: postgres.Options<Record<string, never>>
}

/** Reads DATABASE_URL; postgres.js does not know `sslrootcert`, so TLS is worked out here, as libpq would. */
export function readUrl(text: string): Server {
  let url: URL
  try {
    url = new URL(text)
  } catch (cause) {
    throw new WhoopsterError('settings', 'DATABASE_URL cannot be read.', {
      hint: 'write it as postgres://user:password@host:5432/database; encode special characters in the password',
      cause,
    })
  }
  const host = url.searchParams.get('host') ?? url.hostname
  const ssl = tlsOptions(url.searchParams, host)
  for (const parameter of [...TLS_PARAMETERS, 'host']) url.searchParams.delete(parameter)
  return {
    url: url.href,
    where: `${host || 'localhost'}:${url.port || 5432}${url.pathname}`,
    options: {
      ...ONE_CONNECTION,
      ...(host ? { host: decodeURIComponent(host) } : {}),
      connect_timeout: 10,
      ssl,
      connection: PARAMETERS,
    },
  }
}

type Tls = boolean | 'prefer' | ConnectionOptions

/** libpq's modes: https://www.postgresql.org/docs/current/libpq-ssl.html */
function tlsOptions(parameters: URLSearchParams, host: string): Tls {
  const rootCertificate = parameters.get('sslrootcert')
  const mode = parameters.get('sslmode') ?? (rootCertificate ? 'verify-ca' : 'prefer')
  const ca = rootCertificate && rootCertificate !== 'system' ? { ca: readCertificate(rootCertificate) } : {}
  switch (mode) {
    case 'disable':
      return false
    case 'allow':
    case 'prefer':
      return 'prefer'
    case 'require':
      if (!rootCertificate) return { rejectUnauthorized: false }
      return { ...ca, checkServerIdentity: () => undefined } // libpq: with a root certificate it means verify-ca
    case 'verify-ca':
      return { ...ca, checkServerIdentity: () => undefined }
    case 'verify-full':
      return { ...ca, servername: host }
    default:
      throw new WhoopsterError('settings', `DATABASE_URL has an unknown sslmode, ${mode}.`, {
        hint: 'use disable, prefer, require, verify-ca or verify-full',
      })
  }
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new WhoopsterError('settings', `The certificate ${path} (sslrootcert in DATABASE_URL) cannot be read.`, {
      cause,
    })
  }
}
