import { getTableName, sql, type SQL } from 'drizzle-orm'
import { integer, jsonb, timestamp, varchar, type PgColumn, type PgTable } from 'drizzle-orm/pg-core'
import type * as v from 'valibot'
import type { TypeName } from './names.ts'
import { users } from './users.ts'

/** One of WHOOP's collections: where it is, who may read it, and how its records become rows. */
export interface Resource {
  name: Exclude<TypeName, 'body'>
  scope: string
  /** The collection, newest first. */
  path: string
  /** The address of one record, by its key, or by what it is `addressedBy`. */
  pathOf(address: string): string
  /** What stands for the key in the address of what has none of its own, and may by now be another record's. */
  addressedBy?: { column: PgColumn; field: string }
  table: PgTable & { userId: PgColumn; rawData: PgColumn }
  /** The member's own key: what makes two answers the same record. */
  key: PgColumn
  /** The key's name in WHOOP's records. */
  keyField: string
  /** The type that has to be synced first: its record with the same key places this one in time. */
  after?: TypeName
  /** When a row of `alias` happened, as WHOOP's filters and order see it. */
  place(alias: SQL): SQL
  /** Whether that is known, and not only stood in for. */
  isPlaced(alias: SQL): SQL
  /** A member's rows whose place `is` so: `select r.*`, by an index, where asking each row for its place would not be. */
  within(userId: number | SQL, is: (place: SQL) => SQL): SQL
  /** When it happened, or soon afterwards. An index has each member's records in this order. */
  datedBy: PgColumn
  /** When a row of `alias` ended; null while it has not. */
  end(alias: SQL): SQL
  /** One record as WHOOP sends it, in; one row's columns, out. */
  row: v.GenericSchema<unknown, Record<string, unknown>>
  /** Fields of WHOOP's that no column takes (they stay in `raw_data`), and why. */
  leftOut: Readonly<Record<string, string>>
}

/** Does not compile unless the schema's rows and the table's columns match, name for name. */
export function defineResource<T extends Resource['table'], Row extends object>(
  resource: Resource & { table: T; row: v.GenericSchema<unknown, Row> } & SameKeys<Row, Columns<T>>,
): Resource {
  return resource
}

type Columns<T extends PgTable> = Omit<T['$inferInsert'], keyof typeof bookkeeping>
type SameKeys<A, B> = [Difference<A, B>] extends [never] ? unknown : { mismatch: Difference<A, B> }
type Difference<A, B> = Exclude<keyof A, keyof B> | Exclude<keyof B, keyof A>

/** Every synced table's columns that are ours, not WHOOP's. */
export const bookkeeping = {
  userId: integer('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' }),
  rawData: jsonb('raw_data').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
}

/** What every WHOOP record has. */
export const recordColumns = {
  scoreState: varchar('score_state', { length: 50 }).notNull(),
  createdAtWhoop: instant('created_at_whoop').notNull(),
  updatedAtWhoop: instant('updated_at_whoop').notNull(),
}

/** Strings in and out: a Date would cut microseconds off. */
export function instant(name: string) {
  return timestamp(name, { withTimezone: true, mode: 'string' })
}

/** What has a start and an end of its own. */
export function byOwnTimes(
  table: PgTable & { startTime: PgColumn },
): Pick<Resource, 'place' | 'isPlaced' | 'within' | 'datedBy' | 'end'> {
  const name = sql.identifier(getTableName(table))
  return {
    place: (alias) => sql`${alias}.start_time`,
    isPlaced: () => sql`true`,
    within: (userId, is) => sql`select r.* from ${name} r where r.user_id = ${userId} and ${is(sql`r.start_time`)}`,
    datedBy: table.startTime,
    end: (alias) => sql`${alias}.end_time`,
  }
}
