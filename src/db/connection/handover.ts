// What stands between the driver and a session that has begun already.
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { hungUp, message, query, serverError } from './messages.ts'
import type { Session } from './startup.ts'

/** Often enough for a load balancer that forgets a connection after a minute. */
const KEEP_ALIVE_MS = 20_000

const ERROR = 'E'.charCodeAt(0)
const READY = 'Z'.charCodeAt(0)
const QUERY = 'Q'.charCodeAt(0)
const SYNC = 'S'.charCodeAt(0)

const AUTHENTICATED = message('R', Buffer.from([0, 0, 0, 0]))
const IDLE = message('Z', Buffer.from('I'))
/** What target_session_attrs would make postgres.js ask for. That has been judged, but it may find the setting in the environment. */
const ANY_SESSION = Buffer.concat([
  message('S', Buffer.from('in_hot_standby\0off\0')),
  message('S', Buffer.from('default_transaction_read_only\0off\0')),
])

const farewells = new WeakMap<Duplex, string>()

/** What a server said before it ended the connection. */
export function lastWordsOf(socket: Duplex | undefined): string | undefined {
  return socket && farewells.get(socket)
}

/**
 * The socket as the driver is to see it: its start-up message is answered with what the server has said already; the last
 * words of a server that ends the connection become its error. What is asked here goes along with the driver's first question,
 * and its answer no further: the server's own timeouts are switched off, and while nothing is asked, a Sync every twenty
 * seconds keeps whoever is in between from taking us for dead. PostgreSQL answers it, in a transaction too, with nothing but
 * that it is ready.
 */
export function handOver(socket: Socket, session: Session): Socket {
  const write = socket.write.bind(socket) as (chunk: Buffer, done?: () => void) => boolean
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean
  let isGreeted = false
  /** Whose answers are still to come, in the order of their questions. */
  const asked: ('driver' | 'us')[] = []

  const keepAlive = setInterval(() => {
    if (!isGreeted || asked.length > 0 || socket.destroyed) return
    ask(message('S', Buffer.alloc(0)))
  }, KEEP_ALIVE_MS)
  keepAlive.unref()

  const ask = (question: Buffer) => {
    asked.push('us')
    write(question)
  }

  const greet = () => {
    isGreeted = true
    ask(query(withoutTimeouts(session)))
    setImmediate(() => {
      emit('data', Buffer.concat([AUTHENTICATED, session.greeting, ANY_SESSION, IDLE]))
      socket.resume()
    })
  }

  const isOurs = () => asked[0] === 'us'
  const filter = createFilter(isOurs, (type, whole) => {
    if (type === ERROR) {
      const error = serverError(whole.subarray(5))
      if (error.severity === 'FATAL' || error.severity === 'PANIC') farewells.set(socket, error.message)
    }
    return type === READY ? asked.shift() !== 'us' : !isOurs()
  })

  return Object.assign(socket, {
    write: (chunk: Buffer, done?: () => void) => {
      if (!isGreeted) {
        greet()
        return true
      }
      for (let at = 0; at < chunk.length; at += 1 + chunk.readUInt32BE(at + 1)) {
        if (chunk[at] === QUERY || chunk[at] === SYNC) asked.push('driver')
      }
      write(chunk, done)
      return true
    },
    emit: (event: string | symbol, ...args: unknown[]) => {
      if (event === 'data') {
        const rest = filter(args[0] as Buffer)
        return rest.length === 0 || emit('data', rest)
      }
      if (event === 'error' && farewells.has(socket)) return emit('error', hungUp(farewells.get(socket)))
      if (event === 'drain') return false
      if (event === 'close') clearInterval(keepAlive)
      return emit(event, ...args)
    },
  })
}

/** The server may end what idles, or a transaction that waits for WHOOP: we are the ones who know for how long. */
function withoutTimeouts({ version }: Session): string {
  return ['idle_session_timeout', ...(version >= 17 ? ['transaction_timeout'] : [])]
    .map((name) => `set ${name} = 0`)
    .join('; ')
}

/** Passes on what comes, but for what `keep` does not want: it is shown each ErrorResponse and ReadyForQuery, or `all`. */
function createFilter(all: () => boolean, keep: (type: number, message: Buffer) => boolean): (chunk: Buffer) => Buffer {
  let rest: Buffer = Buffer.alloc(0)
  let unseen = 0 // of the message that is passing
  return (chunk) => {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    const kept: Buffer[] = []
    let from = 0
    let at = Math.min(unseen, data.length)
    unseen -= at
    while (data.length - at >= 5) {
      const type = data[at] ?? 0
      const length = 1 + data.readUInt32BE(at + 1)
      if (type !== ERROR && type !== READY && !all()) {
        const seen = Math.min(length, data.length - at)
        at += seen
        unseen = length - seen
        continue
      }
      if (data.length - at < length) break
      if (!keep(type, data.subarray(at, at + length))) {
        kept.push(data.subarray(from, at))
        from = at + length
      }
      at += length
    }
    rest = data.subarray(at)
    kept.push(data.subarray(from, at))
    return kept.length === 1 ? (kept[0] ?? rest) : Buffer.concat(kept)
  }
}
