import { createHash } from 'node:crypto'
import { getTableColumns } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { WhoopsterError } from '../errors.ts'
import { toJson } from './json.ts'
import type { Resource } from './resource.ts'

/** A record that was understood: its columns, and what WHOOP sent. */
export interface Understood {
  row: Record<string, unknown>
  raw: unknown
}

/** A record that was not: why, and its natural key, or a hash of it where it shows none. */
export interface Unreadable {
  key: string
  text: string
  reason: string
  /** The key of the readable record above it, if there is one. */
  below?: string
}

const HASH = 'sha256:'

/** Whether WHOOP can be asked for the record by its key. */
export function hasNaturalKey({ key }: Pick<Unreadable, 'key'>): boolean {
  return !key.startsWith(HASH)
}

/** Reads a page's records, each once, in the page's order; one that cannot be read does not stop the others. */
export function understand(
  resource: Resource,
  member: { whoopUserId: number },
  records: readonly unknown[],
): { understood: Understood[]; unreadable: Unreadable[] } {
  const understood = new Map<string, Understood>()
  const unreadable = new Map<string, Unreadable>()
  let below: string | undefined
  for (const raw of records) {
    const read = readRow(resource, member, raw)
    if ('reason' in read) {
      unreadable.set(read.key, { ...read, ...(below === undefined ? {} : { below }) })
    } else {
      below = keyOf(resource, read.row)
      understood.set(below, read)
    }
  }
  for (const key of understood.keys()) unreadable.delete(key) // one that is twice on a page counts where it is readable
  return { understood: [...understood.values()], unreadable: [...unreadable.values()] }
}

/** For a record that PostgreSQL refuses though it could be read. */
export function refused(resource: Resource, { row, raw }: Understood, reason: string): Unreadable {
  return { key: keyOf(resource, row), text: textOf(raw), reason }
}

/** A record's natural key, as text. */
export function keyOf({ table, key }: Resource, row: Record<string, unknown>): string {
  return valueOf(table, key, row)
}

/** What a row has for a column, as text. */
export function valueOf(table: Resource['table'], column: PgColumn, row: Record<string, unknown>): string {
  let property = properties.get(column)
  if (property === undefined) {
    const [found = ''] = Object.entries(getTableColumns(table)).find(([, { name }]) => name === column.name) ?? []
    properties.set(column, (property = found))
  }
  return String(row[property])
}

const properties = new WeakMap<PgColumn, string>()

/** Reads what WHOOP has one of: body measurements, the profile. */
export function readOne<Row>(name: string, schema: v.GenericSchema<unknown, Row>, raw: unknown): Row {
  const read = v.safeParse(schema, raw)
  if (!read.success) throw unreadableAnswer(name, explain(read.issues[0]))
  const odd = unstorable(raw)
  if (odd !== undefined) throw unreadableAnswer(name, odd)
  return read.output
}

function readRow(resource: Resource, member: { whoopUserId: number }, raw: unknown): Understood | Unreadable {
  const unreadable = (reason: string) => {
    const text = textOf(raw)
    return { key: keyOfRaw(resource, raw, text), text, reason }
  }
  const odd = unstorable(raw)
  if (odd === TOO_DEEP) return unreadable(odd)
  const read = v.safeParse(resource.row, raw)
  if (!read.success) return unreadable(explain(read.issues[0]))
  if (odd !== undefined) return unreadable(odd)
  if (ownerOf(raw) !== member.whoopUserId) return unreadable(OTHERS)
  return { row: read.output, raw }
}

const OTHERS = 'user_id: is another member'

function textOf(raw: unknown): string {
  try {
    return toJson(raw)
  } catch {
    return '(nested too deeply to be written down)'
  }
}

function keyOfRaw({ key, keyField }: Resource, raw: unknown, text: string): string {
  const value: unknown = typeof raw === 'object' && raw !== null ? Reflect.get(raw, keyField) : undefined
  const natural = typeof value === 'string' || typeof value === 'number' ? String(value).toLowerCase() : ''
  return isKey(key.getSQLType(), natural) ? natural : `${HASH}${createHash('sha256').update(text).digest('hex')}`
}

/** What WHOOP can be asked for: many different records may share anything less. */
function isKey(type: string, text: string): boolean {
  if (type === 'uuid') return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
  return /^[1-9]\d*$/.test(text) && Number.isSafeInteger(Number(text))
}

const LONGEST_REASON = 200 // it quotes what it received, however long that is

function explain(issue: v.BaseIssue<unknown>): string {
  const reason =
    issue.message.length <= LONGEST_REASON ? issue.message : `${issue.message.slice(0, LONGEST_REASON - 1)}…`
  return `${v.getDotPath(issue) ?? 'it'}: ${reason}`.replace(/[\p{Cc}\p{Cs}]/gu, '�') // it is printed, and stored
}

const TOO_DEEP = 'it: is nested too deeply'
const DEEPEST = 1_000 // WHOOP's records are four levels deep, and PostgreSQL's own stack has an end

/** What JSON can carry and jsonb cannot: NUL, half of a surrogate pair, or a depth without end. Unknown fields count. */
export function unstorable(value: unknown): string | undefined {
  const odd = findUnstorable(value, 0)
  if (odd === undefined || odd === TOO_DEEP) return odd
  return `${odd.join('.') || 'it'}: holds a character that PostgreSQL cannot store`
}

/** Where that is. */
function findUnstorable(value: unknown, depth: number): string[] | typeof TOO_DEEP | undefined {
  if (typeof value === 'string') return UNSTORABLE.test(value) ? [] : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > DEEPEST) return TOO_DEEP
  for (const key of Object.keys(value)) {
    if (UNSTORABLE.test(key)) return []
    const found = findUnstorable(Reflect.get(value, key), depth + 1)
    if (found !== undefined) return found === TOO_DEEP ? found : [key, ...found]
  }
  return undefined
}

const UNSTORABLE = /[\0\p{Surrogate}]/u

/** Whether all of these records say that they belong to somebody else. */
export function areAnothers(member: { whoopUserId: number }, records: readonly unknown[]): boolean {
  return (
    records.length > 0 &&
    records.every((raw) => ![undefined, null, member.whoopUserId].includes(ownerOf(raw) as number))
  )
}

function ownerOf(raw: unknown): unknown {
  return typeof raw === 'object' && raw !== null && 'user_id' in raw ? raw.user_id : undefined
}

function unreadableAnswer(name: string, why: string): WhoopsterError {
  return new WhoopsterError('protocol', `WHOOP sent a ${name} record that cannot be read: ${why}`, {
    hint: 'report this, without the record: whoopster must learn to read it',
  })
}
