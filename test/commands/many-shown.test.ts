// What is printed of many members: a summary, and who needs a look.
import { describe, expect, it } from 'vitest'
import { fillYears } from '../../bench/years.ts'
import { newMember } from '../support/member.ts'

const OTHERS = 40

async function crowd(options: Parameters<typeof newMember>[0] = {}) {
  const member = await newMember({ days: 4, ...options })
  expect(await member.sync()).toMatchObject({ code: 0 })
  await fillYears(member.database.sql, { members: OTHERS, days: 3 })
  const at = member.clock.now().toISOString()
  await member.database
    .sql`update sync_status set last_sync_time = ${at}, last_record_time = ${at}, records = 3 where user_id > 1`
  await member.database.sql`
    update sync_runs set started_at = ${at}::timestamptz - interval '15 minutes', finished_at = ${at} where user_id > 1 and started_at > now() - interval '1 hour'`
  return member
}

const lines = (text: string) => text.trimEnd().split('\n')

describe('of many members', () => {
  it('status counts those who are well, and shows those who are not, a few of them', async () => {
    const member = await crowd()
    const { database } = member
    const well = await member.run('status')
    expect(well.code, well.out).toBe(0)
    expect(lines(well.out).filter((line) => /member|synced|look/.test(line))).toMatchInlineSnapshot(`
      [
        "members   41, with 497 records",
        "          41 synced within the hour, 41 within the day",
        "          nobody needs a look; one of them: --user",
      ]
    `)
    await database.sql`update oauth_tokens set dead_fingerprint = 'x' where user_id in (select user_id from oauth_tokens order by 1 limit 3)`
    const some = await member.run('status')
    expect(some.code).toBe(1)
    expect(lines(some.out).filter((line) => line.includes('login ended'))).toHaveLength(3)
    await database.sql`update oauth_tokens set dead_fingerprint = 'x'`
    const none = await member.run('status')
    expect(lines(none.out).filter((line) => line.includes('login ended'))).toHaveLength(8)
    expect(lines(none.out).length).toBeLessThan(110)
    expect(none.out).toContain('… and 33 more like these.')
    const { users } = JSON.parse((await member.run('status --json')).out) as { users: unknown[] }
    expect(users).toHaveLength(OTHERS + 1)
  })

  it('status says what it takes to read the histories that have not been, by those that have', async () => {
    const member = await crowd({ limits: { perMinute: 100, perDay: 10_000 } })
    Object.assign(member.env, { MAX_REQUESTS_PER_MINUTE: '100' })
    const { sql } = member.database
    const shown = async (line = 'status') => {
      const { out } = await member.run(line)
      const { budget } = JSON.parse((await member.run(`${line} --json`)).out) as { budget: { firstReadings: object } }
      return [...lines(out).flatMap((one) => /\S+ histor.*/.exec(one)?.[0] ?? []), budget.firstReadings]
    }
    expect(await shown()).toEqual([{ members: 0, requests: 0, minutes: 0 }])
    await sql`update sync_status set records = 1_000 where user_id <= 10`
    const unread = (members: number) => sql`
      update sync_status set last_sync_time = null, covered = '{}', records = case data_type when 'sleep' then 500 else 0 end
      where user_id in (select id from users order by id desc limit ${members})`
    await unread(1)
    expect(await shown()).toMatchInlineSnapshot(`
      [
        "1 history has not been read to the end: about 31 requests to go, 1 minute",
        {
          "members": 1,
          "minutes": 1,
          "requests": 31,
        },
      ]
    `)
    await unread(30)
    expect(await shown()).toMatchInlineSnapshot(`
      [
        "30 histories have not been read to the end: about 3,360 requests to go, 38 minutes",
        {
          "members": 30,
          "minutes": 38,
          "requests": 3360,
        },
      ]
    `)
    expect(await shown('status --user 7')).toEqual(await shown())
    await sql`update sync_status set records = 20_000 where user_id <= 10`
    expect(await shown()).toMatchInlineSnapshot(`
      [
        "30 histories have not been read to the end: about 78,000 requests to go, 16 days",
        {
          "members": 30,
          "minutes": 23522,
          "requests": 78000,
        },
      ]
    `)
    await unread(OTHERS + 1)
    expect(await shown()).toMatchInlineSnapshot(`
      [
        "41 histories have not been read to the end: about 65 requests for each year of each",
        {
          "members": 41,
          "minutes": null,
          "requests": null,
        },
      ]
    `)
    await sql`update oauth_tokens set dead_fingerprint = 'x'` // nobody can be read
    expect(await shown()).toEqual([{ members: 0, requests: 0, minutes: 0 }])
  })

  it('whoopster alone takes no more lines than of a few', async () => {
    const member = await crowd()
    const { database } = member
    expect(lines((await member.run('')).out).length).toBeLessThan(14)
    await database.sql`update oauth_tokens set dead_fingerprint = 'x'`
    const { out } = await member.run('')
    expect(lines(out).length).toBeLessThan(30)
    expect(out).toContain('41 members are logged in; these need a look.')
  })

  it('stats and export tell of each, one after the other', async () => {
    const member = await crowd()
    const { users } = JSON.parse((await member.run('stats --json')).out) as { users: { whoopUserId: number }[] }
    expect(new Set(users.map(({ whoopUserId }) => whoopUserId)).size).toBe(OTHERS + 1)
    const stats = await member.run('stats')
    expect(stats.out.match(/WHOOP user \d+/g)).toHaveLength(OTHERS + 1)
    const { out } = await member.run('export --type daily --format ndjson')
    const ids = lines(out).map((line) => (JSON.parse(line) as { whoop_user_id: number }).whoop_user_id)
    expect(ids).toEqual(ids.toSorted((a, b) => a - b))
    expect(new Set(ids).size).toBe(OTHERS + 1)
    const one = await member.run('export --type daily --format ndjson --user 7')
    expect(lines(one.out)).toEqual(lines(out).filter((line) => line.includes('"whoop_user_id":7,')))
  })
})
