// What each index is for: a member's whole life among many others, and then PostgreSQL's own count of what was used.
// The planner looks at the ends of an index that begins with what a range is asked of, and that counts as well: such a one
// (on a time alone) could be here for nothing and not be found.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fillYears } from '../../bench/years.ts'
import { exportZip } from '../../src/sandbox/index.ts'
import { archiveTo, folder, liveThrough, restoreFrom } from '../archive/stage.ts'
import { expand } from '../grafana/expand.ts'
import { alertRules, asked, scopeOf } from '../grafana/provisioned.ts'
import { startListener } from '../listen/listener.ts'
import { createDatabase } from '../support/database.ts'
import { newMember, type Member } from '../support/member.ts'
import { DAY_MS } from '../support/time.ts'
import { logIn } from '../support/world.ts'

/** Named by the first design, for whoever asks by these; no statement of ours has to. */
const PROMISED = new Set([
  'idx_cycle_start_time',
  'idx_recovery_created_at',
  'idx_recovery_score_state',
  'idx_sleep_score_state',
  'idx_sleep_start_time',
  'idx_users_email',
  'idx_workout_sport_name',
  'idx_workout_start_time',
])

const PATIENTLY = { timeout: 30_000 }

it('keeps no index that nothing uses, unless it is unique or promised', { timeout: 120_000 }, async () => {
  const member = await newMember({ days: 60, members: 2 })
  const { sql } = member.database
  await crowd(member)
  await sql`select pg_stat_reset()`
  await live(member)
  await sql`select pg_stat_force_next_flush()`
  await expect
    .poll(
      () => sql`select from pg_stat_activity where datname = current_database() and application_name = 'whoopster'`,
      PATIENTLY,
    )
    .toHaveLength(0) // sessions tell what they used when they end
  const unused = await sql<{ name: string }[]>`
    select indexrelname as name from pg_stat_user_indexes join pg_index using (indexrelid)
    where idx_scan = 0 and not indisunique order by 1`
  expect(unused.map(({ name }) => name).filter((name) => !PROMISED.has(name))).toEqual([])
  const [used] = await sql`select count(*)::int as many from pg_stat_user_indexes where idx_scan > 0`
  expect(used?.['many']).toBeGreaterThan(15) // else nothing was counted
})

it('keeps no index whose columns another one begins with', async () => {
  const database = await createDatabase()
  const twice = await database.sql`
    with indexes as (
      select indexrelid::regclass::text as name, indrelid, array_to_string(indkey, ' ') || ' ' as columns, indisunique, indpred
      from pg_index join pg_class on pg_class.oid = indexrelid where relnamespace = 'public'::regnamespace
    )
    select one.name, other.name as other from indexes one join indexes other using (indrelid)
    where one.name <> other.name and not one.indisunique and one.indpred is null and other.indpred is null
      and starts_with(other.columns, one.columns)`
  await database.drop()
  expect(twice).toEqual([])
})

/** So many others that PostgreSQL would not rather read whole tables; they are another app's, and their runs are few. */
async function crowd({ database: { sql } }: Member): Promise<void> {
  await fillYears(sql, { members: 12, days: 150, runsEvery: '1 day' })
  const theirs = sql`from users where whoop_user_id < 10000`
  await sql`update oauth_tokens set client_id = 'another app' where user_id in (select id ${theirs})`
  await sql`update sync_status set covered = '{(,)}' where user_id in (select id ${theirs})`
  await sql`
    insert into body_measurements (user_id, height_meter, weight_kilogram, max_heart_rate, raw_data, created_at)
    select id, 1.8, 80, 190, '{}', now() - n * interval '1 day' from (select id ${theirs}) they, generate_series(1, 50) n`
  await sql`
    insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
    select user_id, 'sleep', id::text, raw_data, start_time, end_time, 'changed' from sleep_records where not nap`
  await sql`analyze`
}

/** All that a member does in a year, and whoever looks on. */
async function live(member: Member): Promise<void> {
  const { database, sandbox, env, clock } = member
  const home = await folder()
  const file = (name: string) => join(home, name)
  await writeFile(file('journal.zip'), exportZip(sandbox.world.export(10_001)))
  await liveThrough(member) // first syncs, what WHOOP changes and deletes, and all of it again
  await logIn(sandbox, env, { clock, member: 10_002 })
  const pass = (hours: number) => {
    clock.pass(hours * 3_600_000)
    sandbox.world.advanceTo(clock.now())
  }
  for (const hours of [1, 30]) {
    pass(hours)
    expect([0, 65]).toContain((await member.sync()).code) // quiet, the chase, and a day later the last month
  }
  expect([0, 65]).toContain((await member.sync('--since 20d --user 10001')).code)
  const lines = [
    'verify --user 10001',
    'reprocess',
    'stats --user 10001',
    'stats --json',
    'status',
    'status --gaps',
    'runs',
    'doctor',
    'auth status',
    'export --type daily --user 10001',
    'export --type sleep --user 10001',
    'export --type body --user 10001',
  ]
  const typed = [
    ...lines.map((line) => line.split(' ')),
    ['report', '--user', '10001', '--out', file('report.html')],
    ['import', '--user', '10001', file('journal.zip')],
  ]
  for (const line of typed) {
    const { code, err } = await member.run(line)
    expect([0, 1], `${line.join(' ')}: ${err}`).toContain(code) // 1: there is something to see to
  }
  await hear(member)
  await look(member)
  await archiveTo(file('archive.zip'), env, clock, ['--user', '10001'])
  await database.sql`delete from users where whoop_user_id = 10001`
  for (let times = 0; times < 2; times++) await restoreFrom(file('archive.zip'), env, clock)
}

async function hear(member: Member): Promise<void> {
  const { sandbox, database } = member
  const [workout] = sandbox.world.list('workout')
  const listener = await startListener(member)
  await listener.tell('workout.updated', workout?.id ?? '')
  await expect.poll(() => database.sql`select from chased_records where reason = 'event'`, PATIENTLY).toEqual([])
  await listener.stop()
}

/** Grafana, at everything. */
async function look({ database: { sql }, clock }: Member): Promise<void> {
  const now = clock.now().getTime()
  const range = { from: new Date(now - 30 * DAY_MS), to: new Date(now) }
  await sql.begin(async (tx) => {
    await tx`set local role whoopster_reader`
    await tx`set local jit = off`
    for (const one of asked) await tx.unsafe(expand(one.sql, scopeOf(one, { member: '10001', range })))
    for (const { data } of alertRules) await tx.unsafe(data[0]?.model.rawSql ?? '')
  })
}
