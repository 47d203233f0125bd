/**
 * Takes each measurement once a round, one after the other: what slows the machine down for a while slows all of them
 * down. The first round warms caches and does not count.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  measurements: Record<Name, () => Promise<number>>,
  { warm = true } = {},
): Promise<Record<Name, number>> {
  const names = Object.keys(measurements) as Name[]
  const taken = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = warm ? 0 : 1; round <= rounds; round++) {
    for (const name of names) {
      const value = await measurements[name]()
      if (round > 0) taken.get(name)?.push(value)
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(taken.get(name) ?? [])])) as Record<Name, number>
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = low] = sorted.length % 2 ? [sorted[middle]] : [sorted[middle - 1], sorted[middle]]
  return (low + high) / 2
}
