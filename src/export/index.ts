import type { Db } from '../db/connection/index.ts'
import { shapes } from './format.ts'
import type { ExportName } from './names.ts'
import { columnsFor, readLines, type Wish } from './read.ts'
import { withSnapshot } from '../db/snapshot.ts'
import { sources, type Source } from './sources.ts'
import { fileIn, makeFolder, writeFileWhole, type Sink } from '../files.ts'

export interface Exported {
  name: ExportName
  rows: number
  /** Undefined when it went to stdout. */
  file: string | undefined
}

/** One type into a sink. */
export async function exportTo(
  db: Db,
  name: ExportName,
  wish: Wish,
  sink: Sink,
  interrupted: AbortSignal,
): Promise<Exported> {
  const rows = await withSnapshot(db, (tx) => write(readLines(tx, sourceOf(name), wish), name, wish, sink, interrupted))
  return { name, rows, file: undefined }
}

/** Several types into files of a folder, all as of one moment. */
export async function exportInto(
  db: Db,
  names: readonly ExportName[],
  wish: Wish,
  folder: string,
  interrupted: AbortSignal,
): Promise<Exported[]> {
  await makeFolder(folder)
  return withSnapshot(db, async (tx) => {
    const exported: Exported[] = []
    for (const name of names) {
      const file = fileIn(folder, `${name}.${wish.format}`)
      let rows = 0
      await writeFileWhole(file, async (sink) => {
        rows = await write(readLines(tx, sourceOf(name), wish), name, wish, sink, interrupted)
      })
      exported.push({ name, rows, file })
    }
    return exported
  })
}

async function write(
  lines: AsyncIterable<string[]>,
  name: ExportName,
  wish: Wish,
  sink: Sink,
  interrupted: AbortSignal,
): Promise<number> {
  const { head, row, foot } = shapes[wish.format]
  await sink.write(head(columnsFor(sourceOf(name), wish).map((column) => column.name)))
  let count = 0
  for await (const some of lines) {
    interrupted.throwIfAborted()
    if (sink.closed()) break
    await sink.write(some.map((line) => row(line, count++ === 0)).join(''))
  }
  await sink.write(foot)
  return count
}

function sourceOf(name: ExportName): Source {
  const source = sources.find((one) => one.name === name)
  if (!source) throw new Error(`${name} has no source`)
  return source
}
