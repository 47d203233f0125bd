import { describe, expect, it } from 'vitest'
import { exitCodes, failure, WhoopsterError, whyOf, worst, type Reason } from '../src/errors.ts'

describe('the exit code', () => {
  it.each<[Reason, number]>([
    ['usage', 64],
    ['data', 65],
    ['quarantine', 65],
    ['unavailable', 69],
    ['bug', 70],
    ['later', 75],
    ['busy', 75],
    ['protocol', 76],
    ['login', 77],
    ['settings', 78],
  ])('of %s is %i', (reason, code) => {
    expect(exitCodes[reason]).toBe(code)
  })

  it('has no other reasons', () => {
    expect(Object.keys(exitCodes)).toHaveLength(10)
  })
})

describe('the worst of several failures', () => {
  const order: readonly Reason[] = ['bug', 'settings', 'login', 'protocol', 'unavailable', 'later', 'quarantine']

  it('decides: 70 > 78 > 77 > 76 > 69 > 75 > 65', () => {
    expect(order.map((reason) => exitCodes[reason])).toEqual([70, 78, 77, 76, 69, 75, 65])
    for (const [index, reason] of order.entries()) {
      const notWorse = order.slice(index)
      expect(worst(notWorse)).toBe(reason)
      expect(worst(notWorse.toReversed())).toBe(reason)
    }
  })

  it('is the only one, or none', () => {
    expect(worst(['later', 'later'])).toBe('later')
    expect(worst([])).toBeUndefined()
  })

  it('knows every reason', () => {
    for (const reason of Object.keys(exitCodes) as Reason[]) expect(worst([reason])).toBe(reason)
  })
})

describe('a failure', () => {
  it('has its reason, its sentence and what to do', () => {
    const error = new WhoopsterError('login', 'Nobody is logged in.', { hint: 'run: whoopster auth' })
    expect(failure(error)).toEqual({ reason: 'login', message: 'Nobody is logged in.', hint: 'run: whoopster auth' })
  })

  it('may have nothing to be done about', () => {
    expect(failure(new WhoopsterError('busy', 'Somebody is at it.'))).toMatchObject({ hint: null })
  })

  it('keeps what caused it', () => {
    const cause = new Error('read ECONNRESET')
    expect(new WhoopsterError('unavailable', 'WHOOP cannot be reached.', { cause }).cause).toBe(cause)
    expect('cause' in new WhoopsterError('bug', 'Nothing caused it.')).toBe(false)
  })

  it.each([
    ['an error', new TypeError('x is not a function'), 'TypeError: x is not a function'],
    ['a text', 'gone', 'gone'],
    ['a number', 143, '143'],
    ['nothing', undefined, 'undefined'],
  ])('that nobody named is a bug: %s', (_, thrown, message) => {
    expect(failure(thrown)).toMatchObject({ reason: 'bug', message })
  })
})

describe('why a file cannot be had', () => {
  it.each([
    ['mkdir', "EACCES: permission denied, mkdir '/no/where'", 'permission denied'],
    ['write', 'ENOSPC: no space left on device, write', 'no space left on device'],
    ['rename', "EXDEV: cross-device link not permitted, rename '/a' -> '/b'", 'cross-device link not permitted'],
    [undefined, 'EACCES: is what it said', 'EACCES: is what it said'],
  ])('is said without the names of codes and calls: %s', (syscall, message, words) => {
    expect(whyOf(Object.assign(new Error(message), { syscall }))).toBe(words)
  })

  it('is said of a port by who has it', () => {
    const error = Object.assign(new Error('listen EADDRINUSE: address already in use :::8080'), {
      code: 'EADDRINUSE',
      syscall: 'listen',
    })
    expect(whyOf(error)).toBe('another program has it')
  })

  it('is said whatever was thrown', () => {
    expect([whyOf('a word'), whyOf(new Error('a sentence')), whyOf(undefined)]).toEqual([
      'a word',
      'a sentence',
      'undefined',
    ])
  })
})
