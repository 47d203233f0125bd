import { failure } from '../errors.ts'
import type { Log } from '../log.ts'
import { MINUTE_MS, SECOND_MS } from '../time.ts'
import type { Clock } from '../world.ts'

export interface SyncerOptions {
  /** Syncs this member, as `sync --user` does. */
  sync: (whoopUserId: number) => Promise<void>
  /** Whether anything that WHOOP has told of this member has not been asked for yet. */
  isWaiting: (whoopUserId: number) => Promise<boolean>
  clock: Clock
  log: Log
  interrupted: AbortSignal
}

export interface Syncer {
  /** WHOOP has told of a change, and it is kept. */
  notice: (whoopUserId: number) => void
  /** No sync is under way any more. */
  settled: () => Promise<void>
}

const PAUSE_MS = SECOND_MS // in which more events gather
const LONGEST_PAUSE_MS = 5 * MINUTE_MS
const MOST_AT_ONCE = 4 // members, each with connections of its own

/**
 * Syncs the members of whom WHOOP has told something: one sync of a member at a time, a second after the event. What is
 * still not asked for then is tried again, later and later; what this process does not come to, the next `sync` does.
 */
export function createSyncer({ sync, isWaiting, clock, log, interrupted }: SyncerOptions): Syncer {
  const noticed = new Set<number>() // since their last sync began
  const running = new Map<number, Promise<void>>()
  let free = MOST_AT_ONCE
  const line: (() => void)[] = []

  async function withSlot(work: () => Promise<void>): Promise<void> {
    if (free > 0) free--
    else await new Promise<void>((resolve) => line.push(resolve))
    try {
      await work()
    } finally {
      const next = line.shift()
      if (next) next()
      else free++
    }
  }

  /** Returns when nothing waits to be asked for, or when it has been tried for long. */
  async function serve(whoopUserId: number): Promise<void> {
    let pauseMs = PAUSE_MS
    while (pauseMs <= LONGEST_PAUSE_MS) {
      await clock.sleep(pauseMs, interrupted)
      if (interrupted.aborted) return
      noticed.delete(whoopUserId)
      const isDone = await syncOnce(whoopUserId)
      if (noticed.has(whoopUserId)) pauseMs = PAUSE_MS
      else if (isDone) return
      else pauseMs *= 2
    }
  }

  async function syncOnce(whoopUserId: number): Promise<boolean> {
    try {
      await withSlot(async () => {
        if (!interrupted.aborted) await sync(whoopUserId)
      })
      return !(await isWaiting(whoopUserId))
    } catch (cause) {
      if (interrupted.aborted) return true
      const { reason, message, hint } = failure(cause)
      log.error(message, { whoopUserId, reason, hint })
      return false
    }
  }

  return {
    notice: (whoopUserId) => {
      noticed.add(whoopUserId)
      if (running.has(whoopUserId) || interrupted.aborted) return
      running.set(
        whoopUserId,
        serve(whoopUserId).finally(() => running.delete(whoopUserId)),
      )
    },
    settled: async () => {
      await Promise.all(running.values())
    },
  }
}
