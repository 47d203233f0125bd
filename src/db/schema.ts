import { sql } from 'drizzle-orm'
import {
  bigint,
  customType,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  varchar,
} from 'drizzle-orm/pg-core'
import { instant } from '../resources/resource.ts'
import { users } from '../resources/users.ts'

// What drizzle-kit reads: the resources' tables, and those that are ours alone.
export { users } from '../resources/users.ts'
export { sleepRecords } from '../resources/sleep.ts'
export { recoveryRecords } from '../resources/recovery.ts'
export { workoutRecords } from '../resources/workout.ts'
export { cycleRecords } from '../resources/cycle.ts'
export { bodyMeasurements } from '../resources/body.ts'
export { journalEntries, journalImports } from '../resources/journal.ts'

const instants = customType<{ data: string }>({ dataType: () => 'tstzmultirange' })

const id = () => integer().primaryKey().generatedAlwaysAsIdentity()
const userId = () =>
  integer('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' })

/** A member's login. Both tokens are sealed; `updated_at` is when WHOOP gave them. */
export const oauthTokens = pgTable('oauth_tokens', {
  id: id(),
  userId: userId().unique('idx_oauth_tokens_user_id'),
  /** The app that it was given to: no other one can refresh it. Null: not known, of a login from before this was kept. */
  clientId: text('client_id'),
  accessToken: text('access_token').notNull(),
  refreshToken: text('refresh_token').notNull(),
  expiresAt: instant('expires_at').notNull(),
  scopes: text().array().notNull(),
  /** Of a refresh token that WHOOP has refused: it is not offered again. */
  deadFingerprint: text('dead_fingerprint'),
  /** When a refresh began that nobody has seen the end of. */
  refreshingSince: instant('refreshing_since'),
  /** Granted, and yet WHOOP refuses what needs them, with a token just renewed. */
  refusedScopes: text('refused_scopes').array().notNull().default([]),
  createdAt: instant('created_at').notNull().defaultNow(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
})

/** A login that is under way, from the consent URL until WHOOP's redirect. */
export const pendingLogins = pgTable('pending_logins', {
  state: text().primaryKey(),
  codeVerifier: text('code_verifier').notNull(), // sealed
  createdAt: instant('created_at').notNull().defaultNow(),
  expiresAt: instant('expires_at').notNull(),
})

/** One row per member and type. `covered` says which times are stored completely: it is the sync's only cursor. */
export const syncStatus = pgTable(
  'sync_status',
  {
    id: id(),
    userId: userId(),
    dataType: varchar('data_type', { length: 50 }).notNull(),
    lastSyncTime: instant('last_sync_time'), // of the last success
    lastRecordTime: instant('last_record_time'), // of the newest record, for people to read
    status: varchar({ length: 50 }).notNull().default('in_progress'), // success, error, in_progress
    recordsFetched: integer('records_fetched').notNull().default(0), // by the last run
    errorMessage: text('error_message'),
    records: integer().notNull().default(0), // how many are stored, as of the last page
    /** How many runs in a row WHOOP has said that there is nothing at all, though something is stored. */
    emptyRuns: integer('empty_runs').notNull().default(0),
    /** Where WHOOP's list ended when it last ended above what is stored. */
    cutAt: instant('cut_at'),
    covered: instants()
      .notNull()
      .default(sql`'{}'`),
    // When what is covered was last doubted for its age alone: the last 30 days, and a slice of everything.
    recentAt: instant('recent_at'),
    sweptAt: instant('swept_at'),
    sweptTo: instant('swept_to'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [unique('idx_sync_status_user_data_type').on(table.userId, table.dataType)],
)

/** What each run did for each member; kept 90 days. */
export const syncRuns = pgTable(
  'sync_runs',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    userId: userId(),
    startedAt: instant('started_at').notNull(),
    finishedAt: instant('finished_at').notNull(),
    outcome: varchar({ length: 20 }).notNull(), // ok, partial, failed, skipped
    errorReason: varchar('error_reason', { length: 20 }),
    errorMessage: text('error_message'),
    requests: integer().notNull(),
    retries: integer().notNull(),
    waitedMs: integer('waited_ms').notNull(),
    tokenRefreshes: integer('token_refreshes').notNull(),
    lastHttpStatus: integer('last_http_status'),
    remainingToday: integer('remaining_today'), // of WHOOP's requests, as it last said
    types: jsonb().notNull(), // per type what is worth a word, {} when nothing is: see saveRun
  },
  (table) => [index('idx_sync_runs_user_id').on(table.userId, table.startedAt)],
)

/** Every settled version of a record that WHOOP has replaced or deleted. */
export const recordHistory = pgTable(
  'record_history',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    userId: userId(),
    dataType: varchar('data_type', { length: 50 }).notNull(),
    recordKey: text('record_key').notNull(),
    rawData: jsonb('raw_data').notNull(),
    seenFrom: instant('seen_from').notNull(),
    seenUntil: instant('seen_until').notNull(),
    reason: varchar({ length: 20 }).notNull(), // changed, deleted
  },
  (table) => [index('idx_record_history_record').on(table.userId, table.dataType, table.recordKey)],
)

/** What WHOOP sent and nobody could read or store, as text, until somebody can. */
export const quarantinedRecords = pgTable(
  'quarantined_records',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    userId: userId(),
    dataType: varchar('data_type', { length: 50 }).notNull(),
    /** The natural key, or a hash of the text where it has none. */
    recordKey: text('record_key').notNull(),
    raw: text().notNull(),
    reason: text().notNull(),
    firstSeen: instant('first_seen').notNull(),
    lastSeen: instant('last_seen').notNull(),
    /** When WHOOP was last asked for it by its key. */
    askedAt: instant('asked_at'),
    /** When the readable record above it on its page happened: one without a key is looked for there. */
    listedBelow: instant('listed_below'),
  },
  (table) => [unique('quarantined_records_record_unique').on(table.userId, table.dataType, table.recordKey)],
)

/**
 * Records to be asked for by id, each for its reasons: `unsettled`, it is not final yet; `missing`, a list that is
 * believed has left it out; `event`, WHOOP has told of it. And records that a list has left out which is not believed yet: `omitted`, or `cut` off with
 * the rest of the list.
 */
export const chasedRecords = pgTable(
  'chased_records',
  {
    userId: userId(),
    dataType: varchar('data_type', { length: 50 }).notNull(),
    recordKey: text('record_key').notNull(),
    reason: varchar({ length: 20 }).notNull(), // unsettled, missing, event, omitted, cut
    since: instant('since').notNull(), // when we saw it become so
    seenAt: instant('seen_at'), // when we last saw it so
    askedAt: instant('asked_at'),
  },
  (table) => [primaryKey({ columns: [table.userId, table.dataType, table.recordKey, table.reason] })],
)

/** Tables whose columns are to be built again from `raw_data`, because a migration says so, and how far that has come. */
export const reprocesses = pgTable('reprocesses', {
  dataType: varchar('data_type', { length: 50 }).primaryKey(),
  doneUser: integer('done_user'),
  doneKey: text('done_key'),
})

/** What each app (client id) has asked of WHOOP lately, for all of its processes: see whoop/budget.ts. */
export const requestBudgets = pgTable('request_budgets', {
  clientId: text('client_id').primaryKey(),
  version: bigint({ mode: 'number' }).notNull(),
  state: jsonb().notNull(),
  // Whom it has to serve, as it was counted last: see db/queue.ts.
  planMembers: integer('plan_members'),
  planCost: doublePrecision('plan_cost'),
  plannedAt: instant('planned_at'),
  updatedAt: instant('updated_at').notNull().defaultNow(),
})
