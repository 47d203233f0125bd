import { describe, expect, it } from 'vitest'
import { DAY_MS } from '../../src/time.ts'
import { dueAgain } from '../../src/sync/by-age.ts'
import type { Tiers } from '../../src/db/reread.ts'
import { HOUR_MS, MINUTE_MS } from '../support/time.ts'

const NEVER: Tiers = { recentAt: undefined, sweptAt: undefined, sweptTo: undefined }
const START = Date.parse('2026-01-01T03:07:00.123Z')

/** What a run read again; times in milliseconds. */
interface Read {
  run: number
  at: number
  from: number
  to: number
}

/** What all runs of `days` days read again, one every `every` milliseconds, by a clock that `wrong` falsifies. */
function live(
  { every, days, ageDays = 365 }: { every: number; days: number; ageDays?: number },
  wrong: (run: number) => number = () => 0,
): Read[] {
  const oldest = new Date(START - ageDays * DAY_MS)
  const reads: Read[] = []
  let tiers = NEVER
  for (let run = 0; run * every <= days * DAY_MS; run++) {
    const at = START + run * every + wrong(run)
    const due = dueAgain(tiers, new Date(at), oldest)
    tiers = due.tiers
    for (const { from, to } of due.ranges) {
      reads.push({ run, at, from: from ? Date.parse(from) : -Infinity, to: to ? Date.parse(to) : Infinity })
    }
  }
  return reads
}

const isRecent = ({ to }: Read) => to === Infinity

/** The longest that anything of before the first run was left unread; the first run reads everything. */
function longestUnread(reads: readonly Read[], end: number, ageDays: number): number {
  let longest = 0
  for (let place = START - (ageDays + 40) * DAY_MS; place < START; place += 7 * HOUR_MS) {
    let last = START
    for (const { at, from, to } of reads) {
      if (place < from || place >= to) continue
      longest = Math.max(longest, at - last)
      last = at
    }
    longest = Math.max(longest, end - last)
  }
  return longest
}

const pace = [
  ['15 minutes', 15 * MINUTE_MS],
  ['6 hours', 6 * HOUR_MS],
  ['a day', DAY_MS],
] as const

describe('a first run', () => {
  it('reads nothing again, for it reads everything', () => {
    const now = new Date(START)
    const { ranges, tiers } = dueAgain(NEVER, now, now)
    expect(ranges).toEqual([])
    expect(tiers).toEqual({ recentAt: now, sweptAt: now, sweptTo: undefined })
    expect(dueAgain(tiers, new Date(START + DAY_MS - 1), now)).toEqual({ ranges: [], tiers })
  })
})

describe.each(pace)('with a run every %s', (_, every) => {
  it('reads the last 30 days once a day', () => {
    const recent = live({ every, days: 60 }).filter(isRecent)
    expect(recent).toHaveLength(60)
    for (const { at, from } of recent) expect(at - from).toBe(30 * DAY_MS)
  })

  it.each([1, 45, 100, 365, 1826, 2500, 6000])('leaves nothing of %i days unread for more than a month', (ageDays) => {
    const reads = live({ every, days: 120, ageDays })
    expect(longestUnread(reads, START + 120 * DAY_MS, ageDays)).toBeLessThanOrEqual(31 * DAY_MS + every)
  })

  it.each([
    [1, 30],
    [45, 30],
    [365, 30],
    [1826, 30],
    [6000, 77],
  ])('reads no more of %i days in a run than three slices of at most %i', (ageDays, sliceDays) => {
    const sweep = live({ every, days: 120, ageDays }).filter((read) => !isRecent(read))
    expect(sweep.length).toBeGreaterThan(2)
    for (const { run, from, to } of sweep) {
      expect(sweep.filter((other) => other.run === run).length).toBeLessThanOrEqual(3)
      if (from === -Infinity) continue
      expect(to - from).toBeGreaterThanOrEqual(30 * DAY_MS)
      expect(to - from).toBeLessThanOrEqual(sliceDays * DAY_MS)
    }
  })

  it('spreads a month evenly: one slice at a time, none long after another', () => {
    const sweep = live({ every, days: 120, ageDays: 365 }).filter((read) => !isRecent(read))
    for (const { run } of sweep) expect(sweep.filter((other) => other.run === run)).toHaveLength(1)
    const gaps = sweep.slice(1).map(({ at }, index) => at - (sweep[index]?.at ?? 0))
    expect(Math.max(...gaps)).toBeLessThan(4 * DAY_MS)
  })
})

describe('the last slice', () => {
  it('reaches the beginning of time, for something older may have been added by hand', () => {
    const sweep = live({ every: HOUR_MS, days: 29, ageDays: 400 }).filter((read) => !isRecent(read))
    expect(sweep.filter(({ from }) => from === -Infinity)).toHaveLength(1)
    expect(sweep.at(-1)?.from).toBe(-Infinity)
    const [first] = sweep
    for (const [index, { to }] of sweep.entries()) expect(to).toBe(index === 0 ? first?.to : sweep[index - 1]?.from)
  })

  it('is the only one of a member who is younger than a month', () => {
    const sweep = live({ every: HOUR_MS, days: 29, ageDays: 3 }).filter((read) => !isRecent(read))
    expect(sweep).toMatchObject([{ from: -Infinity }])
  })
})

describe('after a long silence', () => {
  it.each([3, 31, 400])('of %i days no run reads more than three slices, and the next ones go on', (silence) => {
    const oldest = new Date(START - 1826 * DAY_MS)
    const first = dueAgain(NEVER, new Date(START), oldest).tiers
    const back = new Date(START + silence * DAY_MS)
    const { ranges, tiers } = dueAgain(first, back, oldest)
    expect(ranges).toHaveLength(4)
    expect(ranges[0]?.to).toBeUndefined()
    expect(dueAgain(tiers, back, oldest).ranges).toEqual([])
    const later = dueAgain(tiers, new Date(back.getTime() + DAY_MS), oldest).ranges
    expect(later[1]?.to).toBe(ranges.at(-1)?.from)
  })
})

describe('a clock that is wrong', () => {
  it.each([2, 365])('by %i days once does not keep the last 30 days from being read', (days) => {
    const ahead = new Date(START + days * DAY_MS)
    const { tiers } = dueAgain({ recentAt: ahead, sweptAt: ahead, sweptTo: undefined }, new Date(START), ahead)
    expect(tiers.recentAt).toEqual(new Date(START))
    const reads = live({ every: HOUR_MS, days: 40 }, (run) => (run === 30 ? days * DAY_MS : 0))
    expect(longestUnread(reads, START + 40 * DAY_MS, 365)).toBeLessThanOrEqual(31 * DAY_MS)
  })

  it.each([
    ['an hour fast now and then', (run: number) => (run % 7 === 3 ? HOUR_MS : 0)],
    ['an hour slow now and then', (run: number) => (run % 7 === 3 ? -HOUR_MS : 0)],
    ['set back an hour for good', (run: number) => (run > 200 ? -HOUR_MS : 0)],
    ['set forward an hour for good', (run: number) => (run > 200 ? HOUR_MS : 0)],
  ])('%s: everything is read within a month all the same', (_, wrong) => {
    const reads = live({ every: 15 * MINUTE_MS, days: 62 }, wrong)
    expect(longestUnread(reads, START + 62 * DAY_MS, 365)).toBeLessThanOrEqual(31 * DAY_MS + 3 * HOUR_MS)
    expect(reads.filter(isRecent).length).toBeGreaterThanOrEqual(59)
    expect(reads.filter(isRecent).length).toBeLessThanOrEqual(63)
    for (const { run } of reads) expect(reads.filter((other) => other.run === run).length).toBeLessThanOrEqual(4)
  })
})
