import { EventEmitter, once } from 'node:events'

/** Lets one type keep pace with another that is read at the same time. */
export interface Leader {
  /** It has stored another page. */
  step(): void
  /** It is done, or has failed: nothing more is to be waited for. */
  end(): void
  /** Waits until `isFar` says so, asking again after each step, until nothing more is to be waited for. */
  until(isFar: () => Promise<boolean>): Promise<void>
}

export function createLeader(): Leader {
  const events = new EventEmitter()
  let steps = 0
  let isOver = false
  const announce = () => void events.emit('step', ++steps)
  return {
    step: announce,
    end: () => {
      isOver = true
      announce()
    },
    until: async (isFar) => {
      for (;;) {
        const seen = steps
        if ((await isFar()) || isOver) return
        if (seen === steps) await once(events, 'step')
      }
    },
  }
}
