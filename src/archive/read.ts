import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { WhoopsterError } from '../errors.ts'
import { unstorable } from '../resources/read.ts'
import {
  fileOf,
  FORMAT,
  FORMAT_VERSION,
  lines as schemas,
  MANIFEST,
  manifest as manifestSchema,
  parts,
  README,
  type FileEntry,
  type Line,
  type Manifest,
  type Part,
} from '../resources/archive.ts'
import { damaged, openZip, quoted, type Zip, type ZipEntry } from './unzip.ts'
import { amount, number } from '../numbers.ts'

/** A member's part in an archive. */
export interface ArchivedPart {
  whoopUserId: number
  part: Part
  file: FileEntry
  entry: ZipEntry
}

export interface Archive {
  manifest: Manifest
  parts: readonly ArchivedPart[]
  /** The lines of a part, a few hundred at a time; throws where they are not what was written. */
  read<P extends Part>(part: ArchivedPart & { part: P }): AsyncGenerator<ReadLine<P>[]>
}

export interface ReadLine<P extends Part> {
  /** The line's own JSON. */
  text: string
  value: Line<P>
}

const LARGEST_IN_MEMORY = 64 * 2 ** 20

/** Opens an archive whose directory and manifest are in order; its lines are only read later. */
export async function withArchive<T>(path: string, work: (archive: Archive) => Promise<T>): Promise<T> {
  const zip = await openZip(path)
  try {
    const manifest = await readManifest(zip)
    return await work({ manifest, parts: partsOf(zip, manifest), read: (part) => readLines(zip, part) })
  } finally {
    await zip.close()
  }
}

/** Reads every line, so that nothing of an archive is used that is not whole. */
export async function checkEveryLine(
  archive: Archive,
  { interrupted, report }: { interrupted: AbortSignal; report: (part: ArchivedPart) => void },
): Promise<number> {
  let lines = 0
  for (const part of archive.parts) {
    report(part)
    for await (const some of archive.read(part)) {
      interrupted.throwIfAborted()
      lines += some.length
    }
  }
  return lines
}

const OURS = /^(README\.txt|manifest\.json|members\/[1-9]\d{0,15}\/[a-z-]+\.ndjson)$/

async function readManifest(zip: Zip): Promise<Manifest> {
  const stranger = zip.entries.find(({ name }) => !OURS.test(name))
  if (stranger) throw damaged(`${quoted(stranger.name)} is no name of ours`)
  await readWhole(zip, zip.entries[0], README)
  const text = await readWhole(zip, zip.entries.at(-1), MANIFEST)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged('its manifest is no JSON', cause)
  }
  const head = v.safeParse(v.looseObject({ format: v.literal(FORMAT), version: v.number() }), value)
  if (!head.success) throw damaged('its manifest is not ours')
  if (head.output.version > FORMAT_VERSION) {
    throw new WhoopsterError('settings', 'The archive was written by a newer whoopster than this.', {
      hint: 'update whoopster, by git pull && npm ci in its folder; nothing was written',
    })
  }
  const read = v.safeParse(manifestSchema, value)
  if (!read.success) throw damaged(`its manifest cannot be read (${v.getDotPath(read.issues[0]) ?? 'it'})`)
  return read.output
}

async function readWhole(zip: Zip, entry: ZipEntry | undefined, name: string): Promise<string> {
  if (entry?.name !== name || entry.bytes > LARGEST_IN_MEMORY) throw damaged(`${name} is not in its place`)
  const bytes = []
  for await (const some of zip.read(entry)) bytes.push(some)
  return Buffer.concat(bytes).toString('utf8')
}

/** Refuses any file that the manifest does not have, or has otherwise, and a member of whom a part is missing. */
function partsOf({ entries }: Zip, { members, files }: Manifest): ArchivedPart[] {
  const names = [README, ...files.map(({ name }) => name), MANIFEST]
  if (entries.length !== names.length || entries.some(({ name }, index) => name !== names[index])) {
    throw damaged('its files are not those of its manifest')
  }
  const known = new Map(members.flatMap((id) => parts.map((part) => [fileOf(id, part), { whoopUserId: id, part }])))
  const missing = members.flatMap((id) =>
    parts.filter((part) => !part.startsWith('journal') && !names.includes(fileOf(id, part))),
  )
  if (missing.length > 0) throw damaged(`it lacks ${missing[0]} of a member`)
  return files.map((file, index) => {
    const part = known.get(file.name)
    const entry = entries[index + 1]
    if (!part || !entry) throw damaged(`${quoted(file.name)} is no part of a member's`)
    known.delete(file.name) // each once
    if (entry.bytes !== file.bytes) throw damaged(`${quoted(file.name)} is not as long as its manifest says`)
    return { ...part, file, entry }
  })
}

async function* readLines<P extends Part>(
  zip: Zip,
  archived: ArchivedPart & { part: P },
): AsyncGenerator<ReadLine<P>[]> {
  const { part, file, entry } = archived
  const hash = createHash('sha256')
  let count = 0
  for await (const texts of splitLines(zip.read(entry), file, (some) => hash.update(some))) {
    yield texts.map((text) => readLine<P>(archived, text, ++count))
  }
  if (count !== file.lines) throw damaged(`${file.name} has ${amount(count, 'line')}, and not ${number(file.lines)}`)
  if (hash.digest('hex') !== file.sha256) throw damaged(`${file.name} is not what was written`)
  if (part === 'profile' && count !== 1) throw damaged(`${file.name} is not one member's`)
}

function readLine<P extends Part>(archived: ArchivedPart & { part: P }, text: string, number: number): ReadLine<P> {
  const { part, file, whoopUserId } = archived
  const bad = (why: string, cause?: unknown) => damaged(`line ${number} of ${file.name} ${why}`, cause)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw bad('is no JSON', cause)
  }
  const odd = unstorable(value)
  if (odd !== undefined) throw bad(`cannot be stored: ${odd}`)
  const read = v.safeParse(schemas[part], value)
  if (!read.success) throw bad(`cannot be read (${v.getDotPath(read.issues[0]) ?? 'it'})`)
  const owner = ownerOf(part, value as Record<string, unknown>)
  if (owner !== undefined && owner !== whoopUserId) throw bad('is of another member')
  return { text, value: read.output }
}

/** Whose a line says that it is; null where it has to say so, and does not. */
function ownerOf(part: Part, line: Record<string, unknown>): unknown {
  if (part === 'profile') return line['whoop_user_id']
  const raw = line['raw_data']
  const owner = typeof raw === 'object' && raw !== null && 'user_id' in raw ? raw.user_id : undefined
  return part === 'body' || part === 'history' || part.startsWith('journal') ? owner : whoseRecord(part, owner)
}

function whoseRecord(part: Part, owner: unknown): unknown {
  return part === 'quarantine' || part === 'coverage' ? undefined : (owner ?? null)
}

const LONGEST_LINE = 2 ** 26
const MOST_LINES = 500
const LARGE = 2 ** 20 // bytes, for a batch
const NEWLINE = 0x0a

async function* splitLines(
  bytes: AsyncIterable<Buffer>,
  { name }: FileEntry,
  told: (some: Buffer) => void,
): AsyncGenerator<string[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const decode = (line: Buffer) => {
    try {
      return decoder.decode(line)
    } catch (cause) {
      throw damaged(`${name} is no UTF-8`, cause)
    }
  }
  let begun: Buffer[] = [] // of a line that goes on
  let begunLength = 0
  let [lines, length]: [string[], number] = [[], 0]
  for await (const some of bytes) {
    told(some)
    let start = 0
    for (let end = some.indexOf(NEWLINE); end !== -1; end = some.indexOf(NEWLINE, start)) {
      const rest = some.subarray(start, end)
      const line = begun.length === 0 ? rest : Buffer.concat([...begun, rest])
      ;[begun, begunLength, start] = [[], 0, end + 1]
      lines.push(decode(line))
      length += line.length
      if (lines.length >= MOST_LINES || length >= LARGE) {
        yield lines
        ;[lines, length] = [[], 0]
      }
    }
    if (start < some.length) begun.push(some.subarray(start))
    begunLength += some.length - start
    if (begunLength > LONGEST_LINE) throw damaged(`${name} has a line without an end`)
  }
  if (begun.length > 0) throw damaged(`${name} has a line without an end`)
  if (lines.length > 0) yield lines
}
