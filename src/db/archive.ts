import { sql, type SQL } from 'drizzle-orm'
import type { Part } from '../resources/archive.ts'
import { resourceOf } from '../resources/index.ts'
import type { TypeName } from '../resources/names.ts'
import type { Db, Tx } from './connection/index.ts'
import { ARCHIVES } from './migrate.ts'
import { tableOf } from './scope.ts'
import type { Member } from './members.ts'

/** Lines of a part, with when each of them happened. */
export interface Lines {
  lines: string[]
  from: string | null
  to: string | null
}

const MOST_ROWS = 500 // more are not faster
const FEW_ROWS = 20 // as long as nobody knows how long they are
const LARGE = 2 ** 21 // characters, for a batch

/** A part of a member, as PostgreSQL writes it: in an order that depends on nothing but the content. */
export async function* readPart(tx: Tx, member: Pick<Member, 'id'>, part: Part): AsyncGenerator<Lines> {
  const { rows, line = sql`row_to_json(x)`, at, order } = queries[part](member.id)
  await tx.execute(sql`
    declare archive no scroll cursor for
    select ${line}::text as line, (to_json(${at}) #>> '{}') as at from (${rows}) x order by ${order}`)
  for (let wanted = FEW_ROWS; ;) {
    const batch = await tx.execute<{ line: string; at: string | null }>(
      sql`fetch ${sql.raw(String(wanted))} from archive`,
    )
    const lines = batch.map(({ line }) => line)
    if (lines.length > 0) yield { lines, from: batch[0]?.at ?? null, to: batch.at(-1)?.at ?? null }
    if (lines.length < wanted) break
    const length = lines.reduce((sum, line) => sum + line.length, 0) / lines.length
    wanted = Math.max(1, Math.min(MOST_ROWS, Math.floor(LARGE / length)))
  }
  await tx.execute(sql`close archive`)
}

/** Remembers that these members were archived, where that may be written: `doctor` tells. */
export async function noteArchive(db: Db, whoopUserIds: readonly number[], at: string): Promise<void> {
  await db.execute(sql`
    create table if not exists ${ARCHIVES} (whoop_user_id bigint primary key, made_at timestamptz not null)`)
  await db.execute(sql`
    insert into ${ARCHIVES} select id::bigint, ${at}::timestamptz from unnest(string_to_array(${whoopUserIds.join(',')}, ',')) id
    on conflict (whoop_user_id) do update set made_at = excluded.made_at`)
}

/** How many members there are, of how many no archive is known, and when the oldest of the others' newest was made. */
export async function loadArchives(db: Db): Promise<{ members: number; without: number; oldest: Date | undefined }> {
  const [known] = await db.execute<{ known: boolean }>(
    sql`select to_regclass('whoopster_archives') is not null as known`,
  )
  const made = known?.known
    ? ARCHIVES
    : sql`(select null::bigint as whoop_user_id, null::timestamptz as made_at where false)`
  const [row] = await db.execute<{ members: number; without: number; oldest: string | null }>(sql`
    select count(*)::int as members, (count(*) filter (where made_at is null))::int as without, min(made_at) as oldest
    from users left join ${made} a using (whoop_user_id)`)
  return {
    members: row?.members ?? 0,
    without: row?.without ?? 0,
    oldest: row?.oldest ? new Date(row.oldest) : undefined,
  }
}

/** The journal's tables are there from a later schema on. */
export async function partsOf(tx: Tx, all: readonly Part[]): Promise<Part[]> {
  const [row] = await tx.execute<{ journal: boolean }>(
    sql`select to_regclass('journal_entries') is not null and to_regclass('journal_imports') is not null as journal`,
  )
  return all.filter((part) => row?.journal || !part.startsWith('journal'))
}

/** Whatever the session is set to, times are written in one way. */
export async function writeAlike(tx: Tx): Promise<void> {
  await tx.execute(sql`set local timezone = 'UTC'`)
  await tx.execute(sql`set local datestyle = 'ISO'`)
}

interface Query {
  /** With the columns of a line, in their order. */
  rows: SQL
  /** Where the rows have others, too. */
  line?: SQL
  at: SQL
  order: SQL
}

const never = sql`null::timestamptz`
const inBytes = sql.raw('collate "C"') // a database's own order may be another one

const records =
  (type: TypeName) =>
  (userId: number): Query => {
    const resource = resourceOf(type)
    if (!resource) throw new Error(`${type} has no table`)
    const isTimed = type !== 'recovery'
    const at = sql`(x.raw_data ->> ${isTimed ? 'start' : 'created_at'})`
    return {
      rows: sql`select created_at, updated_at, raw_data from ${tableOf(resource)} where user_id = ${userId}`,
      at,
      order: sql`${at} ${inBytes}, (x.raw_data ->> ${resource.keyField}) ${inBytes}`,
    }
  }

/** A row as it is, whatever columns its table has. */
const rowsOf = (table: string, userId: number) => sql`
  select (to_jsonb(r) - 'user_id') as line from ${sql.identifier(table)} r where user_id = ${userId}`

const queries: Record<Part, (userId: number) => Query> = {
  profile: (userId) => ({
    rows: sql`
      select whoop_user_id, email, first_name, last_name, created_at, updated_at from users where id = ${userId}`,
    at: never,
    order: sql`1`,
  }),
  sleep: records('sleep'),
  recovery: records('recovery'),
  workout: records('workout'),
  cycle: records('cycle'),
  body: (userId) => ({
    // in the order in which they were seen: a clock may have been wrong
    rows: sql`select id, created_at, raw_data from body_measurements where user_id = ${userId}`,
    line: sql`json_build_object('created_at', x.created_at, 'raw_data', x.raw_data)`,
    at: sql`x.created_at`,
    order: sql`x.id`,
  }),
  journal: (userId) => ({
    rows: rowsOf('journal_entries', userId),
    line: sql`x.line`,
    at: sql`(x.line ->> 'cycle_start')`,
    order: sql`(x.line ->> 'cycle_start') ${inBytes}, (x.line ->> 'question') ${inBytes}`,
  }),
  'journal-imports': (userId) => ({
    rows: rowsOf('journal_imports', userId),
    line: sql`x.line`,
    at: never,
    order: sql`1`,
  }),
  history: (userId) => ({
    // two that say the same say no more than one
    rows: sql`
      select distinct data_type, record_key, seen_from, seen_until, reason, raw_data
      from record_history where user_id = ${userId}`,
    at: never,
    order: sql`x.data_type ${inBytes}, x.record_key ${inBytes}, x.seen_from, x.seen_until, x.reason ${inBytes}, x.raw_data::text ${inBytes}`,
  }),
  quarantine: (userId) => ({
    rows: sql`
      select data_type, record_key, reason, first_seen, last_seen, asked_at, listed_below, raw
      from quarantined_records where user_id = ${userId}`,
    at: never,
    order: sql`x.data_type ${inBytes}, x.record_key ${inBytes}`,
  }),
  coverage: (userId) => ({
    rows: sql`
      select data_type, covered::text as covered, status, error_message, last_sync_time, last_record_time, records_fetched,
        empty_runs, cut_at, recent_at, swept_at, swept_to, created_at, updated_at,
        (select coalesce(json_agg(c order by c.record_key ${inBytes}, c.reason ${inBytes}), '[]') from (
          select record_key, reason, since, seen_at, asked_at from chased_records
          where user_id = ${userId} and data_type = s.data_type
        ) c) as chased
      from sync_status s where user_id = ${userId}`,
    at: never,
    order: sql`x.data_type ${inBytes}`,
  }),
}
