import type { Faults } from './faults.ts'
import type { Kind, Records } from './records.ts'
import type { Placed } from './world.ts'

export interface Page {
  records: Records[Kind][]
  next_token: string | null
}

interface Range {
  start: number
  end: number
}

// A page of the list as it is now: the token is an offset, and the list moves under it. Bad numbers are answered with
// 400, but bad dates with 404, as WHOOP does.
export function readPage(list: readonly Placed[], query: URLSearchParams, filter: Faults['filter']): Page | 400 | 404 {
  const start = readInstant(query.get('start'), -Infinity)
  const end = readInstant(query.get('end'), Infinity) // nothing begins after now, so "until now" needs no clock
  if (start === undefined || end === undefined) return 404
  const limit = readLimit(query.get('limit'))
  const offset = readToken(query.get('nextToken'))
  if (limit === undefined || offset === undefined) return 400
  const matching = list.filter((one) => MATCHES[filter](one, { start, end }))
  const next = offset + limit
  return {
    records: matching.slice(offset, next).map(({ record }) => record),
    next_token: next < matching.length ? writeToken(next) : null,
  }
}

const MATCHES: Record<Faults['filter'], (place: Placed, range: Range) => boolean> = {
  overlap: ({ from, to }, { start, end }) => to > start && from < end,
  contained: ({ from, to }, { start, end }) => from >= start && to <= end,
  created: ({ created }, { start, end }) => created >= start && created < end,
  ignored: () => true,
}

function readLimit(value: string | null): number | undefined {
  const limit = Number(value ?? 10)
  return /^\d+$/.test(value ?? '10') && limit >= 1 && limit <= 25 ? limit : undefined
}

function readInstant(value: string | null, unset: number): number | undefined {
  if (value === null) return unset
  const date = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.exec(value)?.[1]
  const instant = Date.parse(value.toUpperCase())
  return date === undefined || Number.isNaN(instant) || !exists(date) ? undefined : instant
}

// V8 takes February 30 for March 2.
function exists(date: string): boolean {
  const day = new Date(`${date}T00:00:00Z`)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)
}

function writeToken(offset: number): string {
  return Buffer.from(JSON.stringify({ $: 'o@1', o: offset })).toString('base64')
}

function readToken(value: string | null): number | undefined {
  if (value === null) return 0
  try {
    const token: unknown = JSON.parse(Buffer.from(value, 'base64').toString('utf8'))
    return isToken(token) ? token.o : undefined
  } catch {
    return undefined
  }
}

function isToken(token: unknown): token is { $: string; o: number } {
  if (typeof token !== 'object' || token === null || !('o' in token) || !('$' in token)) return false
  return token.$ === 'o@1' && Number.isSafeInteger(token.o) && Number(token.o) >= 0
}
