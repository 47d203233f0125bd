// The embedded database as `initdb` leaves it, packed: to make one takes twice the memory that it takes to use it, and
// a second or three. `node build-embedded.js file`; src/db/connection/prepared.ts unpacks it.
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'

const dir = await mkdtemp(join(tmpdir(), 'whoopster-build-'))
try {
  const data = join(dir, 'postgres')
  const database = await PGlite.create(data)
  await database.close() // in order: nothing is to be recovered where it is unpacked
  await writeFile(process.argv[2], await pack(data))
} finally {
  await rm(dir, { recursive: true })
}

/** A length, a list of the folders and of the files with their sizes, and what is in the files, one after the other. */
async function pack(root) {
  const all = await readdir(root, { recursive: true, withFileTypes: true })
  const entries = all.map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
  const sorted = entries.toSorted((one, other) => (one.path < other.path ? -1 : 1))
  const named = (kept) =>
    sorted.filter(kept).map(({ path }) => ({ path, name: relative(root, path).replaceAll('\\', '/') }))
  const folders = named(({ entry }) => entry.isDirectory()).map(({ name }) => name)
  const files = await Promise.all(
    named(({ entry }) => entry.isFile()).map(async ({ path, name }) => ({ name, content: await readFile(path) })),
  )
  const list = Buffer.from(JSON.stringify({ folders, files: files.map(({ name, content }) => [name, content.length]) }))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(list.length)
  const whole = Buffer.concat([length, list, ...files.map(({ content }) => content)])
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants
  return brotliCompressSync(whole, {
    params: { [BROTLI_PARAM_QUALITY]: 9, [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: whole.length },
  })
}
