// An archive of every format that was ever released is kept here, and read by each later version.
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FORMAT_VERSION } from '../../src/resources/archive.ts'
import { createDatabase } from '../support/database.ts'
import { createClock, run, TEST_KEY } from '../support/world.ts'
import { makeJournal, restoreFrom } from './stage.ts'

const fixture = (version: number) => fileURLToPath(new URL(`fixtures/format-${version}.zip`, import.meta.url))

describe('an archive of an older version', () => {
  it.each(Array.from({ length: FORMAT_VERSION }, (_, index) => index + 1))('of format %i is whole', async (version) => {
    const { code, out } = await run(['archive', '--verify', fixture(version), '--no-database'], {})
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining(' is whole: 1 member, ') })
  })

  it('of format 1 brings everything back', async () => {
    const database = await createDatabase()
    onTestFinished(database.drop)
    const { sql } = database
    await makeJournal(sql)
    const clock = createClock()
    await restoreFrom(fixture(1), { DATABASE_URL: database.url, TOKEN_ENCRYPTION_KEY: TEST_KEY }, clock)
    const [counts] = await sql`
      select (select count(*)::int from users where whoop_user_id = 10001 and email is not null) as users,
        (select count(*)::int from sleep_records where rem_sleep_duration > 0) as sleeps,
        (select count(*)::int from recovery_records where recovery_score > 0) as recoveries,
        (select count(*)::int from workout_records where sport_name is not null) as workouts,
        (select count(*)::int from cycle_records where strain_score > 0) as cycles,
        (select count(*)::int from body_measurements where weight_kilogram > 0) as measurements,
        (select array_agg(reason order by reason) from record_history) as history,
        (select array_agg(reason) from quarantined_records) as quarantine,
        (select array_agg(question) from journal_entries where answered) as journal,
        (select count(*)::int from sync_status where covered @> now() - interval '30 years') as covered`
    expect(counts).toMatchInlineSnapshot(`
      {
        "covered": 4,
        "cycles": 11,
        "history": [
          "changed",
          "deleted",
        ],
        "journal": [
          "Had alcohol?",
        ],
        "measurements": 1,
        "quarantine": [
          "timezone_offset: is not a time zone offset",
        ],
        "recoveries": 12,
        "sleeps": 12,
        "users": 1,
        "workouts": 8,
      }
    `)
    const { code } = await run(['archive', '--verify', fixture(1)], { DATABASE_URL: database.url })
    expect(code).toBe(0)
  })
})
