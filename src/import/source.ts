import { open, readdir, stat } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join, relative } from 'node:path'
import type { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { openPromise, type Entry, type ZipFile } from 'yauzl'
import { WhoopsterError, whyOf } from '../errors.ts'
import { WHAT_TO_NAME } from './csv.ts'

/** A CSV file: by itself, in a folder or in a ZIP. It is read as it is asked for, and never unpacked to disk. */
export interface SourceFile {
  /** As messages name it: `my_whoop_data.zip/sleeps.csv`. */
  name: string
  bytes: () => AsyncIterable<Buffer>
}

/** What one argument names. */
export interface Source {
  path: string
  files: readonly SourceFile[]
  close(): void
}

const LARGEST = 200 * 1024 * 1024

/** How much may still be unpacked, over all files of an import. */
export interface Allowance {
  bytes: number
}

export function newAllowance(): Allowance {
  return { bytes: LARGEST }
}

/** Opens a ZIP, a folder or a CSV file: by what it is, not by its name. */
export async function openSource(path: string, allowance: Allowance): Promise<Source> {
  const found = await stat(path).catch((cause: unknown) => {
    throw cannotRead(path, cause)
  })
  if (found.isDirectory()) return openFolder(path, allowance)
  const head = await headOf(path)
  if (isZip(head)) return openZip(path, allowance)
  if (/\.zip$/i.test(path)) {
    throw new WhoopsterError('data', `${path} is not a ZIP: it begins with ${shown(head)}.`, { hint: WHAT_TO_NAME })
  }
  return { path, files: [fileAt(path, path, allowance)], close: () => {} }
}

function cannotRead(path: string, cause: unknown): WhoopsterError {
  const code = (cause as NodeJS.ErrnoException).code
  const why = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${whyOf(cause)}`
  return new WhoopsterError('usage', `${path} ${why}.`, { hint: WHAT_TO_NAME, cause })
}

async function headOf(path: string): Promise<Buffer> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw cannotRead(path, cause)
  }
}

function isZip(head: Buffer): boolean {
  return ['PK\x03\x04', 'PK\x05\x06', 'PK\x07\x08'].includes(head.toString('latin1', 0, 4))
}

function shown(head: Buffer): string {
  if (head.length === 0) return 'nothing, it is empty'
  return `“${head.toString('latin1').replaceAll(/[^ -~]/g, '.')}”`
}

async function openFolder(path: string, allowance: Allowance): Promise<Source> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw cannotRead(path, cause)
  })
  const paths = entries
    .filter((entry) => entry.isFile() && isCsv(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
  if (paths.length === 0)
    throw nothingIn(
      path,
      entries.map(({ name }) => name),
    )
  const files = paths.toSorted().map((one) => fileAt(one, join(path, relative(path, one)), allowance))
  return { path, files, close: () => {} }
}

function fileAt(path: string, name: string, allowance: Allowance): SourceFile {
  return { name, bytes: () => metered(createReadStream(path), path, allowance) }
}

/** macOS puts a shadow of each file beside it. */
function isCsv(name: string): boolean {
  return /\.csv$/i.test(name) && !/(^|\/)(\._|__MACOSX\/)/.test(name)
}

function nothingIn(path: string, names: readonly string[]): WhoopsterError {
  const some = names.slice(0, 5).map((name) => name.slice(0, 60))
  const found = names.length === 0 ? 'nothing' : `${some.join(', ')}${names.length > some.length ? ', …' : ''}`
  return new WhoopsterError('data', `There is no CSV file in ${path}, but ${found}.`, { hint: WHAT_TO_NAME })
}

async function openZip(path: string, allowance: Allowance): Promise<Source> {
  const broken = (cause: unknown) => {
    if (cause instanceof WhoopsterError) return cause
    return new WhoopsterError('data', `${path} is damaged or cut off: ${whyOf(cause)}`, {
      hint: 'download it from WHOOP once more',
      cause,
    })
  }
  const zip = await openPromise(path, { autoClose: false }).catch((cause: unknown) => {
    throw broken(cause)
  })
  try {
    const entries: Entry[] = []
    for await (const entry of zip.eachEntry()) {
      entries.push(entry)
      if (entries.length > MOST_FILES)
        throw new WhoopsterError('data', `${path} holds more than ${MOST_FILES} files.`, { hint: WHAT_TO_NAME })
    }
    const wanted = entries.filter(({ fileName }) => isCsv(fileName))
    if (wanted.length === 0)
      throw nothingIn(
        path,
        entries.map(({ fileName }) => fileName),
      )
    const encrypted = wanted.find((entry) => entry.isEncrypted())
    if (encrypted) {
      throw new WhoopsterError('data', `${path} is encrypted.`, {
        hint: 'unpack it with its password, and name the folder',
      })
    }
    const announced = wanted.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0)
    if (announced > allowance.bytes) throw tooLarge(path)
    const files = wanted.map((entry) => ({
      name: `${path}/${entry.fileName}`,
      bytes: () => checked(zip, entry, path, allowance, broken),
    }))
    return { path, files, close: () => zip.close() }
  } catch (error) {
    zip.close()
    throw broken(error)
  }
}

const MOST_FILES = 1000

/** yauzl sees to it that an entry is as long as it says; the sum is ours to check. */
async function* checked(
  zip: ZipFile,
  entry: Entry,
  path: string,
  allowance: Allowance,
  broken: (cause: unknown) => WhoopsterError,
): AsyncGenerator<Buffer> {
  let sum = 0
  try {
    for await (const chunk of metered(await zip.openReadStreamPromise(entry), path, allowance)) {
      sum = crc32(chunk, sum)
      yield chunk
    }
  } catch (error) {
    throw broken(error)
  }
  if (sum !== entry.crc32) throw broken(new Error(`the checksum of ${entry.fileName} is wrong`))
}

async function* metered(stream: Readable, path: string, allowance: Allowance): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      allowance.bytes -= chunk.length
      if (allowance.bytes < 0) throw tooLarge(path)
      yield chunk
    }
  } finally {
    stream.destroy()
  }
}

function tooLarge(path: string): WhoopsterError {
  return new WhoopsterError('data', `${path} holds more than 200 MB: no export of WHOOP's is as large.`, {
    hint: WHAT_TO_NAME,
  })
}
