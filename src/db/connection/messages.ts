// PostgreSQL's wire protocol, as much of it as the start of a session takes.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
import type { Duplex } from 'node:stream'
import postgres from 'postgres'

export interface Message {
  type: string
  /** Without its type and length. */
  body: Buffer
  /** The whole of it. */
  bytes: Buffer
}

export interface Reader {
  /** The server's next message; fails when the connection does. */
  next(): Promise<Message>
  /** Stops reading, and leaves what has come and was not asked for. */
  stop(): void
}

/** Reads whole messages until it is stopped. */
export function createReader(socket: Duplex): Reader {
  let rest: Buffer = Buffer.alloc(0)
  let failed: Error | undefined
  let wake: (() => void) | undefined
  const onData = (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    wake?.()
  }
  const onError = (error: Error) => {
    failed ??= error
    wake?.()
  }
  const onClose = () => onError(hungUp())
  socket.on('data', onData).on('error', onError).on('close', onClose)
  socket.resume()
  return {
    async next() {
      for (;;) {
        const length = rest.length < 5 ? Infinity : 1 + rest.readUInt32BE(1)
        if (rest.length >= length) {
          const bytes = rest.subarray(0, length)
          rest = rest.subarray(length)
          return { type: String.fromCharCode(bytes[0] ?? 0), body: bytes.subarray(5), bytes }
        }
        if (failed) throw failed
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    stop() {
      socket.pause()
      socket.off('data', onData).off('error', onError).off('close', onClose)
      if (rest.length > 0 && !socket.destroyed) socket.unshift(rest)
    },
  }
}

/** What is said of a server that is gone, and of all that is asked of it from then on. */
export function hungUp(lastWords = 'the server hung up'): Error {
  return Object.assign(new Error(lastWords), { code: 'CONNECTION_CLOSED' })
}

export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(type.length + 4)
  head.write(type, 'latin1')
  head.writeUInt32BE(body.length + 4, type.length)
  return Buffer.concat([head, body])
}

export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cString(name), cString(value)])
  const version = Buffer.from([0, 3, 0, 0])
  return message('', Buffer.concat([version, ...pairs, Buffer.from([0])]))
}

export function query(sql: string): Buffer {
  return message('Q', cString(sql))
}

export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

export function strings(body: Buffer): string[] {
  return body.toString('utf8').split('\0').filter(Boolean)
}

/** The texts of a row; null for NULL. */
export function readRow(body: Buffer): (string | null)[] {
  let at = 2
  return Array.from({ length: body.readUInt16BE(0) }, () => {
    const length = body.readInt32BE(at)
    at += 4
    if (length === -1) return null
    at += length
    return body.toString('utf8', at - length, at)
  })
}

/** V is S in English; PgBouncer has S alone. */
const FIELDS: Readonly<Record<string, string>> = {
  S: 'severity',
  V: 'severity',
  C: 'code',
  M: 'message',
  D: 'detail',
  H: 'hint',
}

/** The server's words, with their SQLSTATE. */
export function serverError(body: Buffer): Error & { code: string; severity?: string } {
  const said: Record<string, string> = {}
  for (const field of strings(body)) {
    const name = FIELDS[field.slice(0, 1)]
    if (name) said[name] = field.slice(1)
  }
  return new postgres.PostgresError(said as never) // its types do not know that it can be made
}
