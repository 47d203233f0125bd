import type { Login } from './db/tokens.ts'
import { databaseSettings, readConfig } from './config.ts'
import { amount } from './numbers.ts'
import { clockOf } from './db/clock.ts'
import { readUrl, withDatabase, type Db } from './db/connection/index.ts'
import { dataDirectory, holdsDatabase, READERS_WAIT_MS } from './db/connection/directory.ts'
import {
  loadGaps,
  loadMemberHealth,
  loadServerVersion,
  loadWhoopHealth,
  loadRunMinutes,
  type MemberHealth,
  type StoredGap,
  type TypeHealth,
  type WhoopHealth,
} from './db/status.ts'
import { loadStuckLocks, stuckLock } from './db/lock.ts'
import { schemaState } from './db/migrate.ts'
import { lostKey, missingKeyFile } from './db/seal.ts'
import { loadBudget } from './db/budget.ts'
import { loadPlan, loadWorkload, type Workload } from './db/queue.ts'
import { loadQuarantined, type Quarantined } from './db/quarantine.ts'
import { WhoopsterError } from './errors.ts'
import { scopeOf } from './resources/index.ts'
import { typeNames, type TypeName } from './resources/names.ts'
import { exactly, MINUTE_MS, roughly, toTheMinute } from './time.ts'
import {
  believable,
  closedForMs,
  isWaiting,
  possibleFreshness,
  timeForHistory,
  today,
  type Budget,
  type Plan,
} from './whoop/budget.ts'
import { LONGEST_WAIT_MS } from './whoop/limiter.ts'
import { isAroundTheHour } from './whoop/oauth.ts'
import { PAGE_SIZE } from './whoop/pages.ts'
import type { World } from './world.ts'

/** All that can be seen from outside of a run. */
export interface Report {
  where: string
  /** When it was looked at: by PostgreSQL's clock, where there is one to ask. */
  at: Date
  /** Empty when the database did not answer. */
  serverVersion: string
  /** Why the database cannot be used. */
  failure: WhoopsterError | undefined
  schema: { applied: number; pending: number }
  whoop: WhoopHealth
  budget: BudgetHealth | undefined
  /** The last runs all began when a login is most easily lost. */
  isAroundTheHour: boolean
  /** Why a sync of somebody cannot begin: his locks are kept by something else. */
  stuck: WhoopsterError | undefined
  /** Why no login can be opened: the embedded database's key file is gone. */
  locked: WhoopsterError | undefined
  members: MemberHealth[]
  quarantined: Quarantined[]
  gaps: StoredGap[]
}

/** What the app has asked of WHOOP, and whom that has to serve. */
export interface BudgetHealth {
  state: Budget
  perMinute: number
  plan: Plan
  work: Workload
}

/** What is wrong, and what to type. */
export interface Problem {
  message: string
  hint: string
}

/**
 * Looks, and changes nothing. A database that cannot be used is an answer here, not a failure to answer. `also` may ask for
 * more while it is open.
 */
export async function loadReport(
  { env, clock, interrupted, collectSoon }: Pick<World, 'env' | 'clock' | 'interrupted' | 'collectSoon'>,
  also?: (db: Db, report: Report) => Promise<void>,
): Promise<Report> {
  const config = readConfig(env, [...databaseSettings, 'MAX_REQUESTS_PER_MINUTE'])
  const report: Report = {
    where: config.DATABASE_URL ? readUrl(config.DATABASE_URL, env).where : dataDirectory(config, env),
    at: clock.now(),
    serverVersion: '',
    failure: undefined,
    schema: { applied: 0, pending: 0 },
    whoop: { lastStatus: null, at: null, remainingToday: null },
    budget: undefined,
    isAroundTheHour: false,
    stuck: undefined,
    locked: undefined,
    members: [],
    quarantined: [],
    gaps: [],
  }
  if (!config.DATABASE_URL && !holdsDatabase(report.where)) return report
  try {
    await withDatabase(
      config,
      env,
      async ({ db }) => {
        report.at = (await clockOf(db, clock)).now()
        report.serverVersion = await loadServerVersion(db)
        const { applied, pending } = await schemaState(db)
        report.schema = { applied: applied.length, pending: pending.length }
        if (pending.length > 0) return
        report.whoop = await loadWhoopHealth(db)
        report.budget = await loadBudgetHealth(db, config.MAX_REQUESTS_PER_MINUTE, env['WHOOP_CLIENT_ID']?.trim())
        const minutes = await loadRunMinutes(db)
        report.isAroundTheHour = minutes.length > 0 && minutes.every(isAroundTheHour)
        report.stuck = stuckLock(await loadStuckLocks(db, typeNames))
        collectSoon?.()
        report.members = await loadMemberHealth(db)
        const missing = missingKeyFile(config, env)
        if (missing && report.members.length > 0) report.locked = lostKey(missing)
        report.quarantined = await loadQuarantined(db)
        report.gaps = await loadGaps(db)
        await also?.(db, report)
      },
      interrupted,
      { patienceMs: READERS_WAIT_MS },
    )
  } catch (error) {
    interrupted.throwIfAborted()
    if (!(error instanceof WhoopsterError) || error.reason === 'bug') throw error
    if (!config.DATABASE_URL && error.reason === 'settings') throw error // it is there, and this user may not use it
    report.failure = error
  }
  return report
}

async function loadBudgetHealth(db: Db, perMinute: number, clientId = ''): Promise<BudgetHealth | undefined> {
  const app = clientId || undefined
  const state = await loadBudget(db, app)
  if (!state) return undefined
  return {
    state: state as Budget,
    perMinute,
    plan: await loadPlan(db, app),
    work: await loadWorkload(db, PAGE_SIZE, app),
  }
}

/** What of it is about one member; a failure when there is no such one. */
export function only(report: Report, whoopUserId: number): Report {
  const isOf = (one: { whoopUserId: number }) => one.whoopUserId === whoopUserId
  const members = report.members.filter(({ login }) => isOf(login))
  if (members.length === 0 && report.members.length > 0) {
    throw new WhoopsterError('login', `WHOOP user ${whoopUserId} is not logged in.`, {
      hint: 'see who is: whoopster auth status',
    })
  }
  return { ...report, members, quarantined: report.quarantined.filter(isOf), gaps: report.gaps.filter(isOf) }
}

/** How often WHOOP's requests can serve everybody, in milliseconds; undefined before anything was asked. */
export function freshnessOf({ budget, at }: Report): number | undefined {
  return budget && possibleFreshness(budget.state, budget.perMinute, budget.plan, at.getTime())
}

/** What the app may ask in a day, what it has asked in the last 24 hours, and what its members take of that. */
export interface BudgetReport {
  allowed: number
  spent: number
  /** Those whose history is stored, and how often the day can serve all of them. */
  members: number
  freshnessMinutes: number
  /** In the last day somebody had to wait for a later run: the schedule asks for more than the day can serve. */
  behindSchedule: boolean
  /** Requests a day that read again what is stored. */
  rereading: number
  /** Those whose history is being read for the first time; the figures are null while no history is stored to go by. */
  firstReadings: { members: number; requests: number | null; minutes: number | null }
}

export function budgetOf(report: Report): BudgetReport | null {
  const { budget, at } = report
  if (!budget) return null
  const { state, perMinute, plan, work } = budget
  return {
    ...today(state, perMinute, at.getTime()),
    members: plan.members,
    freshnessMinutes: Math.ceil((freshnessOf(report) ?? 0) / MINUTE_MS),
    behindSchedule: isWaiting(believable(state, at.getTime()), 'current', at.getTime()),
    rereading: rereadingOf(work),
    firstReadings: firstReadingsOf(budget, at),
  }
}

const DAILY = 8 // requests: the last 30 days of each type, the profile, body measurements
const SWEEP_DAYS = 30

/** About how many requests a day read again what is stored: the last 30 days daily, everything monthly. */
function rereadingOf({ stored, records }: Workload): number {
  return Math.round(stored * DAILY + records / PAGE_SIZE / SWEEP_DAYS)
}

function firstReadingsOf({ state, perMinute, plan, work }: BudgetHealth, at: Date): BudgetReport['firstReadings'] {
  const { unread: members, unreadPages: requests } = work
  if (members === 0) return { members, requests: 0, minutes: 0 }
  if (requests === undefined) return { members, requests: null, minutes: null }
  const then = { ...plan, members: plan.members + members } // who has been read is kept current from then on
  const ms = timeForHistory(state, perMinute, then, requests, at.getTime())
  return { members, requests, minutes: Math.ceil(ms / MINUTE_MS) }
}

/** More members than one looks at one by one: then those who are not well are shown, and the rest is counted. */
export const FEW_MEMBERS = 8

/** Whom to show: everybody while they are few, else those of whom there is something to say, the first of them. */
export function worthShowing(report: Report, maxAge: number): MemberHealth[] {
  const { members, at } = report
  if (members.length <= FEW_MEMBERS) return members
  const failed = new Set(failedOf(report).map(({ whoopUserId }) => whoopUserId))
  return members
    .filter((member) => failed.has(member.login.whoopUserId) || memberProblems(member, at, maxAge).length > 0)
    .slice(0, FEW_MEMBERS)
}

/** What of a long list is said; the last words count the rest. */
export function firstOf<T>(items: readonly T[], say: (rest: number) => T): T[] {
  return items.length <= FEW_MEMBERS + 1
    ? [...items]
    : [...items.slice(0, FEW_MEMBERS), say(items.length - FEW_MEMBERS)]
}

/** Everything that keeps it from being healthy. */
export function problemsOf(report: Report, maxAge: number): Problem[] {
  if (report.failure?.reason === 'busy') return [] // somebody is at work: that is no illness
  if (report.failure) {
    return [{ message: report.failure.message, hint: report.failure.hint ?? 'check DATABASE_URL' }]
  }
  if (report.schema.applied === 0) return [{ message: 'Nothing is stored here yet.', hint: 'run: whoopster auth' }]
  if (report.schema.pending > 0) {
    return [
      { message: `The schema lacks ${amount(report.schema.pending, 'migration')}.`, hint: 'run: whoopster migrate' },
    ]
  }
  if (report.members.length === 0) return [{ message: 'Nobody is logged in.', hint: 'run: whoopster auth' }]
  const members = [
    ...[report.locked, report.stuck].flatMap((one) => (one ? [{ message: one.message, hint: one.hint ?? '' }] : [])),
    ...report.members.flatMap((member) => memberProblems(member, report.at, maxAge)),
    ...tooMany(report, maxAge),
  ]
  const { length } = report.quarantined
  if (length === 0) return members
  const message = `${amount(length, 'record')} of WHOOP's cannot be read and ${length === 1 ? 'waits' : 'wait'} in quarantined_records.`
  return [...members, { message, hint: 'report the reasons below; later runs, and newer versions, try again' }]
}

function tooMany(report: Report, maxAge: number): Problem[] {
  const freshness = freshnessOf(report)
  if (freshness === undefined || freshness <= maxAge) return []
  const message = `WHOOP's requests for a day serve everybody every ${roughly(freshness)}, not every ${exactly(maxAge)}.`
  return [{ message, hint: 'ask WHOOP for a higher limit, or allow more: whoopster status --max-age' }]
}

/** What the last run of a member did not do, though it is not old enough to be a problem yet. */
export function failedOf({ members }: Report): { whoopUserId: number; types: string[]; isFailure: boolean }[] {
  return members.flatMap(({ login, types }) =>
    (['error', 'interrupted'] as const).flatMap((how) => {
      const names = Object.entries(types).flatMap(([type, { status }]) => (status === how ? [type] : []))
      return names.length === 0 ? [] : [{ whoopUserId: login.whoopUserId, types: names, isFailure: how === 'error' }]
    }),
  )
}

/** What is healthy, and should be changed all the same. */
export function adviceOf(report: Report): Problem[] {
  if (report.failure?.reason === 'busy') {
    return [{ message: report.failure.message, hint: report.failure.hint ?? 'try again when it has ended' }]
  }
  const closed = report.budget && closedOf(report.budget.state, report.at)
  const failed = failedOf(report).map(({ whoopUserId, types, isFailure }) => ({
    message: `WHOOP user ${whoopUserId}: the last sync of ${types.join(', ')} ${isFailure ? 'failed' : 'was interrupted'}.`,
    hint: 'the next run tries again, and goes on where it stopped: whoopster sync',
  }))
  const waiting = [...failed, ...(closed ? [closed] : [])]
  if (!report.isAroundTheHour) return waiting
  return [
    ...waiting,
    {
      message: 'Runs begin around the full hour, when WHOOP has been seen to lose logins.',
      hint: 'schedule them at other minutes, such as 7,22,37,52 * * * *',
    },
  ]
}

/** Why no run asks WHOOP now, if that is so for longer than a run would wait. */
export function closedOf(budget: Budget, now: Date): Problem | undefined {
  const ms = closedForMs(budget, now.getTime())
  if (ms <= LONGEST_WAIT_MS) return undefined
  const until = toTheMinute(new Date(now.getTime() + ms))
  return {
    message: `WHOOP is not asked before ${until} (in ${roughly(ms)}): until then, the app has spent its requests.`,
    hint: 'later runs go on by themselves; if it cannot be so, forget what was counted: delete from request_budgets',
  }
}

function memberProblems({ login, types, lastErrors }: MemberHealth, now: Date, maxAge: number): Problem[] {
  const who = `WHOOP user ${login.whoopUserId}`
  if (login.dead) return [{ message: `The login of ${who} has ended.`, hint: 'run: whoopster auth' }]
  // These do not mend themselves: nobody has to wait until the data is stale.
  const lasting = lastErrors.find(({ reason }) => reason === 'settings' || reason === 'login')
  if (lasting) {
    const hint = lasting.reason === 'login' ? 'run: whoopster auth' : 'run: whoopster doctor'
    return [{ message: `${who}: the last sync failed. ${lasting.message}`, hint }]
  }
  const emptied = Object.entries(types).filter(([, { emptyRuns }]) => emptyRuns > 1)
  if (emptied.length > 0) {
    const message = `${who}: WHOOP says again and again that it has no ${emptied.map(([type]) => type).join(', ')}, where records are stored.`
    const scopes = emptied.map(([type]) => scopeOf[type as TypeName]).join(', ')
    return [
      {
        message,
        hint: `does the login still have ${scopes}? Compare with developer.whoop.com, then run: whoopster auth`,
      },
    ]
  }
  const stale = Object.entries(types).filter(([type, health]) => type !== 'body' && isStale(health, now, maxAge))
  if (stale.length === 0) return []
  const reasons = [...new Set(lastErrors.map(({ message }) => message))]
  const since = stale.every(([, { lastSuccess }]) => lastSuccess === null) ? 'yet' : `for over ${exactly(maxAge)}`
  const message = `${who}: no successful sync of ${stale.map(([type]) => type).join(', ')} ${since}.`
  return [{ message: [message, ...reasons].join(' '), hint: 'run: whoopster sync (and look at its schedule)' }]
}

function isStale({ lastSuccess, status }: TypeHealth, now: Date, maxAge: number): boolean {
  if (status === 'not_granted') return false
  return lastSuccess === null || now.getTime() - lastSuccess.getTime() > maxAge
}

/** An access token that has expired is renewed by the next run: that alone is healthy. */
export function stateOf({ dead, expiresAt }: Login, now: Date): 'ok' | 'expired' | 'login_needed' {
  if (dead) return 'login_needed'
  return expiresAt > now ? 'ok' : 'expired'
}
