// The alert rules as provisioned: their SQL as whoopster_reader, and their thresholds, by hand.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { alertRules, type AlertRule } from './provisioned.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
  const { sql } = database
  await sql`insert into users (whoop_user_id, first_name) values (1, 'Ada'), (2, 'Ada')` // namesakes
  await sql`
    insert into oauth_tokens (user_id, access_token, refresh_token, expires_at, scopes)
    select id, 'a', 'r', now() + interval '1 hour', '{offline,read:sleep,read:cycles,read:recovery}' from users`
  await sql`
    insert into sync_status (user_id, data_type, last_sync_time, status)
    select id, type, now() - interval '10 minutes', 'success' from users, unnest('{sleep,cycle,recovery,body}'::text[]) type`
  await sql`
    insert into sync_status (user_id, data_type, last_sync_time, created_at)
    select id, 'workout', null, now() - interval '9 days' from users` // no longer granted
  await sql`
    insert into sync_runs (user_id, started_at, finished_at, outcome, requests, retries, waited_ms, token_refreshes, types)
    select id, at, at, 'ok', 1, 0, 0, 0, '{}' from users, generate_series(now() - interval '2 hours', now(), '15 minutes') at`
  await sql`
    insert into sleep_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, start_time, end_time,
      timezone_offset, nap, respiratory_rate)
    select md5(users.id || '/' || d)::uuid, users.id, '{}', 'SCORED', now(), now(), now() - d * interval '1 day' - interval '9 hours',
      now() - d * interval '1 day' - interval '1 hour', 'Z', false, 15 + d % 2 * 0.2
    from users, generate_series(0, 20) d`
  await sql`
    insert into recovery_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, cycle_id, sleep_id,
      user_calibrating, recovery_score, resting_heart_rate, hrv_rmssd, skin_temp_celsius)
    select md5(users.id || '/' || d)::uuid, users.id, '{}', 'SCORED', now() - d * interval '1 day' - interval '1 hour', now(),
      users.id * 1000 + d, md5(users.id || '/' || d)::uuid, false, 60, 55 + d % 2 * 2, 60 + d % 3 * 4, 33.5 + d % 2 * 0.2
    from users, generate_series(0, 20) d`
})
afterAll(() => database.drop())

/** The members for whom a rule fires, in a world where `change` has happened. */
async function firing(rule: AlertRule, change = 'select 1'): Promise<string[]> {
  return rollingBack(async (tx) => {
    await tx.unsafe(change)
    await tx`set local role whoopster_reader`
    const query = rule.data.find(({ refId }) => refId === 'A')
    const result = await tx.unsafe(query?.model.rawSql ?? '')
    const labels = result.map((row) => [row['member'], row['type'], row['whoop_user_id']].join())
    expect(new Set(labels).size, 'labels that tell the rows apart').toBe(labels.length)
    const condition = rule.condition.replace(/\$\{\w+\}/, '')
    const { evaluator } = rule.data.find(({ refId }) => refId === condition)?.model.conditions?.[0] ?? {}
    const [than = 0] = evaluator?.params ?? []
    const fires = (value: number) => (evaluator?.type === 'gt' ? value > than : value < than)
    for (const row of result) expect(Number.isFinite(Number(row['value']))).toBe(true)
    return result.filter((row) => fires(Number(row['value']))).map((row) => String(row['whoop_user_id']))
  })
}

type Transaction = Parameters<Parameters<TestDatabase['sql']['begin']>[1]>[0]

async function rollingBack<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
  const connection = await database.sql.reserve()
  try {
    await connection`begin`
    return await work(connection as unknown as Transaction)
  } finally {
    await connection`rollback`
    connection.release()
  }
}

const [NEWEST, BEFORE] = [2000, 2001].map((cycle) => `user_id = 2 and cycle_id = ${cycle}`)

/** What has to happen to the second member. */
const changes: Record<string, string> = {
  stale:
    "update sync_status set last_sync_time = now() - interval '121 minutes' where user_id = 2 and data_type = 'cycle'",
  'login-needed': "update oauth_tokens set dead_fingerprint = 'x' where user_id = 2",
  quarantine: `insert into quarantined_records (user_id, data_type, record_key, raw, reason, first_seen, last_seen)
    values (2, 'sleep', 'x', '?', '?', now(), now())`,
  failing: `insert into sync_runs (user_id, started_at, finished_at, outcome, requests, retries, waited_ms, token_refreshes, types)
    select 2, now() + n * interval '1 minute', now(), 'failed', 1, 0, 0, 0, '{}' from generate_series(1, 3) n`,
  'low-recovery': `update recovery_records set recovery_score = 33, hrv_rmssd = 40 where ${NEWEST};
    update recovery_records set recovery_score = 20 where ${BEFORE}`,
  hrv: `update recovery_records set hrv_rmssd = 40 where ${NEWEST} or ${BEFORE}`, // on two mornings
  'resting-heart-rate': `update recovery_records set resting_heart_rate = 70, skin_temp_celsius = 35 where ${NEWEST}`,
  'skin-temperature': `update recovery_records set skin_temp_celsius = 35, hrv_rmssd = 40 where ${NEWEST}`, // two signs
  'respiratory-rate': `update sleep_records set respiratory_rate = 18 where user_id = 2 and id = md5('2/0')::uuid;
    update recovery_records set hrv_rmssd = 40 where ${NEWEST}`,
}

it('has a rule for everything that can happen, and nothing else', () => {
  expect(alertRules.map(({ labels }) => labels['alert'] ?? '').toSorted()).toEqual(Object.keys(changes).toSorted())
})

describe.each(alertRules.map((rule) => ({ title: rule.title, rule })))('$title', ({ rule }) => {
  const change = changes[rule.labels['alert'] ?? ''] ?? ''

  it('is quiet while all is well', async () => {
    expect(await firing(rule)).toEqual([])
  })

  it('tells of the member it happens to', async () => {
    expect(await firing(rule, change)).toEqual(['2'])
  })

  it('is quiet in an empty database', async () => {
    expect(await firing(rule, 'delete from users')).toEqual([])
  })
})

it.each([
  [
    'two failures in a row',
    'failing',
    `${changes['failing']}; delete from sync_runs where started_at > now() + interval '2 minutes'`,
  ],
  [
    'a sync every six hours that is five hours old, where many members share WHOOP’s requests',
    'stale',
    `update sync_runs set started_at = now() - (now() - started_at) * 24 where user_id = 2;
      update sync_status set last_sync_time = now() - interval '5 hours' where user_id = 2`,
  ],
  ['a member who has logged out', 'stale', `${changes['stale']}; delete from oauth_tokens where user_id = 2`],
  [
    'yesterday’s recovery',
    'low-recovery',
    `${changes['low-recovery']}; update recovery_records set created_at_whoop = created_at_whoop - interval '25 hours' where user_id = 2`,
  ],
  [
    'a member who is still calibrating',
    'hrv',
    `${changes['hrv']}; update recovery_records set user_calibrating = true where ${NEWEST}`,
  ],
  ['one sign on one morning', 'hrv', `update recovery_records set hrv_rmssd = 40 where ${NEWEST}`],
  ['one red morning', 'low-recovery', `update recovery_records set recovery_score = 33 where ${NEWEST}`],
])('says nothing of %s', async (_, name, change) => {
  const rule = alertRules.find(({ labels }) => labels['alert'] === name) ?? expect.fail(name)
  expect(await firing(rule, change)).toEqual([])
})
