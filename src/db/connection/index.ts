import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import type { DatabaseConfig } from '../../config.ts'
import type { Env } from '../../world.ts'
import { createClient, type Client } from './client.ts'
import { openSession } from './open.ts'
import { readParameters } from './parameters.ts'
import type { Tls } from './tls.ts'
import { dataDirectory } from './directory.ts'
import type { Opening } from './embedded.ts'
import { databaseFailure } from './failure.ts'

export type Db = PostgresJsDatabase
export type Tx = Parameters<Parameters<Db['transaction']>[0]>[0]

export interface Database {
  /** One connection: a session's advisory locks on it are this run's. */
  db: Db
  /** That connection as its driver has it, for statements that are not ours. */
  client: Client
  /** That connection for one piece of work at a time, a transaction: postgres.js has mixed up those that queue for it. */
  alone: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  /**
   * That connection for single statements, which are sent without waiting for the answers to others: PostgreSQL executes them
   * in the order in which they were asked for, and none within a transaction of somebody else's.
   */
  pipelined: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  /** For what must not wait behind, or be rolled back with, this run's pages: a connection of its own. */
  apart: <T>(work: (db: Db) => Promise<T>) => Promise<T>
  /** Host, port and name, for messages: never the password. */
  where: string
  /** The process that serves the one connection, as the server named it when that began; undefined: there is none yet, or no server. */
  pid: () => number | undefined
  /** What the server has warned of on the first connection: a migration says so when it had to leave something out. */
  warnings: Client['warnings']
  /** What the server said when it ended a connection that has been replaced since. */
  lastWords: Client['lastWords']
}

/** Opens the database that the settings name, closes it when the work is done, and names its failures. */
export async function withDatabase<T>(
  config: DatabaseConfig,
  env: Env,
  work: (database: Database) => Promise<T>,
  interrupted?: AbortSignal,
  opening: Opening = {},
): Promise<T> {
  if (!config.DATABASE_URL) return withEmbedded(dataDirectory(config, env), work, opening)
  const server = readUrl(config.DATABASE_URL, env, interrupted)
  const { client: main, pid } = server.connect()
  const db = drizzle(main)
  const database: Database = {
    db,
    client: main,
    warnings: main.warnings,
    lastWords: () => main.lastWords(),
    ...sharing(db),
    where: server.where,
    pid,
    apart: async (inner) => {
      const { client: own } = server.connect('apart')
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

async function withEmbedded<T>(dir: string, work: (database: Database) => Promise<T>, opening: Opening): Promise<T> {
  const { openEmbedded } = await import('./embedded.ts')
  const embedded = await openEmbedded(dir, opening)
  const client = createClient(() => embedded.socket())
  const db = drizzle(client)
  try {
    return await named(dir, async () => {
      await db.execute("set timezone = 'UTC'") // PGlite takes no start-up parameters
      const shared = sharing(db)
      const { warnings } = client
      const apart = shared.alone // it has one connection, and we hold the directory
      return work({ db, client, ...shared, where: dir, pid: noProcess, apart, warnings, lastWords: () => undefined })
    })
  } finally {
    await client.end()
    await embedded.close()
  }
}

const noProcess = () => undefined

/** Who is alone waits for everybody before, and everybody after waits for them. */
function sharing(db: Db): Pick<Database, 'alone' | 'pipelined'> {
  let alone: Promise<unknown> = Promise.resolve()
  let others: Promise<unknown> = alone // since then
  return {
    alone: (work) => {
      const mine = others.then(() => work(db))
      others = alone = ended(mine)
      return mine
    },
    pipelined: (work) => {
      const mine = alone.then(() => work(db))
      others = Promise.all([others, ended(mine)])
      return mine
    },
  }
}

/** However it ended: its caller hears of that. */
function ended(work: Promise<unknown>): Promise<unknown> {
  return work.catch(() => undefined)
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
  statement_timeout: '60000',
  lock_timeout: '10000',
  idle_in_transaction_session_timeout: '60000',
  tcp_keepalives_idle: '30', // a host that vanishes must not hold its locks for hours
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '3',
}

/** Holds a token's row across two requests to WHOOP that may take 90 seconds each, and others wait for it. */
const APART = {
  lock_timeout: '200000',
  statement_timeout: '210000',
  idle_in_transaction_session_timeout: '0',
}

interface Server {
  where: string
  tls: Tls
  connect: (kind?: 'main' | 'apart') => { client: Client; pid: () => number | undefined }
}

/** Reads DATABASE_URL, and what libpq's variables and files add to it. */
export function readUrl(text: string, env: Env = {}, interrupted?: AbortSignal): Server {
  const parameters = readParameters(text, env)
  let attempts = 0 // what has begun may need another connection to end well, above all the renewal of a login
  const { where, tls, session } = parameters
  const asked = namesIn(session['options'])
  const ours = Object.fromEntries(Object.entries(PARAMETERS).filter(([name]) => !asked.has(name)))
  const sessions = { main: { ...ours, ...session }, apart: { ...ours, ...session, ...APART } }
  return {
    where,
    tls,
    connect: (kind = 'main') => {
      let pid: number | undefined
      const client = createClient(async () => {
        const opened = await openSession(parameters, sessions[kind], attempts++ === 0 ? interrupted : undefined)
        pid = opened.pid
        return opened.socket
      })
      return { client, pid: () => pid }
    },
  }
}

/** What `-c name=value` sets. */
function namesIn(options: string | undefined): Set<string> {
  return new Set(
    [...(options ?? '').matchAll(/(?:-c\s*|--)([\w.-]+)\s*=/g)].map(([, name = '']) => name.replaceAll('-', '_')),
  )
}
