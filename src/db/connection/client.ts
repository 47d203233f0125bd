import type { Duplex } from 'node:stream'
import postgres from 'postgres'
import { lastWordsOf } from './handover.ts'
import { hungUp } from './messages.ts'

export interface Client extends postgres.Sql {
  /** What the server has warned of; mere notices ("already exists, skipping") are left out. */
  warnings: readonly postgres.Notice[]
  /** What the server said when it last ended a connection, which may have been while nothing was asked of it. */
  lastWords(): string | undefined
}

// The connection may hold locks, so it is never replaced behind our back for being old or idle.
const ONE_CONNECTION = { max: 1, max_lifetime: null, idle_timeout: 0, fetch_types: false }

/** How to get there is known when the socket is made. Said here, so that postgres.js does not look for it in the environment. */
const NOT_ITS_BUSINESS = {
  host: 'localhost',
  port: 5432,
  user: 'postgres',
  pass: '',
  database: 'postgres',
  ssl: false,
  connect_timeout: 0,
  target_session_attrs: 'primary',
} as const

const FAREWELL_S = 5 // for what is still under way

/** A client of one connection, over sockets that are made here: what it cannot do itself, they do for it. */
export function createClient(open: () => Duplex | Promise<Duplex>): Client {
  let transaction: Promise<unknown> = Promise.resolve()
  let asked = 0
  const count = () => void asked++
  let socket: Duplex | undefined
  let said: string | undefined // over a socket that has been replaced
  const warnings: postgres.Notice[] = []
  const onnotice = (notice: postgres.Notice) => {
    if (notice['severity'] === 'WARNING') warnings.push(notice)
  }
  const all = Object.assign(
    { ...ONE_CONNECTION, ...NOT_ITS_BUSINESS, onnotice },
    {
      // its types do not know of sockets
      socket: async () => {
        said = lastWordsOf(socket) ?? said
        return (socket = outlive(await open(), { transaction: () => transaction, asked: () => asked }))
      },
    },
  )
  const client = preparing(postgres(all), count)
  const begin = client.begin.bind(client) as (work: (tx: Sql) => Promise<unknown>) => Promise<unknown>
  const end = client.end.bind(client)
  return Object.assign(client, {
    warnings,
    lastWords: () => lastWordsOf(socket) ?? said,
    begin: (work: (tx: Sql) => Promise<unknown>) => {
      count()
      return begin((tx) => (transaction = work(preparing(tx, count)))).catch((error: unknown) => {
        const isClosed = error instanceof Error && 'code' in error && error.code === 'CONNECTION_CLOSED'
        throw isClosed ? hungUp(lastWordsOf(socket)) : error // postgres.js says it in words of its own, when it is the first to know
      })
    },
    end: () => end({ timeout: socket?.destroyed ? 0 : FAREWELL_S }), // it would wait for answers from a broken one
  })
}

type Sql = Pick<postgres.Sql, 'unsafe'>

/**
 * A statement that is sent again has been parsed already, and perhaps planned: Drizzle does not ask for that. And before it
 * sends one for the first time, postgres.js asks which types its parameters have, and sends nothing else until it knows: a
 * round trip more, and no pipeline. It need not know for text and numbers, which it writes as they are, whatever the type. So
 * it is shown a statement without parameters, and they are put where it keeps those that it has read.
 */
function preparing<S extends Sql>(sql: S, count: () => void): S {
  const unsafe = sql.unsafe.bind(sql) as (...args: unknown[]) => object
  return Object.assign(sql, {
    unsafe: (text: string, parameters: unknown[] = [], options?: postgres.UnsafeQueryOptions) => {
      count()
      const isPlain = parameters.every((one) => typeof one === 'string' || typeof one === 'number' || one === null)
      if (parameters.length === 0 || !isPlain) return unsafe(text, parameters, { ...options, prepare: true })
      return Object.assign(unsafe(text, [], { ...options, prepare: true, simple: false }), {
        parameters: [...parameters],
      })
    },
  })
}

/**
 * postgres.js writes what it has gathered at the end of the turn. After a close with something unwritten it never writes
 * again, not even on the next connection, nor can the rest of a transaction: that throws where nobody catches. So it hears
 * of a close only when the transaction's work has ended, and nobody has asked anything for two turns, so that nothing is
 * unwritten: what is written meanwhile waits for that, and then fails. Within a transaction it fails at once: its work would
 * never end otherwise.
 */
function outlive(
  socket: Duplex,
  { transaction, asked }: { transaction: () => Promise<unknown>; asked: () => number },
): Duplex {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean
  const write = socket.write.bind(socket) as (chunk: Buffer, done?: () => void) => boolean
  let state: 'open' | 'closed' | 'over' | 'known' = 'open'
  let isAsked = false // over a connection that is over
  const tell = () => {
    state = 'known'
    if (isAsked) emit('error', hungUp())
    emit('close', false) // before anybody who hears of the error can ask for more
  }
  const whenIdle = () => {
    const before = asked()
    setImmediate(() => setImmediate(() => (asked() === before ? tell() : whenIdle())))
  }
  const whenOver = () => {
    state = 'over'
    whenIdle()
  }
  return Object.assign(socket, {
    emit: (event: string | symbol, ...args: unknown[]) => {
      if (event !== 'close') return emit(event, ...args)
      state = 'closed'
      void transaction().then(whenOver, whenOver)
      setImmediate(() => state === 'closed' && emit('error', hungUp())) // the transaction may wait for an answer
      return true
    },
    write: (chunk: Buffer, done?: () => void) => {
      if (state === 'open') return write(chunk, done)
      if (state === 'over') return (isAsked = true) // it fails with all else, once there is no more
      return emit('error', hungUp())
    },
  })
}
