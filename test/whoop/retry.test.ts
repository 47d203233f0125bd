import { describe, expect, it } from 'vitest'
import { MAX_ATTEMPTS, readRetryAfter, waitBeforeRetry } from '../../src/whoop/retry.ts'

describe('what is asked again', () => {
  it.each([
    { what: 'a broken connection', status: undefined, again: true },
    { what: 'too many requests', status: 429, again: true },
    { what: 'an internal error', status: 500, again: true },
    { what: 'a bad gateway', status: 502, again: true },
    { what: 'a gateway timeout', status: 504, again: true },
    { what: 'an answer', status: 200, again: false },
    { what: 'a bad request', status: 400, again: false },
    { what: 'a refused token', status: 401, again: false },
    { what: 'a forbidden path', status: 403, again: false },
    { what: 'a record that is gone', status: 404, again: false },
  ])('$what: $again', ({ status, again }) => {
    expect(waitBeforeRetry(1, { status }, 0) !== undefined).toBe(again)
  })

  it('tries four times, whatever happens', () => {
    const waits = [1, 2, 3, 4, 5].map((attempt) => waitBeforeRetry(attempt, { status: 503, saysMs: 1 }, 0))
    expect(waits.map((wait) => wait !== undefined)).toEqual([true, true, true, false, false])
    expect(MAX_ATTEMPTS).toBe(4)
  })
})

describe('how long is waited', () => {
  it.each([
    { attempt: 1, random: 0, ms: 250 },
    { attempt: 1, random: 0.999, ms: 500 },
    { attempt: 2, random: 0, ms: 750 },
    { attempt: 2, random: 0.999, ms: 1500 },
    { attempt: 3, random: 0, ms: 2250 },
    { attempt: 3, random: 0.999, ms: 4498 },
  ])('$ms ms after attempt $attempt, when chance says $random', ({ attempt, random, ms }) => {
    expect(waitBeforeRetry(attempt, { status: 500 }, random)).toBe(ms)
  })

  it('stays within ten seconds altogether, unless WHOOP says longer', () => {
    const waits = [1, 2, 3].map((attempt) => waitBeforeRetry(attempt, {}, 0.999_999) ?? 0)
    expect(waits.reduce((sum, wait) => sum + wait)).toBeLessThan(10_000)
  })

  it('waits as long as WHOOP asks, and never shorter', () => {
    expect(waitBeforeRetry(1, { status: 429, saysMs: 60_000 }, 0.5)).toBe(60_000)
    expect(waitBeforeRetry(1, { status: 429, saysMs: 0 }, 0.5)).toBe(375)
  })
})

describe('Retry-After', () => {
  const now = new Date('2026-11-22T10:20:00Z')

  it.each([
    ['seconds', '17', 17_000],
    ['no time at all', '0', 0],
    ['a date', 'Sun, 22 Nov 2026 10:21:30 GMT', 90_000],
    ['a date that has passed', 'Sun, 22 Nov 2026 10:00:00 GMT', 0],
    ['a negative number', '-5', 0],
    ['nothing', '', undefined],
    ['blanks', '  ', undefined],
    ['nonsense', 'soon', undefined],
    ['eternity', 'Infinity', undefined],
    ['its absence', null, undefined],
  ])('reads %s', (_, header, ms) => {
    expect(readRetryAfter(header, now)).toBe(ms)
  })
})
