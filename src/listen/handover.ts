import type { Told } from '../db/events.ts'

interface Waiting {
  event: Told
  resolve: (isKnown: boolean) => void
  reject: (error: unknown) => void
}

const MOST_AT_ONCE = 500

/**
 * Commits events, those that come while others are being committed in one statement. `write` returns the WHOOP user ids of
 * the members that are logged in here; `kept` is told each of them.
 */
export function createHandOver(
  write: (events: readonly Told[]) => Promise<ReadonlySet<number>>,
  kept: (whoopUserId: number) => void,
): (event: Told) => Promise<boolean> {
  const waiting: Waiting[] = []
  let isWriting = false

  async function writeAll(): Promise<void> {
    if (isWriting) return
    isWriting = true
    for (let batch = waiting.splice(0, MOST_AT_ONCE); batch.length > 0; batch = waiting.splice(0, MOST_AT_ONCE)) {
      try {
        const known = await write(batch.map(({ event }) => event))
        known.forEach(kept)
        for (const { event, resolve } of batch) resolve(known.has(event.whoopUserId))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isWriting = false
  }

  return (event) =>
    new Promise((resolve, reject) => {
      waiting.push({ event, resolve, reject })
      void writeAll()
    })
}
