import { boolean, integer, jsonb, pgTable, primaryKey, text, varchar } from 'drizzle-orm/pg-core'
import { bookkeeping, instant } from './resource.ts'
import { users } from './users.ts'

/**
 * What a member has answered of a day: WHOOP's API has none of it, its export has. A cycle is named by its start, cut to
 * the second as the export cuts it, and need not be stored itself.
 */
export const journalEntries = pgTable(
  'journal_entries',
  {
    userId: bookkeeping.userId,
    cycleStart: instant('cycle_start').notNull(),
    question: text().notNull(), // in the words and the language of the export
    cycleEnd: instant('cycle_end'), // null while the cycle was running
    timezoneOffset: varchar('timezone_offset', { length: 10 }).notNull(),
    answered: boolean(), // yes or no; null where the export has neither
    notes: text(),
    rawData: jsonb('raw_data').notNull(), // the six cells as the file had them
    firstSeen: instant('first_seen').notNull(),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.cycleStart, table.question] })],
)

/** The export that was last imported for a member. */
export const journalImports = pgTable('journal_imports', {
  userId: integer('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  newestCycle: instant('newest_cycle').notNull(), // the start of the newest cycle in it: how old the export is
  importedAt: instant('imported_at').notNull(),
})
