import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { crc32, createDeflateRaw } from 'node:zlib'

// The ZIP format (PKWARE's APPNOTE 6.3.10), as much of it as an archive needs: a double click opens it on every system, and
// it can be written without going back. Times and rights are left out, so that the same content gives the same bytes.

const LOCAL = 0x04034b50
const DESCRIPTOR = 0x08074b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END_64 = 0x06064b50
const LOCATOR_64 = 0x07064b50
const FITS_IN_32 = 0xffff_ffff
const FITS_IN_16 = 0xffff
const DEFLATE = 8
const FLAGS = 0x0808 // sizes follow the data; names are UTF-8
const NEW_YEAR_1980 = 0x0021 // as early as a ZIP's calendar goes

/** What was written of a file, before it was compressed. */
export interface Written {
  bytes: number
  /** In hexadecimal. */
  sha256: string
}

/** A file, as the directory has it. */
export interface Entry {
  name: Buffer
  crc: number
  bytes: number
  packed: number
  offset: number
}

export interface ZipWriter {
  /** Adds a file, as fast as the sink takes it. */
  add(name: string, content: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<Written>
  end(): Promise<void>
}

export function createZip(sink: (bytes: Buffer) => Promise<void>): ZipWriter {
  const entries: Entry[] = []
  let offset = 0
  const write = async (bytes: Buffer) => {
    offset += bytes.length
    await sink(bytes)
  }
  return {
    add: async (name, content) => {
      const entry: Entry = { name: Buffer.from(name), crc: 0, bytes: 0, packed: 0, offset }
      await write(localHeader(entry))
      const hash = createHash('sha256')
      async function* measured() {
        for await (const some of content) {
          entry.crc = crc32(some, entry.crc)
          entry.bytes += some.length
          hash.update(some)
          yield some
        }
      }
      const began = offset
      await pipeline(Readable.from(measured(), { objectMode: false }), createDeflateRaw(), async (packed) => {
        for await (const some of packed) await write(some as Buffer)
      })
      entry.packed = offset - began
      await write(descriptor(entry))
      entries.push(entry)
      return { bytes: entry.bytes, sha256: hash.digest('hex') }
    },
    end: async () => {
      const start = offset
      for (const entry of entries) await write(centralHeader(entry))
      await write(endOfDirectory(entries.length, start, offset - start))
    },
  }
}

export function localHeader({ name }: Entry): Buffer {
  const header = Buffer.alloc(30)
  header.writeUInt32LE(LOCAL, 0)
  header.writeUInt16LE(20, 4)
  header.writeUInt16LE(FLAGS, 6)
  header.writeUInt16LE(DEFLATE, 8)
  header.writeUInt16LE(NEW_YEAR_1980, 12)
  header.writeUInt16LE(name.length, 26)
  return Buffer.concat([header, name])
}

/** With sizes of eight bytes where four do not hold them. */
export function descriptor({ crc, packed, bytes }: Entry): Buffer {
  const isLarge = packed >= FITS_IN_32 || bytes >= FITS_IN_32
  const block = Buffer.alloc(isLarge ? 24 : 16)
  block.writeUInt32LE(DESCRIPTOR, 0)
  block.writeUInt32LE(crc, 4)
  if (isLarge) {
    block.writeBigUInt64LE(BigInt(packed), 8)
    block.writeBigUInt64LE(BigInt(bytes), 16)
  } else {
    block.writeUInt32LE(packed, 8)
    block.writeUInt32LE(bytes, 12)
  }
  return block
}

export function centralHeader({ name, crc, packed, bytes, offset }: Entry): Buffer {
  const large = [bytes, packed, offset].filter((value) => value >= FITS_IN_32)
  const extra = Buffer.alloc(large.length === 0 ? 0 : 4 + 8 * large.length)
  if (large.length > 0) {
    extra.writeUInt16LE(1, 0)
    extra.writeUInt16LE(8 * large.length, 2)
    for (const [index, value] of large.entries()) extra.writeBigUInt64LE(BigInt(value), 4 + 8 * index)
  }
  const version = large.length === 0 ? 20 : 45
  const header = Buffer.alloc(46)
  header.writeUInt32LE(CENTRAL, 0)
  header.writeUInt16LE(version, 4)
  header.writeUInt16LE(version, 6)
  header.writeUInt16LE(FLAGS, 8)
  header.writeUInt16LE(DEFLATE, 10)
  header.writeUInt16LE(NEW_YEAR_1980, 14)
  header.writeUInt32LE(crc, 16)
  header.writeUInt32LE(Math.min(packed, FITS_IN_32), 20)
  header.writeUInt32LE(Math.min(bytes, FITS_IN_32), 24)
  header.writeUInt16LE(name.length, 28)
  header.writeUInt16LE(extra.length, 30)
  header.writeUInt32LE(Math.min(offset, FITS_IN_32), 42)
  return Buffer.concat([header, name, extra])
}

export function endOfDirectory(count: number, start: number, size: number): Buffer {
  const end = Buffer.alloc(22)
  end.writeUInt32LE(END, 0)
  end.writeUInt16LE(Math.min(count, FITS_IN_16), 8)
  end.writeUInt16LE(Math.min(count, FITS_IN_16), 10)
  end.writeUInt32LE(Math.min(size, FITS_IN_32), 12)
  end.writeUInt32LE(Math.min(start, FITS_IN_32), 16)
  if (count < FITS_IN_16 && size < FITS_IN_32 && start < FITS_IN_32) return end
  const large = Buffer.alloc(56 + 20)
  large.writeUInt32LE(END_64, 0)
  large.writeBigUInt64LE(44n, 4)
  large.writeUInt16LE(45, 12)
  large.writeUInt16LE(45, 14)
  large.writeBigUInt64LE(BigInt(count), 24)
  large.writeBigUInt64LE(BigInt(count), 32)
  large.writeBigUInt64LE(BigInt(size), 40)
  large.writeBigUInt64LE(BigInt(start), 48)
  large.writeUInt32LE(LOCATOR_64, 56)
  large.writeBigUInt64LE(BigInt(start + size), 64)
  large.writeUInt32LE(1, 72)
  return Buffer.concat([large, end])
}
