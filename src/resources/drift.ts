import type { Resource } from './resource.ts'

/** As much of a valibot schema as tells which fields it knows. */
interface Schema {
  entries?: Record<string, Schema>
  wrapped?: Schema
  pipe?: readonly Schema[]
}

/** The dotted names of a record's fields that no column takes and no list names as left out. */
export function unknownFields(resource: Resource, raw: unknown): string[] {
  return strangers(raw, resource.row as Schema, '').filter((field) => !Object.hasOwn(resource.leftOut, field))
}

function strangers(value: unknown, schema: Schema, path: string): string[] {
  const entries = knownOf(schema)
  if (!entries || typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = Object.hasOwn(entries, name) ? entries[name] : undefined
    return field ? strangers(inner, field, `${path}${name}.`) : [shortened(`${path}${name}`)]
  })
}

const LONGEST_NAME = 100

function shortened(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}…`
}

const known = new WeakMap<Schema, { entries: Record<string, Schema> | undefined }>()

/** Looked up once for each schema, and not for each of thousands of records. */
function knownOf(schema: Schema): Record<string, Schema> | undefined {
  const found = known.get(schema) ?? { entries: entriesOf(schema) }
  known.set(schema, found)
  return found.entries
}

/** Of an object, however it is wrapped in pipes and nullish. */
function entriesOf({ entries, wrapped, pipe }: Schema): Record<string, Schema> | undefined {
  if (entries) return entries
  if (wrapped) return entriesOf(wrapped)
  return pipe?.map((part) => (part.pipe === pipe ? part.entries : entriesOf(part))).find((found) => found !== undefined)
}
