import { createHash } from 'node:crypto'
import { partsOf, readPart, writeAlike, type Lines } from '../db/archive.ts'
import type { Db, Tx } from '../db/connection/index.ts'
import { nothingStored, schemaState } from '../db/migrate.ts'
import { loadEverybody, notStored, type Member } from '../db/members.ts'
import { WhoopsterError } from '../errors.ts'
import { withSnapshot } from '../db/snapshot.ts'
import type { Sink } from '../files.ts'
import { version } from '../version.ts'
import {
  fileOf,
  FORMAT,
  FORMAT_VERSION,
  MANIFEST,
  parts,
  README,
  readmeText,
  type FileEntry,
  type Manifest,
  type Part,
} from '../resources/archive.ts'
import { createZip } from './zip.ts'

export interface Archived {
  whoopUserIds: number[]
  lines: number
}

interface Options {
  /** Undefined: every member. */
  user: number | undefined
  interrupted: AbortSignal
  /** Told before each part. */
  report: (whoopUserId: number, part: Part) => void
}

/** Writes what is stored of the members into one ZIP file, all as of one moment. The same content gives the same bytes. */
export async function archive(db: Db, sink: Sink, { user, interrupted, report }: Options): Promise<Archived> {
  const { applied } = await schemaState(db)
  return withSnapshot(db, async (tx) => {
    await writeAlike(tx)
    const members = (await loadEverybody(tx, user)).toSorted((one, other) => one.whoopUserId - other.whoopUserId)
    if (members.length === 0) throw nobody(user)
    const zip = createZip(async (bytes) => {
      if (sink.closed()) throw unread()
      await sink.write(bytes)
    })
    await zip.add(README, [Buffer.from(readmeText)])
    const files: FileEntry[] = []
    for (const { member, part } of await everyPart(tx, members)) {
      report(member.whoopUserId, part)
      const told = new Telling()
      const name = fileOf(member.whoopUserId, part)
      const written = await zip.add(name, told.bytes(readPart(tx, member, part), interrupted))
      files.push({ name, lines: told.lines, ...written, from: told.from, to: told.to })
    }
    const whoopUserIds = members.map(({ whoopUserId }) => whoopUserId)
    const manifest: Manifest = {
      format: FORMAT,
      version: FORMAT_VERSION,
      whoopster: version,
      schema: applied.at(-1)?.name ?? '',
      members: whoopUserIds,
      files,
    }
    await zip.add(MANIFEST, [Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`)])
    await zip.end()
    return { whoopUserIds, lines: files.reduce((sum, { lines }) => sum + lines, 0) }
  })
}

/** A part that is not in the database as it is in the archive. */
export interface Unlike {
  name: string
  archived: number
  stored: number
}

/** Which of the manifest's files the database would not write like that today. */
export async function compareWithDatabase(db: Db, { files }: Manifest, interrupted: AbortSignal): Promise<Unlike[]> {
  return withSnapshot(db, async (tx) => {
    await writeAlike(tx)
    const stored = new Map<string, { member: Member; part: Part }>()
    for (const one of await everyPart(tx, await loadEverybody(tx))) {
      stored.set(fileOf(one.member.whoopUserId, one.part), one)
    }
    const unlike: Unlike[] = []
    for (const file of files) {
      const [told, hash, found] = [new Telling(), createHash('sha256'), stored.get(file.name)]
      const lines = found ? readPart(tx, found.member, found.part) : []
      for await (const some of told.bytes(lines, interrupted)) hash.update(some)
      if (hash.digest('hex') !== file.sha256) unlike.push({ name: file.name, archived: file.lines, stored: told.lines })
    }
    return unlike
  })
}

async function everyPart(tx: Tx, members: readonly Member[]): Promise<{ member: Member; part: Part }[]> {
  const present = await partsOf(tx, parts)
  return members.flatMap((member) => present.map((part) => ({ member, part })))
}

/** Lines as bytes, counted as they go by. */
class Telling {
  lines = 0
  from: string | null = null
  to: string | null = null

  async *bytes(batches: AsyncIterable<Lines> | Iterable<Lines>, interrupted: AbortSignal): AsyncGenerator<Buffer> {
    for await (const batch of batches) {
      interrupted.throwIfAborted()
      if (this.lines === 0) this.from = batch.from
      this.to = batch.to
      this.lines += batch.lines.length
      yield Buffer.from(`${batch.lines.join('\n')}\n`)
    }
  }
}

/** Half an archive is none. */
function unread(): WhoopsterError {
  return new WhoopsterError('unavailable', 'The program that reads the archive stopped before its end.', {
    hint: 'write it into a file first: whoopster archive --out whoop.zip',
  })
}

function nobody(user: number | undefined): WhoopsterError {
  return user === undefined ? nothingStored() : notStored(user)
}
