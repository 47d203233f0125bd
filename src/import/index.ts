import type { Database, Tx } from '../db/connection/index.ts'
import {
  compareWithTables,
  createStaging,
  dropRepeated,
  mergeJournal,
  placeStaged,
  stageEntries,
  stageUnreadable,
  stageWitnesses,
  witnessKinds,
  type Compared,
  type Listed,
  type Merged,
  type StagedEntry,
  type WitnessKind,
} from '../db/journal.ts'
import type { Member } from '../db/members.ts'
import { WhoopsterError } from '../errors.ts'
import { readCsv, WHAT_TO_NAME, type Line } from './csv.ts'
import {
  createEntryReader,
  emptyShapeOf,
  isBad,
  readWitness,
  shapeOf,
  type BadRow,
  type Shape,
  type ShapeName,
  type Witness,
} from './shapes.ts'
import { newAllowance, openSource, type Source, type SourceFile } from './source.ts'

export interface ImportOptions {
  /** Says what it would do, and does nothing. */
  dryRun: boolean
  /** Another member's export, or an older one than the last, is imported all the same. */
  force: boolean
  /** Called with how many rows have been read, now and then; what it throws ends the import. */
  report?: (rows: number) => void
}

export interface FileRead {
  name: string
  /** Null: a CSV file that is none of the four. */
  shape: ShapeName | null
  rows: number
}

/** Where something is that could not be read, or was not taken. */
export interface Place {
  file: string
  line: number
  problem: string
}

export interface Imported {
  files: FileRead[]
  /** Null when there was no journal among the files. */
  journal: Merged | null
  unreadable: { rows: number; first: Place[] }
  repeated: Place[]
  compared: Partial<Record<WitnessKind, Compared>>
}

/** Puts the journal of an export into the tables, all or nothing, and holds what else is in it against them. */
export async function importExport(
  { db }: Pick<Database, 'db'>,
  member: Member,
  paths: readonly string[],
  options: ImportOptions,
): Promise<Imported> {
  const allowance = newAllowance()
  const sources: Source[] = []
  try {
    for (const path of paths) sources.push(await openSource(path, allowance))
    return await inTransaction(db, options, async (tx) => {
      await createStaging(tx)
      const staged = await stage(tx, sources, options)
      return settle(tx, member, sources, staged, options)
    })
  } finally {
    for (const source of sources) source.close()
  }
}

class Undone extends Error {
  readonly result: Imported

  constructor(result: Imported) {
    super('a dry run')
    this.result = result
  }
}

async function inTransaction(
  db: Database['db'],
  { dryRun }: ImportOptions,
  work: (tx: Tx) => Promise<Imported>,
): Promise<Imported> {
  try {
    return await db.transaction(async (tx) => {
      const result = await work(tx)
      if (dryRun) throw new Undone(result)
      return result
    })
  } catch (error) {
    if (error instanceof Undone) return error.result
    throw error
  }
}

interface Staged {
  files: FileRead[]
  unreadable: Imported['unreadable']
}

const MOST_ROWS = 1_000_000
const MOST_NAMED = 1000
const ENOUGH_TO_KNOW = 50

async function stage(tx: Tx, sources: readonly Source[], options: ImportOptions): Promise<Staged> {
  const staged: Staged = { files: [], unreadable: { rows: 0, first: [] } }
  let read = 0
  const count = (rows: number) => {
    read += rows
    if (read > MOST_ROWS) {
      throw new WhoopsterError(
        'data',
        `These files hold more than ${MOST_ROWS.toLocaleString('en')} rows: no export of WHOOP's is as long.`,
        {
          hint: WHAT_TO_NAME,
        },
      )
    }
    options.report?.(read)
  }
  for (const source of sources) {
    const strangers: string[] = []
    const before = staged.files.length
    for (const file of source.files) {
      const stranger = await stageFile(tx, staged, file, count)
      if (stranger !== undefined) strangers.push(stranger)
    }
    const files = staged.files.slice(before)
    forgetEmptyJournals(files)
    if (files.every(({ shape }) => shape === null)) throw noneOfTheFour(source, strangers)
  }
  return staged
}

/** Without a row, any file of six columns looks like a journal: beside the cycles it is believed to be one. */
function forgetEmptyJournals(files: readonly FileRead[]): void {
  if (files.some(({ shape, rows }) => shape === 'cycles' && rows > 0)) return
  for (const file of files) if (file.rows === 0) file.shape = null
}

function noneOfTheFour({ path }: Source, found: readonly string[]): WhoopsterError {
  return new WhoopsterError(
    'data',
    `${path} has none of WHOOP's files (cycles, sleeps, workouts, journal), but ${found.join('; ')}.`,
    {
      hint: WHAT_TO_NAME,
    },
  )
}

/** Reads one file into the staging tables; returns what it is instead when it is none of the four. */
async function stageFile(
  tx: Tx,
  { files, unreadable }: Staged,
  { name, bytes }: SourceFile,
  count: (rows: number) => void,
): Promise<string | undefined> {
  const file: FileRead = { name, shape: null, rows: 0 }
  const place = files.push(file) - 1
  let staging = Promise.resolve() // the next rows are read meanwhile
  const keep = async (staged: Promise<BadRow[]>) => {
    const bad = await staged
    await stageUnreadable(tx, bad)
    note(unreadable, name, bad)
  }
  let stageRows: ((lines: readonly Line[]) => Promise<BadRow[]>) | undefined
  for await (const lines of readCsv(bytes(), name)) {
    let rows = lines
    if (!stageRows) {
      // the first piece is the whole file, or more than enough to know it by
      const headings = withoutEmptyEnd(lines[0]?.cells ?? [])
      rows = lines.slice(1)
      const shape = rows.length > 0 ? shapeOf(rows.slice(0, ENOUGH_TO_KNOW)) : emptyShapeOf(headings)
      file.shape = shape?.name ?? null
      if (!shape || rows.length === 0) return described(name, headings, rows.length)
      stageRows = stagingOf(tx, place, shape)
    }
    file.rows += rows.length
    count(rows.length)
    await staging
    staging = keep(stageRows(rows))
    staging.catch(() => {}) // whoever waits for it hears of it
  }
  await staging
  return undefined
}

/** Puts rows of this shape into its staging table; returns those that cannot be read. */
function stagingOf(tx: Tx, file: number, shape: Shape): (lines: readonly Line[]) => Promise<BadRow[]> {
  const { name } = shape
  if (name === 'journal') {
    const readEntry = createEntryReader()
    return async (lines) => {
      const rows = lines.map(readEntry)
      const entries = rows.filter((row): row is StagedEntry => !isBad(row))
      await stageEntries(tx, file, entries)
      return rows.filter(isBad)
    }
  }
  return async (lines) => {
    const rows = lines.map((line) => readWitness(shape, line))
    const witnesses = rows.filter((row): row is Witness => !isBad(row))
    await stageWitnesses(tx, name, witnesses)
    return rows.filter(isBad)
  }
}

function note(unreadable: Imported['unreadable'], file: string, rows: readonly BadRow[]): void {
  unreadable.rows += rows.length
  const room = MOST_NAMED - unreadable.first.length
  unreadable.first.push(...rows.slice(0, room).map(({ line, problem }) => ({ file, line, problem })))
}

/** A spreadsheet may write columns that are nobody's. */
function withoutEmptyEnd(cells: readonly string[]): readonly string[] {
  return cells.slice(0, cells.findLastIndex((cell) => cell.trim() !== '') + 1)
}

function described(name: string, headings: readonly string[], rows: number): string {
  const file = name.split('/').at(-1) ?? name
  if (headings.length === 0) return `${file} is empty`
  if (rows === 0) return `${file} without a row below its ${headings.length} headings`
  const some = headings.slice(0, 3).map((heading) => `“${heading.trim().slice(0, 30)}”`)
  return `${file} with ${headings.length} ${headings.length === 1 ? 'column' : 'columns'}, ${some.join(', ')}${headings.length > 3 ? ', …' : ''}`
}

async function settle(
  tx: Tx,
  member: Member,
  sources: readonly Source[],
  { files, unreadable }: Staged,
  { force }: ImportOptions,
): Promise<Imported> {
  const hasJournal = files.some(({ shape }) => shape === 'journal')
  const listed = await placeStaged(tx, member)
  const name = sources.map(({ path }) => path).join(', ')
  if (!force) refuseStrangers(name, member, listed)
  if (!force && hasJournal) refuseOlder(name, listed)
  const repeated = (await dropRepeated(tx)).map(({ source, line, cycleStart, question }) => ({
    file: files[source]?.name ?? '',
    line,
    problem: `“${question}” is answered again further down for the cycle of ${cycleStart}: that one is taken`,
  }))
  const journal = hasJournal && listed.newest !== null ? await mergeJournal(tx, member, listed.newest) : null
  const compared: Imported['compared'] = {}
  for (const kind of witnessKinds) {
    if (files.some(({ shape }) => shape === kind)) compared[kind] = await compareWithTables(tx, member, kind)
  }
  return { files, journal, unreadable, repeated, compared }
}

function refuseStrangers(name: string, { whoopUserId }: Member, { cycles, known, stored }: Listed): void {
  if (cycles === 0 || known > 0 || stored === 0) return
  throw new WhoopsterError(
    'data',
    `None of the ${cycles.toLocaleString('en')} cycles in ${name} is one of WHOOP user ${whoopUserId}'s: it looks like another member's export.`,
    { hint: 'choose the member with --user, or, if it is theirs all the same: --force' },
  )
}

function refuseOlder(name: string, { newest, lastNewest }: Listed): void {
  if (newest === null || lastNewest === null || newest >= lastNewest) return
  throw new WhoopsterError(
    'data',
    `${name} is older than the export that was imported last: its newest cycle began on ${newest.slice(0, 10)}, that one's on ${lastNewest.slice(0, 10)}.`,
    { hint: 'to have the older answers all the same: --force' },
  )
}
