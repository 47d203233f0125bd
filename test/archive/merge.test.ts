// A restore into a database that knows something itself: neither side loses anything.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { newMember, syncedMember } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { logIn, run } from '../support/world.ts'
import { archiveTo, everything, folder, forge, liveThrough, makeJournal, restoreFrom, sha256 } from './stage.ts'
import { DAY_MS } from '../support/time.ts'

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
    const member = await syncedMember({ days: 60 })
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
    const member = await syncedMember({ days: 60 })
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
    const member = await syncedMember({ days: 5 })
    const file = join(await folder(), 'whoop.zip')
    await archiveTo(file, member.env, member.clock)
    const before = await everything(member.database.sql)
    await member.database.sql.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended('whoopster:sync:10001:cycle', 0))`
      const { code, err } = await run(['restore', file], member.env, {
        clock: member.clock,
        isTTY: true,
        columns: 1_000,
      })
      expect({ code, err }).toEqual({
        code: 75,
        err: 'error: Another run is syncing WHOOP user 10001.\n  → try again when it has ended; suspend the schedule for a while\n',
      })
    })
    expect(await everything(member.database.sql)).toEqual(before)
  })

  it('keeps as text what PostgreSQL refuses, and all the rest as records', async () => {
    const member = await newMember({ days: 20 })
    await member.sync()
    const { sql } = member.database
    const [odd] = await sql<{ id: string }[]>`
      update workout_records set raw_data = raw_data || '{"sport_name": "refused", "odd": [12345678901234567890.10]}'
      where id = (select id from workout_records order by start_time limit 1 offset 3) returning id`
    const file = join(await folder(), 'whoop.zip')
    await archiveTo(file, member.env, member.clock)
    const other = await createDatabase()
    onTestFinished(other.drop)
    await other.sql`alter table workout_records add constraint picky check (sport_name <> 'refused')`
    const env = { ...member.env, DATABASE_URL: other.url }
    const out = await restoreFrom(file, env, member.clock, 65)
    const [count] = await sql`select count(*)::int as n from workout_records`
    expect(out).toMatch(new RegExp(`workout +${Number(count?.['n']) - 1} +0 +0 +0 +0 +1\n`))
    const [kept] = await other.sql`select record_key, reason, raw from quarantined_records`
    expect(kept).toMatchObject({ record_key: odd?.id, reason: expect.stringMatching(/^PostgreSQL: .*picky/) })
    expect(kept?.['raw']).toContain('[12345678901234567890.10]')
    expect(await other.sql`select from workout_records`).toHaveLength(Number(count?.['n']) - 1)
  })

  it('goes on past a type of which it can read nothing, and keeps its text', async () => {
    const member = await newMember({ days: 5 })
    await member.sync()
    const { sql } = member.database
    await sql`update workout_records set raw_data = raw_data - 'start'`
    const [count] = await sql`select count(*)::int as n from workout_records`
    const file = join(await folder(), 'whoop.zip')
    await archiveTo(file, member.env, member.clock)
    const other = await createDatabase()
    onTestFinished(other.drop)
    const out = await restoreFrom(file, { ...member.env, DATABASE_URL: other.url }, member.clock, 65)
    expect(Number(count?.['n'])).toBeGreaterThan(0)
    expect(out).toMatch(new RegExp(`workout +0 +0 +0 +0 +0 +${Number(count?.['n'])}\n`))
    expect(await other.sql`select from quarantined_records where data_type = 'workout'`).toHaveLength(
      Number(count?.['n']),
    )
  })

  it('stores once what a file holds twice, the one that WHOOP changed later', async () => {
    const member = await newMember({ days: 20 })
    await member.sync()
    const home = await folder()
    await archiveTo(join(home, 'whoop.zip'), member.env, member.clock)
    const bytes = await forge(join(home, 'whoop.zip'), (files) => {
      const name = 'members/10001/workout.ndjson'
      const [first = '', ...rest] = String(files.get(name)).split('\n')
      const later = first.replace(/"updated_at": "[^"]*"/, '"updated_at": "2026-12-01T00:00:00.000Z"')
      const padding = JSON.stringify({ ...(JSON.parse(rest[0] ?? '') as object) }).replace(
        '"raw_data":{',
        `"raw_data":{"pad":"${'x'.repeat(2 ** 20)}",`,
      )
      files.set(name, Buffer.from([first, padding, ...rest.slice(1, -1), later, ''].join('\n')))
    })
    await writeFile(join(home, 'twice.zip'), bytes)
    const other = await createDatabase()
    onTestFinished(other.drop)
    const out = await restoreFrom(join(home, 'twice.zip'), { ...member.env, DATABASE_URL: other.url }, member.clock)
    const [count] =
      await other.sql`select count(*)::int as n, max(raw_data ->> 'updated_at') as at from workout_records`
    expect(count).toMatchObject({ at: '2026-12-01T00:00:00.000Z' })
    expect(out).toMatch(new RegExp(`workout +${Number(count?.['n'])} +0 +1 +0 +0 +0\n`))
  })

  it('brings a journal back where the schema has one, and says so where it has none', async () => {
    const member = await syncedMember({ days: 5 })
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
      const { code, err } = await run(['restore', file], env, { clock: member.clock, isTTY: true, columns: 1_000 })
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
