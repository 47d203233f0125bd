import { DAY_MS, MINUTE_MS, SECOND_MS } from '../time.ts'
// What one app may ask of WHOOP, whoever of its processes asks. Nothing here waits, asks or stores: a budget goes in,
// another one comes out, and who shares it shares it by storing that.

const QUARTER_MS = 15 * MINUTE_MS
const SHARE = 0.9 // of what WHOOP allows; the rest is for logins and for other users of the same app
const DAY_IN_MINUTES = 100 // WHOOP's day is worth a hundred of its minutes, until it says otherwise

/** What a request is for: keeping a member current, or reading history, which can wait. */
export type Purpose = 'current' | 'history'

export interface Budget {
  /** Of the last minute: [until when they count, how many]. */
  minute: (readonly [number, number])[]
  /** Of the last day: [quarter of an hour since 1970, how many to keep members current, how many for history]. */
  day: (readonly [number, number, number])[]
  /** As WHOOP last said. */
  minuteLimit: number | null
  dayLimit: number | null
  closedUntil: number
  /** When that was said; absent in what older versions have stored. */
  closedAt?: number
  /** What may be spent at once to keep members current, as of `savedAt`; null while nothing has been. */
  saved: number | null
  savedAt: number
  /** When somebody last had to wait for a later run, for want of requests; absent while nobody has. */
  waited?: Partial<Record<Purpose, number>>
}

export const newBudget: Budget = {
  minute: [],
  day: [],
  minuteLimit: null,
  dayLimit: null,
  closedUntil: 0,
  saved: null,
  savedAt: 0,
}

/** Whom the day has to serve: members whose history is stored, and what a sync of one usually costs. */
export interface Plan {
  members: number
  cost: number
}

export interface Ask {
  now: number
  purpose: Purpose
  /** What is to be asked at once, and what soon after: that is given only while there is plenty. */
  urgent: number
  wanted: number
  /** How long the requests that are given may be held before they are sent. */
  holdMs: number
}

export interface Taken {
  budget: Budget
  granted: number
  /** When nothing is granted: how long to wait before asking again. */
  waitMs: number
}

/** Takes requests out of the budget, if there are any. */
export function take(before: Budget, perMinute: number, plan: Plan, ask: Ask): Taken {
  const { now, purpose } = ask
  const budget = forget(before, now)
  const allowed = allowances(budget, perMinute)
  const spent = spentToday(budget)
  const inMinute = sum(budget.minute.map(([, count]) => count))
  const historyLeft = roomForHistory(budget, perMinute, plan)
  const today = Math.min(allowed.day - spent.current - spent.history, purpose === 'history' ? historyLeft : Infinity)
  const free = Math.min(allowed.minute - inMinute, today)
  if (budget.closedUntil > now || free < 1) {
    const waitMs = Math.max(
      budget.closedUntil - now,
      untilFree(budget.minute, inMinute - allowed.minute + 1, now),
      today < 1 ? untilFree(budget.day.map(endOfDay), 1 - today, now) : 0,
    )
    const hasNoShare = purpose === 'history' && today < 1
    return { budget: hasNoShare ? withWaiting(before, purpose, now) : before, granted: 0, waitMs }
  }
  const granted = Math.min(free * 2 >= allowed.minute ? Math.max(ask.wanted, ask.urgent) : ask.urgent, free)
  if (granted < 1) return { budget: before, granted: 0, waitMs: 0 } // nobody has to have it now
  const saved = purpose === 'current' ? { saved: savings(budget, perMinute, plan, now) - granted, savedAt: now } : {}
  return { budget: { ...budget, ...saved, ...noted(budget, ask, granted) }, granted, waitMs: 0 }
}

/** What `take` was asked when it gave requests: enough to find them in the budget again. */
export type Given = Pick<Ask, 'now' | 'purpose' | 'holdMs'>

/** What became of requests that were given. */
export interface Use {
  sent: number
  /** When the last of them was; undefined: none. */
  sentAt: number | undefined
  unsent: number
}

/** Puts back requests that were given and not sent; those that were sent count from then, and no longer from when they might have been. */
export function account(budget: Budget, given: Given, { sent, sentAt, unsent }: Use): Budget {
  const until = untilOf(given)
  const quarter = Math.floor(given.now / QUARTER_MS)
  const less = (count: number) => Math.max(0, count - unsent)
  const isThere = budget.minute.some(([end]) => end === until)
  const rest = plus(budget.minute, until, -sent - unsent)
  return {
    ...budget,
    minute: isThere && sentAt !== undefined ? plus(rest, untilOf({ ...given, now: sentAt, isSent: true }), sent) : rest,
    day: budget.day.map((entry) => {
      if (entry[0] !== quarter) return entry
      return given.purpose === 'current' ? [quarter, less(entry[1]), entry[2]] : [quarter, entry[1], less(entry[2])]
    }),
    saved: given.purpose === 'current' && budget.saved !== null ? budget.saved + unsent : budget.saved,
  }
}

/** Until when requests count in the minute: by the second where many may be held, so that there are only so many entries. */
function untilOf({ now, holdMs, isSent = false }: Given & { isSent?: boolean }): number {
  const until = now + MINUTE_MS + (isSent ? 0 : holdMs)
  return holdMs === 0 ? until : Math.ceil(until / SECOND_MS) * SECOND_MS
}

/** So many more that count until then; entries that have come to nothing go. */
function plus(minute: Budget['minute'], until: number, more: number): Budget['minute'] {
  const old = minute.find(([end]) => end === until)
  const count = Math.max(0, (old?.[1] ?? 0) + more)
  const rest = minute.filter((entry) => entry !== old)
  return count === 0 ? rest : [...rest, [until, count]]
}

/**
 * Whether another member may be begun. What the day can give is spread over it: when it cannot serve everybody as often
 * as the schedule asks, everybody is served a little less often, rather than nobody in the evening.
 */
export function hasRoom(budget: Budget, perMinute: number, plan: Plan, purpose: Purpose, now: number): boolean {
  const fresh = forget(budget, now)
  if (fresh.closedUntil > now + MINUTE_MS) return false
  if (purpose === 'history') return roomForHistory(fresh, perMinute, plan) >= plan.cost
  const { allowed, spent } = today(fresh, perMinute, now)
  return Math.min(savings(fresh, perMinute, plan, now), allowed - spent) >= plan.cost
}

/**
 * Notes that there was no room for another member, unless WHOOP is closed or that is known. For the next day history then
 * has its share, which those who are current would otherwise fill with ever more rounds.
 */
export function withWaiting(before: Budget, purpose: Purpose, now: number): Budget {
  const { waited, closedUntil } = believable(before, now)
  if (closedUntil > now || now - (waited?.[purpose] ?? 0) < QUARTER_MS) return before
  return { ...before, waited: { ...waited, [purpose]: now } }
}

/** Whether somebody had to wait for want of requests in the last day. */
export function isWaiting({ waited }: Budget, purpose: Purpose, now: number): boolean {
  const at = waited?.[purpose]
  return at !== undefined && now - at < DAY_MS
}

/** What of a limit is not ours to take: when less is left, others are at it, or requests have been long on their way. */
export function keptFree(limit: number): number {
  return limit * (1 - SHARE)
}

/** How often the day can serve everybody, in milliseconds. */
export function possibleFreshness(budget: Budget, perMinute: number, plan: Plan, now: number): number {
  const fresh = forget(budget, now)
  const { day } = allowances(fresh, perMinute)
  const forCurrent = Math.min(day - spentToday(fresh).history, mostForCurrent(fresh, day, plan, now))
  return (plan.members * plan.cost * DAY_MS) / Math.max(1, forCurrent)
}

/** How long so many requests for history take, in milliseconds, while as many members as are planned for are kept current. */
export function timeForHistory(budget: Budget, perMinute: number, plan: Plan, requests: number, now: number): number {
  const fresh = forget(budget, now)
  const { minute, day } = allowances(fresh, perMinute)
  const later = Math.max(0, requests - Math.max(0, roomForHistory(fresh, perMinute, plan)))
  return Math.max((requests / minute) * MINUTE_MS, (later / (day - shareOfCurrent(day, plan))) * DAY_MS)
}

/** What the app may ask in a day, and has asked in the last one. */
export function today(budget: Budget, perMinute: number, now: number): { allowed: number; spent: number } {
  const fresh = forget(budget, now)
  const { current, history } = spentToday(fresh)
  return { allowed: allowances(fresh, perMinute).day, spent: current + history }
}

function allowances({ minuteLimit, dayLimit }: Budget, perMinute: number): { minute: number; day: number } {
  const minute = Math.min(perMinute, minuteLimit ?? perMinute)
  const day = dayLimit ?? perMinute * DAY_IN_MINUTES
  return { minute: Math.max(1, Math.floor(minute * SHARE)), day: Math.max(1, Math.floor(day * SHARE)) }
}

const QUARTERS = DAY_MS / QUARTER_MS // in a day

/** What those who are current have of the day while history waits for the rest: a round every quarter of an hour, or half of it. */
function shareOfCurrent(day: number, plan: Plan): number {
  return Math.min(day / 2, plan.members * plan.cost * QUARTERS)
}

/** The same, or no bound while no history waits. */
function mostForCurrent(budget: Budget, day: number, plan: Plan, now: number): number {
  return isWaiting(budget, 'history', now) ? shareOfCurrent(day, plan) : Infinity
}

/**
 * What of the day is history's. It leaves as much as those who are current have asked in two quarters of an hour: their
 * next round begins with that, and goes on with what the one of a day before gives back, a quarter of an hour at a time.
 */
function roomForHistory(budget: Budget, perMinute: number, plan: Plan): number {
  const { day } = allowances(budget, perMinute)
  const { current, history } = spentToday(budget)
  const others = shareOfCurrent(day, plan)
  const nextRound = others === 0 ? 0 : 2 * Math.max(others / QUARTERS, ...budget.day.map(([, asked]) => asked))
  return Math.floor(Math.min(day - others - history, day - nextRound - current - history))
}

/** What may be saved up: a round of everybody, so that a daily schedule is served at once; at least half an hour's. */
function capacity(budget: Budget, perMinute: number, plan: Plan): number {
  const { day } = allowances(budget, perMinute)
  return Math.min(Math.max(plan.members * plan.cost, day / 48), day / 2)
}

/** It grows as the day passes. */
function savings(budget: Budget, perMinute: number, plan: Plan, now: number): number {
  const most = capacity(budget, perMinute, plan)
  if (budget.saved === null) return most
  const { day } = allowances(budget, perMinute)
  const rate = Math.min(mostForCurrent(budget, day, plan, now) / DAY_MS, steadily(budget, perMinute, now))
  return Math.min(most, budget.saved + rate * Math.max(0, now - budget.savedAt))
}

/**
 * How much may be asked in each millisecond from now on, without the rolling day's running out before some of it is free
 * again: after a burst that is little for a day, and where all goes on evenly it is the whole day's.
 */
function steadily(budget: Budget, perMinute: number, now: number): number {
  const { day } = allowances(budget, perMinute)
  const ends = budget.day.map(endOfDay).toSorted(([a], [b]) => a - b)
  let counting = sum(ends.map(([, requests]) => requests))
  let rate = day / DAY_MS
  for (const [end, requests] of ends) {
    rate = Math.min(rate, Math.max(0, day - counting) / Math.max(1, end - now))
    counting -= requests
  }
  return rate
}

/** Without what no longer counts. */
function forget(before: Budget, now: number): Budget {
  const budget = believable(before, now)
  return {
    ...budget,
    minute: budget.minute.filter(([until]) => until > now),
    day: budget.day.filter((quarter) => endOfDay(quarter)[0] > now),
  }
}

const SKEW_MS = MINUTE_MS // by which processes may differ in what they take for PostgreSQL's time

/**
 * Without what a process with a wrong clock has left behind. Nothing was asked or said in the future, and WHOOP's longest
 * window is a day: what says otherwise would stop every process until its time has come.
 */
export function believable(budget: Budget, now: number): Budget {
  const latest = now + SKEW_MS
  const minute = budget.minute.filter(([until]) => until <= latest + 2 * MINUTE_MS) // a minute, and what it was held for
  const day = budget.day.filter(([quarter]) => quarter * QUARTER_MS <= latest)
  const isClosed = (budget.closedAt ?? 0) <= latest && budget.closedUntil <= latest + DAY_MS
  const isSame = minute.length === budget.minute.length && day.length === budget.day.length && isClosed
  const { waited, ...rest } = budget
  const isPast = Object.values(waited ?? {}).every((at) => at <= latest)
  if (isSame && budget.savedAt <= latest && isPast) return budget
  return {
    ...(isPast ? budget : rest),
    minute,
    day,
    ...(isClosed ? {} : { closedUntil: 0, closedAt: 0 }),
    savedAt: Math.min(budget.savedAt, now),
  }
}

/** For how long WHOOP is not asked, by what it has said or has been asked already; in milliseconds. */
export function closedForMs(budget: Budget, now: number): number {
  return Math.max(0, believable(budget, now).closedUntil - now)
}

function noted({ minute, day }: Budget, ask: Ask, granted: number): Pick<Budget, 'minute' | 'day'> {
  const quarter = Math.floor(ask.now / QUARTER_MS)
  const [current, history] = ask.purpose === 'current' ? [granted, 0] : [0, granted]
  const lastQuarter = day.at(-1)
  return {
    minute: plus(minute, untilOf(ask), granted),
    day:
      lastQuarter?.[0] === quarter
        ? [...day.slice(0, -1), [quarter, lastQuarter[1] + current, lastQuarter[2] + history]]
        : [...day, [quarter, current, history]],
  }
}

function spentToday({ day }: Budget): { current: number; history: number } {
  return { current: sum(day.map(([, current]) => current)), history: sum(day.map(([, , history]) => history)) }
}

function endOfDay([quarter, current, history]: Budget['day'][number]): readonly [number, number] {
  return [(quarter + 1) * QUARTER_MS + DAY_MS, current + history]
}

/** How long until `count` requests no longer count; a day if that is more than there are. */
function untilFree(entries: readonly (readonly [number, number])[], count: number, now: number): number {
  if (count <= 0) return 0
  let freed = 0
  for (const [until, requests] of entries.toSorted(([a], [b]) => a - b)) {
    freed += requests
    if (freed >= count) return until - now
  }
  return DAY_MS
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
