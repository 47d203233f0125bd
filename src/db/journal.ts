import { sql, type SQL } from 'drizzle-orm'
import { arrayOf, plainArrayOf } from './arrays.ts'
import type { Tx } from './connection/index.ts'
import type { Member } from './members.ts'

// An export on its way into journal_entries: its rows are laid beside the tables first, as they come, so that memory does
// not grow with the file, and become the journal in a few statements.

/** An answer as the file has it. Instants are ISO 8601. */
export interface StagedEntry {
  line: number
  cycleStart: string
  cycleEnd: string | null
  timezoneOffset: string
  question: string
  answered: boolean | null
  notes: string | null
  /** The six cells as they were. */
  cells: readonly string[]
}

export const witnessKinds = ['cycles', 'sleeps', 'workouts'] as const
export type WitnessKind = (typeof witnessKinds)[number]

/** A record as the file has it, for comparison. Local times without a zone. */
export interface StagedWitness {
  cycleStart: string
  start: string
  /** Null where the file has no column for it: then it is the cycle's. */
  offset: string | null
  ended: boolean
  /** In the order of `figures`. */
  figures: readonly (number | null)[]
}

/** Temporary tables, which end with the transaction. A long journal takes a small server long: it may. */
export async function createStaging(tx: Tx): Promise<void> {
  await tx.execute(sql`set local statement_timeout = 0`)
  await tx.execute(sql`
    create temporary table staged_entries (
      source integer, line integer, cycle_start timestamptz, cycle_end timestamptz, timezone_offset text, question text,
      answered boolean, notes text, start_cell text, end_cell text, zone_cell text, question_cell text, answer_cell text,
      notes_cell text
    ) on commit drop`)
  await tx.execute(sql`
    create temporary table staged_witnesses (
      kind text, cycle_start timestamp, start timestamp, utc_offset text, ended boolean, figures double precision[], at timestamptz,
      cycle_at timestamptz
    ) on commit drop`)
  await tx.execute(sql`create temporary table unreadable_rows (cycle_start timestamptz, question text) on commit drop`)
}

export async function stageEntries(tx: Tx, source: number, entries: readonly StagedEntry[]): Promise<void> {
  if (entries.length === 0) return
  const plain = (of: (entry: StagedEntry) => string | number | boolean | null) => plainArrayOf(entries.map(of))
  const text = (of: (entry: StagedEntry) => string | null | undefined) => arrayOf(entries.map(of))
  await tx.execute(sql`
    insert into staged_entries
    select ${source}::integer, line, cycle_start, cycle_end, timezone_offset, question, answered, notes, start_cell, end_cell,
      zone_cell, coalesce(question_cell, question), answer_cell, coalesce(notes_cell, notes)
    from unnest(
      ${plain(({ line }) => line)}::integer[], ${plain(({ cycleStart }) => cycleStart)}::timestamptz[],
      ${plain(({ cycleEnd }) => cycleEnd)}::timestamptz[], ${plain(({ timezoneOffset }) => timezoneOffset)}::text[],
      ${text(({ question }) => question)}::text[], ${plain(({ answered }) => answered)}::boolean[],
      ${text(({ notes }) => notes)}::text[], ${text(({ cells }) => cells[0])}::text[], ${text(({ cells }) => cells[1])}::text[],
      ${text(({ cells }) => cells[2])}::text[],
      ${text(({ question, cells }) => (cells[3] === question ? null : cells[3]))}::text[],
      ${text(({ cells }) => cells[4])}::text[], ${text(({ notes, cells }) => (cells[5] === notes ? null : cells[5]))}::text[]
    ) row (line, cycle_start, cycle_end, timezone_offset, question, answered, notes, start_cell, end_cell, zone_cell,
      question_cell, answer_cell, notes_cell)`)
}

export async function stageWitnesses(tx: Tx, kind: WitnessKind, rows: readonly StagedWitness[]): Promise<void> {
  if (rows.length === 0) return
  const column = (of: (row: StagedWitness) => string | null) => arrayOf(rows.map(of))
  await tx.execute(sql`
    insert into staged_witnesses
    select ${kind}::text, cycle_start, start, utc_offset, ended, figures::double precision[] from unnest(
      ${column(({ cycleStart }) => cycleStart)}::timestamp[], ${column(({ start }) => start)}::timestamp[],
      ${column(({ offset }) => offset)}::text[], ${column(({ ended }) => String(ended))}::boolean[],
      ${column(({ figures }) => `{${figures.map((figure) => figure ?? 'NULL').join()}}`)}::text[]
    ) row (cycle_start, start, utc_offset, ended, figures)`)
}

/** A row that nobody could read keeps what is stored for it: null stands for any cycle, or any question. */
export async function stageUnreadable(
  tx: Tx,
  rows: readonly { cycleStart: string | null; question: string | null }[],
): Promise<void> {
  if (rows.length === 0) return
  await tx.execute(sql`
    insert into unreadable_rows select * from unnest(
      ${arrayOf(rows.map(({ cycleStart }) => cycleStart))}::timestamptz[], ${arrayOf(rows.map(({ question }) => question))}::text[]
    )`)
}

export interface Listed {
  /** How many cycles the files name, and how many of those are stored. */
  cycles: number
  known: number
  /** How many the tables hold of this member at all. */
  stored: number
  newest: string | null
  /** The newest cycle of the export that was imported last. */
  lastNewest: string | null
}

/** One import of a member at a time; places what the files name in time, and counts it. */
export async function placeStaged(tx: Tx, member: Member): Promise<Listed> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended('whoopster:import:' || ${member.whoopUserId}::text, 0))`,
  )
  // a workout without a zone has that of its cycle: in the same export, or in the tables
  await tx.execute(sql`
    update staged_witnesses w set utc_offset = coalesce(
      (select utc_offset from staged_witnesses c where c.kind = 'cycles' and c.start = w.cycle_start limit 1),
      (select timezone_offset from cycle_records c where c.user_id = ${member.id}
        and c.start_time between ((w.cycle_start - interval '16 hours') at time zone 'UTC') and ((w.cycle_start + interval '16 hours') at time zone 'UTC')
        and date_trunc('second', local_time(c.start_time, c.timezone_offset)) = w.cycle_start limit 1)
    ) where utc_offset is null`)
  await tx.execute(sql`
    update staged_witnesses set at = (start at time zone 'UTC') - ${offsetOf(sql`utc_offset`)},
      cycle_at = (cycle_start at time zone 'UTC') - ${offsetOf(sql`utc_offset`)}
    where utc_offset is not null`)
  await tx.execute(sql`
    create temporary table listed_cycles on commit drop as
    select cycle_start from staged_entries union select cycle_at from staged_witnesses where cycle_at is not null`)
  for (const table of ['staged_entries', 'staged_witnesses', 'listed_cycles'])
    await tx.execute(sql.raw(`analyze ${table}`))
  const [row] = await tx.execute<Listed & Record<string, unknown>>(sql`
    select count(*)::int as cycles, count(*) filter (where exists (
        select from cycle_records c where c.user_id = ${member.id} and c.start_time >= l.cycle_start
          and c.start_time < l.cycle_start + interval '1 second'
      ))::int as known,
      (select count(*)::int from cycle_records where user_id = ${member.id}) as stored, ${iso(sql`max(cycle_start)`)} as newest,
      (select ${iso(sql`newest_cycle`)} from journal_imports where user_id = ${member.id}) as "lastNewest"
    from listed_cycles l`)
  return row ?? { cycles: 0, known: 0, stored: 0, newest: null, lastNewest: null }
}

/** What local_time adds. */
function offsetOf(offset: SQL): SQL {
  return sql`(local_time('2000-01-01Z', ${offset}) - timestamp '2000-01-01')`
}

function iso(instant: SQL): SQL {
  return sql`to_char(${instant} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`
}

export interface Merged {
  inserted: number
  updated: number
  removed: number
  unchanged: number
  /** Of all that is in the files. */
  questions: number
  cycles: number
}

/** The files' answers, none of them twice, become the journal's: all of those of each cycle that the files name. */
export async function mergeJournal(tx: Tx, member: Member, newest: string): Promise<Merged> {
  const [row] = await tx.execute<Merged & Record<string, unknown>>(sql`
    with stored as materialized (
      select e.* from journal_entries e join listed_cycles l using (cycle_start) where e.user_id = ${member.id}
    ), removed as (
      delete from journal_entries e using stored s
      where e.user_id = ${member.id} and e.cycle_start = s.cycle_start and e.question = s.question
        and not exists (select from staged_entries f where f.cycle_start = s.cycle_start and f.question = s.question)
        and not exists (
          select from unreadable_rows u
          where coalesce(u.cycle_start, s.cycle_start) = s.cycle_start and coalesce(u.question, s.question) = s.question
        )
      returning 1
    ), inserted as (
      insert into journal_entries (user_id, cycle_start, question, cycle_end, timezone_offset, answered, notes, raw_data, first_seen, updated_at)
      select ${member.id}::integer, f.cycle_start, f.question, f.cycle_end, f.timezone_offset, f.answered, f.notes, ${cells()}, now(), now()
      from staged_entries f
      where not exists (select from stored s where s.cycle_start = f.cycle_start and s.question = f.question)
      returning 1
    ), updated as (
      update journal_entries e set cycle_end = f.cycle_end, timezone_offset = f.timezone_offset, answered = f.answered, notes = f.notes,
        raw_data = ${cells()}, updated_at = now()
      from staged_entries f join stored s using (cycle_start, question)
      where e.user_id = ${member.id} and e.cycle_start = f.cycle_start and e.question = f.question
        and (s.cycle_end, s.timezone_offset, s.answered, s.notes) is distinct from (f.cycle_end, f.timezone_offset, f.answered, f.notes)
      returning 1
    ), imported as (
      insert into journal_imports (user_id, newest_cycle, imported_at) values (${member.id}, ${newest}::timestamptz, now())
      on conflict (user_id) do update set newest_cycle = excluded.newest_cycle, imported_at = excluded.imported_at
    )
    select i.inserted, u.updated, (select count(*)::int from removed) as removed, f.entries - i.inserted - u.updated as unchanged,
      (select count(*)::int from (select distinct question from staged_entries) q) as questions,
      (select count(*)::int from (select distinct cycle_start from staged_entries) c) as cycles
    from (select count(*)::int as entries from staged_entries) f, (select count(*)::int as inserted from inserted) i,
      (select count(*)::int as updated from updated) u`)
  if (!row) throw new Error('the journal was not merged')
  return row
}

/** An entry as the file had it; the headings are the English ones, in whatever language it came. */
function cells(): SQL {
  return sql`jsonb_build_object('cycle_start_time', f.start_cell, 'cycle_end_time', f.end_cell, 'cycle_timezone', f.zone_cell,
    'question_text', f.question_cell, 'answered_yes', f.answer_cell, 'notes', f.notes_cell)`
}

export interface Repeated {
  source: number
  line: number
  cycleStart: string
  question: string
}

/** Leaves the last of each answer; returns those that a file has given twice, or two files differently, and are not taken. */
export async function dropRepeated(tx: Tx): Promise<Repeated[]> {
  const some = await tx.execute(sql`
    select from staged_entries group by cycle_start, question having count(*) > 1 limit 1`)
  if (some.length === 0) return []
  const repeated = await repeatedEntries(tx)
  await tx.execute(sql`
    delete from staged_entries s using (
      select ctid, row_number() over (partition by cycle_start, question order by source desc, line desc) as nth from staged_entries
    ) d where s.ctid = d.ctid and d.nth > 1`)
  return repeated
}

async function repeatedEntries(tx: Tx): Promise<Repeated[]> {
  const rows = await tx.execute<Repeated & Record<string, unknown>>(sql`
    select source, line, ${iso(sql`cycle_start`)} as "cycleStart", question from (
      select *, lead(line) over entry as next_line, lead(source) over entry as next_source,
        lead(answered) over entry as next_answered, lead(notes) over entry as next_notes
      from staged_entries window entry as (partition by cycle_start, question order by source, line)
    ) e
    where next_line is not null and (source = next_source or (answered, notes) is distinct from (next_answered, next_notes))
    order by source, line limit 1000`)
  return rows.map(({ source, line, cycleStart, question }) => ({ source, line, cycleStart, question }))
}

/** A figure that the export and the tables have, and how exactly the export has it. */
interface Figure {
  name: string
  unit: number
  stored: SQL
}

const minutes = (column: SQL) => sql`${column} / 60000.0`
const kilocalories = (column: SQL) => sql`${column} / 4.184`
const figure = (name: string, unit: number, stored: SQL): Figure => ({ name, unit, stored })

const figuresOf: Readonly<Record<WitnessKind, readonly Figure[]>> = {
  cycles: [
    figure('recovery_score', 1, sql`n.recovery_score`),
    figure('resting_heart_rate', 1, sql`n.resting_heart_rate`),
    figure('hrv_rmssd', 1, sql`n.hrv_rmssd`),
    figure('skin_temp_celsius', 0.01, sql`n.skin_temp_celsius`),
    figure('spo2_percentage', 0.01, sql`n.spo2_percentage`),
    figure('strain_score', 0.1, sql`r.strain_score`),
    figure('kilocalories', 1, kilocalories(sql`r.kilojoules`)),
    figure('max_heart_rate', 1, sql`r.max_heart_rate`),
    figure('average_heart_rate', 1, sql`r.average_heart_rate`),
  ],
  sleeps: [
    figure('sleep_performance_percentage', 1, sql`r.sleep_performance_percentage`),
    figure('respiratory_rate', 0.1, sql`r.respiratory_rate`),
    figure(
      'asleep_minutes',
      1,
      minutes(sql`(r.light_sleep_duration + r.slow_wave_sleep_duration + r.rem_sleep_duration)`),
    ),
    figure('in_bed_minutes', 1, minutes(sql`r.in_bed_duration`)),
    figure('light_sleep_minutes', 1, minutes(sql`r.light_sleep_duration`)),
    figure('slow_wave_sleep_minutes', 1, minutes(sql`r.slow_wave_sleep_duration`)),
    figure('rem_sleep_minutes', 1, minutes(sql`r.rem_sleep_duration`)),
    figure('awake_minutes', 1, minutes(sql`r.awake_time`)),
    figure(
      'sleep_need_minutes',
      1,
      minutes(sql`(r.sleep_need_baseline::bigint + r.sleep_need_debt + r.sleep_need_strain + r.sleep_need_nap)`),
    ),
    figure('sleep_debt_minutes', 1, minutes(sql`r.sleep_need_debt`)),
    figure('sleep_efficiency_percentage', 1, sql`r.sleep_efficiency_percentage`),
    figure('sleep_consistency_percentage', 1, sql`r.sleep_consistency_percentage`),
  ],
  workouts: [
    figure('minutes', 1, sql`extract(epoch from r.end_time - r.start_time) / 60`),
    figure('strain_score', 0.1, sql`r.strain_score`),
    figure('kilocalories', 0.1, kilocalories(sql`r.kilojoules`)),
    figure('max_heart_rate', 1, sql`r.max_heart_rate`),
    figure('average_heart_rate', 1, sql`r.average_heart_rate`),
    figure('distance_meters', 0.01, sql`r.distance_meters`),
    figure('altitude_gain_meters', 1, sql`r.altitude_gain_meters`),
    figure('altitude_change_meters', 1, sql`r.altitude_change_meters`),
  ],
}

const tableOf: Readonly<Record<WitnessKind, SQL>> = {
  cycles: sql`cycle_records`,
  sleeps: sql`sleep_records`,
  workouts: sql`workout_records`,
}

/** The recovery of a cycle's main sleep. */
const night = sql`
  left join lateral (
    select n.* from sleep_records s left join recovery_records n on n.user_id = s.user_id and n.id = s.id
    where s.user_id = r.user_id and s.cycle_id = r.id and not s.nap
    order by coalesce(s.end_time - s.start_time, interval '0') desc, s.id limit 1
  ) n on true`

export interface Compared {
  inFile: number
  /** Found in both. */
  matched: number
  /** Starts of what the export has and the tables lack, and the other way round between the export's first and last. */
  missingHere: string[]
  missingInFile: string[]
  different: { start: string; figure: string; file: number; stored: number | null }[]
}

const MOST_NAMED = 1000

/** The export is a second witness of what the tables hold: matched by their starts, which it cuts to the second. */
export async function compareWithTables(tx: Tx, member: Member, kind: WitnessKind): Promise<Compared> {
  const table = tableOf[kind]
  await tx.execute(sql`
    create temporary table pairs on commit drop as
    select w.at, r.id is not null as matched, w.ended, w.figures,
      array[${sql.join(
        figuresOf[kind].map(({ stored }) => sql`(${stored})::double precision`),
        sql`, `,
      )}] as stored
    from (select distinct on (at) * from staged_witnesses where kind = ${kind} and at is not null order by at) w
      left join ${table} r on r.user_id = ${member.id} and r.start_time >= w.at and r.start_time < w.at + interval '1 second'
      ${kind === 'cycles' ? night : sql``}`)
  const list = (query: SQL) =>
    sql`(select coalesce(json_agg(x.*), '[]') from (${query} limit ${sql.raw(String(MOST_NAMED))}) x)`
  const names = sql.join(
    figuresOf[kind].map(({ name, unit }) => sql`(${name}::text, ${unit}::double precision)`),
    sql`, `,
  )
  const [row] = await tx.execute<{ counted: Compared | string }>(sql`
    select json_build_object(
      'inFile', (select count(distinct start) from staged_witnesses where kind = ${kind}),
      'matched', (select count(*) from pairs where matched),
      'missingHere', (select coalesce(json_agg(at order by at), '[]') from (select ${iso(sql`at`)} as at from pairs where not matched order by at limit ${sql.raw(String(MOST_NAMED))}) p),
      'missingInFile', (select coalesce(json_agg(at order by at), '[]') from (
        select ${iso(sql`r.start_time`)} as at from ${table} r
        where r.user_id = ${member.id} and r.start_time >= (select min(at) from pairs)
          and r.start_time < (select max(at) + interval '1 second' from pairs)
          and not exists (select from pairs p where p.at = date_trunc('second', r.start_time))
        order by 1 limit ${sql.raw(String(MOST_NAMED))}) p),
      'different', ${list(sql`
        select ${iso(sql`p.at`)} as start, f.name as figure, p.figures[f.nth] as file, round(p.stored[f.nth]::numeric, 3)::double precision as stored
        from pairs p, rows from (unnest(p.figures)) with ordinality v (file, nth)
          join (select row_number() over () as nth, name, unit from (values ${names}) n (name, unit)) f using (nth)
        where p.matched and p.ended and p.figures[f.nth] is not null
          and coalesce(abs(p.figures[f.nth] - round((p.stored[f.nth] / f.unit)::numeric)::double precision * f.unit) > f.unit * 1.000001, true)
        order by p.at, f.nth`)}
    ) as counted`)
  await tx.execute(sql`drop table pairs`)
  const counted = row?.counted
  if (counted === undefined) throw new Error('nothing was compared')
  return typeof counted === 'string' ? (JSON.parse(counted) as Compared) : counted
}
