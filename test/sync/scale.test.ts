// What a thousand members with three years of records cost one of them, and whoever asks how things are.
import { performance } from 'node:perf_hooks'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { isLong } from '../support/long.ts'
import { newMember, type Member } from '../support/member.ts'

const YEARS_3 = 1095

describe.runIf(isLong)('a database of a thousand members and three years', () => {
  it('costs a quiet sync of one no more than a database of one, and tells its status within a second', async () => {
    const one = await newMember({ days: YEARS_3 })
    const among = await newMember({ days: YEARS_3 })
    for (const member of [one, among]) expect(await member.sync()).toMatchObject({ code: 0 })
    await multiply(among, 1_000)

    const alone = await quietSyncs(one)
    const crowded = await quietSyncs(among)
    const status = await fastest(5, () => among.run('status --json'))
    console.log(JSON.stringify({ alone, crowded, ratio: crowded / alone, status }))
    expect(crowded / alone).toBeLessThan(1.5)
    expect(status).toBeLessThan(1_000)
  }, 1_800_000)
})

/** Copies of the one member, with all records and a few days of runs, and with logins of their own. */
async function multiply({ database }: Member, members: number): Promise<void> {
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  try {
    await sql`insert into users (whoop_user_id) select 20000 + n from generate_series(2, ${members}::int) n`
    await sql`
      insert into oauth_tokens (user_id, access_token, refresh_token, expires_at, scopes)
      select u.id, access_token, refresh_token, expires_at, scopes from oauth_tokens, users u where u.id > 1`
    await sql`
      insert into sync_status (user_id, data_type, last_sync_time, last_record_time, status, covered, recent_at, swept_at)
      select u.id, data_type, last_sync_time, last_record_time, status, covered, recent_at, swept_at
      from sync_status, users u where u.id > 1`
    await sql`
      insert into sync_runs (user_id, started_at, finished_at, outcome, requests, retries, waited_ms, token_refreshes,
        last_http_status, types)
      select u.id, started_at - n * interval '15 minutes', finished_at - n * interval '15 minutes', outcome, 4, 0, 0, 0, 200, types
      from (select * from sync_runs order by id desc limit 1) run, users u, generate_series(1, 300) n where u.id > 1`
    for (const [table, key, more] of [
      ['sleep_records', 'gen_random_uuid()', ', nap'],
      ['workout_records', 'gen_random_uuid()', ''],
      ['cycle_records', 't.id + u.id * 10000000000::bigint', ''],
    ] as const) {
      await sql.unsafe(`
        insert into ${table} (id, user_id, start_time, end_time, timezone_offset, score_state, raw_data, created_at_whoop,
          updated_at_whoop${more})
        select ${key}, u.id, start_time, end_time, timezone_offset, score_state, '{}', created_at_whoop, updated_at_whoop${more}
        from ${table} t, users u where u.id > 1`)
    }
    await sql`
      insert into recovery_records (id, user_id, cycle_id, sleep_id, score_state, raw_data, created_at_whoop, updated_at_whoop)
      select gen_random_uuid(), u.id, cycle_id + u.id * 10000000000::bigint, sleep_id, score_state, '{}', created_at_whoop, updated_at_whoop
      from recovery_records, users u where u.id > 1`
    await sql`vacuum analyze`
  } finally {
    await sql.end()
  }
}

/** The fastest of some syncs that find nothing new, in milliseconds. */
async function quietSyncs(member: Member): Promise<number> {
  return fastest(10, async () => {
    member.clock.pass(60_000)
    expect(await member.sync('--user 10001 --no-migrate')).toMatchObject({ code: 0 })
  })
}

async function fastest(times: number, work: () => Promise<unknown>): Promise<number> {
  let best = Infinity
  for (let time = 0; time < times; time++) {
    const from = performance.now()
    await work()
    best = Math.min(best, performance.now() - from)
  }
  return Math.round(best)
}
