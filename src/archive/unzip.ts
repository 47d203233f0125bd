import { open, type FileHandle } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { PassThrough, Readable } from 'node:stream'
import { createInflateRaw, crc32 } from 'node:zlib'
import { WhoopsterError } from '../errors.ts'
import {
  CENTRAL,
  centralHeader,
  descriptor,
  END,
  END_64,
  endOfDirectory,
  FITS_IN_16,
  FITS_IN_32,
  localHeader,
  LOCATOR_64,
  type Entry,
} from './zip.ts'

// Reads what zip.ts writes, and nothing else: whatever another program, or a hostile one, may have made of it is refused
// before it is unpacked. Files follow one another without gaps, so none of them is unpacked twice.

const MOST_ENTRIES = 200_000
const LARGEST_DIRECTORY = 64 * 2 ** 20

export interface ZipEntry extends Omit<Entry, 'name'> {
  name: string
}

export interface Zip {
  entries: readonly ZipEntry[]
  /** A file's bytes; throws when there are more or fewer of them, or others, than the directory says. */
  read(entry: ZipEntry): AsyncIterable<Buffer>
  close(): Promise<void>
}

/** The archive is not what was written. */
export function damaged(what: string, cause?: unknown): WhoopsterError {
  return new WhoopsterError('usage', `This is no whole archive of whoopster: ${what}.`, {
    hint: 'nothing was written; take another copy of the file, or make a new one: whoopster archive',
    ...(cause === undefined ? {} : { cause }),
  })
}

export async function openZip(path: string): Promise<Zip> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WhoopsterError('usage', `${path} cannot be read: ${why}`, {
      hint: 'name a file that whoopster archive has written',
      cause,
    })
  })
  try {
    const entries = await readDirectory(file)
    return { entries, read: (entry) => unpack(file, entry), close: () => file.close() }
  } catch (error) {
    await file.close()
    if (error instanceof WhoopsterError) throw error
    throw damaged(error instanceof Error ? error.message : String(error), error)
  }
}

async function readDirectory(file: FileHandle): Promise<ZipEntry[]> {
  const stats = await file.stat()
  if (!stats.isFile()) throw damaged('it is not a file')
  const { count, start, size, end } = await readEnd(file, stats.size)
  if (count > MOST_ENTRIES || size > LARGEST_DIRECTORY) throw damaged(`it claims to hold ${count} files`)
  if (start + size !== end) throw damaged('its directory is not where it should be')
  const directory = await readAt(file, start, size)
  const entries: ZipEntry[] = []
  let [at, expected] = [0, 0]
  while (entries.length < count) {
    const { entry, length } = readCentral(directory, at)
    if (entry.offset !== expected || entry.packed === 0)
      throw damaged(`${quoted(entry.name)} is not where it should be`)
    const written = named(entry)
    if (!centralHeader(written).equals(directory.subarray(at, at + length))) throw damaged('its directory is broken')
    expected = dataOf(entry) + entry.packed + descriptor(written).length
    at += length
    entries.push(entry)
  }
  if (at !== size || expected !== start) throw damaged('there is more in it than its directory says')
  const last = endOfDirectory(count, start, size)
  if (!last.equals(await readAt(file, end, stats.size - end))) throw damaged('its end is broken')
  return entries
}

async function readEnd(file: FileHandle, length: number) {
  if (length < 22) throw damaged('its end is missing')
  const end = await readAt(file, length - 22, 22)
  if (end.readUInt32LE(0) !== END) throw damaged('its end is missing')
  const small = {
    count: end.readUInt16LE(10),
    size: end.readUInt32LE(12),
    start: end.readUInt32LE(16),
    end: length - 22,
  }
  if (small.count < FITS_IN_16 && small.size < FITS_IN_32 && small.start < FITS_IN_32) return small
  if (length < 98) throw damaged('its end is missing')
  const large = await readAt(file, length - 98, 76)
  if (large.readUInt32LE(0) !== END_64 || large.readUInt32LE(56) !== LOCATOR_64) throw damaged('its end is missing')
  return {
    count: Number(large.readBigUInt64LE(32)),
    size: Number(large.readBigUInt64LE(40)),
    start: Number(large.readBigUInt64LE(48)),
    end: length - 98,
  }
}

function readCentral(directory: Buffer, at: number): { entry: ZipEntry; length: number } {
  if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL) throw damaged('its directory is broken')
  const nameLength = directory.readUInt16LE(at + 28)
  const extraLength = directory.readUInt16LE(at + 30)
  const length = 46 + nameLength + extraLength
  if (at + length > directory.length || directory.readUInt16LE(at + 32) !== 0) throw damaged('its directory is broken')
  let extra = at + 46 + nameLength + 4
  const wide = (value: number) => {
    if (value < FITS_IN_32) return value
    if (extra + 8 > at + length) throw damaged('its directory is broken')
    const large = Number(directory.readBigUInt64LE(extra))
    extra += 8
    return large
  }
  const bytes = wide(directory.readUInt32LE(at + 24))
  const packed = wide(directory.readUInt32LE(at + 20))
  const offset = wide(directory.readUInt32LE(at + 42))
  const name = directory.toString('utf8', at + 46, at + 46 + nameLength)
  return { entry: { name, crc: directory.readUInt32LE(at + 16), bytes, packed, offset }, length }
}

function named(entry: ZipEntry): Entry {
  return { ...entry, name: Buffer.from(entry.name) }
}

function dataOf(entry: ZipEntry): number {
  return entry.offset + localHeader(named(entry)).length
}

async function* unpack(file: FileHandle, entry: ZipEntry): AsyncGenerator<Buffer> {
  const [before, after] = [localHeader(named(entry)), descriptor(named(entry))]
  const isFramed =
    before.equals(await readAt(file, entry.offset, before.length)) &&
    after.equals(await readAt(file, dataOf(entry) + entry.packed, after.length))
  if (!isFramed) throw damaged(`${quoted(entry.name)} is not where it should be`)
  const unpacked = new PassThrough()
  const packed = Readable.from(readBetween(file, dataOf(entry), entry.packed), { objectMode: false })
  const piped = pipeline(packed, createInflateRaw(), unpacked)
  piped.catch(() => {}) // whoever reads hears of it
  let [bytes, crc] = [0, 0]
  try {
    for await (const some of unpacked as AsyncIterable<Buffer>) {
      bytes += some.length
      if (bytes > entry.bytes) throw damaged(`${quoted(entry.name)} is longer than its directory says`)
      crc = crc32(some, crc)
      yield some
    }
  } catch (error) {
    throw error instanceof WhoopsterError ? error : damaged(`${quoted(entry.name)} cannot be unpacked`, error)
  }
  if (bytes !== entry.bytes || crc !== entry.crc) throw damaged(`${quoted(entry.name)} is not what was written`)
}

const AT_ONCE = 2 ** 18

async function* readBetween(file: FileHandle, start: number, length: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < length; done += AT_ONCE) {
    yield await readAt(file, start + done, Math.min(AT_ONCE, length - done))
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  if (bytesRead < length) throw damaged('it is cut off')
  return buffer
}

/** A name may be anything. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name)
}
