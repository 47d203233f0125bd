import { getTableColumns, getTableName, sql, type SQL } from 'drizzle-orm'
import { body, resources } from '../resources/index.ts'
import { journalEntries } from '../resources/journal.ts'
import type { ExportName } from './names.ts'

/** One file of an export: its columns, which do not change their names or order, and where they are read. */
export interface Source {
  name: ExportName
  /** The table or view, as `r` in `at`. */
  relation: string
  columns: readonly Column[]
  /** The instant that --since and --until go by, and the order. */
  at: SQL
  /** Breaks ties of the order. */
  key: string
}

export interface Column {
  name: string
  /** PostgreSQL's type. */
  type: string
  nullable: boolean
}

/** Stands for user_id, which is a number of this database's own. */
const MEMBER: Column = { name: 'whoop_user_id', type: 'bigint', nullable: false }
/** Behind what is WHOOP's. raw_data is left out unless it is asked for: it says everything once more. */
const OURS = ['created_at', 'updated_at']
const NOT_EXPORTED = new Set(['user_id', 'raw_data', ...OURS])
export const RAW_DATA: Column = { name: 'raw_data', type: 'jsonb', nullable: false }

type Table = Parameters<typeof getTableColumns>[0]

function columnsOf(table: Table): Column[] {
  const all = Object.values(getTableColumns(table)).map((column) => {
    return { name: column.name, type: column.getSQLType(), nullable: !column.notNull }
  })
  const ours = all.filter(({ name }) => OURS.includes(name))
  return [MEMBER, ...all.filter(({ name }) => !NOT_EXPORTED.has(name)), ...ours]
}

const number = (name: string): Column => ({ name, type: 'double precision', nullable: true })
const integer = (name: string): Column => ({ name, type: 'integer', nullable: true })
const count = (name: string): Column => ({ name, type: 'bigint', nullable: false })
const instant = (name: string): Column => ({ name, type: 'timestamp with time zone', nullable: true })

/** The view daily_summary, which drizzle does not know. */
const daily: readonly Column[] = [
  MEMBER,
  { name: 'day', type: 'date', nullable: false },
  ...['recovery_score', 'hrv_rmssd', 'resting_heart_rate', 'spo2_percentage', 'skin_temp_celsius'].map(number),
  { name: 'user_calibrating', type: 'boolean', nullable: true },
  ...['strain_score', 'kilojoules', 'average_heart_rate'].map(number),
  integer('max_heart_rate'),
  ...['sleep_start', 'sleep_end'].map(instant),
  { name: 'timezone_offset', type: 'character varying', nullable: true },
  ...['in_bed_duration', 'asleep_duration', 'light_sleep_duration', 'slow_wave_sleep_duration'].map(integer),
  ...['rem_sleep_duration', 'awake_time', 'no_data_duration', 'sleep_need', 'sleep_debt'].map(integer),
  ...['sleep_performance_percentage', 'sleep_consistency_percentage', 'sleep_efficiency_percentage'].map(number),
  number('respiratory_rate'),
  ...['sleep_cycle_count', 'disturbance_count'].map(integer),
  count('naps'),
  { name: 'nap_duration', type: 'bigint', nullable: true },
  count('workouts'),
  { name: 'workout_duration', type: 'bigint', nullable: true },
  ...['zero', 'one', 'two', 'three', 'four', 'five'].map((zone) => number(`zone_${zone}_minutes`)),
]

export const sources: readonly Source[] = [
  ...resources.map((resource) => {
    const { name, table, key } = resource
    return { name, relation: getTableName(table), columns: columnsOf(table), at: resource.place(sql`r`), key: key.name }
  }),
  {
    name: 'body',
    relation: getTableName(body.table),
    columns: columnsOf(body.table),
    at: sql`r.created_at`,
    key: 'id',
  },
  {
    name: 'daily',
    relation: 'daily_summary',
    columns: daily,
    at: sql`r.day::timestamp at time zone 'UTC'`,
    key: 'day',
  },
  {
    name: 'journal',
    relation: getTableName(journalEntries),
    columns: columnsOf(journalEntries),
    at: sql`r.cycle_start`,
    key: 'question',
  },
]
