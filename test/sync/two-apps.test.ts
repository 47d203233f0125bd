// Two apps of WHOOP's in one database: each renews its own members' logins, from a budget of its own.
import { describe, expect, it, onTestFinished } from 'vitest'
import { withDatabase } from '../../src/db/connection/index.ts'
import { refresh } from '../../src/login/refresh.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import type { OAuth } from '../../src/whoop/oauth.ts'
import { newMember, type Member } from '../support/member.ts'
import { envFor, logIn, run, TEST_KEY } from '../support/world.ts'

const HOURS_2 = 7_200_000
const nothing = () => undefined

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

  it('do not end a login from before they were told apart, by whichever app it is tried first', async () => {
    const { one, two, clock, sql } = await twoApps()
    await served(one) // from now on it is known that two apps ask from here
    await served({ ...two, clock })
    await sql`update oauth_tokens set client_id = null where user_id = 1`
    const stored = () => sql`select dead_fingerprint, refreshing_since from oauth_tokens where user_id = 1`
    clock.pass(HOURS_2)
    const tried = await run('sync --user 10001', two.env, { clock })
    expect({ code: tried.code, err: tried.err }).toMatchInlineSnapshot(`
      {
        "code": 78,
        "err": "{"level":"error","time":"2026-11-22T12:20:00.000Z","msg":"The login of WHOOP user 10001 may have been given to another app: WHOOP refuses to renew it.","whoopUserId":10001,"reason":"settings","hint":"set WHOOP_CLIENT_ID and WHOOP_CLIENT_SECRET to that app’s, or log in to this one: whoopster auth"}
      ",
      }
    `)
    const logout = await run('auth logout --user 10001', two.env, { clock })
    expect(logout.code).toBe(78)
    expect(await stored()).toEqual([{ dead_fingerprint: null, refreshing_since: null }])
    expect(await served(one)).toMatchObject({ code: 0, users: [10_001] })
    expect(await sql`select client_id from oauth_tokens where user_id = 1`).toEqual([{ client_id: 'app-one' }])
  })

  it('remember that WHOOP has ended a login of an unknown app, where only one app asks', async () => {
    const { sandbox, clock, database, env } = await newMember({ days: 4 })
    await run('sync', env, { clock })
    await database.sql`update oauth_tokens set client_id = null`
    sandbox.killGrant(10_001)
    clock.pass(HOURS_2)
    expect((await run('sync', env, { clock })).code).toBe(77)
    expect(await database.sql`select dead_fingerprint is not null as dead from oauth_tokens`).toEqual([{ dead: true }])
  })

  it('end all logins of their own, and nobody else’s', async () => {
    const { one, two, clock, sql } = await twoApps()
    const { code, out } = await run('auth logout --yes', two.env, { clock })
    expect({ code, out }).toEqual({
      code: 0,
      out: 'WHOOP user 10002: login revoked at WHOOP and forgotten here; the records stay.\n',
    })
    expect(await sql`select client_id from oauth_tokens`).toEqual([{ client_id: 'app-one' }])
    expect(await served(one)).toMatchObject({ code: 0, users: [10_001] })
  })

  it('ask whose a login is once more, when its row is held', async () => {
    const { one, clock, sql } = await twoApps()
    const { id } = (await sql<{ id: number }[]>`select id from users where whoop_user_id = 10001`)[0] ?? expect.fail()
    let locks = 0
    const asked = withDatabase({ DATABASE_URL: one.database.url, WHOOPSTER_DATA_DIR: undefined }, {}, (database) =>
      refresh(
        {
          database: {
            ...database,
            apart: async (work) => {
              locks += 1
              if (locks === 2) await sql`update oauth_tokens set client_id = 'app-two' where user_id = ${id}` // a login meanwhile
              return database.apart(work)
            },
          },
          keys: [Buffer.from(TEST_KEY, 'base64')],
          oauth: { clientId: 'app-one', refresh: () => expect.fail('WHOOP was asked') } as unknown as OAuth,
          member: { id, whoopUserId: 10_001, firstName: null, scopes: [] },
          clock,
          hold: () => nothing,
          log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
        },
        () => true,
      ),
    )
    await expect(asked).rejects.toMatchObject({ reason: 'settings' })
    expect(locks).toBe(2)
  })
})
