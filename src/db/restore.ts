import { getTableColumns, sql, type SQL } from 'drizzle-orm'
import type { Line } from '../resources/archive.ts'
import type { Understood } from '../resources/read.ts'
import { toJson } from '../resources/json.ts'
import type { Resource } from '../resources/resource.ts'
import type { Db, Tx } from './connection/index.ts'
import type { Fence } from './lock.ts'
import { arrayOf } from './arrays.ts'
import { asPage } from './records.ts'
import { isOf, keyOf, tableOf, type Collection } from './scope.ts'
import type { Member } from './members.ts'
import { unsettled } from './upsert.ts'

// What an archive holds, laid beside what is stored. Every statement does only what is not done yet, so a restore that was
// ended is simply begun again.

type Owner = Pick<Member, 'id'>

/** What became of an archived record. */
export type Verdict =
  | 'new' // it is stored now
  | 'same' // it was stored like this
  | 'newer' // it has replaced what was stored
  | 'older' // what is stored stays, and this one is in its history
  | 'gone' // WHOOP has deleted it since: it is in the history

/** The member's row; the later of two profiles wins. */
export async function restoreProfile(db: Db, profile: Line<'profile'>): Promise<Member> {
  const { whoop_user_id: id, email, first_name, last_name, created_at, updated_at } = profile
  const [row] = await db.execute<{ id: number; first: string | null }>(sql`
    insert into users as stored (whoop_user_id, email, first_name, last_name, created_at, updated_at)
    values (${id}, ${email}, ${first_name}, ${last_name}, ${created_at}, ${updated_at})
    on conflict (whoop_user_id) do update set
      (email, first_name, last_name) = (
        select case when newer then excluded.email else stored.email end,
          case when newer then excluded.first_name else stored.first_name end,
          case when newer then excluded.last_name else stored.last_name end
        from (select excluded.updated_at > stored.updated_at as newer) judged
      ),
      created_at = least(stored.created_at, excluded.created_at),
      updated_at = greatest(stored.updated_at, excluded.updated_at)
    returning id, first_name as first`)
  if (!row) throw new Error('the member vanished while being restored')
  return { id: row.id, whoopUserId: id, firstName: row.first, scopes: [] }
}

/** Lines as rows of one column, `line`, in their order. */
function asLines(texts: readonly string[]): SQL {
  return sql`jsonb_array_elements(${`[${texts.join(',')}]`}::text::jsonb) with ordinality given (line, ordinality)`
}

const at = (name: string) => sql`(line ->> ${name})::timestamptz`

/** A record of an archive, with the line that it came from. */
export interface Archived extends Understood {
  line: { text: string; value: { created_at: string; updated_at: string } }
}

/** Whether nothing was ever known here of a member's type: then there is nothing to lay an archive beside. */
export async function isUnknown(db: Db, scope: Collection): Promise<boolean> {
  const { member, resource } = scope
  const [row] = await db.execute<{ known: boolean }>(sql`
    select exists (select from ${tableOf(resource)} where user_id = ${member.id})
      or exists (select from record_history where ${isOf(scope)})
      or exists (select from quarantined_records where ${isOf(scope)})
      or exists (select from sync_status where ${isOf(scope)} and not isempty(covered)) as known`)
  return row?.known === false
}

/** Stores records of a type of which nothing is known yet. Where one of them is there all the same, PostgreSQL refuses all. */
export async function insertRecords(
  tx: Tx,
  { member, resource }: Collection,
  records: readonly Archived[],
): Promise<void> {
  if (records.length === 0) return
  const columns = Object.entries(getTableColumns(resource.table)).filter(
    ([property]) => property in (records[0]?.row ?? {}),
  )
  const names = list(columns.map(([, { name }]) => sql.identifier(name)))
  const cells = columns.map(([property, column]) => {
    const type = sql.raw(column.getSQLType().replace(/\(\d+\)$/, '')) // with its length, a cast would cut what is longer
    return sql`${arrayOf(records.map(({ row }) => row[property] as string | number | boolean | null))}::${type}[]`
  })
  const times = (name: 'created_at' | 'updated_at') =>
    sql`${arrayOf(records.map(({ line }) => line.value[name]))}::timestamptz[]`
  const lines = records.map(({ line }) => line.text).join('\n') // a line of JSON has no other end of line in it
  await tx.execute(sql`
    with read as (
      select ${member.id}::int as user_id, r.* from unnest(${list(cells)}, ${times('created_at')}, ${times('updated_at')},
        string_to_array(${lines}, chr(10))) r (${names}, first_seen, seen, line)
    ), stored as (
      insert into ${tableOf(resource)} (user_id, ${names}, raw_data, created_at, updated_at)
      select user_id, ${names}, line::jsonb -> 'raw_data', first_seen, seen from read
    )
    insert into chased_records (user_id, data_type, record_key, reason, since)
    select user_id, ${resource.name}::text, ${keyOf(resource)}::text, 'unsettled', seen from read
    where ${unsettled(resource, sql`read`)}
    on conflict do nothing`)
}

/**
 * Stores archived records, each with the line it came from. Content decides: one that is stored as it is is not touched. Of
 * two that differ, the one that WHOOP changed later wins, then the one that is settled, then the one that was seen later;
 * the other goes to the history if it had settled. What this database knows WHOOP to have deleted since is not brought
 * back. Where a record was unknown although its time is claimed to be complete, the claim is taken back.
 */
export async function mergeRecords(
  tx: Tx,
  scope: Collection,
  records: readonly Archived[],
): Promise<Record<Verdict, number>> {
  const { member, resource } = scope
  const columnsOnly = records.map(({ row }) => ({ row, raw: null })) // raw_data is taken from the line, to the letter
  const { source, target, key, columns } = asPage(scope, columnsOnly)
  const whoops = columns.map(({ name }) => name).filter((name) => name !== 'raw_data')
  const names = list(whoops.map((name) => sql.identifier(name)))
  const fromRow = list(whoops.map((name) => sql`r.${sql.identifier(name)}`))
  const updates = list(whoops.map((name) => sql`${sql.identifier(name)} = excluded.${sql.identifier(name)}`))
  const settled = (alias: SQL, seen: SQL) =>
    sql`(not ${unsettled(resource, alias)} and ${resource.end(alias)} < ${seen} - interval '24 hours')`
  const same = (from: SQL, raw: SQL) => sql`
    exists (select from record_history h where ${isOf(scope, sql`h`)} and h.record_key = judged.${key}::text
      and h.seen_from = ${from} and h.raw_data = ${raw})`
  const rows = await tx.execute<{ verdict: Verdict; n: number }>(sql`
    with read as (
      select ${fromRow}, line -> 'raw_data' as raw_data, ${at('created_at')} as first_seen, ${at('updated_at')} as seen
      from (${source}) r join ${asLines(records.map(({ line }) => line.text))} using (ordinality)
    ), page as (
      select read.*, ${resource.place(sql`read`)} as place, ${unsettled(resource, sql`read`)} as unsettled,
        ${settled(sql`read`, sql`now()`)} as settled
      from read
    ), known as (
      select old.*, ${unsettled(resource, sql`old`)} as unsettled, ${settled(sql`old`, sql`now()`)} as settled
      from page, lateral (select * from ${target} where user_id = ${member.id} and ${key} = page.${key} offset 0) old
    ), judged as (
      select page.*, known.raw_data as old_raw, known.updated_at as old_seen, known.settled as old_settled, deleted_at,
        case
          when known.raw_data = page.raw_data then 'same'
          when known.${key} is not null then
            case when (page.updated_at_whoop, not page.unsettled, page.seen)
              > (known.updated_at_whoop, not known.unsettled, known.updated_at) then 'newer' else 'older' end
          when deleted_at is not null then 'gone'
          else 'new'
        end as verdict
      from page left join known using (${key}), lateral (
        select max(h.seen_until) as deleted_at from record_history h
        where ${isOf(scope, sql`h`)} and h.record_key = page.${key}::text and h.reason = 'deleted' and h.seen_until > page.seen
      ) deletion
    ), stored as (
      insert into ${target} (${names}, raw_data, created_at, updated_at)
      select ${names}, raw_data, first_seen, seen from judged where verdict in ('new', 'newer')
      on conflict (user_id, ${key}) do update set ${updates}, raw_data = excluded.raw_data,
        created_at = least(${target}.created_at, excluded.created_at), updated_at = excluded.updated_at
    ), replaced as (
      insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
      select ${member.id}::int, ${resource.name}::text, ${key}::text, raw_data, seen,
        greatest(seen, coalesce(old_seen, deleted_at)), case verdict when 'gone' then 'deleted' else 'changed' end
      from judged
      where (verdict = 'gone' or (verdict = 'older' and settled)) and not ${same(sql`judged.seen`, sql`judged.raw_data`)}
      union all
      select ${member.id}::int, ${resource.name}::text, ${key}::text, old_raw, old_seen, greatest(seen, old_seen), 'changed'
      from judged
      where verdict = 'newer' and old_settled and not ${same(sql`judged.old_seen`, sql`judged.old_raw`)}
    ), readable as (
      delete from quarantined_records q using judged
      where ${isOf(scope, sql`q`)} and q.record_key = judged.${key}::text and q.last_seen < judged.seen
        and verdict in ('new', 'newer')
    ), chased as (
      insert into chased_records (user_id, data_type, record_key, reason, since)
      select ${member.id}::int, ${resource.name}::text, ${key}::text, 'unsettled', seen from judged
      where verdict in ('new', 'newer') and unsettled
      on conflict do nothing
    ), doubted as (
      update sync_status set covered = covered - tstzmultirange(tstzrange(first, last + interval '1 millisecond'))
      from (select min(place) as first, max(place) as last from judged where verdict = 'new') unknown
      where ${isOf(scope, sql`sync_status`)} and first is not null
        and covered && tstzrange(first, last + interval '1 millisecond')
    )
    select verdict, count(*)::int as n from judged group by verdict`)
  const counts = { new: 0, same: 0, newer: 0, older: 0, gone: 0 }
  for (const { verdict, n } of rows) counts[verdict] = n
  return counts
}

/** Versions that have been replaced or deleted; those that are there already are left out. */
export async function restoreHistory(tx: Tx, member: Owner, texts: readonly string[]): Promise<void> {
  await tx.execute(sql`
    insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
    select ${member.id}::int, line ->> 'data_type', line ->> 'record_key', line -> 'raw_data', ${at('seen_from')},
      ${at('seen_until')}, line ->> 'reason'
    from ${asLines(texts)}
    where not exists (
      select from record_history h
      where h.user_id = ${member.id} and h.data_type = line ->> 'data_type' and h.record_key = line ->> 'record_key'
        and h.seen_from = ${at('seen_from')} and h.seen_until = ${at('seen_until')} and h.reason = line ->> 'reason'
        and h.raw_data = line -> 'raw_data'
    ) order by ordinality`)
}

/** What nobody could read, unless it has been read since; of two texts the one seen later stays. */
export async function restoreQuarantine(
  tx: Tx,
  member: Owner,
  resource: Resource | undefined,
  texts: readonly string[],
): Promise<void> {
  const page = resource && asPage({ member, resource }, [])
  const isRead = page
    ? sql`exists (select from ${page.target} r where r.user_id = ${member.id}
        and r.${page.key}::text = line ->> 'record_key' and r.updated_at >= ${at('last_seen')})`
    : sql`false`
  await tx.execute(sql`
    insert into quarantined_records as stored
      (user_id, data_type, record_key, raw, reason, first_seen, last_seen, asked_at, listed_below)
    select ${member.id}::int, line ->> 'data_type', line ->> 'record_key', line ->> 'raw', line ->> 'reason',
      ${at('first_seen')}, ${at('last_seen')}, ${at('asked_at')}, ${at('listed_below')}
    from ${asLines(texts)} where not ${isRead} order by ordinality
    on conflict (user_id, data_type, record_key) do update set first_seen = least(stored.first_seen, excluded.first_seen),
      raw = case when excluded.last_seen > stored.last_seen then excluded.raw else stored.raw end,
      reason = case when excluded.last_seen > stored.last_seen then excluded.reason else stored.reason end,
      last_seen = greatest(stored.last_seen, excluded.last_seen)
    where excluded.last_seen > stored.last_seen or excluded.first_seen < stored.first_seen`)
}

/** A record that this version, or this database, does not take: kept as text, as a sync would. */
export async function restoreUnreadable(
  tx: Tx,
  { member, resource }: Collection,
  { key, text, reason }: { key: string; text: string; reason: string },
  seen: string,
): Promise<void> {
  const line = { data_type: resource.name, record_key: key, raw: text, reason, first_seen: seen, last_seen: seen }
  await restoreQuarantine(tx, member, undefined, [toJson({ ...line, asked_at: null, listed_below: null })])
}

/** A measurement and when it was first seen. Columns are those of body_measurements. */
export interface Measured {
  text: string
  columns: Record<string, unknown>
}

/** How many measurements are stored, to tell after a batch of them whether they have to be put in order. */
export async function holdsMeasurements(tx: Tx, member: Owner): Promise<boolean> {
  return (await tx.execute(sql`select from body_measurements where user_id = ${member.id} limit 1`)).length > 0
}

export async function restoreMeasurements(tx: Tx, member: Owner, measured: readonly Measured[]): Promise<number> {
  const columns = JSON.stringify(measured.map((one) => one.columns))
  const rows = await tx.execute(sql`
    insert into body_measurements (user_id, height_meter, weight_kilogram, max_heart_rate, raw_data, created_at)
    select ${member.id}::int, height_meter, weight_kilogram, max_heart_rate, line -> 'raw_data', ${at('created_at')}
    from ${asLines(measured.map(({ text }) => text))} join (
      select height_meter, weight_kilogram, max_heart_rate, ordinality
      from jsonb_populate_recordset(null::body_measurements, ${columns}::text::jsonb) with ordinality
    ) figures using (ordinality)
    where not exists (
      select from body_measurements b
      where b.user_id = ${member.id} and b.created_at = ${at('created_at')} and b.raw_data = line -> 'raw_data'
    ) order by ordinality returning 1`)
  return rows.length
}

/** The row with the highest id is the measurement of today: older ones that came later are put below it. */
export async function orderMeasurements(tx: Tx, member: Owner): Promise<void> {
  await tx.execute(sql`
    with old as (delete from body_measurements where user_id = ${member.id} returning *)
    insert into body_measurements (user_id, height_meter, weight_kilogram, max_heart_rate, raw_data, created_at)
    select user_id, height_meter, weight_kilogram, max_heart_rate, raw_data, created_at from old order by created_at, id`)
}

/** The tables of a member's journal: what makes a row the same, and which of two is the later. */
const journals = {
  journal: { table: 'journal_entries', keys: ['cycle_start', 'question'], later: 'updated_at' },
  'journal-imports': { table: 'journal_imports', keys: [], later: 'imported_at' },
} as const

export type JournalPart = keyof typeof journals

export async function hasJournal(db: Db): Promise<boolean> {
  const [row] = await db.execute<{ there: boolean }>(
    sql`select to_regclass('journal_entries') is not null and to_regclass('journal_imports') is not null as there`,
  )
  return row?.there ?? false
}

export async function restoreJournal(
  tx: Tx,
  member: Owner,
  part: JournalPart,
  texts: readonly string[],
): Promise<void> {
  const { table, keys, later } = journals[part]
  const target = sql.identifier(table)
  const columns = await tx.execute<{ name: string }>(sql`
    select attname as name from pg_attribute
    where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped order by attnum`)
  const names = columns.map(({ name }) => sql.identifier(name))
  const rest = columns.filter(({ name }) => name !== 'user_id' && !(keys as readonly string[]).includes(name))
  const key = list(['user_id', ...keys].map((name) => sql.identifier(name)))
  const updates = list(rest.map(({ name }) => sql`${sql.identifier(name)} = excluded.${sql.identifier(name)}`))
  await tx.execute(sql`
    insert into ${target} as stored (${list(names)})
    select ${list(names.map((name) => sql`r.${name}`))}
    from ${asLines(texts)},
      lateral jsonb_populate_record(null::${target}, line || jsonb_build_object('user_id', ${member.id}::int)) r
    order by ordinality
    on conflict (${key}) do update set ${updates} where excluded.${sql.identifier(later)} > stored.${sql.identifier(later)}`)
}

/**
 * Says of a type what the archive says, and returns true; false where this database has synced it itself: it knows
 * better, and what it does not cover is read again.
 */
export async function restoreCoverage(
  tx: Tx,
  { member, fence }: { member: Owner; fence: Fence },
  { text, value }: { text: string; value: Line<'coverage'> },
): Promise<boolean> {
  const type = value.data_type
  const [row] = await tx.execute<{ synced: boolean }>(sql`
    select last_sync_time is not null or not isempty(covered) as synced
    from sync_status where user_id = ${member.id} and data_type = ${type} and pg_backend_pid() = ${fence.pid}`)
  if (row?.synced) return false
  const names = Object.keys(value).filter((name) => name !== 'chased' && name !== 'data_type')
  const columns = list(names.map((name) => sql.identifier(name)))
  const values = list(names.map((name) => sql`r.${sql.identifier(name)}`))
  await tx.execute(sql`
    insert into sync_status (user_id, data_type, ${columns}, records)
    select ${member.id}::int, ${type}::text, ${values}, ${countOf(type, member)}
    from ${asLines([text])}, lateral jsonb_populate_record(null::sync_status, line) r
    on conflict (user_id, data_type) do update set (${columns}, records)
      = (${list(names.map((name) => sql`excluded.${sql.identifier(name)}`))}, excluded.records)`)
  await tx.execute(sql`
    insert into chased_records (user_id, data_type, record_key, reason, since, seen_at, asked_at)
    select ${member.id}::int, ${type}::text, c.record_key, c.reason, c.since, c.seen_at, c.asked_at
    from ${asLines([text])}, lateral jsonb_populate_recordset(null::chased_records, line -> 'chased') c
    on conflict (user_id, data_type, record_key, reason)
    do update set since = excluded.since, seen_at = excluded.seen_at, asked_at = excluded.asked_at`)
  return true
}

function countOf(type: string, member: Owner): SQL {
  if (type === 'body') return sql`0`
  return sql`(select count(*) from ${sql.identifier(`${type}_records`)} where user_id = ${member.id})`
}

function list(parts: readonly (SQL | ReturnType<typeof sql.identifier>)[]): SQL {
  return sql.join([...parts], sql`, `)
}
