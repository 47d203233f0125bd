import { describe, expect, it } from 'vitest'
import { createWorld, type World } from '../../src/sandbox/world.ts'
import { NOW } from './open.ts'
import { HOUR_MS } from '../support/time.ts'

const start = (now = NOW, days = 40, members = 1) => createWorld({ seed: 1, days, members, now })
const later = (hours: number) => new Date(NOW.getTime() + hours * HOUR_MS)

const everything = (world: World) =>
  (['cycle', 'sleep', 'recovery', 'workout'] as const).map((kind) => [kind, world.list(kind)])

describe('time', () => {
  it('leads to the same world in one leap, in small steps, or by being born later', () => {
    const [leap, steps] = [start(), start()]
    for (let hour = 1; hour <= 24 * 12; hour++) steps.advanceTo(later(hour))
    leap.advanceTo(later(24 * 12))
    expect(everything(steps)).toEqual(everything(leap))
    const born = start(later(24 * 12), 52)
    expect(everything(born)).toEqual(everything(leap))
    expect(born.body()).toEqual(leap.body())
  })

  it('grows the strain of the open cycle while its updated_at stands still', () => {
    const world = start(new Date('2026-08-01T09:00:00Z'))
    const [morning] = world.list('cycle')
    world.advanceTo(new Date('2026-08-01T18:00:00Z'))
    const [evening] = world.list('cycle')
    expect(evening).toMatchObject({
      id: morning?.id,
      end: null,
      score_state: 'SCORED',
      updated_at: morning?.updated_at,
    })
    expect(evening?.score?.strain).toBeGreaterThan(morning?.score?.strain ?? 21)
    expect(evening?.score?.kilojoule).toBeGreaterThan(morning?.score?.kilojoule ?? 99_999)
  })

  it('keeps a cycle open through the evening and the night, until the next sleep is known', () => {
    const world = start()
    const [before] = world.list('cycle')
    for (let hour = 1; world.list('cycle')[0]?.id === before?.id; hour++) world.advanceTo(later(hour / 4))
    const [opened, closed] = world.list('cycle')
    expect(opened?.end).toBeNull()
    world.advanceTo(new Date(world.time().getTime() + 10_000))
    expect(world.get('cycle', closed?.id ?? 0)?.end).toBe(opened?.start)
    expect(Date.parse(opened?.created_at ?? '')).toBeGreaterThan(Date.parse(opened?.start ?? ''))
    expect(world.time().getTime() - Date.parse(opened?.start ?? '')).toBeGreaterThan(3 * HOUR_MS)
  })

  it('creates some nights before they are over, and scores them again in the morning', () => {
    const world = start()
    const seen = new Map<string, Set<string>>()
    for (let hour = 1; hour <= 24 * 20; hour++) {
      world.advanceTo(later(hour))
      for (const { id, end } of world.list('sleep').slice(0, 2)) seen.set(id, (seen.get(id) ?? new Set()).add(end))
    }
    expect([...seen.values()].filter((ends) => ends.size === 2).length).toBeGreaterThan(2)
    expect([...seen.values()].filter((ends) => ends.size > 2)).toEqual([])
    for (const { created_at, updated_at, end } of world.list('sleep').slice(1)) {
      expect(created_at < end ? updated_at > end : true).toBe(true)
    }
  })

  it('leaves some nights and workouts pending, and scores them later', () => {
    const world = start()
    const pending = new Set<string>()
    for (let half = 1; half <= 2 * 24 * 60; half++) {
      world.advanceTo(later(half / 2))
      for (const kind of ['sleep', 'workout'] as const) {
        const newest = world.placed(kind, 10_001)[0]?.record
        if (newest?.score_state !== 'PENDING_SCORE') continue
        expect(newest.score).toBeNull()
        pending.add(`${kind} ${newest.id}`)
      }
    }
    world.advanceTo(later(24 * 62))
    expect(new Set([...pending].map((key) => key.split(' ')[0]))).toEqual(new Set(['sleep', 'workout']))
    for (const key of pending) {
      const [kind, id] = key.split(' ') as ['sleep' | 'workout', string]
      expect(world.get(kind, id)?.score_state).not.toBe('PENDING_SCORE')
    }
  })

  it('does not run backwards', () => {
    expect(() => start().advanceTo(later(-1))).toThrow('backwards')
  })
})

describe('steering', () => {
  it('puts, gets, and removes', () => {
    const world = start()
    const [, workout] = world.list('workout')
    if (!workout) throw new Error('nobody trains')
    world.put('workout', { ...workout, sport_name: 'fencing' })
    expect(world.get('workout', workout.id)?.sport_name).toBe('fencing')
    expect(world.list('workout')[1]?.sport_name).toBe('fencing')
    expect(world.remove('workout', workout.id)).toBe(true)
    expect(world.remove('workout', workout.id)).toBe(false)
    expect(world.get('workout', workout.id)).toBeUndefined()
  })

  it('takes a recovery along with its sleep, and leaves the cycle', () => {
    const world = start()
    const [recovery] = world.list('recovery')
    if (!recovery) throw new Error('nobody recovers')
    expect(world.removeSleep(recovery.sleep_id)).toBe(true)
    expect(world.get('sleep', recovery.sleep_id)).toBeUndefined()
    expect(world.get('recovery', recovery.sleep_id)).toBeUndefined()
    expect(world.get('cycle', recovery.cycle_id)).toBeDefined()
  })

  it('is not undone by time', () => {
    const world = start()
    const [sleep, other] = world.list('sleep')
    if (!sleep || !other) throw new Error('nobody sleeps')
    world.removeSleep(sleep.id)
    world.put('sleep', { ...other, score_state: 'PENDING_SCORE', score: null })
    world.setBody({ weight_kilogram: 99.5 })
    world.advanceTo(later(24 * 60))
    expect(world.get('sleep', sleep.id)).toBeUndefined()
    expect(world.get('sleep', other.id)?.score_state).toBe('PENDING_SCORE')
    expect(world.body().weight_kilogram).toBe(99.5)
  })

  it('hands out copies', () => {
    const world = start()
    const [cycle] = world.list('cycle')
    if (cycle) cycle.start = 'never'
    expect(world.list('cycle')[0]?.start).not.toBe('never')
  })

  it('changes a profile', () => {
    const world = start(NOW, 3, 2)
    world.setProfile({ first_name: 'Somebody' }, 10_002)
    expect(world.profile(10_002).first_name).toBe('Somebody')
    expect(world.profile().first_name).not.toBe('Somebody')
  })

  it('does not know strangers', () => {
    expect(() => start().list('cycle', 7)).toThrow('no member 7')
  })

  it('weighs people again about once a month', () => {
    const world = start()
    const weights = new Set<number>()
    for (let day = 1; day <= 300; day += 10) {
      world.advanceTo(later(24 * day))
      weights.add(world.body().weight_kilogram)
    }
    expect(weights.size).toBeGreaterThan(3)
    expect(weights.size).toBeLessThan(13)
  })
})
