// The start of a session: who we are, and what the server is. The driver is told of it when it is over.
// https://www.postgresql.org/docs/current/protocol-flow.html
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import {
  cString,
  createReader,
  message,
  query,
  readRow,
  serverError,
  startupMessage,
  strings,
  type Reader,
} from './messages.ts'
import type { Address, ConnectionParameters, SessionAttributes } from './parameters.ts'
import { createScram, endPointOf, type Binding } from './scram.ts'

export interface Session {
  /** The server process, as it has been named to us: a pooler makes one up. */
  pid: number | undefined
  /** What the server has said of itself, for the driver. */
  greeting: Buffer
  /** 15, 16, …; 0 when it did not say. */
  version: number
  isStandby: boolean
  isReadOnly: boolean
}

/** Authenticates, and reads what the server says of itself. */
export async function startSession(
  socket: Duplex,
  parameters: ConnectionParameters,
  address: Address,
  session: Readonly<Record<string, string>>,
): Promise<Session> {
  const reader = createReader(socket)
  try {
    const { user, database } = parameters
    socket.write(startupMessage({ user, database, client_encoding: 'UTF8', ...session }))
    await authenticate(socket, reader, parameters, address)
    const greeting: Buffer[] = []
    const settings = new Map<string, string>()
    let pid: number | undefined
    for (;;) {
      const { type, body, bytes } = await reader.next()
      if (type === 'E') throw serverError(body)
      if (type === 'S') {
        const [name = '', value = ''] = body.toString('utf8').split('\0')
        settings.set(name, value)
        greeting.push(bytes)
      }
      if (type === 'K') {
        pid = body.readUInt32BE(0)
        greeting.push(bytes)
      }
      if (type === 'Z') break
    }
    const state = await stateOf(socket, reader, settings, parameters.sessionAttributes)
    const version = Number.parseInt(settings.get('server_version') ?? '', 10) || 0
    return { pid, greeting: Buffer.concat(greeting), version, ...state }
  } finally {
    reader.stop()
  }
}

/** PostgreSQL says it with its greeting; a pooler may have to be asked. */
async function stateOf(socket: Duplex, reader: Reader, settings: Map<string, string>, wanted: SessionAttributes) {
  const [standby, readOnly] = [settings.get('in_hot_standby'), settings.get('default_transaction_read_only')]
  if (wanted === 'any' || (standby !== undefined && readOnly !== undefined)) {
    return { isStandby: standby === 'on', isReadOnly: standby === 'on' || readOnly === 'on' }
  }
  socket.write(query(`select pg_is_in_recovery(), current_setting('transaction_read_only')`))
  let row: (string | null)[] = []
  for (;;) {
    const { type, body } = await reader.next()
    if (type === 'E') throw serverError(body)
    if (type === 'D') row = readRow(body)
    if (type === 'Z') return { isStandby: row[0] === 't', isReadOnly: row[1] === 'on' }
  }
}

const AUTHENTICATION = { ok: 0, password: 3, md5: 5, gss: 7, sspi: 9, sasl: 10, saslContinue: 11, saslFinal: 12 }

async function authenticate(
  socket: Duplex,
  reader: Reader,
  { user, password: passwordFor, channelBinding, authentication: isPermitted = () => true }: ConnectionParameters,
  address: Address,
): Promise<void> {
  let method = 'none'
  let isBound = false
  const agree = (name: string) => {
    method = name
    if (!isPermitted(name)) throw refusal(`the server asks for ${name}, which require_auth does not permit`)
    if (channelBinding === 'require' && name !== 'scram-sha-256') throw unbound(`the server asks for ${name}`)
  }
  const password = () => {
    const found = passwordFor(address)
    if (found === undefined) throw Object.assign(new Error('no password was given'), { code: '28P01' })
    return found
  }
  for (;;) {
    const { body } = await expectAuthentication(reader)
    switch (body.readUInt32BE(0)) {
      case AUTHENTICATION.ok:
        if (method === 'none') agree(method)
        if (channelBinding === 'require' && !isBound) throw unbound('the server asks for no proof')
        return
      case AUTHENTICATION.password:
        agree('password')
        socket.write(message('p', cString(password())))
        break
      case AUTHENTICATION.md5:
        agree('md5')
        socket.write(message('p', cString(`md5${md5(md5(password() + user), body.subarray(4))}`)))
        break
      case AUTHENTICATION.sasl:
        agree('scram-sha-256')
        isBound = await exchange(
          socket,
          reader,
          password(),
          bindingFor(socket, strings(body.subarray(4)), channelBinding),
        )
        break
      case AUTHENTICATION.gss:
      case AUTHENTICATION.sspi:
        throw refusal('the server asks for GSSAPI or Kerberos, which whoopster cannot do')
      default:
        throw refusal('the server asks for a kind of proof that whoopster does not know')
    }
  }
}

async function expectAuthentication(reader: Reader) {
  for (;;) {
    const next = await reader.next()
    if (next.type === 'E') throw serverError(next.body)
    if (next.type === 'R') return next
    if (next.type !== 'N' && next.type !== 'v') throw refusal('this is no PostgreSQL')
  }
}

function md5(text: string, salt: Buffer = Buffer.alloc(0)): string {
  return createHash('md5').update(text).update(salt).digest('hex')
}

/** Bound to the server's certificate when both can; and if only we can, the server is told so, who would notice a go-between. */
function bindingFor(socket: Duplex, mechanisms: string[], wanted: ConnectionParameters['channelBinding']): Binding {
  const certificate = socket instanceof TLSSocket ? socket.getPeerCertificate().raw : undefined
  const endPoint = certificate && wanted !== 'disable' ? endPointOf(certificate) : undefined
  if (endPoint && mechanisms.includes('SCRAM-SHA-256-PLUS')) return endPoint
  if (wanted === 'require') {
    throw unbound(
      certificate ? 'the server does not offer it with this certificate' : 'the connection is not encrypted',
    )
  }
  if (!mechanisms.includes('SCRAM-SHA-256')) throw refusal(`the server asks for ${mechanisms.join(', ')}`)
  return endPoint ? 'y' : 'n'
}

async function exchange(socket: Duplex, reader: Reader, password: string, binding: Binding): Promise<boolean> {
  const scram = createScram(password, binding)
  const first = Buffer.from(scram.first)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(first.length)
  socket.write(message('p', Buffer.concat([cString(scram.mechanism), length, first])))
  const challenge = await expectAuthentication(reader)
  if (challenge.body.readUInt32BE(0) !== AUTHENTICATION.saslContinue) throw refusal('the server breaks off SCRAM')
  socket.write(message('p', Buffer.from(scram.answer(challenge.body.toString('utf8', 4)))))
  const verdict = await expectAuthentication(reader)
  if (verdict.body.readUInt32BE(0) !== AUTHENTICATION.saslFinal || !scram.isProven(verdict.body.toString('utf8', 4))) {
    throw refusal('the server does not know the password: it may be somebody else')
  }
  return typeof binding !== 'string'
}

function refusal(why: string): Error {
  return Object.assign(new Error(why), { code: 'AUTHENTICATION' })
}

function unbound(why: string): Error {
  return Object.assign(new Error(why), { code: 'CHANNEL_BINDING' })
}
