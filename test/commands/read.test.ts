import { InvalidArgumentError } from '@commander-js/extra-typings'
import { describe, expect, it } from 'vitest'
import { readCount, readDuration, readInstant, readTypes, readUserId } from '../../src/commands/read.ts'

const NOW = new Date('2026-11-22T10:20:00Z')

it.each([
  ['today', '2026-11-22T00:00:00.000Z'],
  ['yesterday', '2026-11-21T00:00:00.000Z'],
  ['7d', '2026-11-15T10:20:00.000Z'],
  ['90m', '2026-11-22T08:50:00.000Z'],
])('--since %s is reckoned from now', (text, instant) => {
  expect(readInstant(text, NOW)).toBe(instant)
})

describe('types', () => {
  it.each([
    ['sleep', ['sleep']],
    ['sleep,recovery', ['sleep', 'recovery']],
    ['sleep, recovery', ['sleep', 'recovery']],
    ['body,cycle,workout', ['body', 'cycle', 'workout']],
    ['sleep,sleep', ['sleep']],
    ['sleep,', ['sleep']],
  ])('reads %j', (text, types) => {
    expect(readTypes(text)).toEqual(types)
  })

  it('adds to those before, each once', () => {
    expect(readTypes('sleep,recovery', ['body', 'sleep'])).toEqual(['body', 'sleep', 'recovery'])
  })

  it.each(['naps', 'Sleep', 'sleep recovery', 'sleep;recovery', 'profile'])('refuses %j', (text) => {
    expect(() => readTypes(text)).toThrow(InvalidArgumentError)
  })

  it('names them all', () => {
    expect(() => readTypes('naps')).toThrowErrorMatchingInlineSnapshot(
      `[InvalidArgumentError: It is one of sleep, recovery, workout, cycle, body.]`,
    )
  })
})

describe('an instant', () => {
  it.each([
    ['2026-03-28', '2026-03-28T00:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2026-03-28T06:00Z', '2026-03-28T06:00:00.000Z'],
    ['2026-03-28T06:00:07Z', '2026-03-28T06:00:07.000Z'],
    ['2026-03-28T06:00:07.123Z', '2026-03-28T06:00:07.123Z'],
    ['2026-03-28T01:30:00+05:30', '2026-03-27T20:00:00.000Z'],
    ['2026-03-28T20:00:00-08:00', '2026-03-29T04:00:00.000Z'],
  ])('reads %s', (text, instant) => {
    expect(readInstant(text, NOW)).toBe(instant)
  })

  it.each([
    '',
    '2026',
    'tomorrow',
    '2026-03',
    '28.03.2026',
    '2026-3-28',
    '2026-13-01',
    '2026-02-30',
    '2026-03-28T06:00:00',
    '2026-03-28 06:00:00Z',
    '2026-03-28T25:00:00Z',
    '2026-03-28T06:00:00+0530',
    ' 2026-03-28',
    '1774656000',
  ])('refuses %j', (text) => {
    expect(() => readInstant(text, NOW)).toThrow(InvalidArgumentError)
  })
})

describe('a user id', () => {
  it.each([
    ['1', 1],
    ['10129', 10_129],
    ['900000000000000', 900_000_000_000_000],
  ])('reads %s', (text, id) => {
    expect(readUserId(text)).toBe(id)
  })

  it.each(['', '0', '-1', '007', '1.5', '1e3', '10129 ', 'me@example.com', '12345678901234567'])(
    'refuses %j',
    (text) => {
      expect(() => readUserId(text)).toThrow(InvalidArgumentError)
    },
  )
})

describe('a count', () => {
  it.each([
    ['1', 1],
    ['365', 365],
    ['999999', 999_999],
  ])('reads %s', (text, count) => {
    expect(readCount(text)).toBe(count)
  })

  it.each(['', '0', '-1', '1.5', '1e3', ' 7', '1000000', 'all'])('refuses %j', (text) => {
    expect(() => readCount(text)).toThrow(InvalidArgumentError)
  })
})

describe('a duration', () => {
  it.each([
    ['1m', 60_000],
    ['90m', 5_400_000],
    ['24h', 86_400_000],
    ['2d', 172_800_000],
  ])('reads %s', (text, ms) => {
    expect(readDuration(text)).toBe(ms)
  })

  it.each(['', '0h', '24', 'h', '1.5h', '-1h', '24 h', '30s', '2w', '24H', '1d12h', '100000m'])(
    'refuses %j',
    (text) => {
      expect(() => readDuration(text)).toThrow(InvalidArgumentError)
    },
  )
})
