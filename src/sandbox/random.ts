// Plain arithmetic only: Math.sin, exp and pow may differ in the last digit between V8 versions, and a seed promises
// the same people on all of them.

export type Random = () => number

// A stream of its own for every list of keys, so that one day's luck never depends on how many dice the day before threw.
export function random(...keys: number[]): Random {
  let state = hash(keys)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function hash(keys: number[]): number {
  let state = 0x9747b28c
  for (const key of keys) {
    state = Math.imul(state ^ key, 0x85ebca6b)
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
    state ^= state >>> 16
  }
  return state
}

export function between(random: Random, low: number, high: number): number {
  return low + (high - low) * random()
}

export function whole(random: Random, low: number, high: number): number {
  return Math.floor(between(random, low, high + 1))
}

export function chance(random: Random, probability: number): boolean {
  return random() < probability
}

// Nearly normal, mean 0 and deviation 1, never beyond 3.5.
export function normal(random: Random): number {
  return (random() + random() + random() + random() - 2) * Math.sqrt(3)
}

export function pick<T>(list: readonly T[], number: number): T {
  const picked = list[number % list.length]
  if (picked === undefined) throw new RangeError('There is nothing to pick from.')
  return picked
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

// One turn of a wave made of two parabolas: 0 at 0, 1 at a quarter, -1 at three quarters.
export function wave(turns: number): number {
  const turn = turns - Math.floor(turns)
  return turn < 0.5 ? 16 * turn * (0.5 - turn) : -16 * (turn - 0.5) * (1 - turn)
}

// Wanders slowly between -1 and 1, a new direction every 90 days.
export function drift(day: number, ...keys: number[]): number {
  const node = Math.floor(day / 90)
  const way = day / 90 - node
  const from = random(...keys, node)() * 2 - 1
  const to = random(...keys, node + 1)() * 2 - 1
  return from + (to - from) * way * way * (3 - 2 * way)
}
