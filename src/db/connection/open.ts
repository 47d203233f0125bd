// From addresses to a socket on which a session has begun.
import { once } from 'node:events'
import { connect, isIP, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { checkServerIdentity, connect as connectTls } from 'node:tls'
import { amount } from '../../numbers.ts'
import { codeOf, rootCause } from './failure.ts'
import { handOver } from './handover.ts'
import { hungUp } from './messages.ts'
import type { Address, ConnectionParameters, SessionAttributes } from './parameters.ts'
import { startSession, type Session } from './startup.ts'
import type { Tls } from './tls.ts'

/** How the driver gets a socket, each time that it wants one. */
export interface Opened {
  socket: Duplex
  pid: number | undefined
}

/**
 * A socket on which we are logged in. postgres.js makes its own badly: it comes back for ever, and at once, to a server that
 * hangs up, takes an IPv6 address apart at its colons, goes on with TLS where there is none, and binds SCRAM to nothing.
 */
export async function openSession(
  parameters: ConnectionParameters,
  session: Readonly<Record<string, string>>,
  interrupted?: AbortSignal,
): Promise<Opened> {
  try {
    return await firstOf(parameters, session, interrupted)
  } catch (error) {
    return { socket: broken(error as Error), pid: undefined }
  }
}

/** Each host once, in order; of a server that prefers standbys, each once more. */
async function firstOf(
  parameters: ConnectionParameters,
  session: Readonly<Record<string, string>>,
  interrupted?: AbortSignal,
): Promise<Opened> {
  const { addresses, sessionAttributes } = parameters
  const rounds: SessionAttributes[] = sessionAttributes === 'prefer-standby' ? ['standby', 'any'] : [sessionAttributes]
  const failures: { address: Address; error: unknown }[] = []
  for (const wanted of rounds) {
    for (const address of addresses) {
      try {
        return await openAt(address, parameters, { session, wanted, interrupted })
      } catch (error) {
        failures.push({ address, error })
        if (!isWorthAnotherHost(error) || interrupted?.aborted) throw error
      }
    }
  }
  throw allOf(failures, addresses.length)
}

/** As libpq has it: a server that answers with a no has answered, but for one that is starting. */
function isWorthAnotherHost(error: unknown): boolean {
  return ANOTHER.test(codeOf(rootCause(error)) ?? '')
}

const ANOTHER =
  /^(ECONN|ENOENT$|ENOTFOUND$|EAI_|ETIMEDOUT$|EHOST|ENET|EPIPE$|CONNECT_TIMEOUT$|CONNECTION_CLOSED$|SESSION_ATTRIBUTES$|57P03$)/

/** With several hosts, what each of them had to say. */
function allOf(failures: readonly { address: Address; error: unknown }[], hosts: number): unknown {
  const last = failures.at(-1)?.error
  if (hosts === 1) return last
  const told = new Map(failures.map(({ address: { host, port }, error }) => [`${host}:${port}`, wordsOf(error)]))
  const words = [...told].map(([place, said]) => `${place}: ${said}`).join('; ')
  return Object.assign(new Error(words), { code: codeOf(rootCause(last)), address: words })
}

function wordsOf(error: unknown): string {
  const cause = rootCause(error)
  return cause instanceof Error ? cause.message || (codeOf(cause) ?? cause.name) : String(cause)
}

interface Wish {
  session: Readonly<Record<string, string>>
  wanted: SessionAttributes
  interrupted: AbortSignal | undefined
}

/** Without TLS, with it, or one after the other, as sslmode says. */
async function openAt(address: Address, parameters: ConnectionParameters, wish: Wish): Promise<Opened> {
  const ways = address.host.startsWith('/') ? [false] : WAYS[parameters.tls.mode]
  for (const [index, isEncrypted] of ways.entries()) {
    try {
      return await attempt(address, parameters, { ...wish, isEncrypted })
    } catch (error) {
      if (index === ways.length - 1 || !isAboutEncryption(error)) throw error
    }
  }
  throw new Error('there is no way to connect')
}

const WAYS: Readonly<Record<Tls['mode'], readonly (boolean | 'if offered')[]>> = {
  disable: [false],
  allow: [false, true],
  prefer: ['if offered', false],
  require: [true],
}

function isAboutEncryption(error: unknown): boolean {
  const code = codeOf(error) ?? ''
  return code === '28000' || /^(ERR_SSL|ERR_TLS|EPROTO|TLS_)/.test(code)
}

async function attempt(
  address: Address,
  parameters: ConnectionParameters,
  { session, wanted, interrupted, isEncrypted }: Wish & { isEncrypted: boolean | 'if offered' },
): Promise<Opened> {
  const { connectTimeoutMs, tls } = parameters
  let socket = dial(address)
  const giveUp = (error: Error) => socket.destroy(error)
  const late = failure('CONNECT_TIMEOUT', `no answer within ${amount(connectTimeoutMs / 1000, 'second')}`)
  const deadline = setTimeout(() => giveUp(late), connectTimeoutMs)
  const onInterrupt = () => giveUp(failure('INTERRUPTED', 'interrupted'))
  interrupted?.addEventListener('abort', onInterrupt)
  try {
    if (interrupted?.aborted) onInterrupt()
    noticeEnd(socket)
    await once(socket, 'connect')
    if (isEncrypted && (await isOffered(socket, tls, isEncrypted))) {
      socket = encrypt(socket, address, tls)
      noticeEnd(socket)
      await once(socket, 'secureConnect')
    }
    const begun = await startSession(socket, parameters, address, session)
    requireAttributes(wanted, begun)
    return { socket: handOver(socket, begun), pid: begun.pid }
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    clearTimeout(deadline)
    interrupted?.removeEventListener('abort', onInterrupt)
  }
}

function dial({ host, hostaddr, port }: Address): Socket {
  const place = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host: hostaddr ?? host, port }
  return connect({ ...place, allowHalfOpen: true }) // or the server's end would take our `write` away
}

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
const YES = 'S'.charCodeAt(0)

async function isOffered(socket: Socket, { negotiation }: Tls, how: true | 'if offered'): Promise<boolean> {
  if (negotiation === 'direct') return true
  socket.write(SSL_REQUEST)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.pause()
  if (answer[0] !== YES && how === 'if offered') return false
  if (answer[0] === YES && answer.length === 1) return true // more would be somebody in between
  throw failure('TLS_NOT_OFFERED', 'the server answered no')
}

function encrypt(socket: Socket, { host }: Address, tls: Tls): Socket {
  socket.removeAllListeners('end')
  return connectTls({
    socket,
    ...(isIP(host) || !tls.sni ? {} : { servername: host }),
    ...(tls.negotiation === 'direct' ? { ALPNProtocols: ['postgresql'] } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    ...tls.options,
  })
}

/** A server never ends a connection that is in order before we do. */
function noticeEnd(socket: Socket): void {
  socket.once('end', () => socket.destroy(hungUp()))
  socket.on('error', () => {}) // whoever waits for it has a listener of their own
}

function requireAttributes(wanted: SessionAttributes, { isStandby, isReadOnly }: Session): void {
  const isMet = {
    any: true,
    'read-write': !isReadOnly,
    'read-only': isReadOnly,
    primary: !isStandby,
    standby: isStandby,
    'prefer-standby': true,
  }[wanted]
  if (isMet) return
  const is = isStandby ? 'a standby' : isReadOnly ? 'read-only' : 'a primary'
  throw failure('SESSION_ATTRIBUTES', `this one is ${is}, and target_session_attrs asks for ${wanted}`)
}

/** A failure, too, has to come as a socket, that breaks: postgres.js frees a connection only when its socket closes. */
function broken(error: Error): Duplex {
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  setImmediate(() => socket.destroy(error))
  return socket
}

function failure(code: string, says: string): Error {
  return Object.assign(new Error(says), { code })
}
