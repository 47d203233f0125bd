import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from 'node:tls'

/** Not encrypted; encrypted if the server can; or encrypted, and with what to verify. */
export type Tls = false | 'prefer' | ConnectionOptions

export interface Address {
  /** A folder means the Unix socket in it. */
  host: string
  port: number
}

/**
 * A socket that is ready for PostgreSQL's first message. The one that postgres.js makes comes back for ever, and at
 * once, to a server that hangs up, takes an IPv6 address apart at its colons, and goes on with TLS where there is none.
 */
export function openSocket(address: Address, tls: Tls): Promise<Duplex> {
  return negotiate(address, tls).catch(broken)
}

const CONNECT_TIMEOUT_MS = 10_000
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
const YES = 'S'.charCodeAt(0)

async function negotiate({ host, port }: Address, tls: Tls): Promise<Socket> {
  const isLocal = host.startsWith('/')
  const address = isLocal ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }
  let socket = connect({ ...address, allowHalfOpen: true }) // or the server's end would take our `write` away
  const deadline = setTimeout(() => socket.destroy(failure('CONNECT_TIMEOUT')), CONNECT_TIMEOUT_MS)
  try {
    noticeEnd(socket)
    await once(socket, 'connect')
    if (!tls || isLocal) return socket
    socket.write(SSL_REQUEST)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (answer[0] !== YES && tls === 'prefer') return socket
    if (answer[0] !== YES || answer.length > 1) throw failure('TLS_NOT_OFFERED') // more would be somebody in between
    socket.removeAllListeners('end')
    socket = connectTls({
      socket,
      ...(isIP(host) ? {} : { servername: host }),
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      ...(tls === 'prefer' ? { rejectUnauthorized: false } : tls),
    })
    noticeEnd(socket)
    await once(socket, 'secureConnect')
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(deadline)
  }
}

/** A server never ends a connection that is in order before we do. */
function noticeEnd(socket: Socket): void {
  socket.once('end', () => socket.destroy(hungUp()))
  socket.on('error', () => {}) // whoever waits for it has a listener of their own
}

/** What is said of a server that is gone, and of all that is asked of it from then on. */
export function hungUp(): Error {
  return Object.assign(new Error('the server hung up'), { code: 'CONNECTION_CLOSED' })
}

/** A failure, too, has to come as a socket, that breaks: postgres.js frees a connection only when its socket closes. */
function broken(error: Error): Duplex {
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  setImmediate(() => socket.destroy(error))
  return socket
}

const messages = {
  CONNECT_TIMEOUT: `no answer within ${CONNECT_TIMEOUT_MS / 1000} seconds`,
  TLS_NOT_OFFERED: 'the server answered no',
}

function failure(code: keyof typeof messages): Error {
  return Object.assign(new Error(messages[code]), { code })
}
