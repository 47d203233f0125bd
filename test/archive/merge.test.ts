// A restore into a database that knows something itself: neither side loses anything.
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { newMember } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { logIn, run } from '../support/world.ts'
import { archiveTo, everything, folder, liveThrough, makeJournal, restoreFrom, sha256 } from './stage.ts'

const DAY_MS = 86_400_000

/** Of each version of a record that is stored or in the history: its key and content. */
async function versions(sql: Sql): Promise<Set<string>> {
  const rows = await sql<{ version: string }[]>`
    select 'workout ' || id || raw_data as version from workout_records
    union all select 'sleep ' || id || raw_data from sleep_records
    union all select 'cycle ' || id || raw_data from cycle_records
    union all select 'recovery ' || id || raw_data from recovery_records
    union all select data_type || ' ' || record_key || raw_data from record_history`
  return new Set(rows.map(({ version }) => version))
}

describe('restore', () => {
  it('changes nothing of a database that is ahead of its own archive', async () => {
    const member = await newMember({ days: 60 })
    await member.sync()
    const file = join(await folder(), 'whoop.zip')
    await archiveTo(file, member.env, member.clock)
    await liveThrough(member)
    const before = await everything(member.database.sql)
    await restoreFrom(file, member.env, member.clock)
    expect(await everything(member.database.sql)).toEqual(before)
  })

  it('keeps what is newer here, and puts what is older into the history', async () => {
    const member = await newMember({ days: 60 })
    const { sandbox, clock } = member
    await member.sync()
    const file = join(await folder(), 'whoop.zip')
    await archiveTo(file, member.env, clock)
    const archived = await versions(member.database.sql)

    // a year later, elsewhere: a login, a sync, and WHOOP has changed, deleted and added records
    clock.pass(40 * DAY_MS)
    sandbox.world.advanceTo(clock.now())
    const scored = sandbox.world.list('workout').filter((one) => one.end < '2026-11-10' && one.score)
    const [changed, deleted] = scored
    if (!changed?.score || !deleted) throw new Error('the sandbox made too few workouts')
    const moved = new Date(clock.now().getTime() - DAY_MS).toISOString()
    const rescored = { ...changed, updated_at: moved, score: { ...changed.score, strain: 3.5 } }
    sandbox.world.put('workout', rescored)
    sandbox.world.remove('workout', deleted.id)
    const other = await createDatabase()
    onTestFinished(other.drop)
    const env = { ...member.env, DATABASE_URL: other.url }
    await logIn(sandbox, env, { clock })
    expect((await run('sync', env, { clock })).code).toBe(0)
    await other.sql`insert into body_measurements (user_id, weight_kilogram, raw_data, created_at)
      select user_id, 99, raw_data || '{"weight_kilogram": 99}', created_at + interval '1 hour' from body_measurements`
    const newer = await versions(other.sql)

    const out = await restoreFrom(file, env, clock)
    expect(out).toMatch(/workout +1 +\d+ +0 +1 +0 +0\n/) // the deleted one is new here, the changed one older
    const all = await versions(other.sql)
    for (const version of newer) expect(all).toContain(version)
    const lost = [...archived].filter((version) => !all.has(version))
    // but an open cycle, or a score that was pending: they were never settled
    expect(lost.filter((version) => !/"end": null|"PENDING_SCORE"/.test(version)).length).toBe(0)
    expect(
      await other.sql`select reason, raw_data -> 'score' -> 'strain' as strain, seen_from < seen_until as lasted
      from record_history where record_key = ${changed.id}`,
    ).toEqual([{ reason: 'changed', strain: changed.score.strain, lasted: true }])
    const [today] = await other.sql`select weight_kilogram from body_measurements order by id desc limit 1`
    expect(today).toEqual({ weight_kilogram: 99 })

    // the deleted one stands where this database claimed to be complete: it is asked for, and goes
    const again = await everything(other.sql)
    await restoreFrom(file, env, clock)
    expect(await everything(other.sql)).toEqual(again)
    expect((await run('sync', env, { clock })).code).toBe(0)
    await expectFaithful({ sql: other.sql }, sandbox)
    expect(await other.sql`select reason from record_history where record_key = ${deleted.id}`).toEqual([
      { reason: 'deleted' },
    ])
    await restoreFrom(file, env, clock) // and is not brought back
    await expectFaithful({ sql: other.sql }, sandbox)
  })

  it('lets a newer archive bring an older database up to date', async () => {
    const member = await newMember({ days: 60 })
    await member.sync()
    const home = await folder()
    await archiveTo(join(home, 'old.zip'), member.env, member.clock)
    await liveThrough(member)
    await archiveTo(join(home, 'new.zip'), member.env, member.clock)
    const truth = await everything(member.database.sql)
    const other = await createDatabase()
    onTestFinished(other.drop)
    const env = { ...member.env, DATABASE_URL: other.url }
    await restoreFrom(join(home, 'old.zip'), env, member.clock)
    await restoreFrom(join(home, 'new.zip'), env, member.clock)
    const merged = await versions(other.sql)
    for (const version of await versions(member.database.sql)) expect(merged).toContain(version)
    const { quarantined_records } = await everything(other.sql)
    expect(quarantined_records).toEqual(truth['quarantined_records'])
  })

  it('waits for nobody: while a sync has a type locked, it says so and writes nothing', async () => {
    const member = await newMember({ days: 5 })
    await member.sync()
    const file = join(await folder(), 'whoop.zip')
    await archiveTo(file, member.env, member.clock)
    const before = await everything(member.database.sql)
    await member.database.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended('whoopster:sync:10001:cycle', 0))`
      const { code, err } = await run(['restore', file], member.env, { clock: member.clock, isTTY: true })
      expect({ code, err }).toEqual({
        code: 75,
        err: 'error: Another run is syncing WHOOP user 10001.\n  → try again when it has ended; suspend the schedule for a while\n',
      })
    })
    expect(await everything(member.database.sql)).toEqual(before)
  })

  it('brings a journal back where the schema has one, and says so where it has none', async () => {
    const member = await newMember({ days: 5 })
    await member.sync()
    const { sql } = member.database
    const file = join(await folder(), 'whoop.zip')
    await makeJournal(sql)
    await sql`insert into journal_entries (user_id, cycle_start, question, cycle_end, timezone_offset, answered, notes, raw_data, first_seen, updated_at)
      select id, ('2026-11-0' || n)::timestamptz, 'Had "alcohol"? 😀 ' || n, null, '+01:00', n = 2, 'a note' || chr(10), '{"cells": ["1.50", null]}', now(), now()
      from users, generate_series(1, 3) n`
    await sql`insert into journal_imports select id, '2026-11-03', now() from users`
    const bytes = await archiveTo(file, member.env, member.clock)
    const other = await createDatabase()
    onTestFinished(other.drop)
    const env = { ...member.env, DATABASE_URL: other.url }
    const [there] = await other.sql`select to_regclass('journal_entries') is not null as journal`
    if (!there?.['journal']) {
      const { code, err } = await run(['restore', file], env, { clock: member.clock, isTTY: true })
      expect({ code, err: err.split('\n')[0] }).toEqual({
        code: 78,
        err: 'error: The archive holds a journal, for which this database has no table.',
      })
      expect(await other.sql`select from users`).toHaveLength(0)
      await makeJournal(other.sql)
    }
    await restoreFrom(file, env, member.clock)
    expect(sha256(await archiveTo(`${file}.2`, env, member.clock))).toBe(sha256(bytes))
    expect(await other.sql`select question, notes, answered from journal_entries order by cycle_start`).toEqual([
      ...(await sql`select question, notes, answered from journal_entries order by cycle_start`),
    ])
  })
})
