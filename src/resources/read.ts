import { getTableColumns } from 'drizzle-orm'
import * as v from 'valibot'
import { WhoopsterError } from '../errors.ts'
import type { Resource } from './resource.ts'

/** A record that was understood: its columns, and what WHOOP sent. */
export interface Understood {
  row: Record<string, unknown>
  raw: unknown
}

/** Reads a page's records, each once, in the page's order. */
export function understand(
  resource: Resource,
  member: { whoopUserId: number },
  records: readonly unknown[],
): Understood[] {
  const byKey = new Map<string, Understood>()
  for (const raw of records) {
    const row = readRow(resource, member, raw)
    byKey.set(keyOf(resource, row), { row, raw })
  }
  return [...byKey.values()]
}

/** A record's natural key, as text. */
export function keyOf({ table, key }: Resource, row: Record<string, unknown>): string {
  const [property] = Object.entries(getTableColumns(table)).find(([, column]) => column.name === key.name) ?? []
  return String(row[property ?? ''])
}

/** Reads what WHOOP has one of: body measurements, the profile. */
export function readOne<Row>(name: string, schema: v.GenericSchema<unknown, Row>, raw: unknown): Row {
  const read = v.safeParse(schema, raw)
  if (!read.success) throw unreadable(name, explain(read.issues[0]))
  const odd = unstorable(raw)
  if (odd !== undefined) throw unreadable(name, `${odd}: holds a character that PostgreSQL cannot store`)
  return read.output
}

function readRow(resource: Resource, member: { whoopUserId: number }, raw: unknown): Record<string, unknown> {
  const read = v.safeParse(resource.row, raw)
  if (!read.success) throw unreadable(resource.name, explain(read.issues[0]))
  const odd = unstorable(raw)
  if (odd !== undefined) throw unreadable(resource.name, `${odd}: holds a character that PostgreSQL cannot store`)
  if (ownerOf(raw) !== member.whoopUserId) throw unreadable(resource.name, 'it belongs to another member')
  return read.output
}

const LONGEST_REASON = 200 // it quotes what it received, however long that is

function explain(issue: v.BaseIssue<unknown>): string {
  const reason =
    issue.message.length <= LONGEST_REASON ? issue.message : `${issue.message.slice(0, LONGEST_REASON - 1)}…`
  return `${v.getDotPath(issue) ?? 'it'}: ${reason}`.replace(/[\p{Cc}\p{Cs}]/gu, '�') // it is printed, and stored
}

/** The path of a text that JSON can carry and jsonb cannot: NUL, or half of a surrogate pair. Unknown fields count. */
function unstorable(value: unknown, path = ''): string | undefined {
  if (typeof value === 'string') return /[\0\p{Surrogate}]/u.test(value) ? path || 'it' : undefined
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const found = unstorable(key, path) ?? unstorable(inner, path ? `${path}.${key}` : key)
    if (found !== undefined) return found
  }
  return undefined
}

function ownerOf(raw: unknown): unknown {
  return typeof raw === 'object' && raw !== null && 'user_id' in raw ? raw.user_id : undefined
}

function unreadable(name: string, why: string): WhoopsterError {
  return new WhoopsterError('protocol', `WHOOP sent a ${name} record that cannot be read: ${why}`, {
    hint: 'report this, without the record: whoopster must learn to read it',
  })
}
