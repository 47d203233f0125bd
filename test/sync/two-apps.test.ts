// Two apps of WHOOP's in one database: each renews its own members' logins, from a budget of its own.
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSandbox } from '../../src/sandbox/index.ts'
import { newMember, type Member } from '../support/member.ts'
import { envFor, logIn, run } from '../support/world.ts'

const HOURS_2 = 7_200_000

/** A member of one app, and another one of a second app, in one database. */
async function twoApps() {
  const one = await newMember({ days: 4, clientId: 'app-one' })
  const { clock, database } = one
  const sandbox = await startSandbox({ days: 4, members: 2, limits: 'none', now: clock.now, clientId: 'app-two' })
  onTestFinished(() => sandbox.close())
  const env = envFor(sandbox, database.url)
  await logIn(sandbox, env, { clock, member: 10_002 })
  return { one, two: { sandbox, env }, clock, sql: database.sql }
}

const served = async ({ env, clock }: Pick<Member, 'env' | 'clock'>, line = 'sync') => {
  const { code, out, err } = await run(`${line} --json`, env, { clock })
  const { users } = JSON.parse(out) as { users: { whoopUserId: number }[] }
  return { code, err, users: users.map(({ whoopUserId }) => whoopUserId) }
}

describe('two apps on one database', () => {
  it('serve their own members, and end nobody’s login', async () => {
    const { one, two, clock, sql } = await twoApps()
    clock.pass(HOURS_2) // both logins have to be renewed
    expect(await served({ ...two, clock })).toMatchObject({ code: 0, users: [10_002] })
    expect(await served(one)).toMatchObject({ code: 0, users: [10_001] })
    clock.pass(HOURS_2)
    expect(await served(one)).toMatchObject({ code: 0, users: [10_001] })
    expect(await served({ ...two, clock })).toMatchObject({ code: 0, users: [10_002] })
    expect(
      await sql`select client_id, dead_fingerprint is not null as dead from oauth_tokens order by user_id`,
    ).toEqual([
      { client_id: 'app-one', dead: false },
      { client_id: 'app-two', dead: false },
    ])
    expect(await sql`select client_id from request_budgets order by 1`).toEqual([
      { client_id: 'app-one' },
      { client_id: 'app-two' },
    ])
    const budgets = []
    for (const { env } of [one, two]) {
      const { out } = await run('status --json', env, { clock })
      budgets.push((JSON.parse(out) as { budget: unknown }).budget)
    }
    expect(budgets).toMatchObject([{ members: 1 }, { members: 1 }])
  })

  it('do not renew what is not theirs, whoever asks', async () => {
    const { one, two, clock, sql } = await twoApps()
    clock.pass(HOURS_2)
    const { code, out } = await run('sync --user 10001 --json', two.env, { clock })
    expect({ code, error: (JSON.parse(out) as { error: unknown }).error }).toMatchInlineSnapshot(`
      {
        "code": 77,
        "error": {
          "hint": "set WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET to that app’s, or log in to this one: whoopster auth",
          "message": "WHOOP user 10001 is logged in to another app than WHOOP_CLIENT_ID names.",
          "reason": "login",
        },
      }
    `)
    const logout = await run('auth logout --user 10001', two.env, { clock })
    expect(logout.err).toMatchInlineSnapshot(`
      "{"level":"error","time":"2026-11-22T12:20:00.000Z","msg":"WHOOP user 10001 is still logged in, at WHOOP and here: The login of WHOOP user 10001 was given to another app.","reason":"settings","hint":"set WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET to that app’s, or log in to this one: whoopster auth"}
      "
    `)
    expect(await sql`select dead_fingerprint from oauth_tokens`).toEqual([
      { dead_fingerprint: null },
      { dead_fingerprint: null },
    ])
    expect(await served(one)).toMatchObject({ code: 0, users: [10_001] })
  })

  it('take a login from before apps were told apart, and keep it', async () => {
    const { one, clock, sql } = await twoApps()
    await sql`update oauth_tokens set client_id = null where user_id = 1`
    clock.pass(HOURS_2)
    expect(await served(one)).toMatchObject({ code: 0, users: [10_001] })
    expect(await sql`select client_id from oauth_tokens where user_id = 1`).toEqual([{ client_id: 'app-one' }])
  })
})
