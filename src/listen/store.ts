import type { Db } from '../db/connection/index.ts'
import { WhoopsterError } from '../errors.ts'
import { SECOND_MS } from '../time.ts'

/** One connection to PostgreSQL, kept open from event to event. */
export interface Store {
  /** Single statements, each committed by itself. A connection on which one has failed is not used again. */
  ask: Ask
  close: () => Promise<void>
}

type Ask = <T>(work: (db: Db) => Promise<T>) => Promise<T>

/** Opens the database, and keeps it open until the work has ended. */
export type Open = (work: (ask: Ask) => Promise<void>) => Promise<void>

interface Held {
  asking: Promise<Ask>
  release: () => void
  closed: Promise<void>
}

const PATIENCE_MS = 5 * SECOND_MS // WHOOP waits no longer for an answer than a moment

/** Opened when it is first needed, and again after whatever has broken: PostgreSQL may come and go meanwhile. */
export function createStore(open: Open): Store {
  let held: Held | undefined

  function hold(): Held {
    let release!: () => void
    const released = new Promise<void>((resolve) => (release = resolve))
    let closed: Promise<void> = Promise.resolve()
    const asking = new Promise<Ask>((resolve, reject) => {
      closed = open((ask) => {
        resolve(ask)
        return released
      }).catch(reject) // or it has been of use, and broke later: who asks hears of it
    })
    asking.catch(() => {})
    return { asking, release, closed }
  }

  function drop(one: Held): void {
    one.release()
    if (held === one) held = undefined
  }

  return {
    ask: async (work) => {
      const mine = (held ??= hold())
      try {
        return await patiently(mine.asking.then((ask) => ask(work)))
      } catch (error) {
        drop(mine)
        throw error
      }
    },
    close: async () => {
      const last = held
      if (!last) return
      drop(last)
      await last.closed
    },
  }
}

async function patiently<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new WhoopsterError('unavailable', 'PostgreSQL has not answered in time.')
    timer = setTimeout(() => reject(error), PATIENCE_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
