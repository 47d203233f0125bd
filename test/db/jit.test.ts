import { afterAll, expect, it } from 'vitest'
import { clockOf, switchOffJit } from '../../src/db/clock.ts'
import { withDatabase } from '../../src/db/connection/index.ts'
import { createDatabase } from '../support/database.ts'
import { createClock } from '../support/world.ts'

const server = await createDatabase()
afterAll(() => server.drop())

it.each([
  ['a run', (db) => clockOf(db, createClock())],
  ['a command that looks', switchOffJit],
] as [string, (db: Parameters<typeof switchOffJit>[0]) => Promise<unknown>][])(
  'no query of %s is compiled: that takes longer than running it',
  async (_, begin) => {
    await withDatabase({ DATABASE_URL: server.url, WHOOPSTER_DATA_DIR: undefined }, {}, async ({ db }) => {
      await begin(db)
      expect([...(await db.execute('show jit'))]).toEqual([{ jit: 'off' }])
    })
  },
)
