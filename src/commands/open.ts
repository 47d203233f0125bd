import {
  databaseSettings,
  readConfig,
  tokenSettings,
  whoopSettings,
  type Config,
  type TokenConfig,
  type DatabaseConfig,
} from '../config.ts'
import { clockOf, switchOffJit } from '../db/clock.ts'
import { withDatabase, type Database, type Db } from '../db/connection/index.ts'
import { requireSession } from '../db/connection/pooler.ts'
import { migrate, nothingStored, requireCurrent, requireSchema, schemaState } from '../db/migrate.ts'
import { createBudgetStore } from '../db/budget.ts'
import { loadReprocesses } from '../db/reprocess.ts'
import { loadQueue, type Queue, type Shard } from '../db/queue.ts'
import { READERS_WAIT_MS, dataDirectory, holdsDatabase } from '../db/connection/directory.ts'
import { loadKeys, missingKeyFile, type Keys } from '../db/seal.ts'
import { loadEverybody, loadMembers, notStored, type Member } from '../db/members.ts'
import { WhoopsterError } from '../errors.ts'
import type { TypeName } from '../resources/names.ts'
import { newBudget } from '../whoop/budget.ts'
import { createRateLimiter, type RateLimiter, type RateLimiterOptions } from '../whoop/limiter.ts'
import type { Clock, Env, World } from '../world.ts'
import type { Cli } from './cli.ts'

type FullConfig = Config<(typeof tokenSettings)[number] | (typeof whoopSettings)[number]>

export interface Opened {
  database: Database
  keys: Keys
  config: FullConfig
  /** With PostgreSQL's time. */
  world: World
}

/** For the commands that talk to WHOOP: settings read, database open and brought up to date. An embedded one is made by a login. */
export async function withEverything<T>(
  { world, log }: Cli,
  { autoMigrate, isLogin = false }: { autoMigrate: boolean; isLogin?: boolean },
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const config = readConfig(world.env, [...whoopSettings, ...tokenSettings])
  if (!isLogin && !isThere(config, world.env)) throw autoMigrate ? nobody() : nothingStored()
  return withDatabase(
    config,
    world.env,
    async (database) => {
      const state = await schemaState(database.db) // the first answer comes alone, and takes a connection's time
      const isCurrent = state.pending.length === 0 && !state.isShared
      const { pipelined } = database
      const [clock, left] = await Promise.all([
        pipelined((db) => clockOf(db, world.clock)),
        isCurrent ? pipelined(loadReprocesses) : undefined,
        requireSession(database),
      ])
      if (!autoMigrate) requireCurrent(state)
      else if (!isCurrent) {
        const migrations = (await migrate(database.db)).map(({ name }) => name)
        if (migrations.length > 0) log.info('migrated the schema', { migrations })
        for (const { message, hint } of database.warnings) log.warn(String(message), { hint })
      }
      if (autoMigrate && left?.length !== 0) await finishMigrations({ world, log }, database, left)
      if (isLogin) await warnOfLostKey({ world, log }, database, config)
      const keys = await keysOf(database, config, world.env, isLogin)
      return work({ database, keys, config, world: { ...world, clock } })
    },
    world.interrupted,
    { log },
  )
}

/** The keys that the stored logins need: only a login may do without a lost one. */
export async function keysOf(
  { db }: Pick<Database, 'db'>,
  config: TokenConfig,
  env: Env,
  isLogin = false,
): Promise<Keys> {
  const mayMake = isLogin || config.TOKEN_ENCRYPTION_KEY !== undefined || (await loadMembers(db)).length === 0
  return loadKeys(config, env, { mayMake })
}

/** A login goes on without the key that is lost; what it means for the other logins is not left to be found out. */
async function warnOfLostKey(
  { world, log }: Pick<Cli, 'world' | 'log'>,
  { db }: Database,
  config: TokenConfig,
): Promise<void> {
  const missing = missingKeyFile(config, world.env)
  if (!missing || (await loadMembers(db)).length === 0) return
  log.warn(`The key file ${missing} is lost: a new one is made, and opens none of the logins of before.`, {
    hint: 'each member logs in again: whoopster auth',
  })
}

/** Builds columns again where a migration says so, as far as an earlier run has not. */
export async function finishMigrations(
  { world, log }: Pick<Cli, 'world' | 'log'>,
  { db }: Database,
  left?: Awaited<ReturnType<typeof loadReprocesses>>,
): Promise<void> {
  const { finishReprocesses } = await import('../reprocess.ts')
  const report = (type: string, read: number) => {
    world.interrupted.throwIfAborted()
    log.info('building columns again from raw_data, as the migration asks', { type, read })
  }
  await finishReprocesses(db, report, left)
}

/** Whether there is a database to look at: to look at the embedded one makes none. */
export function isThere(config: DatabaseConfig, env: Env): boolean {
  return Boolean(config.DATABASE_URL) || holdsDatabase(dataDirectory(config, env))
}

export function requireDatabase(config: DatabaseConfig, env: Env): void {
  if (!isThere(config, env)) throw nothingStored()
}

/** For the commands that only look at what is stored. */
export async function withStored<T>({ world, log }: Cli, work: (database: Database) => Promise<T>): Promise<T> {
  const config = readConfig(world.env, databaseSettings)
  requireDatabase(config, world.env)
  return withDatabase(
    config,
    world.env,
    async (database) => {
      await requireSchema(database.db)
      await switchOffJit(database.db)
      world.collectSoon?.()
      return work(database)
    },
    world.interrupted,
    { log, patienceMs: READERS_WAIT_MS },
  )
}

/** The members that are logged in, to any app or to one, or the one asked for; an error when there is none. */
export async function requireMembers(
  { db }: Pick<Database, 'db'>,
  whoopUserId?: number,
  clientId?: string,
): Promise<Member[]> {
  const members = await loadMembers(db, whoopUserId, clientId)
  if (members.length > 0) return members
  throw clientId && (await loadMembers(db, whoopUserId)).length > 0 ? ofAnotherApp(whoopUserId) : nobody(whoopUserId)
}

/** Everybody of whom anything is stored, or the one asked for; an error when nothing is stored of that one. */
export async function requireStored(db: Db, whoopUserId?: number): Promise<Member[]> {
  const members = await loadEverybody(db, whoopUserId)
  if (whoopUserId !== undefined && members.length === 0) throw notStored(whoopUserId)
  return members
}

/** The members who wait for a sync, or the one asked for; an error when there is none. */
export async function requireQueue(
  { db }: Pick<Database, 'db'>,
  now: Date,
  clientId: string,
  {
    user: whoopUserId,
    type: types,
    shard,
  }: { user?: number | undefined; type?: readonly TypeName[] | undefined; shard?: Shard | undefined },
): Promise<Queue> {
  const queue = await loadQueue(db, now, { clientId, whoopUserId, types, shard })
  if (queue.members.length > 0 || shard) return queue // a share may be empty
  throw (await loadMembers(db, whoopUserId)).length > 0 ? ofAnotherApp(whoopUserId) : nobody(whoopUserId)
}

/** The app's requests, shared with its other processes. */
export function openRateLimiter(
  { database, config }: Opened,
  clock: Clock,
  options: Omit<RateLimiterOptions, 'store'> = {},
): RateLimiter {
  const store = createBudgetStore(database, config.WHOOP_CLIENT_ID, newBudget)
  return createRateLimiter(clock, config.MAX_REQUESTS_PER_MINUTE, { ...options, store })
}

function ofAnotherApp(whoopUserId: number | undefined): WhoopsterError {
  const who = whoopUserId === undefined ? 'Everybody here is' : `WHOOP user ${whoopUserId} is`
  return new WhoopsterError('login', `${who} logged in to another app than WHOOP_CLIENT_ID names.`, {
    hint: 'set WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET to that app’s, or log in to this one: whoopster auth',
  })
}

function nobody(whoopUserId?: number): WhoopsterError {
  const who = whoopUserId === undefined ? 'Nobody is logged in' : `WHOOP user ${whoopUserId} is not logged in`
  const hint =
    whoopUserId === undefined ? 'run: whoopster auth' : 'see who is: whoopster auth status; or log in: whoopster auth'
  return new WhoopsterError('login', `${who}.`, { hint })
}
