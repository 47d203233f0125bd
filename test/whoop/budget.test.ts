import { describe, expect, it } from 'vitest'
import {
  account,
  believable,
  closedForMs,
  hasRoom,
  isWaiting,
  newBudget,
  possibleFreshness,
  take,
  timeForHistory,
  today,
  withWaiting,
  type Budget,
  type Plan,
} from '../../src/whoop/budget.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../support/time.ts'

const START = Date.parse('2026-11-22T10:20:00Z')
const PER_MINUTE = 100
const nobody: Plan = { members: 0, cost: 4 }

function ask(budget: Budget, now: number, changes: Partial<Parameters<typeof take>[3]> = {}, plan = nobody) {
  return take(budget, PER_MINUTE, plan, { now, purpose: 'current', urgent: 1, wanted: 1, holdMs: 0, ...changes })
}

/** Takes one request after the other, for as long as there are any. */
function drain(budget: Budget, now: number, changes: Parameters<typeof ask>[2] = {}, plan = nobody) {
  let count = 0
  for (let taken = ask(budget, now, changes, plan); taken.granted > 0; taken = ask(budget, now, changes, plan)) {
    budget = taken.budget
    count += taken.granted
  }
  return { budget, count }
}

describe('a process whose clock is wrong', () => {
  it.each([
    ['a minute', 60_000],
    ['a day', DAY_MS],
    ['a year', 365 * DAY_MS],
  ])('and %s ahead stops the others for no longer than WHOOP would', (_, ahead) => {
    const spent = drain(newBudget, START + ahead).budget
    const closed = { ...spent, closedUntil: START + ahead + DAY_MS, closedAt: START + ahead }
    const { granted, waitMs } = ask(closed, START)
    if (ahead > 60_000) expect(granted).toBe(1)
    else expect(waitMs).toBeLessThanOrEqual(DAY_MS + 60_000)
  })

  it('leaves nothing in the future behind, and what is true stays', () => {
    const { budget } = drain(newBudget, START - 1_000)
    expect(believable(budget, START)).toBe(budget)
    const strange: Budget = {
      ...budget,
      minute: [...budget.minute, [START + DAY_MS, 50]],
      day: [...budget.day, [Math.floor((START + DAY_MS) / (15 * MINUTE_MS)), 5_000, 0]],
      closedUntil: START + 366 * DAY_MS,
      saved: 7,
      savedAt: START + DAY_MS,
    }
    expect(believable(strange, START)).toEqual({ ...budget, closedUntil: 0, closedAt: 0, saved: 7, savedAt: START })
    expect(closedForMs(strange, START)).toBe(0)
    expect(today(strange, PER_MINUTE, START)).toEqual(today(budget, PER_MINUTE, START))
  })

  it('cannot close WHOOP for ever by what an older version has stored', () => {
    expect(closedForMs({ ...newBudget, closedUntil: START + 365 * DAY_MS }, START)).toBe(0)
    expect(closedForMs({ ...newBudget, closedUntil: START + HOUR_MS }, START)).toBe(HOUR_MS)
  })
})

describe('the minute', () => {
  it('gives nine tenths, and again when the first of them is a minute old', () => {
    const { budget, count } = drain(newBudget, START)
    expect(count).toBe(90)
    expect(ask(budget, START + 59_999)).toMatchObject({ granted: 0, waitMs: 1 })
    expect(drain(budget, START + MINUTE_MS).count).toBe(90)
  })

  it('counts what may be held until it can no longer be sent', () => {
    const { budget } = drain(newBudget, START, { holdMs: 2_000 })
    expect(ask(budget, START + MINUTE_MS)).toMatchObject({ granted: 0, waitMs: 2_000 })
  })

  it('gives what will be asked soon while there is plenty, and only what is urgent when there is not', () => {
    expect(ask(newBudget, START, { urgent: 1, wanted: 5 }).granted).toBe(5)
    const { budget } = ask(newBudget, START, { urgent: 50, wanted: 50 })
    expect(ask(budget, START, { urgent: 1, wanted: 5 }).granted).toBe(1)
    expect(ask(budget, START, { urgent: 60, wanted: 60 }).granted).toBe(40) // as many as there are
  })

  it.each([
    ['stricter than the setting', 50, 45],
    ['more generous', 500, 90],
  ])('obeys WHOOP when it is %s', (_, minuteLimit, most) => {
    expect(drain({ ...newBudget, minuteLimit }, START).count).toBe(most)
  })

  it('is closed for everybody until WHOOP opens it', () => {
    const closed = { ...newBudget, closedUntil: START + 31_000 }
    expect(ask(closed, START)).toMatchObject({ granted: 0, waitMs: 31_000 })
    expect(ask(closed, START + 31_000).granted).toBe(1)
  })
})

describe('what was given', () => {
  it.each(['current', 'history'] as const)('and not sent is put back (%s)', (purpose) => {
    const given = { now: START, purpose, holdMs: 2_000 }
    const before = ask(newBudget, START - HOUR_MS, { urgent: 7, purpose }).budget
    const { budget, granted } = ask(before, START, { ...given, urgent: 5 })
    expect(granted).toBe(5)
    const after = account(budget, given, { sent: 2, sentAt: START, unsent: 3 })
    expect(today(after, PER_MINUTE, START)).toMatchObject({ spent: 9 })
    expect(drain(after, START).count).toBe(88)
    expect(after.saved).toBe(purpose === 'current' ? (budget.saved ?? 0) + 3 : null)
  })

  it('counts from when it was sent, once that is known, and until then from when it may be', () => {
    const given = { now: START, purpose: 'history', holdMs: 5_000 } as const
    const { budget } = ask(newBudget, START, { ...given, urgent: 90 })
    expect(ask(budget, START + 60_000).granted).toBe(0)
    const after = account(budget, given, { sent: 90, sentAt: START + 1_000, unsent: 0 })
    expect(ask(after, START + 60_000).waitMs).toBe(1_000)
    expect(ask(after, START + 61_000).granted).toBe(1)
  })

  it('is an entry a second, however many ask', () => {
    let budget = newBudget
    for (let ms = 0; ms < 5_000; ms += 50) budget = ask(budget, START + ms, { holdMs: 2_000 }).budget
    expect(budget.minute.length).toBeLessThanOrEqual(6)
    expect(drain(budget, START + 5_000).count).toBe(0)
  })
})

describe('the day', () => {
  const small = { ...newBudget, dayLimit: 50 }

  it('gives nine tenths in any 24 hours', () => {
    const { budget, count } = drain(small, START)
    expect(count).toBe(45)
    const { granted, waitMs } = ask(budget, START + HOUR_MS)
    expect(granted).toBe(0)
    expect(waitMs).toBeGreaterThanOrEqual(23 * HOUR_MS)
    expect(ask(budget, START + HOUR_MS + waitMs).granted).toBe(1)
    expect(today(budget, PER_MINUTE, START)).toEqual({ allowed: 45, spent: 45 })
    expect(today(budget, PER_MINUTE, START + 2 * DAY_MS)).toEqual({ allowed: 45, spent: 0 })
  })

  it('is worth a hundred minutes until WHOOP says otherwise', () => {
    expect(today(newBudget, PER_MINUTE, START).allowed).toBe(9_000)
  })

  it('leaves to those who are current what they need, when history is read', () => {
    const plan = { members: 2, cost: 4 } // 768 a day, at 15 minutes
    const state = { ...newBudget, dayLimit: 1_000 }
    let budget: Budget = state
    let count = 0
    for (let minute = 0; minute < 20; minute++) {
      const some = drain(budget, START + minute * MINUTE_MS, { purpose: 'history' }, plan)
      budget = some.budget
      count += some.count
    }
    expect(count).toBe(450) // half, because they need more than that
    expect(hasRoom(budget, PER_MINUTE, plan, 'history', START + HOUR_MS)).toBe(false)
    expect(hasRoom(budget, PER_MINUTE, plan, 'current', START + HOUR_MS)).toBe(true)
    expect(drain(budget, START + HOUR_MS, {}, plan).count).toBe(90)
  })

  it('is for history alone when nobody is current yet', () => {
    expect(drain({ ...newBudget, dayLimit: 60 }, START, { purpose: 'history' }).count).toBe(54)
  })
})

describe('a schedule that asks for more than there is', () => {
  /** Every `everyMs`, as many members as there is room for; returns how many that were, run by run. */
  function follow(plan: Plan, everyMs: number, days: number): number[] {
    let budget: Budget = { ...newBudget, dayLimit: 10_000 }
    const runs: number[] = []
    for (let at = START; at < START + days * DAY_MS; at += everyMs) {
      let now = at
      let served = 0
      while (served < plan.members && hasRoom(budget, PER_MINUTE, plan, 'current', now)) {
        for (let left = plan.cost; left > 0;) {
          const taken = ask(budget, now, { urgent: left, wanted: left }, plan)
          expect(taken.waitMs).toBeLessThan(2 * MINUTE_MS) // never the day: nobody is turned away half way
          now += taken.waitMs
          left -= taken.granted
          budget = taken.budget
        }
        served++
      }
      runs.push(served)
    }
    return runs
  }

  it.each([
    { members: 40, minutes: 15, least: 0.97 },
    { members: 100, minutes: 15, least: 0.95 },
    { members: 30, minutes: 5, least: 0.97 },
  ])('serves $members members every $minutes minutes evenly, and as often as it can', ({ members, minutes, least }) => {
    const plan = { members, cost: 4 }
    const runs = follow(plan, minutes * MINUTE_MS, 3)
    const perDay = (24 * 60) / minutes
    for (const day of [0, 1, 2]) {
      const served = runs.slice(day * perDay, (day + 1) * perDay)
      const spent = served.reduce((total, one) => total + one * plan.cost, 0)
      expect(spent).toBeLessThanOrEqual(9_000 + plan.cost)
      expect(spent).toBeGreaterThan(9_000 * least)
    }
    const hours = Array.from({ length: 71 }, (_, hour) =>
      runs.slice(((hour + 1) * 60) / minutes, ((hour + 2) * 60) / minutes).reduce((total, one) => total + one, 0),
    )
    const even = 9_000 / 24 / plan.cost
    expect(Math.min(...hours)).toBeGreaterThan(even * 0.85)
    expect(Math.max(...hours)).toBeLessThan(even * 1.1)
  })

  it.each([
    { members: 40, minutes: 60 },
    { members: 20, minutes: 15 },
    { members: 500, minutes: 24 * 60 },
    { members: 1, minutes: 1 },
  ])('but serves all of $members every $minutes minutes, because there is enough', ({ members, minutes }) => {
    const runs = follow({ members, cost: 4 }, minutes * MINUTE_MS, 3)
    expect(runs.filter((served) => served < members)).toEqual([])
  })

  /** One run after the other, each when the schedule says and the one before has ended; in each quarter of an hour, what was asked. */
  function spend(plan: Plan, everyMs: number, days: number): number[] {
    let budget: Budget = { ...newBudget, dayLimit: 10_000 }
    const quarters = Array.from({ length: days * 96 }, () => 0)
    for (let now = START; now < START + days * DAY_MS; now = START + Math.ceil((now - START + 1) / everyMs) * everyMs) {
      for (let served = 0; served < plan.members && hasRoom(budget, PER_MINUTE, plan, 'current', now); served++) {
        for (let left = plan.cost; left > 0;) {
          const taken = ask(budget, now, { urgent: left, wanted: left }, plan)
          const quarter = Math.floor((now - START) / (15 * MINUTE_MS))
          if (quarter < quarters.length) quarters[quarter] = (quarters[quarter] ?? 0) + taken.granted
          now += taken.waitMs
          left -= taken.granted
          budget = taken.budget
        }
      }
    }
    return quarters
  }
  const sum = (counts: readonly number[]) => counts.reduce((total, one) => total + one, 0)

  it.each([
    { members: 1_000, minutes: 15 },
    { members: 2_000, minutes: 15 },
    { members: 20_000, minutes: 60 },
  ])('uses the whole day for $members members, and leaves some of it for the evening', ({ members, minutes }) => {
    const quarters = spend({ members, cost: 4 }, minutes * MINUTE_MS, 3)
    for (const day of [0, 1, 2]) expect(sum(quarters.slice(day * 96, (day + 1) * 96))).toBeGreaterThan(9_000 * 0.95)
    for (let from = 0; from + 96 <= quarters.length; from++)
      expect(sum(quarters.slice(from, from + 96))).toBeLessThanOrEqual(9_000)
    expect(sum(quarters.slice(72, 96))).toBeGreaterThan(9_000 / 12) // though half of the day was spent in the morning at once
  })

  it('says what is possible', () => {
    const budget = { ...newBudget, dayLimit: 10_000 }
    expect(possibleFreshness(budget, PER_MINUTE, { members: 40, cost: 4 }, START) / MINUTE_MS).toBeCloseTo(25.6)
  })
})

describe('histories that are read beside many who are current', () => {
  const HISTORY = 195 // requests: three years

  interface Crowd {
    current: number
    cost: number
    newcomers: number
    minutes: number
    days: number
  }

  /** Each run serves those who are current as far as there is room, then histories. What each day was spent on, and how many histories it ended. */
  function live({ current, cost, newcomers, minutes, days }: Crowd) {
    let budget: Budget = { ...newBudget, dayLimit: 10_000 }
    const histories = Array.from({ length: newcomers }, () => HISTORY)
    const everyMs = minutes * MINUTE_MS
    const spent = Array.from({ length: days }, () => ({ current: 0, history: 0, ended: 0 }))
    const planNow = () => ({ members: current + histories.filter((left) => left === 0).length, cost })
    for (let now = START; now < START + days * DAY_MS; now = START + Math.ceil((now - START + 1) / everyMs) * everyMs) {
      const plan = planNow()
      const day = () => spent[Math.floor((now - START) / DAY_MS)] ?? { current: 0, history: 0, ended: 0 }
      const isRoom = (purpose: 'current' | 'history') => {
        const is = hasRoom(budget, PER_MINUTE, plan, purpose, now)
        if (!is) budget = withWaiting(budget, purpose, now)
        return is
      }
      const read = (purpose: 'current' | 'history', most: number): number => {
        let left = most
        while (left > 0) {
          const some = Math.min(left, 8)
          const taken = ask(budget, now, { purpose, urgent: some, wanted: some }, plan)
          budget = taken.budget
          if (taken.waitMs > 2 * MINUTE_MS) break
          now += taken.waitMs
          left -= taken.granted
          day()[purpose] += taken.granted
        }
        return left
      }
      for (let served = 0; served < plan.members && isRoom('current'); served++) expect(read('current', cost)).toBe(0)
      for (const [index, left] of histories.entries()) {
        if (left === 0) continue
        if (!isRoom('history')) break
        const rest = read('history', left)
        histories[index] = rest
        if (rest > 0) break
        day().ended++
      }
    }
    return { spent, left: histories.reduce((sum, one) => sum + one, 0), budget, plan: planNow() }
  }

  it.each([
    { current: 2_000, cost: 5, newcomers: 200, minutes: 15, days: 9 },
    { current: 500, cost: 5, newcomers: 500, minutes: 15, days: 9 },
    { current: 80, cost: 5, newcomers: 300, minutes: 60, days: 9 },
    { current: 0, cost: 5, newcomers: 2_000, minutes: 15, days: 9 },
  ])('have their half of each day: $newcomers beside $current, every $minutes minutes', (crowd) => {
    const { spent } = live(crowd)
    for (const { current, history } of spent.slice(1)) {
      expect(history).toBeGreaterThan(4_000)
      expect(current).toBeGreaterThan(4_300)
      expect(current + history).toBeGreaterThan(9_000 * 0.94)
    }
  })

  it('leave a daily schedule its round', () => {
    const { spent } = live({ current: 300, cost: 10, newcomers: 100, minutes: 24 * 60, days: 9 })
    expect(spent.filter(({ current }) => current < 3_000)).toEqual([])
    expect(spent.reduce((sum, { ended }) => sum + ended, 0)).toBeGreaterThan(60)
  })

  it('give it all back when the last of them is stored', () => {
    const { spent, left } = live({ current: 2_000, cost: 5, newcomers: 60, minutes: 15, days: 7 })
    expect(left).toBe(0)
    for (const { current } of spent.slice(-2)) expect(current).toBeGreaterThan(9_000 * 0.95)
  })

  it('take about as long as was said', () => {
    const crowd = { current: 200, cost: 5, newcomers: 300, minutes: 15 }
    const said = live({ ...crowd, days: 3 })
    const ms = timeForHistory(said.budget, PER_MINUTE, said.plan, said.left, START + 3 * DAY_MS)
    const days = ms / DAY_MS
    expect(days).toBeGreaterThan(9)
    expect(live({ ...crowd, days: 3 + Math.floor(days * 0.85) }).left).toBeGreaterThan(0)
    expect(live({ ...crowd, days: 3 + Math.ceil(days * 1.15) }).left).toBe(0)
  })

  it.each([
    { members: 500, minutes: 800 },
    { members: 2, minutes: 15 },
  ])('leave to those who are current what status says: $members every $minutes minutes', ({ members, minutes }) => {
    const plan = { members, cost: 5 }
    const budget = withWaiting({ ...newBudget, dayLimit: 10_000 }, 'history', START)
    expect(possibleFreshness(budget, PER_MINUTE, plan, START) / MINUTE_MS).toBeCloseTo(minutes)
    expect(possibleFreshness(budget, PER_MINUTE, plan, START + DAY_MS)).toBeLessThan((minutes * MINUTE_MS) / 1.9)
  })

  it.each([
    ['one of three years', { members: 0, cost: 5 }, 195, 195 / 90 / 1_440],
    ['two thousand of three years', { members: 2_000, cost: 5 }, 390_000, (390_000 - 4_500) / 4_500],
    ['the first of them alone', { members: 0, cost: 5 }, 390_000, (390_000 - 9_000) / 9_000],
  ])('take what the minute or the day allows: %s', (_, plan, requests, days) => {
    const budget = { ...newBudget, dayLimit: 10_000 }
    expect(timeForHistory(budget, PER_MINUTE, plan, requests, START) / DAY_MS).toBeCloseTo(days, 3)
  })
})

describe('that somebody had to wait', () => {
  it('is known for a day, written at most once in a quarter of an hour, and never while WHOOP is closed', () => {
    const noted = withWaiting(newBudget, 'current', START)
    expect(isWaiting(noted, 'current', START + DAY_MS - 1)).toBe(true)
    expect(isWaiting(noted, 'current', START + DAY_MS)).toBe(false)
    expect(isWaiting(noted, 'history', START)).toBe(false)
    expect(withWaiting(noted, 'current', START + 14 * MINUTE_MS)).toBe(noted)
    expect(withWaiting(noted, 'current', START + 15 * MINUTE_MS)).not.toBe(noted)
    expect(withWaiting(noted, 'history', START).waited).toEqual({ current: START, history: START })
    const closed = { ...newBudget, closedUntil: START + HOUR_MS, closedAt: START }
    expect(withWaiting(closed, 'current', START)).toBe(closed)
  })

  it('is not believed from the future', () => {
    const noted = withWaiting(newBudget, 'history', START + DAY_MS)
    expect(believable(noted, START)).toEqual(newBudget)
    expect(isWaiting(withWaiting(noted, 'history', START), 'history', START)).toBe(true)
  })
})
