import { open, type FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { fromFdPromise, type Entry as Found, type ZipFile } from 'yauzl'
import { WhoopsterError, whyOf } from '../errors.ts'
import { centralHeader, descriptor, endOfDirectory, localHeader, type Entry } from './zip.ts'

// yauzl reads the ZIP. Here it is held against what zip.ts would have written, byte for byte, but for the content, which
// the sums of the directory and the manifest vouch for: whatever another program, or a hostile one, has made of it is
// refused before it is unpacked. Files follow one another without gaps, so none of them is unpacked twice.

const MOST_ENTRIES = 200_000
const LARGEST_DIRECTORY = 64 * 2 ** 20

export interface ZipEntry extends Omit<Entry, 'name'> {
  name: string
  found: Found
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
    throw new WhoopsterError('usage', `${path} cannot be read: ${whyOf(cause)}`, {
      hint: 'name a file that whoopster archive has written',
      cause,
    })
  })
  try {
    if (!(await file.stat()).isFile()) throw damaged('it is not a file')
    const options = { autoClose: false, decodeStrings: false } // names are for us to judge
    const zip = await fromFdPromise(file.fd, options).catch((cause: unknown) => {
      throw damaged('its end is missing', cause)
    })
    const entries = await readDirectory(file, zip)
    return { entries, read: (entry) => unpack(file, zip, entry), close: () => file.close() }
  } catch (error) {
    await file.close()
    if (error instanceof WhoopsterError) throw error
    throw damaged('its directory is broken', error)
  }
}

async function readDirectory(file: FileHandle, zip: ZipFile): Promise<ZipEntry[]> {
  if (zip.entryCount > MOST_ENTRIES) throw damaged(`it claims to hold ${zip.entryCount} files`)
  const entries: ZipEntry[] = []
  let expected = 0
  for await (const found of zip.eachEntry()) {
    const entry = {
      name: found.fileNameRaw.toString('utf8'),
      crc: found.crc32,
      bytes: found.uncompressedSize,
      packed: found.compressedSize,
      offset: found.relativeOffsetOfLocalHeader,
      found,
    }
    if (entry.offset !== expected || entry.packed === 0)
      throw damaged(`${quoted(entry.name)} is not where it should be`)
    expected = dataOf(entry) + entry.packed + descriptor(named(entry)).length
    entries.push(entry)
  }
  const headers = entries.map((entry) => centralHeader(named(entry)))
  const size = headers.reduce((sum, { length }) => sum + length, 0)
  if (size > LARGEST_DIRECTORY) throw damaged('its directory is too large')
  const rest = Buffer.concat([...headers, endOfDirectory(entries.length, expected, size)])
  const { size: length } = await file.stat()
  if (length !== expected + rest.length) throw damaged('there is more in it than its directory says')
  if (!rest.equals(await readAt(file, expected, rest.length))) throw damaged('its directory is broken')
  return entries
}

function named(entry: ZipEntry): Entry {
  return { ...entry, name: entry.found.fileNameRaw }
}

function dataOf(entry: ZipEntry): number {
  return entry.offset + localHeader(named(entry)).length
}

async function* unpack(file: FileHandle, zip: ZipFile, entry: ZipEntry): AsyncGenerator<Buffer> {
  const [before, after] = [localHeader(named(entry)), descriptor(named(entry))]
  const isFramed =
    before.equals(await readAt(file, entry.offset, before.length)) &&
    after.equals(await readAt(file, dataOf(entry) + entry.packed, after.length))
  if (!isFramed) throw damaged(`${quoted(entry.name)} is not where it should be`)
  let crc = 0
  try {
    const unpacked = await zip.openReadStreamPromise(entry.found) // it ends with an error unless its length is right
    for await (const some of unpacked as AsyncIterable<Buffer>) {
      crc = crc32(some, crc)
      yield some
    }
  } catch (error) {
    if (error instanceof WhoopsterError) throw error
    throw damaged(`${quoted(entry.name)} cannot be unpacked (${whyOf(error)})`, error)
  }
  if (crc !== entry.crc) throw damaged(`${quoted(entry.name)} is not what was written`)
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
