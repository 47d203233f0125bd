import * as v from 'valibot'
import { WhoopsterError } from '../errors.ts'
import type { Resource } from '../resources/resource.ts'
import type { Whoop } from './client.ts'

/** WHOOP's largest page. */
export const PAGE_SIZE = 25

/** One page of a collection, newest first. */
export interface Page {
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
): Promise<Page> {
  const answer = await whoop.get(path, scope, {
    limit: String(PAGE_SIZE),
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(token === undefined ? {} : { nextToken: token }),
  })
  const page = v.safeParse(Envelope, answer)
  if (!page.success) throw new WhoopsterError('protocol', `WHOOP sent no page for ${path}.`)
  return { records: page.output.records, nextToken: page.output.next_token || undefined }
}

/** One record by its natural key; undefined when WHOOP no longer has it. */
export async function findRecord(whoop: Whoop, resource: Resource, key: string): Promise<unknown> {
  const path = resource.pathOf(key)
  const record = await whoop.find(path, resource.scope)
  if (record === undefined || isNamed(record, resource.key.name, key)) return record
  // Not even in quarantine: what does not say that it is this record would stay there for ever.
  throw new WhoopsterError('protocol', `WHOOP sent something else than the record for ${path}.`)
}

function isNamed(record: unknown, name: string, key: string): boolean {
  const named: unknown = typeof record === 'object' && record !== null ? Reflect.get(record, name) : undefined
  return String(named).toLowerCase() === key
}
