import { createHash } from 'node:crypto'
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { users } from '../resources/users.ts'
import type { Database, Db, Tx } from './connection/index.ts'
import { MINUTE_MS } from '../time.ts'
import type { Member } from './members.ts'
import { oauthTokens, pendingLogins } from './schema.ts'
import { ENVELOPE_HEAD, seal, sealedUnder, unseal, type Keys } from './seal.ts'

/** What WHOOP grants: two opaque tokens, when the first expires, and what it may read. */
export interface Tokens {
  access: string
  refresh: string
  grantedAt: Date
  expiresAt: Date
  scopes: readonly string[]
}

/** A new login replaces whatever the row held, readable or not. */
export async function saveTokens(
  db: Db | Tx,
  keys: Keys,
  member: Pick<Member, 'id'>,
  tokens: Tokens,
  clientId: string | null = null,
): Promise<void> {
  const row = { ...sealed(keys, member, tokens), refusedScopes: [], clientId }
  await db
    .insert(oauthTokens)
    .values({ userId: member.id, createdAt: row.updatedAt, ...row })
    .onConflictDoUpdate({ target: oauthTokens.userId, set: row })
}

/** The pair that WHOOP gave for the one in the row, which the caller holds. */
export async function renewTokens(
  tx: Tx,
  keys: Keys,
  member: Member,
  tokens: Tokens,
  clientId?: string,
): Promise<void> {
  await tx
    .update(oauthTokens)
    .set({ ...sealed(keys, member, tokens), ...(clientId === undefined ? {} : { clientId }) })
    .where(eq(oauthTokens.userId, member.id))
}

function sealed(keys: Keys, { id }: Pick<Member, 'id'>, tokens: Tokens) {
  return {
    accessToken: seal(keys, tokens.access, placeOf(id, 'access_token')),
    refreshToken: seal(keys, tokens.refresh, placeOf(id, 'refresh_token')),
    expiresAt: tokens.expiresAt.toISOString(),
    updatedAt: tokens.grantedAt.toISOString(),
    scopes: [...tokens.scopes],
    deadFingerprint: null,
    refreshingSince: null,
  }
}

/** A member's tokens as stored, and what has been learned of them. */
export interface StoredTokens extends Tokens {
  /** The app that WHOOP gave them to; null: not known. */
  clientId: string | null
  /** WHOOP has refused this refresh token. */
  dead: boolean
  /** When a refresh of these began that nobody has seen the end of. */
  refreshingSince: Date | undefined
  /** Scopes that a renewed token was refused for. */
  refusedScopes: readonly string[]
}

/** What can be said of a login without opening it. */
export interface Login {
  whoopUserId: number
  name: string
  scopes: readonly string[]
  expiresAt: Date
  /** WHOOP has refused its refresh token: a person has to log in again. */
  dead: boolean
  /** Scopes that a renewed token was refused for. */
  refusedScopes: readonly string[]
  /** The id of the key that its tokens are sealed with. */
  sealedUnder: string | undefined
}

export async function loadLogins(db: Db): Promise<Login[]> {
  const all: Login[] = []
  for await (const { logins } of readLogins(db)) all.push(...logins)
  return all
}

const AT_ONCE = 200

/** Some logins, and the range of users.id that they are all of. */
export interface SomeLogins {
  logins: Login[]
  from: number
  to: number
}

/** All logins by their members' ids, some at a time; of the tokens, which are most of a row, no more than the name of their key. */
export async function* readLogins(db: Db): AsyncGenerator<SomeLogins> {
  for (let after = 0; ;) {
    const rows = await db
      .select({
        id: users.id,
        whoopUserId: users.whoopUserId,
        name: sql<string>`concat_ws(' ', nullif(${users.firstName}, ''), nullif(${users.lastName}, ''))`,
        scopes: oauthTokens.scopes,
        expiresAt: oauthTokens.expiresAt,
        dead: sql<boolean>`${oauthTokens.deadFingerprint} is not null`, // a new login clears it
        refusedScopes: oauthTokens.refusedScopes,
        envelope: sql<string>`left(${oauthTokens.refreshToken}, ${ENVELOPE_HEAD})`,
      })
      .from(users)
      .innerJoin(oauthTokens, eq(oauthTokens.userId, users.id))
      .where(gt(users.id, after))
      .orderBy(asc(users.id))
      .limit(AT_ONCE)
    const last = rows.at(-1)
    if (!last) return
    const logins = rows.map(({ whoopUserId, name, scopes, expiresAt, dead, refusedScopes, envelope }) => {
      return {
        whoopUserId,
        name,
        scopes,
        expiresAt: new Date(expiresAt),
        dead,
        refusedScopes,
        sealedUnder: sealedUnder(envelope),
      }
    })
    yield { logins, from: after + 1, to: last.id }
    if (rows.length < AT_ONCE) return
    after = last.id
  }
}

export async function loadTokens(db: Db, keys: Keys, member: Member): Promise<StoredTokens | undefined> {
  const [row] = await db.select().from(oauthTokens).where(eq(oauthTokens.userId, member.id))
  return row && opened(keys, row)
}

/** Holds the member's row, so that a token that works once is spent by one process; others wait here. */
export async function withTokensLocked<T>(
  database: Database,
  keys: Keys,
  member: Member,
  work: (tx: Tx, tokens: StoredTokens | undefined) => Promise<T>,
): Promise<T> {
  return database.apart((db) =>
    db.transaction(async (tx) => {
      const [row] = await tx.select().from(oauthTokens).where(eq(oauthTokens.userId, member.id)).for('update')
      return work(tx, row && opened(keys, row))
    }),
  )
}

/** Notes since when a refresh of these tokens has been under way; undefined: none is. */
export async function noteRefresh(tx: Tx, member: Member, since: Date | undefined): Promise<void> {
  await tx
    .update(oauthTokens)
    .set({ refreshingSince: since?.toISOString() ?? null })
    .where(eq(oauthTokens.userId, member.id))
}

/** A session of the server's; `since` tells it from a later one with the same number. */
export interface Backend {
  pid: number
  since: string
}

/** The caller's own, where there is one: not in the embedded database. */
export async function backendOf(tx: Tx): Promise<Backend | undefined> {
  const [row] = await tx.execute<{ pid: number; since: string }>(sql`
    select pid, backend_start::text as since from pg_stat_activity where pid = pg_backend_pid()`)
  return row
}

/** Ends another session, with the locks it holds: it may not have noticed that nobody is there any more. */
export async function endBackend(db: Db, { pid, since }: Backend): Promise<void> {
  await db.execute(sql`
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where pid = ${pid} and backend_start = ${since}::timestamptz and pid <> pg_backend_pid()`)
}

/** Whether WHOOP permits what needs the scope, with a token that is certainly good. */
export async function noteScope(db: Db, member: Member, scope: string, isPermitted: boolean): Promise<void> {
  const others = sql`array_remove(${oauthTokens.refusedScopes}, ${scope})`
  await db
    .update(oauthTokens)
    .set({ refusedScopes: isPermitted ? others : sql`array_append(${others}, ${scope})` })
    .where(eq(oauthTokens.userId, member.id))
}

/**
 * Remembers that WHOOP has refused this app's refresh token. Tells whether it has: a login that does not know its app may
 * be that of another one which asks from here, and then a refusal says nothing about it.
 */
export async function rememberDead(tx: Tx, member: Member, refreshToken: string, clientId: string): Promise<boolean> {
  const isOthers = sql`${oauthTokens.clientId} is null and exists (select from request_budgets where client_id <> ${clientId})`
  const marked = await tx
    .update(oauthTokens)
    .set({ deadFingerprint: fingerprint(refreshToken) })
    .where(and(eq(oauthTokens.userId, member.id), sql`not (${isOthers})`))
    .returning({ id: oauthTokens.userId })
  return marked.length > 0
}

/** Forgets a login; the member and the records stay. */
export async function forgetTokens(db: Db, member: Member): Promise<void> {
  await db.delete(oauthTokens).where(eq(oauthTokens.userId, member.id))
}

/** Remembers a login that is under way; those that ran out are dropped. */
export async function savePendingLogin(
  db: Db,
  keys: Keys,
  login: { state: string; verifier: string; now: Date; minutes: number },
): Promise<void> {
  const now = login.now.toISOString()
  await db.delete(pendingLogins).where(sql`${pendingLogins.expiresAt} < ${now}`)
  await db.insert(pendingLogins).values({
    state: login.state,
    codeVerifier: seal(keys, login.verifier, `pending_logins/${login.state}`),
    createdAt: now,
    expiresAt: new Date(login.now.getTime() + login.minutes * MINUTE_MS).toISOString(),
  })
}

/**
 * The verifier of the login that `state` belongs to, for one process until its transaction ends: a code that several
 * exchange may cost all of them the login (RFC 6749, 4.1.2). `busy`: another process has it; `none`: nobody has begun
 * it, its time is over, or it has been finished.
 */
export async function claimPendingLogin(
  tx: Tx,
  keys: Keys,
  state: string,
  now: Date,
): Promise<{ verifier: string } | 'busy' | 'none'> {
  const wanted = and(eq(pendingLogins.state, state), sql`${pendingLogins.expiresAt} >= ${now.toISOString()}`)
  const [mine] = await tx.select().from(pendingLogins).where(wanted).for('update', { skipLocked: true })
  if (mine) return { verifier: unseal(keys, mine.codeVerifier, `pending_logins/${state}`) }
  const [any] = await tx.select({ state: pendingLogins.state }).from(pendingLogins).where(wanted)
  return any ? 'busy' : 'none'
}

export async function deletePendingLogin(db: Db | Tx, state: string): Promise<void> {
  await db.delete(pendingLogins).where(eq(pendingLogins.state, state))
}

function opened(keys: Keys, row: typeof oauthTokens.$inferSelect): StoredTokens {
  const refresh = unseal(keys, row.refreshToken, placeOf(row.userId, 'refresh_token'))
  return {
    access: unseal(keys, row.accessToken, placeOf(row.userId, 'access_token')),
    refresh,
    grantedAt: new Date(row.updatedAt),
    expiresAt: new Date(row.expiresAt),
    scopes: row.scopes,
    clientId: row.clientId,
    dead: row.deadFingerprint === fingerprint(refresh),
    refreshingSince: row.refreshingSince === null ? undefined : new Date(row.refreshingSince),
    refusedScopes: row.refusedScopes,
  }
}

/** Binds a sealed token to its row and column. */
function placeOf(userId: number, column: 'access_token' | 'refresh_token'): string {
  return `oauth_tokens/${userId}/${column}`
}

/** Recognises a token without holding it. */
function fingerprint(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 32)
}
