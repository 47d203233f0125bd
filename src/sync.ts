import type { Database } from './db/connect.ts'
import { databaseFailure } from './db/failure.ts'
import { lockTypes, unlockTypes, type Fence } from './db/lock.ts'
import { beginTypes, endType, lastSyncTimes, saveRun } from './db/runs.ts'
import { saveBody } from './db/body.ts'
import { uncover, type Range } from './db/coverage.ts'
import type { Keys } from './db/seal.ts'
import { saveProfile, type Member } from './db/tokens.ts'
import { failure, worst, WhoopsterError, type Failure } from './errors.ts'
import type { Log } from './log.ts'
import { body, profile, resources, scopeOf } from './resources/index.ts'
import { readOne } from './resources/read.ts'
import { typeNames, type TypeName } from './resources/names.ts'
import { createSession } from './session.ts'
import { walk, type Tally } from './walk.ts'
import { createWhoop, type Whoop } from './whoop/client.ts'
import type { OAuth } from './whoop/oauth.ts'
import type { Pace } from './whoop/pace.ts'
import type { Clock, Fetch } from './world.ts'

export type Outcome = 'ok' | 'partial' | 'failed' | 'skipped'

export interface TypeResult extends Tally {
  outcome: 'ok' | 'failed' | 'skipped'
  deleted: number
  quarantined: number
  requests: number
  /** Nothing below the newest record is missing. */
  complete: boolean
  error: Failure | null
}

export interface MemberResult {
  whoopUserId: number
  outcome: Outcome
  error: Failure | null
  types: Partial<Record<TypeName, TypeResult>>
}

/** What a run did, as `sync --json` prints it. */
export interface RunResult {
  startedAt: string
  finishedAt: string
  outcome: Outcome
  error: Failure | null
  users: MemberResult[]
  requests: number
  waitedMs: number
  tokenRefreshes: number
}

/** What is asked of a run. */
export interface Order {
  /** Undefined: every type. */
  types?: readonly TypeName[] | undefined
  /** To be read again, though it is stored. */
  again?: Range | undefined
}

/** Everything a run works with; the same for all of its members. */
export interface Means {
  database: Database
  keys: Keys
  oauth: OAuth
  pace: Pace
  baseUrl: string
  fetch: Fetch
  clock: Clock
  log: Log
  interrupted: AbortSignal
  report(progress: Progress): void
}

/** One page of one type has been stored. */
export interface Progress {
  whoopUserId: number
  type: TypeName
  fetched: number
  /** How far back it reached (RFC 3339). */
  reached: string
}

/** Syncs the members one after the other; what fails for one does not stop the next. */
export async function sync(means: Means, members: readonly Member[], order: Order): Promise<RunResult> {
  const startedAt = means.clock.now()
  const runs: MemberRun[] = []
  for (const member of members) runs.push(await syncMember(means, member, order))
  return {
    startedAt: startedAt.toISOString(),
    finishedAt: means.clock.now().toISOString(),
    outcome: overall(runs.map(({ result }) => result.outcome)),
    error: null,
    users: runs.map(({ result }) => result),
    requests: sum(runs.map((run) => run.requests)),
    waitedMs: sum(runs.map((run) => run.waitedMs)),
    tokenRefreshes: sum(runs.map((run) => run.tokenRefreshes)),
  }
}

/** Of everything that went wrong in a run, what decides the exit code. */
export function worstReason(result: RunResult) {
  const errors = result.users.flatMap((user) => [user.error, ...Object.values(user.types).map(({ error }) => error)])
  return worst([result.error, ...errors].flatMap((error) => (error ? [error.reason] : [])))
}

interface MemberRun {
  result: MemberResult
  requests: number
  retries: number
  waitedMs: number
  tokenRefreshes: number
}

/** A member's sync from lock to unlock, and its line in `sync_runs`. */
async function syncMember(means: Means, member: Member, order: Order): Promise<MemberRun> {
  const { database, clock, interrupted } = means
  const { db } = database
  const startedAt = clock.now()
  const wanted = order.types ?? typeNames
  const { fence, locked } = await lockTypes(db, member, wanted)
  const session = createSession({ ...means, member })
  const clients: Whoop[] = []
  const context: Context = {
    ...means,
    member,
    order,
    fence,
    openClient: () => {
      const whoop = createWhoop({ ...means, authority: session })
      clients.push(whoop)
      return whoop
    },
  }
  const result: MemberResult = { whoopUserId: member.whoopUserId, outcome: 'ok', error: null, types: {} }
  try {
    if (locked.length > 0) {
      await session.token() // a login that has ended is one error, not five
      await syncTypes(context, locked, result.types)
    }
    for (const type of wanted.filter((one) => !locked.includes(one))) result.types[type] = busy(context, type)
    result.outcome = overall(Object.values(result.types).map(({ outcome }) => outcome))
  } catch (error) {
    if (interrupted.aborted) throw error
    result.error = named(means, error)
    result.outcome = 'failed'
  }
  const run = {
    result,
    requests: sum(clients.map(({ usage }) => usage.requests)),
    retries: sum(clients.map(({ usage }) => usage.retries)),
    waitedMs: sum(clients.map(({ usage }) => usage.waitedMs)),
    tokenRefreshes: session.refreshes(),
  }
  await saveRun(db, {
    userId: member.id,
    startedAt: startedAt.toISOString(),
    finishedAt: clock.now().toISOString(),
    outcome: result.outcome,
    errorReason: result.error?.reason ?? null,
    errorMessage: result.error?.message ?? null,
    requests: run.requests,
    retries: run.retries,
    waitedMs: Math.round(run.waitedMs),
    tokenRefreshes: run.tokenRefreshes,
    lastHttpStatus: clients.findLast(({ usage }) => usage.lastStatus !== null)?.usage.lastStatus ?? null,
    remainingToday: means.pace.remainingToday() ?? null,
    types: result.types,
  })
  await unlockTypes(db, member, locked)
  return run
}

interface Context extends Means {
  member: Member
  order: Order
  fence: Fence
  openClient(): Whoop
}

/** All types at once, but for one whose records are placed by another's. */
async function syncTypes(context: Context, types: readonly TypeName[], results: MemberResult['types']): Promise<void> {
  const { database, member, order } = context
  const granted = types.filter((type) => member.scopes.includes(scopeOf[type]))
  for (const type of types) if (!granted.includes(type)) results[type] = notGranted(context, type)
  await database.alone((db) => beginTypes(db, member, granted))
  const { again } = order
  if (again) await database.alone((db) => uncover(db, member, granted, again))
  const running = new Map<TypeName, Promise<void>>()
  for (const type of granted) {
    const before = resources.find(({ name }) => name === type)?.after
    const first = before === undefined ? undefined : running.get(before)
    running.set(
      type,
      (async () => {
        await first
        results[type] = await syncType(context, type)
      })(),
    )
  }
  const settled = await Promise.allSettled(running.values())
  for (const one of settled) if (one.status === 'rejected') throw one.reason
}

async function syncType(context: Context, type: TypeName): Promise<TypeResult> {
  const { database, member, clock, log, interrupted } = context
  const whoop = context.openClient()
  const tally: Tally = { fetched: 0, inserted: 0, updated: 0, unchanged: 0 }
  let error: Failure | null = null
  try {
    await readType(context, type, whoop, tally)
  } catch (cause) {
    if (interrupted.aborted) throw cause
    error = named(context, cause)
    log.error(`${type}: ${error.message}`, { type, reason: error.reason, hint: error.hint })
  }
  const ended = { finishedAt: clock.now(), fetched: tally.fetched, error }
  await database.alone((db) => endType(db, member, type, ended))
  return {
    ...nothing,
    ...tally,
    outcome: error ? 'failed' : 'ok',
    requests: whoop.usage.requests,
    complete: !error,
    error,
  }
}

function readType(context: Context, type: TypeName, whoop: Whoop, tally: Tally): Promise<void> {
  const resource = resources.find(({ name }) => name === type)
  if (!resource) return readBody(context, whoop, tally)
  const report = (reached: string) =>
    context.report({ whoopUserId: context.member.whoopUserId, type, fetched: tally.fetched, reached })
  return walk({ ...context, whoop, resource, tally, report })
}

const DAY_MS = 86_400_000

/** Body measurements and profile have no history at WHOOP: they are read once a day, or when they are asked for. */
async function readBody(context: Context, whoop: Whoop, tally: Tally): Promise<void> {
  const { database, fence, member, clock, order } = context
  const { body: last } = await database.alone((db) => lastSyncTimes(db, member))
  const due = !last || clock.now().getTime() - last.getTime() >= DAY_MS
  if (!due && !order.types?.includes('body') && !order.again) return
  const raw = await whoop.get(body.path, body.scope)
  const measured = readOne('body', body.row, raw)
  const change = await database.alone((db) => saveBody(db, fence, member, measured, raw))
  tally.fetched++
  tally[change]++
  if (!member.scopes.includes(profile.scope)) return
  const seen = readOne('profile', profile.row, await whoop.get(profile.path, profile.scope))
  if (seen.whoopUserId === member.whoopUserId) await database.alone((db) => saveProfile(db, seen))
}

const nothing = { fetched: 0, inserted: 0, updated: 0, unchanged: 0, deleted: 0, quarantined: 0, requests: 0 }

function busy({ log, member }: Context, type: TypeName): TypeResult {
  log.info(`another run is syncing ${type}`, { whoopUserId: member.whoopUserId, type })
  return { ...nothing, outcome: 'skipped', complete: false, error: null }
}

/** Not asked for at WHOOP. Only who asked for just this type has to be told with an exit code. */
function notGranted({ log, order }: Context, type: TypeName): TypeResult {
  const scope = scopeOf[type]
  log.warn(`${type} is skipped: the login lacks ${scope}`, { type, scope })
  const error = new WhoopsterError('login', `${type} cannot be synced: the login lacks ${scope}.`, {
    hint: `tick ${scope} for the app at developer.whoop.com, then run: whoopster auth`,
  })
  return { ...nothing, outcome: 'skipped', complete: false, error: order.types ? failure(error) : null }
}

function named({ database, log }: Means, error: unknown): Failure {
  const name = databaseFailure(error, database.where)
  if (!(name instanceof WhoopsterError) && error instanceof Error) log.debug('stack', { stack: error.stack })
  return failure(name)
}

function overall(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.length > 0 && outcomes.every((outcome) => outcome === 'skipped')) return 'skipped'
  const tried = outcomes.filter((outcome) => outcome !== 'skipped')
  if (tried.every((outcome) => outcome === 'ok')) return 'ok'
  return tried.every((outcome) => outcome === 'failed') ? 'failed' : 'partial'
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
