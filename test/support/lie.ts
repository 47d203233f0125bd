// What a WHOOP that lies says: where its lists are, what they look like, and a page of one that a test has made up.
import type { Faults, Kind, Records } from '../../src/sandbox/index.ts'

export type Lie = NonNullable<Faults['lie']>
export type Answer = ReturnType<Lie>

export interface Body {
  records: Record<string, unknown>[]
  next_token: string | null
}

export const API = '/developer/v2/'
export const paths = {
  sleep: 'activity/sleep',
  recovery: 'recovery',
  workout: 'activity/workout',
  cycle: 'cycle',
} as const

/** The page of this list that the token asks for; another's token asks for the first. */
export function pageOf(all: readonly Records[Kind][], { nextToken = '' }: Record<string, string>) {
  const from = /^\d+$/.test(nextToken) ? Number(nextToken) : 0
  return { records: all.slice(from, from + 25), next_token: from + 25 < all.length ? String(from + 25) : null }
}
