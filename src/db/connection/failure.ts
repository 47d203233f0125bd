import { DrizzleQueryError } from 'drizzle-orm'
import { WhoopsterError, type Reason } from '../../errors.ts'

interface Meaning {
  reason: Reason
  says: string
  hint: string
}

const UNKNOWN = "is it PostgreSQL 15 or newer, and no other system that speaks its protocol? look into the server's log"
const RETRY = 'try again; nothing that was committed is lost'

/** What PostgreSQL's SQLSTATE (five characters, or its class of two) or Node's error code means for the user. */
const meanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: { reason: 'unavailable', says: 'refuses connections', hint: 'is it running? check DATABASE_URL' },
  ENOTFOUND: { reason: 'unavailable', says: 'is unknown to DNS', hint: 'check the host in DATABASE_URL' },
  EAI_AGAIN: { reason: 'unavailable', says: 'cannot be looked up in DNS', hint: RETRY },
  ENOENT: { reason: 'unavailable', says: 'has no such socket', hint: 'check the path in DATABASE_URL' },
  ETIMEDOUT: { reason: 'unavailable', says: 'does not answer', hint: 'check the host and port in DATABASE_URL' },
  EHOSTUNREACH: { reason: 'unavailable', says: 'cannot be reached', hint: 'check the host in DATABASE_URL' },
  ENETUNREACH: { reason: 'unavailable', says: 'cannot be reached', hint: 'check the host in DATABASE_URL' },
  EPIPE: { reason: 'unavailable', says: 'broke the connection', hint: RETRY },
  ECONNRESET: { reason: 'unavailable', says: 'broke the connection', hint: RETRY },
  CONNECT_TIMEOUT: { reason: 'unavailable', says: 'does not answer', hint: 'check the host and port in DATABASE_URL' },
  CONNECTION_CLOSED: { reason: 'unavailable', says: 'closed the connection', hint: RETRY },
  CONNECTION_ENDED: { reason: 'unavailable', says: 'closed the connection', hint: RETRY },
  CONNECTION_DESTROYED: { reason: 'unavailable', says: 'closed the connection', hint: RETRY },
  '08': { reason: 'unavailable', says: 'broke the connection', hint: RETRY },
  '25006': { reason: 'unavailable', says: 'is read-only', hint: 'point DATABASE_URL at the primary' },
  '28': { reason: 'settings', says: 'does not let us in', hint: 'check user and password in DATABASE_URL' },
  '3D000': { reason: 'settings', says: 'has no such database', hint: 'create it, or check its name in DATABASE_URL' },
  '3F000': { reason: 'settings', says: 'has no such schema', hint: 'create it, or check search_path in DATABASE_URL' },
  '40': { reason: 'unavailable', says: 'rolled back a transaction', hint: RETRY },
  '42501': { reason: 'settings', says: 'does not permit this', hint: "grant DATABASE_URL's user the missing right" },
  '42P01': { reason: 'settings', says: 'lacks a table', hint: 'run: whoopster migrate' },
  '42703': { reason: 'settings', says: 'lacks a column', hint: 'run: whoopster migrate' },
  '42P07': {
    reason: 'settings',
    says: 'has something of that name already, which is not ours',
    hint: 'give whoopster a database of its own: create database whoopster',
  },
  '42704': {
    reason: 'settings',
    says: 'does not know a parameter or a type',
    hint: 'check the parameters in DATABASE_URL; whoopster needs PostgreSQL 15 or newer',
  },
  '53100': { reason: 'unavailable', says: 'has no disk space left', hint: 'free some space, then run it again' },
  '53300': { reason: 'unavailable', says: 'has no free connection', hint: 'raise max_connections, or try again later' },
  '53': { reason: 'unavailable', says: 'is out of resources', hint: RETRY },
  '55P03': { reason: 'later', says: 'waited too long for a lock', hint: 'another run may be at work: try again later' },
  '57014': { reason: 'unavailable', says: 'took too long over a statement', hint: RETRY },
  '57': { reason: 'unavailable', says: 'is shutting down or starting up', hint: RETRY },
  '58': { reason: 'unavailable', says: 'has trouble with its disk', hint: "look into the server's log" },
  SELF_SIGNED_CERT_IN_CHAIN: certificate('has a certificate that nobody vouches for'),
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate('has a certificate that nobody vouches for'),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate('has a certificate that nobody vouches for'),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate('has a certificate that nobody vouches for'),
  ERR_TLS_CERT_ALTNAME_INVALID: certificate('has a certificate for another host'),
  CERT_HAS_EXPIRED: certificate('has a certificate that has expired'),
  CERT_NOT_YET_VALID: certificate('has a certificate that is not valid yet'),
  CHANNEL_BINDING: {
    reason: 'settings',
    says: 'cannot be bound to its certificate, as channel_binding=require asks',
    hint: 'use sslmode=require or stricter and a password by SCRAM, or leave channel_binding out',
  },
  AUTHENTICATION: {
    reason: 'settings',
    says: 'cannot prove who it is, or wants a proof that we do not give',
    hint: 'check user, password and require_auth in DATABASE_URL, and the server’s pg_hba.conf',
  },
  SESSION_ATTRIBUTES: {
    reason: 'unavailable',
    says: 'is not what target_session_attrs asks for',
    hint: 'whoopster writes: point DATABASE_URL at the primary, or try again after the failover',
  },
  INTERRUPTED: { reason: 'unavailable', says: 'was not waited for', hint: RETRY },
  TLS_NOT_OFFERED: certificate('does not offer TLS'),
  EPROTO: certificate('cannot agree with us on TLS'),
}

const POOLERS = /^unsupported startup parameter|statement pooling mode/
const NO_SUCH_STATEMENT = '26000' // it was prepared on another server

/** PgBouncer gives one code to whatever is wrong between it and us, or between it and PostgreSQL. */
const pooler: Meaning = {
  reason: 'settings',
  says: 'is a pooler that does not take our settings, or does not keep our session',
  hint: "put PostgreSQL's own address into DATABASE_URL, or see docs/operations.md",
}

function withoutSchema(name: string): Meaning {
  const hint = `as its owner, type: grant usage, create on schema ${name} to … (DATABASE_URL's user)`
  return { reason: 'settings', says: 'does not permit this', hint }
}

function certificate(says: string): Meaning {
  return { reason: 'settings', says, hint: 'check sslmode and sslrootcert in DATABASE_URL' }
}

/** postgres.js names the host that it was given, which is not the one. */
const DRIVERS_WORDS = /^write CONNECTION_\w+ localhost:\d+$/

/**
 * Names a failure of PostgreSQL. Drizzle's own message prints a statement's parameters, tokens included,
 * so only its cause is shown and passed on.
 */
export function databaseFailure(error: unknown, where: string): unknown {
  const cause = rootCause(error)
  if (error instanceof WhoopsterError || !(cause instanceof Error)) return error
  const code = codeOf(cause)
  if (code === 'EMFILE' || code === 'ENFILE') {
    return new WhoopsterError('settings', `This process may open no more files (${cause.message})`, {
      hint: 'raise the limit: ulimit -n 1024, LimitNOFILE= of a systemd unit, ulimits of a compose service',
      cause,
    })
  }
  const said = cause.message ? ` (${cause.message.replace(DRIVERS_WORDS, 'the server hung up')})` : ''
  const meaning = meaningOf(code, cause.message)
  if (!meaning || (code === 'ENOENT' && !('address' in cause))) {
    if (cause.name !== 'PostgresError') return error instanceof DrizzleQueryError ? cause : error
    if (/^2[23]/.test(code ?? '')) {
      return new WhoopsterError('bug', `PostgreSQL at ${where} refused a statement: ${code}${said}`, { cause }) // what we sent
    }
    const isLasting = /^(0A|2|3|42)/.test(code ?? '') // what it cannot, may not or does not know
    return new WhoopsterError(
      isLasting ? 'settings' : 'unavailable',
      `PostgreSQL at ${where} refused a statement: ${code}${said}`,
      { hint: isLasting ? UNKNOWN : `${UNKNOWN}; or try again`, cause },
    )
  }
  return new WhoopsterError(meaning.reason, `PostgreSQL at ${where} ${meaning.says}${said}`, {
    hint: meaning.hint,
    cause,
  })
}

function meaningOf(code: string | undefined, message: string): Meaning | undefined {
  const schema = code === '42501' ? / schema (\S+)$/.exec(message)?.[1] : undefined
  if (schema !== undefined) return withoutSchema(schema)
  if (POOLERS.test(message) || code === NO_SUCH_STATEMENT) return pooler
  return code === undefined ? undefined : (meanings[code] ?? meanings[code.slice(0, 2)])
}

/** A standby, or a server that takes no writes for another reason. */
export function isReadOnly(error: unknown): boolean {
  return codeOf(rootCause(error)) === '25006'
}

/** Below Drizzle's wrapper, and below the list that Node makes of one failure per address. */
export function rootCause(error: unknown): unknown {
  if (error instanceof AggregateError) return rootCause(error.errors[0])
  if (error instanceof Error && error.cause !== undefined && !(error instanceof WhoopsterError)) {
    return rootCause(error.cause)
  }
  return error
}

/** The SQLSTATE or Node's code; undefined for what does not come from a database or a socket. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}
