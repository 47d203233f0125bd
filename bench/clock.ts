import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../src/world.ts'

/** The world's time until `epoch`; from then on `factor` times as fast. The same in every process that is told both. */
export function hurriedClock(epoch: number, factor: number): Clock {
  return {
    now: () => new Date(epoch + (Date.now() - epoch) * factor),
    sleep: (ms, signal) => sleep(ms / factor, undefined, signal ? { signal } : {}).catch(() => {}),
    timeout: (ms) => AbortSignal.timeout(ms / factor),
  }
}
