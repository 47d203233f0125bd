import { bigint, index, integer, pgTable, timestamp, varchar } from 'drizzle-orm/pg-core'
import * as v from 'valibot'
import { int64 } from './wire.ts'

export const users = pgTable(
  'users',
  {
    id: integer().primaryKey().generatedAlwaysAsIdentity(),
    whoopUserId: bigint('whoop_user_id', { mode: 'number' }).notNull().unique('idx_users_whoop_user_id'),
    email: varchar({ length: 255 }),
    firstName: varchar('first_name', { length: 255 }),
    lastName: varchar('last_name', { length: 255 }),
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
    updatedAt: timestamp('updated_at', { withTimezone: true, mode: 'string' }).notNull().defaultNow(),
  },
  (table) => [index('idx_users_email').on(table.email)],
)

const name = v.nullish(v.pipe(v.string(), v.maxLength(255)), null)

/** The member as WHOOP knows them. */
export const profile = {
  scope: 'read:profile',
  path: '/v2/user/profile/basic',
  row: v.pipe(
    v.looseObject({ user_id: int64, email: name, first_name: name, last_name: name }),
    v.transform((wire) => ({
      whoopUserId: wire.user_id,
      email: wire.email,
      firstName: wire.first_name,
      lastName: wire.last_name,
    })),
  ),
}

export type Profile = v.InferOutput<typeof profile.row>
