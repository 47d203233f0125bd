// What libpq calls connection parameters: from the URI, the service file and the environment, in that order.
// https://www.postgresql.org/docs/current/libpq-connect.html
import { userInfo } from 'node:os'
import { WhoopsterError } from '../../errors.ts'
import type { Env } from '../../world.ts'
import { readPassword, readService } from './files.ts'
import { readTls, type Tls } from './tls.ts'

export interface Address {
  /** A folder means the Unix socket in it. The certificate is checked against this name. */
  host: string
  /** Connected to instead of what DNS says of `host`. */
  hostaddr: string | undefined
  port: number
}

/** `any` and what libpq's `target_session_attrs` asks of a server. */
export const sessionAttributes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const
export type SessionAttributes = (typeof sessionAttributes)[number]

export interface ConnectionParameters {
  /** Tried in this order. */
  addresses: readonly Address[]
  database: string
  user: string
  password: (address: Address) => string | undefined
  tls: Tls
  channelBinding: 'disable' | 'prefer' | 'require'
  /** The ways to prove who we are that the user permits; undefined: all. */
  authentication: ((method: string) => boolean) | undefined
  sessionAttributes: SessionAttributes
  connectTimeoutMs: number
  /** For the server's start-up message. */
  session: Readonly<Record<string, string>>
  /** Host, port and name, for messages: never the password. */
  where: string
}

/** A parameter's value, and who said it. */
interface Given {
  value: string
  source: string
}
type Parameters = Map<string, Given>

const DEFAULT_PORT = 5432
const DEFAULT_TIMEOUT_S = 10
const SHORTEST_TIMEOUT_S = 2 // as libpq has it

/** Reads DATABASE_URL, and what the environment and libpq's files add to it. Nothing of it is repeated where it may be a password. */
export function readParameters(text: string, env: Env = {}): ConnectionParameters {
  const given = readUri(text)
  addService(given, env)
  for (const [variable, name] of Object.entries(VARIABLES)) {
    const value = env[variable]
    if (value && !given.has(name)) given.set(name, { value, source: variable })
  }
  refuseWhatIsNotDone(given)
  const get = (name: string) => given.get(name)?.value || undefined
  const user = get('user') ?? systemUser()
  const database = get('dbname') ?? user
  const addresses = readAddresses(given)
  const where = `${addresses.map(({ host, port }) => `${bracketed(host)}:${port}`).join(',')}/${get('dbname') ?? ''}`
  return {
    addresses,
    database,
    user,
    password: (address) => get('password') ?? readPassword(env, get('passfile'), { ...address, database, user }),
    tls: readTls((name) => given.get(name), env),
    channelBinding: oneOf(given, 'channel_binding', ['disable', 'prefer', 'require'] as const, 'prefer'),
    authentication: readAuthentication(get('require_auth')),
    sessionAttributes: oneOf(given, 'target_session_attrs', sessionAttributes, 'any'),
    connectTimeoutMs: readTimeout(given) * 1000,
    session: sessionOf(given),
    where,
  }
}

const URI = /^postgres(?:ql)?:\/\/(?:([^@/]*)@)?([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s

function readUri(text: string): Parameters {
  const given: Parameters = new Map()
  const parts = URI.exec(text)
  if (!parts) throw unreadable()
  const [, userInfo = '', hosts = '', database = '', query = ''] = parts
  if (!text.slice(0, text.indexOf('?') + 1 || undefined).match(/\/\/[^/]*@/) && /@/.test(hosts + database))
    throw unreadable() // cut in two by a / in the password
  const [user = '', ...password] = userInfo.split(':')
  const set = (name: string, value: string) => void (value && given.set(name, { value, source: 'DATABASE_URL' }))
  set('user', decoded(user))
  set('password', decoded(password.join(':')))
  set('dbname', decoded(database))
  const places = hosts === '' ? [] : hosts.split(',').map(readHost)
  if (places.some(({ host }) => host)) set('host', places.map(({ host }) => host).join(','))
  if (places.some(({ port }) => port)) set('port', places.map(({ port }) => port).join(','))
  for (const pair of query.split('&').filter(Boolean)) {
    const [name = '', ...value] = pair.split('=')
    set(decoded(name), decoded(value.join('=')))
  }
  return given
}

function readHost(text: string): { host: string; port: string } {
  const [, ip, name = '', port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d*))?$/.exec(text) ?? []
  if (ip === undefined && name === '' && port === '' && text !== '' && text !== ':') throw unreadable()
  return { host: decoded(ip ?? name), port }
}

/** Of a URL that is not what it was meant to be nothing is repeated: any part of it may be the password. */
function unreadable(): WhoopsterError {
  return new WhoopsterError('settings', 'DATABASE_URL cannot be read.', {
    hint: 'write it as postgres://user:password@host:5432/database; encode special characters in the password',
  })
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw unreadable()
  }
}

function addService(given: Parameters, env: Env): void {
  const name = given.get('service')?.value ?? env['PGSERVICE']
  if (!name) return
  for (const [parameter, value] of readService(env, name)) {
    if (!given.has(parameter)) given.set(parameter, { value, source: `the service ${name}` })
  }
}

function readAddresses(given: Parameters): Address[] {
  const list = (name: string) => given.get(name)?.value.split(',') ?? []
  const [hosts, addresses, ports] = [list('host'), list('hostaddr'), list('port')]
  const count = Math.max(hosts.length, addresses.length, 1)
  if (addresses.length > 0 && hosts.length > 0 && addresses.length !== hosts.length) throw mismatch('hostaddr', given)
  if (ports.length > 1 && ports.length !== count) throw mismatch('port', given)
  const all = Array.from({ length: count }, (_, index) => {
    const hostaddr = addresses[index]?.trim() || undefined
    return {
      host: hosts[index]?.trim() || hostaddr || 'localhost',
      hostaddr,
      port: readPort(ports.length > 1 ? ports[index] : ports[0], given),
    }
  })
  const isRandom = oneOf(given, 'load_balance_hosts', ['disable', 'random'] as const, 'disable') === 'random'
  return isRandom
    ? all
        .map((one) => ({ one, at: Math.random() }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ one }) => one)
    : all
}

function readPort(text: string | undefined, given: Parameters): number {
  if (!text?.trim()) return DEFAULT_PORT
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw wrong(given.get('port'), 'has a port that is none', 'a port is a number from 1 to 65535')
}

function mismatch(name: string, given: Parameters): WhoopsterError {
  return wrong(given.get(name), `has not as many values for ${name} as for host`, 'give one for each host')
}

function wrong(given: Given | undefined, says: string, hint: string): WhoopsterError {
  return new WhoopsterError('settings', `${given?.source ?? 'DATABASE_URL'} ${says}.`, { hint })
}

function oneOf<T extends string>(given: Parameters, name: string, values: readonly T[], otherwise: T): T {
  const one = given.get(name)
  if (!one) return otherwise
  const found = values.find((value) => value === one.value)
  if (found === undefined) throw wrong(one, `has an unknown ${name}, ${one.value}`, `use ${listed(values)}`)
  return found
}

export function listed(values: readonly string[]): string {
  return `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`
}

/** Seconds. libpq waits for ever without one; we never do. */
function readTimeout(given: Parameters): number {
  const one = given.get('connect_timeout')
  if (!one) return DEFAULT_TIMEOUT_S
  const seconds = Number(one.value)
  if (!Number.isInteger(seconds))
    throw wrong(one, 'has a connect_timeout that is no whole number', 'give it in seconds')
  return seconds <= 0 ? DEFAULT_TIMEOUT_S : Math.max(seconds, SHORTEST_TIMEOUT_S)
}

function readAuthentication(text: string | undefined): ((method: string) => boolean) | undefined {
  if (!text) return undefined
  const methods = text.split(',').map((one) => one.trim())
  const isNegated = methods.every((one) => one.startsWith('!'))
  if (isNegated) return (method) => !methods.includes(`!${method}`)
  return (method) => methods.includes(method)
}

function systemUser(): string {
  try {
    return userInfo().username
  } catch {
    throw new WhoopsterError('settings', 'DATABASE_URL names no user, and this system knows none for us.', {
      hint: 'write it as postgres://user:password@host:5432/database',
    })
  }
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('/') ? `[${host}]` : host
}

/** What is worked out on our side; whatever else is in the URL is for the server to judge. */
const OURS = new Set(
  `host hostaddr port dbname user password passfile service connect_timeout
  sslmode sslrootcert sslcert sslkey sslpassword sslcrl sslcrldir sslsni sslnegotiation sslcertmode sslcompression
  requiressl ssl_min_protocol_version ssl_max_protocol_version channel_binding require_auth requirepeer
  target_session_attrs load_balance_hosts gssencmode krbsrvname gsslib gssdelegation fallback_application_name
  client_encoding keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout replication`.split(
    /\s+/,
  ),
)

function sessionOf(given: Parameters): Record<string, string> {
  return Object.fromEntries([...given].filter(([name]) => !OURS.has(name)).map(([name, { value }]) => [name, value]))
}

/** libpq's variables: https://www.postgresql.org/docs/current/libpq-envars.html */
const VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: 'host',
  PGHOSTADDR: 'hostaddr',
  PGPORT: 'port',
  PGDATABASE: 'dbname',
  PGUSER: 'user',
  PGPASSWORD: 'password',
  PGPASSFILE: 'passfile',
  PGREQUIREAUTH: 'require_auth',
  PGCHANNELBINDING: 'channel_binding',
  PGOPTIONS: 'options',
  PGAPPNAME: 'application_name',
  PGSSLMODE: 'sslmode',
  PGREQUIRESSL: 'requiressl',
  PGSSLNEGOTIATION: 'sslnegotiation',
  PGSSLCERT: 'sslcert',
  PGSSLKEY: 'sslkey',
  PGSSLCERTMODE: 'sslcertmode',
  PGSSLROOTCERT: 'sslrootcert',
  PGSSLCRL: 'sslcrl',
  PGSSLCRLDIR: 'sslcrldir',
  PGSSLSNI: 'sslsni',
  PGREQUIREPEER: 'requirepeer',
  PGSSLMINPROTOCOLVERSION: 'ssl_min_protocol_version',
  PGSSLMAXPROTOCOLVERSION: 'ssl_max_protocol_version',
  PGGSSENCMODE: 'gssencmode',
  PGCONNECT_TIMEOUT: 'connect_timeout',
  PGTARGETSESSIONATTRS: 'target_session_attrs',
  PGLOADBALANCEHOSTS: 'load_balance_hosts',
}

/** What promises something that is not done here: the run does not start, rather than go without. */
function refuseWhatIsNotDone(given: Parameters): void {
  const refuse = (name: string, why: string, hint: string, isMeant: (value: string) => boolean = Boolean) => {
    const one = given.get(name)
    if (one && isMeant(one.value)) throw wrong(one, why, hint)
  }
  refuse('ssl', 'has the parameter ssl, which libpq does not know', SSLMODE)
  refuse('gssencmode', 'asks for GSSAPI encryption, which whoopster cannot do', SSLMODE, (value) => value === 'require')
  refuse(
    'sslcrldir',
    'has sslcrldir, which whoopster cannot use',
    'put the lists into one file, and name it with sslcrl',
  )
  refuse('requirepeer', 'has requirepeer, which whoopster cannot check', 'leave it out')
  refuse(
    'sslcertmode',
    'asks for a client certificate by sslcertmode',
    'leave it out, and name sslcert and sslkey',
    (value) => value === 'require',
  )
  refuse('replication', 'asks for a replication connection', 'leave replication out')
  refuse('client_encoding', 'asks for another encoding than UTF8', 'leave client_encoding out', isOtherEncoding)
}

function isOtherEncoding(value: string): boolean {
  return !/^(auto|utf-?8|unicode)$/i.test(value)
}

const SSLMODE = 'use sslmode=require, or sslmode=verify-full with sslrootcert'
