import { and, asc, eq, sql, type SQL } from 'drizzle-orm'
import { WhoopsterError } from '../errors.ts'
import { users, type Profile } from '../resources/users.ts'
import type { Db, Tx } from './connection/index.ts'
import type { Fence } from './lock.ts'
import { oauthTokens } from './schema.ts'

/** A member who has logged in, whether or not that login is still alive. */
export interface Member {
  id: number
  whoopUserId: number
  firstName: string | null
  scopes: readonly string[]
}

/** Everybody who has ever logged in: their records outlive the login. */
export async function loadEverybody(db: Db | Tx, whoopUserId?: number): Promise<Member[]> {
  return db
    .select({ id: users.id, whoopUserId: users.whoopUserId, firstName: users.firstName, scopes: sql<string[]>`'{}'` })
    .from(users)
    .where(whoopUserId === undefined ? undefined : eq(users.whoopUserId, whoopUserId))
    .orderBy(asc(users.id))
}

/** A member who is not there would be answered with nothing, which a script takes for a member without records. */
export function notStored(whoopUserId: number): WhoopsterError {
  return new WhoopsterError('usage', `Nothing is stored of WHOOP user ${whoopUserId}.`, {
    hint: 'see who there is: whoopster stats',
  })
}

/** Those who are logged in: all of them, or the one asked for; only those of one app, if it is named. */
export async function loadMembers(db: Db, whoopUserId?: number, clientId?: string): Promise<Member[]> {
  return db
    .select({
      id: users.id,
      whoopUserId: users.whoopUserId,
      firstName: users.firstName,
      scopes: oauthTokens.scopes,
    })
    .from(users)
    .innerJoin(oauthTokens, eq(oauthTokens.userId, users.id))
    .where(
      and(
        whoopUserId === undefined ? undefined : eq(users.whoopUserId, whoopUserId),
        clientId === undefined ? undefined : isOfApp(clientId),
      ),
    )
    .orderBy(asc(users.id))
}

/** Whether a login is this app's to renew; one from before that was kept is anybody's, until its next refresh tells. */
export function isOfApp(clientId: string | SQL): SQL {
  return sql`(oauth_tokens.client_id is null or oauth_tokens.client_id = ${clientId})`
}

/** The member's row, new or brought up to date; logging in again keeps it. A run's refuses when its locks are gone. */
export async function saveProfile(db: Db | Tx, profile: Profile, now: Date, fence?: Fence): Promise<number> {
  const { whoopUserId, email, firstName, lastName } = profile
  const at = sql`${now.toISOString()}::timestamptz`
  const [row] = await db.execute<{ id: number | null; fenced: boolean }>(sql`
    with saved as (
      insert into ${users} (whoop_user_id, email, first_name, last_name, created_at, updated_at)
      select ${whoopUserId}::bigint, ${email}::text, ${firstName}::text, ${lastName}::text, ${at}, ${at}
      where ${isOurs(fence)}
      on conflict (whoop_user_id) do update
        set email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name, updated_at = excluded.updated_at
        where (${users.email}, ${users.firstName}, ${users.lastName})
          is distinct from (excluded.email, excluded.first_name, excluded.last_name)
      returning id
    )
    select coalesce((select id from saved), (select id from ${users} where whoop_user_id = ${whoopUserId}::bigint)) as id,
      ${isOurs(fence)} as fenced`)
  if (fence && !row?.fenced) throw fence.lost()
  if (typeof row?.id === 'number') return row.id
  const [unchanged] = await db.select({ id: users.id }).from(users).where(eq(users.whoopUserId, whoopUserId)) // just made by another
  if (!unchanged) throw new Error('the member vanished while being saved')
  return unchanged.id
}

function isOurs(fence: Fence | undefined) {
  return fence ? sql`pg_backend_pid() = ${fence.pid}` : sql`true`
}
