import { createLeader, type Leader } from './beside.ts'
import { readBody } from './body.ts'
import type { Context, Means, Order } from './context.ts'
import { uncover } from './db/coverage.ts'
import { databaseFailure } from './db/failure.ts'
import { lockTypes, unlockTypes } from './db/lock.ts'
import { servedSince, type Queue } from './db/queue.ts'
import { beginTypes, endType, saveRun, type TypeState } from './db/runs.ts'
import type { Member } from './db/tokens.ts'
import { failure, WhoopsterError, type Failure } from './errors.ts'
import { resourceOf, resources, scopeOf } from './resources/index.ts'
import { typeNames, type TypeName } from './resources/names.ts'
import { newTally, overall, skipped, type MemberResult, type RunResult, type TypeResult } from './result.ts'
import { createSession, type Session } from './session.ts'
import { takeTurns } from './turns.ts'
import { walk } from './walk.ts'
import type { Purpose } from './whoop/budget.ts'
import { createWhoop, type Usage, type Whoop } from './whoop/client.ts'

/** Syncs the members whose turn it is, one after the other; what fails for one does not stop the next. */
export async function sync(means: Means, queue: Queue, order: Order): Promise<RunResult> {
  const startedAt = means.clock.now()
  const isAlone = queue.members.length === 1
  const runs: MemberRun[] = []
  const waiting = await takeTurns(means, queue, order, async (member, purpose, since) => {
    const run = await syncMember(means, member, order, { purpose, since, isAlone }).catch((error: unknown) =>
      lost(means, member, error),
    )
    if (typeof run !== 'string') runs.push(run)
    return typeof run === 'string' ? run : 'taken'
  })
  if (waiting > 0) means.log.info('members wait for a later run', { synced: runs.length, waiting })
  else if (runs.length === 0) means.log.info('no member is due that another run is not at work on')
  warnOfLimit(means)
  return {
    startedAt: startedAt.toISOString(),
    finishedAt: means.clock.now().toISOString(),
    outcome: runs.length === 0 ? 'skipped' : overall(runs.map(({ result }) => result.outcome)),
    error: null,
    users: runs.map(({ result }) => result),
    waiting,
    requests: sum(runs, 'requests'),
    waitedMs: sum(runs, 'waitedMs'),
    tokenRefreshes: sum(runs, 'tokenRefreshes'),
  }
}

interface MemberRun extends Usage {
  result: MemberResult
  tokenRefreshes: number
}

const FEW_REQUESTS = 1_000 // of WHOOP's 10,000 a day

function warnOfLimit({ pace, log }: Means): void {
  const remaining = pace.remainingToday()
  if (remaining !== undefined && remaining < FEW_REQUESTS) log.warn("WHOOP's requests for today run out", { remaining })
}

/** A member whose run could not even be written down. */
function lost(means: Means, member: Member, cause: unknown): MemberRun {
  if (means.interrupted.aborted) throw cause
  const error = named(means, cause)
  means.log.error(error.message, { whoopUserId: member.whoopUserId, reason: error.reason, hint: error.hint })
  const result: MemberResult = { whoopUserId: member.whoopUserId, outcome: 'failed', error, types: {} }
  return { result, ...totals([]), tokenRefreshes: 0 }
}

/** One member's sync, from lock to unlock, and its line in `sync_runs`; or why another run makes it needless. */
async function syncMember(
  means: Means,
  member: Member,
  order: Order,
  { purpose, since, isAlone }: { purpose: Purpose; since: Date; isAlone: boolean },
): Promise<MemberRun | 'busy' | 'served'> {
  const { db } = means.database
  const startedAt = means.clock.now()
  const wanted = typeNames.filter((type) => order.types?.includes(type) ?? true) // sleep before recovery, however it was typed
  const { fence, locked } = await lockTypes(db, member, wanted)
  if (!isAlone) {
    if (locked.length === 0) return 'busy'
    if (await servedSince(db, member, since, startedAt)) {
      await unlockTypes(db, member, locked)
      return 'served'
    }
  }
  means.pace.expect(
    purpose,
    resources.filter(({ name, scope }) => locked.includes(name) && member.scopes.includes(scope)).length,
  )
  const session = createSession({ ...means, member })
  const clients: Whoop[] = []
  const openClient = () => {
    const whoop = createWhoop({ ...means, authority: session })
    clients.push(whoop)
    return whoop
  }
  const context = { ...means, member, order, fence, openClient }
  const result = await attempt(context, session, wanted, locked)
  const run = { result, ...totals(clients), tokenRefreshes: session.refreshes() }
  await saveRun(db, {
    userId: member.id,
    startedAt: startedAt.toISOString(),
    finishedAt: means.clock.now().toISOString(),
    outcome: result.outcome,
    errorReason: result.error?.reason ?? null,
    errorMessage: result.error?.message ?? null,
    requests: run.requests,
    retries: run.retries,
    waitedMs: Math.round(run.waitedMs),
    tokenRefreshes: run.tokenRefreshes,
    lastHttpStatus: run.lastStatus,
    remainingToday: means.pace.remainingToday() ?? null,
    types: result.types,
  })
  await means.pace.settle()
  await unlockTypes(db, member, locked)
  return run
}

async function attempt(
  context: Context,
  session: Session,
  wanted: readonly TypeName[],
  locked: readonly TypeName[],
): Promise<MemberResult> {
  const { member, log, interrupted } = context
  const types: MemberResult['types'] = {}
  for (const type of wanted.filter((one) => !locked.includes(one))) {
    log.info(`another run is syncing ${type}`, { whoopUserId: member.whoopUserId, type })
    types[type] = skipped()
  }
  try {
    if (locked.length > 0) await session.token() // a login that has ended is one error, not five
    await syncTypes(context, locked, types)
    sayFailures(context, types)
  } catch (cause) {
    if (interrupted.aborted) throw cause
    const error = named(context, cause)
    log.error(error.message, { whoopUserId: member.whoopUserId, reason: error.reason, hint: error.hint })
    return { whoopUserId: member.whoopUserId, outcome: 'failed', error, types }
  }
  const outcome = overall(Object.values(types).map((type) => type.outcome))
  return { whoopUserId: member.whoopUserId, outcome, error: null, types }
}

/** Each failure once: when WHOOP is down, every type says the same. */
function sayFailures({ log, member }: Context, results: MemberResult['types']): void {
  const failed = typeNames.flatMap((type) => {
    const error = results[type]?.outcome === 'failed' ? results[type].error : null
    return error ? [{ type, error }] : []
  })
  for (const message of new Set(failed.map(({ error }) => error.message))) {
    const alike = failed.filter(({ error }) => error.message === message)
    const types = alike.map(({ type }) => type)
    log.error(`${types.join(', ')}: ${message}`, { whoopUserId: member.whoopUserId, types, ...alike[0]?.error })
  }
}

/**
 * All types at once. One whose records are placed in time by another's comes after that, or beside it when none of those
 * are stored yet: then nothing can be placed by what is no longer true.
 */
async function syncTypes(context: Context, types: readonly TypeName[], results: MemberResult['types']): Promise<void> {
  const { database, fence, member, order } = context
  const granted = types.filter((type) => member.scopes.includes(scopeOf[type]))
  for (const type of types) if (!granted.includes(type)) results[type] = notGranted(context, type)
  const states = await database.alone((db) => beginTypes(db, member, granted))
  const { again } = order
  if (again) await database.alone((db) => uncover(db, fence, member, granted, again))
  const running = new Map<TypeName, { done: Promise<void>; leader: Leader; isFirst: boolean }>()
  const start = async (type: TypeName, state: TypeState, leader: Leader) => {
    const first = resourceOf(type)?.after
    const ahead = first && running.get(first)
    if (ahead && !ahead.isFirst) await ahead.done
    try {
      results[type] = await syncType(context, type, state, leader, ahead?.isFirst ? ahead.leader : undefined)
    } finally {
      leader.end()
    }
  }
  for (const [type, state] of states) {
    const leader = createLeader()
    running.set(type, { done: start(type, state, leader), leader, isFirst: state.oldest === undefined })
  }
  const settled = await Promise.allSettled([...running.values()].map(({ done }) => done))
  for (const one of settled) if (one.status === 'rejected') throw one.reason
}

async function syncType(
  context: Context,
  type: TypeName,
  state: TypeState,
  own: Leader,
  ahead: Leader | undefined,
): Promise<TypeResult> {
  const { database, fence, member, clock, log, interrupted } = context
  const whoop = context.openClient()
  const tally = newTally()
  let error: Failure | null = null
  try {
    const report = (reached: string) => {
      own.step()
      context.report({ whoopUserId: member.whoopUserId, type, fetched: tally.fetched, reached, done: false })
    }
    const resource = resourceOf(type)
    if (resource) await walk({ ...context, whoop, resource, state, leader: ahead, tally, report })
    else await readBody(context, state.syncedAt, whoop, tally)
  } catch (cause) {
    if (interrupted.aborted) throw cause
    error = named(context, cause)
    log.debug(`${type}: ${error.message}`, { whoopUserId: member.whoopUserId, type, ...error })
  }
  const { requests } = whoop.usage
  const syncedAt = error || requests === 0 ? undefined : clock.now() // what was not due was not read
  await database.alone((db) => endType(db, fence, member, type, { syncedAt, fetched: tally.fetched, error }))
  if (!error) {
    const { whoopUserId } = member
    context.report({ whoopUserId, type, fetched: tally.fetched, reached: undefined, done: true })
  }
  return { ...tally, outcome: error ? 'failed' : 'ok', requests, complete: !error, error }
}

/** Not asked for at WHOOP. Only who asked for just this type has to be told with an exit code. */
function notGranted({ log, member, order }: Context, type: TypeName): TypeResult {
  const scope = scopeOf[type]
  const error = new WhoopsterError('login', `${type} cannot be synced: the login lacks ${scope}.`, {
    hint: `tick ${scope} for the app at developer.whoop.com, then run: whoopster auth`,
  })
  const say = order.types ? log.error : log.warn
  say(error.message, { whoopUserId: member.whoopUserId, type, hint: error.hint })
  return skipped(order.types ? failure(error) : null)
}

function named({ database, log }: Means, error: unknown): Failure {
  const name = databaseFailure(error, database.where)
  if (!(name instanceof WhoopsterError) && name instanceof Error) log.debug('stack', { stack: name.stack })
  return failure(name)
}

function totals(clients: readonly Whoop[]): Usage {
  const usages = clients.map(({ usage }) => usage)
  return {
    requests: sum(usages, 'requests'),
    retries: sum(usages, 'retries'),
    waitedMs: sum(usages, 'waitedMs'),
    lastStatus: usages.findLast(({ lastStatus }) => lastStatus !== null)?.lastStatus ?? null,
  }
}

function sum<Name extends string>(items: readonly Record<Name, number>[], name: Name): number {
  return items.reduce((total, item) => total + item[name], 0)
}
