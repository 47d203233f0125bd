import * as v from 'valibot'
import { WhoopsterError } from '../errors.ts'
import { resourceOf } from '../resources/index.ts'
import type { Resource } from '../resources/resource.ts'
import type { Whoop } from './client.ts'

/** WHOOP's largest page. */
export const PAGE_SIZE = 25

/** One page of a collection, newest first. */
export interface RawPage {
  records: unknown[]
  /** Where the list goes on; undefined on the last page. An offset into a list that moves: good for the next page only. */
  nextToken: string | undefined
}

const Envelope = v.pipe(
  v.record(v.string(), v.unknown()),
  // Whatever else WHOOP may answer with 200, it must not pass for the end of the list.
  v.check((answer) => 'records' in answer || 'next_token' in answer),
  v.looseObject({
    records: v.nullish(v.array(v.unknown()), []),
    next_token: v.nullish(v.string(), ''),
  }),
)

/** The newest records that began before `end` and ended after `start` (RFC 3339; without them, the newest of all). */
export async function readPage(
  whoop: Whoop,
  { path, scope }: Resource,
  { start, end, token }: { start?: string; end?: string; token?: string },
): Promise<RawPage> {
  const answer = await whoop.find(path, scope, {
    limit: String(PAGE_SIZE),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(token === undefined ? {} : { nextToken: token }),
  })
  if (answer === undefined) return { records: [], nextToken: undefined } // 404: some say so that there is nothing
  const page = v.safeParse(Envelope, answer)
  if (!page.success) throw new WhoopsterError('protocol', `WHOOP sent no page for ${path}.`)
  return { records: page.output.records, nextToken: page.output.next_token || undefined }
}

/** Looks after a walk through a list: it has an end. */
export interface Walked {
  seen: ReadonlySet<string>
  /** Takes note of a page's keys; throws when the list goes in circles. */
  note(keys: readonly string[], hasNext: boolean): void
}

const SHORT_PAGE = 5 // records: a list of shorter ones is not WHOOP's
const FEW_PAGES = 10

/** A page that announces another one shows something new, and the pages are no more than the records can fill. */
export function newWalk({ path }: Resource): Walked {
  const seen = new Set<string>()
  let pages = 0
  return {
    seen,
    note: (keys, hasNext) => {
      const known = seen.size
      for (const key of keys) seen.add(key)
      pages++
      if ((hasNext && seen.size === known) || pages > FEW_PAGES + seen.size / SHORT_PAGE) throw endless(path)
    },
  }
}

export function endless(path: string): WhoopsterError {
  return new WhoopsterError(
    'protocol',
    `WHOOP sent an empty or repeated page for ${path}, where other records must be.`,
    {
      hint: 'nothing was concluded from it; a later run asks again',
    },
  )
}

/** What WHOOP has under a record's address: the record, nothing any more, or something from which neither follows. */
export type Found = { record: unknown } | 'gone' | 'unclear'

/** Where a record is to be found. */
export interface Wanted {
  key: string
  /** What stands in its address. */
  address: string
}

/**
 * Asks for one record. What has no address of its own is found by way of what it belongs to: a recovery by its sleep,
 * whose end is its end, too, and which says by now to which cycle it belongs.
 */
export async function findRecord(
  whoop: Whoop,
  resource: Resource,
  { key, address }: Wanted,
  scopes: readonly string[],
): Promise<Found> {
  const { addressedBy } = resource
  if (!addressedBy) return ask(whoop, resource, { key, address: key })
  const owner = resourceOf(resource.after)
  const belongsTo = owner && scopes.includes(owner.scope) ? await ask(whoop, owner, { key, address: key }) : undefined
  if (belongsTo === 'gone') return 'gone'
  const named = typeof belongsTo === 'object' ? fieldOf(belongsTo.record, addressedBy.field) : undefined
  return ask(whoop, resource, { key, address: named ?? address })
}

async function ask(whoop: Whoop, resource: Resource, { key, address }: Wanted): Promise<Found> {
  const path = resource.pathOf(address)
  const record = await whoop.find(path, resource.scope)
  if (record === undefined) return resource.addressedBy ? 'unclear' : 'gone'
  if (fieldOf(record, resource.keyField)?.toLowerCase() === key) return { record }
  if (resource.addressedBy) return 'unclear' // another one's, by now
  // Not even in quarantine: what does not say that it is this record would stay there for ever.
  throw new WhoopsterError('protocol', `WHOOP sent something else than the record for ${path}.`)
}

function fieldOf(record: unknown, name: string): string | undefined {
  const value: unknown = typeof record === 'object' && record !== null ? Reflect.get(record, name) : undefined
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}
