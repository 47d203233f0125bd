import { createLeader, type Leader } from './leader.ts'
import { readBody } from './body.ts'
import type { Context, Dependencies, Options } from './job.ts'
import { invalidate } from '../db/coverage.ts'
import { databaseFailure } from '../db/connection/failure.ts'
import { loadStuckLocks, stuckLock, withTypesLocked, type Fence } from '../db/lock.ts'
import { servedSince, type Queue } from '../db/queue.ts'
import { beginTypes, endType, saveRun, type TypeState, newTally, skipped, type TypeResult } from '../db/runs.ts'
import type { Member } from '../db/members.ts'
import { failure, WhoopsterError, type Failure } from '../errors.ts'
import { resourceOf, resources, scopeOf } from '../resources/index.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import { overall, type MemberResult, type RunResult } from './result.ts'
import { createSession, type Session } from '../login/session.ts'
import { modeOf, takeTurns, type Mode, type Served, type Turn, type Undone } from './schedule.ts'
import { walk } from './walk.ts'
import { createWhoop, type Usage, type Whoop } from '../whoop/client.ts'

/** Syncs the members whose turn it is, one after the other; what fails for one does not stop the next. */
export async function sync(dependencies: Dependencies, queue: Queue, options: Options): Promise<RunResult> {
  const startedAt = dependencies.clock.now()
  const mode = modeOf(options, queue)
  const runs = new Map<number, MemberRun>()
  const { waiting, undone } = await takeTurns(dependencies, queue, options, async (turn) => {
    const { member } = turn
    const begun: Begun = {}
    const served = await syncMember(dependencies, options, mode, turn, begun).catch((error: unknown) => {
      return lost(dependencies, member, begun, error)
    })
    if (served?.run) keep(runs, member, served.run)
    return served
  })
  for (const one of undone) keep(runs, one.member, refused(dependencies, one))
  if (waiting > 0)
    dependencies.log.info(`${waiting} member${waiting === 1 ? ' waits' : 's wait'} for a later run`, {
      synced: runs.size,
      waiting,
    })
  else if (runs.size === 0) dependencies.log.info('no member is due that another run is not at work on')
  warnOfLimit(dependencies)
  const results = [...runs.values()]
  return {
    startedAt: startedAt.toISOString(),
    finishedAt: dependencies.clock.now().toISOString(),
    outcome: results.length === 0 ? 'skipped' : overall(results.map(({ result }) => result.outcome)),
    error: null,
    users: results.map(({ result }) => result),
    waiting,
    requests: sum(results, 'requests'),
    retries: sum(results, 'retries'),
    waitedMs: sum(results, 'waitedMs'),
    limitedMs: sum(results, 'limitedMs'),
    tokenRefreshes: sum(results, 'tokenRefreshes'),
  }
}

interface MemberRun extends Usage {
  result: MemberResult
  tokenRefreshes: number
}

/** A member may have had another turn, for the types that another run had held. */
function keep(runs: Map<number, MemberRun>, { id }: Member, run: MemberRun): void {
  const before = runs.get(id)
  if (!before) return void runs.set(id, run)
  const types = { ...before.result.types, ...run.result.types }
  const outcome = overall(Object.values(types).map((type) => type.outcome))
  runs.set(id, {
    result: { ...run.result, types, outcome, error: before.result.error ?? run.result.error },
    ...totals([before, run]),
    tokenRefreshes: before.tokenRefreshes + run.tokenRefreshes,
  })
}

/** Says of what was ordered, and could not be done, why not: the exit code tells it, too. */
function refused({ log }: Dependencies, { member, types, why }: Undone): MemberRun {
  const { whoopUserId } = member
  const error =
    why === 'busy'
      ? new WhoopsterError('busy', `Another run is at work on ${types.join(', ')} of WHOOP user ${whoopUserId}.`, {
          hint: 'run the same again when it has ended',
        })
      : new WhoopsterError('later', `WHOOP's request budget is spent: WHOOP user ${whoopUserId} was not read.`, {
          hint: 'run the same again later; --user reads one member only',
        })
  log.error(error.message, { whoopUserId, reason: error.reason, types, hint: error.hint })
  const results = types.map((type) => [type, skipped(failure(error))] as const)
  const result: MemberResult = { whoopUserId, outcome: 'skipped', error: null, types: Object.fromEntries(results) }
  return { result, ...totals([]), tokenRefreshes: 0 }
}

const FEW_REQUESTS = 1_000 // of WHOOP's 10,000 a day

function warnOfLimit({ limiter, log }: Dependencies): void {
  const remaining = limiter.remainingToday()
  if (remaining !== undefined && remaining < FEW_REQUESTS) log.warn("WHOOP's requests for today run out", { remaining })
}

/** What a member's run had done before it was lost. */
interface Begun {
  run?: MemberRun
}

/** A member whose run could not even be written down. */
function lost(dependencies: Dependencies, member: Member, { run }: Begun, cause: unknown): Served & { run: MemberRun } {
  if (dependencies.interrupted.aborted) throw cause
  const error = named(dependencies, cause)
  const { whoopUserId } = member
  const before = run?.result.error
  // What made the work fail keeps it from being written down, too: that is said once.
  if (before?.reason !== error.reason)
    dependencies.log.error(error.message, { whoopUserId, reason: error.reason, hint: error.hint })
  const result: MemberResult = { types: {}, ...run?.result, whoopUserId, outcome: 'failed', error: before ?? error }
  return { run: { ...totals([]), tokenRefreshes: 0, ...run, result }, busy: [] }
}

/** One member's sync, from lock to unlock, and its line in `sync_runs`; undefined when another run makes it needless. */
async function syncMember(
  dependencies: Dependencies,
  options: Options,
  mode: Mode,
  { member, types, purpose, unlessServedSince: since }: Turn,
  begun: Begun,
): Promise<(Served & { run?: MemberRun }) | undefined> {
  const { pipelined } = dependencies.database
  const startedAt = dependencies.clock.now()
  const session = createSession({ ...dependencies, member })
  session.load()
  dependencies.limiter.look()
  const work = async (fence: Fence, locked: readonly TypeName[]) => {
    const busy = types.filter((type) => !locked.includes(type))
    const stuck = busy.length > 0 ? stuckLock(await pipelined((db) => loadStuckLocks(db, busy, member))) : undefined
    if (stuck && locked.length === 0) throw stuck
    if (locked.length === 0 && mode !== 'alone') return { busy }
    if (since && (await pipelined((db) => servedSince(db, member, types, { since, now: startedAt })))) return undefined
    dependencies.limiter.expect(
      purpose,
      resources.filter(({ name, scope }) => locked.includes(name) && member.scopes.includes(scope)).length,
    )
    const clients: Whoop[] = []
    const openClient = () => {
      const whoop = createWhoop({ ...dependencies, tokens: session })
      clients.push(whoop)
      return whoop
    }
    const context = { ...dependencies, member, options, fence, openClient }
    const results = mode === 'ordered' ? {} : skippedFor(context, busy, stuck)
    const result = await attempt(context, session, locked, results)
    const run = { result, ...totals(clients.map(({ usage }) => usage)), tokenRefreshes: session.refreshes() }
    begun.run = run
    return { run, busy }
  }
  const write = async (served: Awaited<ReturnType<typeof work>>) => {
    if (served?.run)
      await Promise.all([pipelined((db) => saveRun(db, lineOf(served.run))), dependencies.limiter.flush()])
  }
  const lineOf = ({ result, ...run }: MemberRun) => ({
    userId: member.id,
    startedAt: startedAt.toISOString(),
    finishedAt: dependencies.clock.now().toISOString(),
    outcome: result.outcome,
    errorReason: result.error?.reason ?? null,
    errorMessage: result.error?.message ?? null,
    requests: run.requests,
    retries: run.retries,
    waitedMs: Math.round(run.waitedMs),
    tokenRefreshes: run.tokenRefreshes,
    lastHttpStatus: run.lastStatus,
    remainingToday: dependencies.limiter.remainingToday() ?? null,
    types: result.types,
  })
  return withTypesLocked(dependencies.database, member, types, work, write)
}

/** What another run is doing is being done. */
function skippedFor(
  { log, member: { whoopUserId } }: Context,
  busy: readonly TypeName[],
  stuck: WhoopsterError | undefined,
): MemberResult['types'] {
  if (stuck) log.error(stuck.message, { whoopUserId, reason: stuck.reason, types: busy, hint: stuck.hint })
  else for (const type of busy) log.info(`another run is syncing ${type}`, { whoopUserId, type })
  return Object.fromEntries(busy.map((type) => [type, skipped(stuck ? failure(stuck) : null)]))
}

async function attempt(
  context: Context,
  session: Session,
  locked: readonly TypeName[],
  types: MemberResult['types'],
): Promise<MemberResult> {
  const { member, log, interrupted } = context
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
  const { database, fence, member, options } = context
  const granted = types.filter((type) => member.scopes.includes(scopeOf[type]))
  for (const type of types) if (!granted.includes(type)) results[type] = notGranted(context, type)
  const states = await database.pipelined((db) => beginTypes(db, fence, member, granted))
  const { again } = options
  if (again) await database.pipelined((db) => invalidate(db, fence, member, granted, again))
  const running = new Map<TypeName, { done: Promise<void>; leader: Leader; isFirst: boolean }>()
  const start = async (type: TypeName, state: TypeState, leader: Leader) => {
    const first = resourceOf(type)?.after
    const ahead = first && running.get(first)
    if (ahead && !ahead.isFirst) await ahead.done
    try {
      await syncType(context, { type, state, own: leader, ahead: ahead?.isFirst ? ahead.leader : undefined }, results)
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

/** What became of the type is in `results` even when it cannot be written down, and this throws. */
async function syncType(
  context: Context,
  { type, state, own, ahead }: { type: TypeName; state: TypeState; own: Leader; ahead: Leader | undefined },
  results: MemberResult['types'],
): Promise<void> {
  const { database, fence, member, clock, log, interrupted } = context
  const whoop = context.openClient()
  const begunAt = clock.now()
  const tally = newTally()
  let error: Failure | null = null
  let hasEnded = false
  try {
    const report = (reached: string) => {
      own.step()
      context.report({ whoopUserId: member.whoopUserId, type, fetched: tally.fetched, reached, done: false })
    }
    const resource = resourceOf(type)
    if (resource) hasEnded = await walk({ ...context, whoop, resource, state, leader: ahead, tally, report })
    else await readBody(context, state.syncedAt, whoop, tally)
  } catch (cause) {
    if (interrupted.aborted) throw cause
    error = named(context, cause)
    log.debug(`${type}: ${error.message}`, { whoopUserId: member.whoopUserId, type, ...error })
  }
  const { requests } = whoop.usage
  const syncedAt = error || requests === 0 ? undefined : clock.now() // what was not due was not read
  const end = { begunAt, syncedAt, fetched: tally.fetched, error }
  const write = () => database.pipelined((db) => endType(db, fence, member, type, end))
  const failed = (why: Failure) => ({ ...tally, outcome: 'failed' as const, requests, complete: false, error: why })
  const isComplete =
    hasEnded ||
    (await write().catch((cause: unknown) => {
      results[type] = failed(error ?? named(context, cause))
      throw cause
    }))
  if (!error) {
    const { whoopUserId } = member
    context.report({ whoopUserId, type, fetched: tally.fetched, reached: undefined, done: true })
  }
  results[type] = error ? failed(error) : { ...tally, outcome: 'ok', requests, complete: isComplete, error }
}

/** Not asked for at WHOOP. Only who asked for just this type has to be told with an exit code. */
function notGranted({ log, member, options }: Context, type: TypeName): TypeResult {
  const scope = scopeOf[type]
  const error = new WhoopsterError(
    'login',
    `${type} of WHOOP user ${member.whoopUserId} cannot be synced: the login lacks ${scope}.`,
    {
      hint: `tick ${scope} for the app at developer.whoop.com, then run: whoopster auth`,
    },
  )
  const say = options.types ? log.error : log.warn
  say(error.message, { whoopUserId: member.whoopUserId, type, hint: error.hint })
  return skipped(options.types ? failure(error) : null)
}

function named({ database, log }: Dependencies, error: unknown): Failure {
  const name = databaseFailure(error, database.where)
  if (!(name instanceof WhoopsterError) && name instanceof Error) log.debug('stack', { stack: name.stack })
  return failure(name)
}

function totals(usages: readonly Usage[]): Usage {
  return {
    requests: sum(usages, 'requests'),
    retries: sum(usages, 'retries'),
    waitedMs: sum(usages, 'waitedMs'),
    limitedMs: sum(usages, 'limitedMs'),
    lastStatus: usages.findLast(({ lastStatus }) => lastStatus !== null)?.lastStatus ?? null,
  }
}

function sum<Name extends string>(items: readonly Record<Name, number>[], name: Name): number {
  return items.reduce((total, item) => total + item[name], 0)
}
