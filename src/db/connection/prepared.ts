import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

/**
 * Unpacks into `data` the database that build-embedded.js has made, all of it or nothing; where there is none, or `data`
 * holds anything, it is left to PGlite to make one or to open it.
 */
export async function unpackPrepared(data: string, file = preparedFile()): Promise<void> {
  if (!existsSync(file) || !(await isEmpty(data))) return
  const unfinished = `${data}.new`
  await rm(unfinished, { recursive: true, force: true }) // of somebody who was killed over it
  try {
    await unpack(readFileSync(file), unfinished)
    await rm(data, { recursive: true, force: true })
    await rename(unfinished, data)
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

async function isEmpty(folder: string): Promise<boolean> {
  return !existsSync(folder) || (await readdir(folder)).length === 0
}

interface List {
  folders: string[]
  /** Each with its size in bytes. */
  files: [name: string, size: number][]
}

async function unpack(packed: Buffer, folder: string): Promise<void> {
  const whole = brotliDecompressSync(packed)
  let at = 4 + whole.readUInt32BE(0)
  const { folders, files } = JSON.parse(whole.toString('utf8', 4, at)) as List
  await mkdir(folder, { mode: 0o700 })
  for (const name of folders) await mkdir(join(folder, name), { mode: 0o700 })
  for (const [name, size] of files) {
    await writeFile(join(folder, name), whole.subarray(at, at + size), { mode: 0o600 })
    at += size
  }
}

/** Beside package.json, for the source, the bundle and an installed package alike. */
function preparedFile(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'dist', 'embedded.br')
}
