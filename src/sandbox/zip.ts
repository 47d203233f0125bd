import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipEntry {
  name: string
  content: Buffer
}

const [LOCAL, CENTRAL, END] = [0x04034b50, 0x02014b50, 0x06054b50]
const VERSION = 20
const UTF8_NAME = 0x0800
const DEFLATED = 8

// A ZIP file as any program writes it: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
export function zip(entries: readonly ZipEntry[], at: Date): Buffer {
  const files: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content } of entries) {
    const text = Buffer.from(name)
    const packed = deflateRawSync(content)
    const about = described(content, packed, text, at)
    const local = Buffer.concat([u32(LOCAL), about, text, packed])
    const origin = [u16(0), u16(0), u16(0), u32(0), u32(offset)] // no comment, first disk, no attributes
    directory.push(Buffer.concat([u32(CENTRAL), u16(VERSION), about, ...origin, text]))
    files.push(local)
    offset += local.length
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0)
  const count = u16(entries.length)
  return Buffer.concat([...files, ...directory, u32(END), u16(0), u16(0), count, count, u32(size), u32(offset), u16(0)])
}

function described(content: Buffer, packed: Buffer, name: Buffer, at: Date): Buffer {
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1)
  const date = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate()
  return Buffer.concat([
    ...[VERSION, UTF8_NAME, DEFLATED, time, date].map(u16),
    ...[crc32(content), packed.length, content.length].map(u32),
    ...[name.length, 0].map(u16),
  ])
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
