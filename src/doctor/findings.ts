import { WhoopsterError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { World } from '../world.ts'

export const checks = [
  'settings',
  '.env',
  'DNS',
  'TLS',
  'WHOOP',
  'clock',
  'disk',
  'database',
  'schema',
  'key',
  'logins',
  'scopes',
  'webhook',
  'archive',
] as const
export type Check = (typeof checks)[number]
export type Verdict = 'ok' | 'warning' | 'problem' | 'skipped'

export interface Finding {
  check: Check
  verdict: Verdict
  message: string
  hint: string | null
}

export interface Dependencies {
  world: World
  log: Log
  find: Find
}

export type Find = (check: Check, verdict: Verdict, message: string, hint?: string) => void

/** Undefined where a setting is wrong: the check of the settings says so. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (error instanceof WhoopsterError) return undefined
    throw error
  }
}
