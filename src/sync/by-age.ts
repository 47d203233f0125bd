import type { Range } from '../db/coverage.ts'
import type { Tiers } from '../db/reread.ts'
import { DAY_MS } from '../time.ts'

// WHOOP tells nobody that something old was edited, rescored or added by hand. So what is stored is read again by and
// by: the last 30 days once a day, and everything once a month, in slices that cost a run only a few requests.

const RECENT_MS = 30 * DAY_MS
const SWEEP_MS = 30 * DAY_MS
const SMALLEST_SLICE_MS = 30 * DAY_MS
const MOST_SLICES = 3 // in one run, however long ago the last one was
const SLICES_A_SWEEP = 80 // one run a day, with three in each, must be enough

/** What is due to be read again, newest first, and what to remember of it. */
export function dueAgain(tiers: Tiers, now: Date, oldest: Date): { ranges: Range[]; tiers: Tiers } {
  if (!tiers.recentAt || !tiers.sweptAt)
    return { ranges: [], tiers: { recentAt: now, sweptAt: now, sweptTo: undefined } }
  // Of a day from now on, nobody has read anything: a clock was wrong.
  const isRecentDue = Math.abs(now.getTime() - tiers.recentAt.getTime()) >= DAY_MS
  const recent: Range[] = isRecentDue ? [{ from: iso(now.getTime() - RECENT_MS), to: undefined }] : []
  const sweep = dueSlices(tiers.sweptAt, tiers.sweptTo, now, oldest)
  return {
    ranges: [...recent, ...sweep.slices],
    tiers: { recentAt: isRecentDue ? now : tiers.recentAt, sweptAt: sweep.at, sweptTo: sweep.to },
  }
}

interface Sweep {
  slices: Range[]
  at: Date
  to: Date | undefined
}

function dueSlices(sweptAt: Date, sweptTo: Date | undefined, now: Date, oldest: Date): Sweep {
  const start = now.getTime() - RECENT_MS
  const slice = Math.max(SMALLEST_SLICE_MS, Math.ceil((start - oldest.getTime()) / SLICES_A_SWEEP))
  const count = Math.max(1, Math.ceil((start - oldest.getTime()) / slice))
  const every = SWEEP_MS / (count + 1) // a record that has aged meanwhile lies one slice further down in the next sweep
  const due = Math.floor((now.getTime() - sweptAt.getTime()) / every)
  const slices: Range[] = []
  let to: number | undefined = sweptTo?.getTime()
  for (let left = Math.min(due, MOST_SLICES); left > 0; left--) {
    const upper: number = Math.min(to ?? start, start)
    const lower: number = upper - slice
    const isLast = lower <= oldest.getTime() // what is older than the oldest may have been added by hand since
    slices.push({ from: isLast ? undefined : iso(lower), to: iso(upper) })
    to = isLast ? undefined : lower
  }
  const at = due > MOST_SLICES ? now.getTime() : sweptAt.getTime() + due * every
  return { slices, at: new Date(at), to: to === undefined ? undefined : new Date(to) }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
