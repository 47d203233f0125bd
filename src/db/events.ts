import { sql } from 'drizzle-orm'
import { scopeOf } from '../resources/index.ts'
import type { TypeName } from '../resources/names.ts'
import type { Db } from './connection/index.ts'
import { isOfApp } from './members.ts'

/** A record that WHOOP has told of: it is new, changed or deleted. */
export interface Told {
  whoopUserId: number
  type: TypeName
  key: string
}

/**
 * Keeps, in one statement, that these records are to be asked for by whichever sync comes next. The same event again is the
 * same row; by its `since` it tells a sync that has asked already that there is news. Returns the members of them who are
 * logged in to the app, by WHOOP user id; of others, and of what a login may not read, nothing is kept.
 */
export async function keepTold(db: Db, clientId: string, events: readonly Told[]): Promise<Set<number>> {
  const given = events.map(({ whoopUserId, type, key }) => ({
    whoop_user_id: whoopUserId,
    data_type: type,
    record_key: key,
    scope: scopeOf[type],
  }))
  const rows = await db.execute<{ id: string }>(sql`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(given)}::text::jsonb)
        as one (whoop_user_id bigint, data_type text, record_key text, scope text)
    ), known as (
      select distinct users.id, given.*, scope = any(scopes) as is_granted
      from given join users using (whoop_user_id)
        join oauth_tokens on oauth_tokens.user_id = users.id and ${isOfApp(clientId)}
    ), kept as (
      insert into chased_records (user_id, data_type, record_key, reason, since)
      select id, data_type, record_key, 'event', clock_timestamp() from known where is_granted
      order by id, data_type, record_key -- two listeners must not wait for each other
      on conflict (user_id, data_type, record_key, reason) do update set since = excluded.since, asked_at = null
    )
    select distinct whoop_user_id::text as id from known`)
  return new Set(rows.map(({ id }) => Number(id)))
}

/** The members of whom something was told that WHOOP has not been asked for yet, by WHOOP user id. */
export async function loadTold(db: Db, clientId: string, whoopUserId?: number): Promise<number[]> {
  const rows = await db.execute<{ id: string }>(sql`
    select whoop_user_id::text as id from users
      join oauth_tokens on oauth_tokens.user_id = users.id and ${isOfApp(clientId)}
    where (${whoopUserId ?? null}::bigint is null or whoop_user_id = ${whoopUserId ?? null}) and exists (
      select from chased_records c where c.user_id = users.id and c.reason = 'event' and c.asked_at is null
    )
    order by 1`)
  return rows.map(({ id }) => Number(id))
}
