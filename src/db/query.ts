import postgres from 'postgres'
import { WhoopsterError } from '../errors.ts'
import type { Client } from './connection/client.ts'
import type { Database } from './connection/index.ts'
import { codeOf } from './connection/failure.ts'
import { READER } from './reader.ts'

export interface Column {
  name: string
  /** PostgreSQL's oid. */
  type: number
}

/** What a statement gives: its columns, then its rows, some hundred at a time, each value as PostgreSQL writes it. */
export interface Answer {
  columns: readonly Column[]
  rows: AsyncIterable<Row[]>
}

export type Row = readonly (string | null)[]

export interface Question {
  text: string
  /** One column of JSON objects instead, as PostgreSQL writes them. */
  json: boolean
}

const AT_ONCE = 500 // rows; more are not faster
const MAY_NOT = '42501'

/**
 * Asks one statement of a person's own, read-only, as whoopster_reader; whatever it does is rolled back. An interruption
 * cancels it in the server. This keeps mistakes from doing harm. Whoever means to find a way out of the role has
 * DATABASE_URL, and needs none.
 */
export async function ask<T>(
  database: Database,
  question: Question,
  interrupted: AbortSignal,
  work: (answer: Answer) => Promise<T>,
): Promise<T> {
  const { text } = question
  const verb = verbOf(text)
  const done: { value?: { of: T } } = {}
  try {
    await database.client.begin(async (tx) => {
      await becomeReader(tx)
      const [backend] = await tx.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid')
      const cancel = () => void cancelBackend(database, backend?.pid).catch(() => {}) // it may have ended
      interrupted.addEventListener('abort', cancel)
      try {
        interrupted.throwIfAborted()
        const answer = verb === 'query' ? await declare(tx, question, interrupted) : await askAtOnce(tx, question)
        done.value = { of: await work(answer) }
      } finally {
        interrupted.removeEventListener('abort', cancel)
      }
      throw new RollBack()
    })
  } catch (error) {
    if (!(error instanceof RollBack)) throw error
  }
  if (!done.value) throw new Error('a transaction ended without its work')
  return done.value.of
}

class RollBack extends Error {}

type Tx = Pick<postgres.TransactionSql, 'unsafe'>

/** Words with which a statement begins that only reads. PostgreSQL itself sees to the rest. */
const QUERIES = new Set(['select', 'with', 'values', 'table', '('])
const EXPLANATIONS = new Set(['explain', 'show'])

function verbOf(text: string): 'query' | 'explanation' {
  const bare = text.replace(/^(?:\s+|--.*(?:\n|$)|\/\*[^]*?\*\/|;)+/, '')
  const word = /^(?:\w+|\()/.exec(bare)?.[0].toLowerCase() ?? ''
  if (QUERIES.has(word)) return 'query'
  if (EXPLANATIONS.has(word)) return 'explanation'
  if (word === '' && bare === '') {
    throw new WhoopsterError('usage', 'There is no statement.', { hint: 'try: whoopster sql "table daily_summary"' })
  }
  throw new WhoopsterError('usage', `whoopster sql only reads: a statement cannot begin with ${word || bare[0]}.`, {
    hint: 'it begins with select, with, values, table, explain or show',
  })
}

/** Who owns the tables may be the role that was made for readers; from PostgreSQL 16 on, only once it is said so. */
async function becomeReader(tx: Tx): Promise<void> {
  await tx.unsafe('set local statement_timeout = 0') // the person can see the clock
  await tx.unsafe('set local idle_in_transaction_session_timeout = 0')
  await tx.unsafe('savepoint before')
  try {
    await tx.unsafe(`set local role ${READER}`)
  } catch (error) {
    await tx.unsafe('rollback to before')
    if (codeOf(error) !== MAY_NOT) throw withoutReader(error)
    try {
      await tx.unsafe(`grant ${READER} to current_user`) // until the rollback
      await tx.unsafe(`set local role ${READER}`)
    } catch (cause) {
      throw withoutReader(cause)
    }
  }
  await tx.unsafe('set transaction read only')
}

function withoutReader(cause: unknown): WhoopsterError {
  return new WhoopsterError('settings', `DATABASE_URL's user may not read as ${READER}.`, {
    hint: `run: whoopster migrate, or as an administrator: grant ${READER} to … (DATABASE_URL's user)`,
    cause,
  })
}

/** A cursor reads as far as somebody wants to know. As one statement of the extended protocol, it can be no second one. */
async function declare(tx: Tx, { text, json }: Question, interrupted: AbortSignal): Promise<Answer> {
  const columns = await open(tx, 'asked', text)
  if (!json) return { columns, rows: fetchAll(tx, 'asked', interrupted) }
  const twice = columns.find(({ name }, index) => columns.findIndex((other) => other.name === name) !== index)
  if (twice) {
    throw new WhoopsterError('usage', `Two columns are called ${twice.name}, which a JSON object cannot hold.`, {
      hint: 'name them: select … as one, … as other',
    })
  }
  const wrapped = await open(tx, 'as_json', `select row_to_json(x)::text from (${text.replace(/;\s*$/, '')}\n) x`)
  return { columns: wrapped, rows: fetchAll(tx, 'as_json', interrupted) }
}

async function open(tx: Tx, cursor: string, text: string): Promise<Column[]> {
  const before = `declare ${cursor} no scroll cursor for `
  await explained(text, before.length, () => tx.unsafe(before + text, [], EXTENDED))
  const { columns } = await tx.unsafe(`fetch 0 from ${cursor}`, [], EXTENDED).raw()
  return columns.map(({ name, type }) => ({ name, type }))
}

/** Not in its types; it decides whether a semicolon may begin another statement. */
const EXTENDED: postgres.UnsafeQueryOptions & { simple: boolean } = { simple: false }

async function* fetchAll(tx: Tx, cursor: string, interrupted: AbortSignal): AsyncGenerator<Row[]> {
  for (;;) {
    interrupted.throwIfAborted()
    const rows = await explained('', 0, () => tx.unsafe(`fetch ${AT_ONCE} from ${cursor}`, [], EXTENDED).raw())
    yield rows.map(textOf)
    if (rows.length < AT_ONCE) return
  }
}

async function askAtOnce(tx: Tx, { text, json }: Question): Promise<Answer> {
  const rows = await explained(text, 0, () => tx.unsafe(text, [], EXTENDED).raw())
  const columns = rows.columns.map(({ name, type }) => ({ name, type }))
  const asObject = (row: Row) => [JSON.stringify(Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])))]
  const read = rows.map(textOf).map((row) => (json ? asObject(row) : row))
  return {
    columns,
    rows: (async function* () {
      yield read
    })(),
  }
}

function textOf(row: unknown): Row {
  return (row as (Buffer | null)[]).map((value) => value?.toString() ?? null)
}

async function cancelBackend(database: Database, pid: number | undefined): Promise<void> {
  if (pid === undefined || database.pid() === undefined) return // the embedded one is this process
  await database.apart((db) => db.execute(`select pg_cancel_backend(${pid})`))
}

/** What the statement itself is to blame for. */
const ITS_FAULT = /^(0A|21|22|25|2F|34|42|54|P0|XX)/

async function explained<R>(text: string, offset: number, work: () => PromiseLike<R>): Promise<R> {
  try {
    return await work()
  } catch (error) {
    const code = codeOf(error) ?? ''
    if (!(error instanceof postgres.PostgresError) || !ITS_FAULT.test(code)) throw error
    const place = Number(error.position) - 1 - offset
    const said = [sentence(error.message), ...pointAt(text, place)].join('\n')
    throw new WhoopsterError('usage', said, { hint: hintFor(code, error), cause: error })
  }
}

function hintFor(code: string, { hint, message }: postgres.PostgresError): string {
  if (code === MAY_NOT) return `it is asked as ${READER}, who sees records and views, and no logins`
  if (/multiple commands/.test(message)) return 'ask one statement at a time'
  if (code === '42P01') return 'what there is: whoopster sql'
  return hint || 'the tables, views and their columns: whoopster sql, docs/export.md'
}

function sentence(message: string): string {
  return `PostgreSQL says: ${message}.`
}

/** The line in which it is, with a mark below it. */
function pointAt(text: string, place: number): string[] {
  const characters = Array.from(text) // as PostgreSQL counts
  if (!(place >= 0)) return []
  const at = Math.min(place, characters.length)
  const start = characters.lastIndexOf('\n', at - 1) + 1
  const end = characters.indexOf('\n', at)
  const line = characters.slice(start, end === -1 ? undefined : end).join('')
  return [`  ${line.replaceAll('\t', ' ')}`, `  ${' '.repeat(at - start)}^`]
}

export interface Relation {
  name: string
  kind: 'table' | 'view'
  columns: string
  comment: string | null
}

/** What whoopster_reader may ask. */
export async function loadRelations({ client }: { client: Pick<Client, 'unsafe'> }): Promise<Relation[]> {
  const rows = await client.unsafe<Relation[]>(`
    select c.relname as name, case c.relkind when 'v' then 'view' else 'table' end as kind,
      (select string_agg(attname, ', ' order by attnum) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as columns,
      obj_description(c.oid) as comment
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
      and has_table_privilege('${READER}', c.oid, 'SELECT')
    order by c.relkind desc, c.relname`)
  return [...rows]
}
