import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { withDatabase, type Database } from '../../src/db/connection/index.ts'
import type { Keys } from '../../src/db/seal.ts'
import {
  deletePendingLogin,
  forgetTokens,
  loadLogins,
  claimPendingLogin,
  loadTokens,
  noteRefresh,
  rememberDead,
  renewTokens,
  savePendingLogin,
  saveTokens,
  withTokensLocked,
  type Tokens,
} from '../../src/db/tokens.ts'
import { loadMembers, saveProfile, type Member } from '../../src/db/members.ts'
import { exitCodes, WhoopsterError } from '../../src/errors.ts'
import { createDatabase } from '../support/database.ts'

const keys: Keys = [Buffer.alloc(32, 'one')]
const otherKeys: Keys = [Buffer.alloc(32, 'other')]
const profile = { whoopUserId: 10_129, email: 'jane@example.com', firstName: 'Jane', lastName: 'Doe' }
const tokens: Tokens = {
  access: 'the-access-token',
  refresh: 'the-refresh-token',
  grantedAt: new Date('2026-11-22T10:00:00.123Z'),
  expiresAt: new Date('2026-11-22T11:00:00.123Z'),
  scopes: ['offline', 'read:sleep'],
}

const server = await createDatabase()
afterAll(() => server.drop())
beforeEach(async () => {
  await server.sql`truncate users, pending_logins restart identity cascade`
})

function open<T>(work: (database: Database) => Promise<T>): Promise<T> {
  return withDatabase({ DATABASE_URL: server.url, WHOOPSTER_DATA_DIR: undefined }, {}, work)
}

/** A member who is logged in. */
async function logIn({ db }: Database, whoopUserId = profile.whoopUserId): Promise<Member> {
  const id = await saveProfile(db, { ...profile, whoopUserId }, tokens.grantedAt)
  await saveTokens(db, keys, { id }, tokens)
  return { id, whoopUserId, firstName: profile.firstName, scopes: tokens.scopes }
}

async function codeOf(work: Promise<unknown>): Promise<number> {
  const error = await work.then(
    () => expect.fail('it worked'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof WhoopsterError)) throw error
  return exitCodes[error.reason]
}

describe('tokens', () => {
  it('come back as they were saved', () =>
    open(async (database) => {
      const member = await logIn(database)
      expect(await loadTokens(database.db, keys, member)).toMatchObject({ ...tokens, dead: false })
      expect(await loadMembers(database.db)).toEqual([member])
      expect(await loadMembers(database.db, member.whoopUserId)).toEqual([member])
      expect(await loadMembers(database.db, 1)).toEqual([])
    }))

  it('are nowhere in the database as they are', () =>
    open(async (database) => {
      await logIn(database)
      const login = { state: 'the-state', verifier: 'the-verifier', now: new Date(), minutes: 10 }
      await savePendingLogin(database.db, keys, login)
      const rows = await server.sql`
        select to_jsonb(oauth_tokens)::text as stored from oauth_tokens union all
        select to_jsonb(pending_logins)::text from pending_logins`
      const stored = rows.map((row) => String(row['stored'])).join('\n')
      for (const secret of [tokens.access, tokens.refresh, login.verifier]) expect(stored).not.toContain(secret)
      const [row] =
        await server.sql`select access_token, refresh_token, (select code_verifier from pending_logins) from oauth_tokens`
      for (const envelope of Object.values(row ?? {})) expect(envelope).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/)
    }))

  it('open only in their own row and column: 78', () =>
    open(async (database) => {
      const [one, other] = [await logIn(database), await logIn(database, 2)]
      await server.sql`update oauth_tokens set refresh_token = (select refresh_token from oauth_tokens where user_id = ${one.id})`
      expect(await loadTokens(database.db, keys, one)).toMatchObject({ refresh: tokens.refresh })
      expect(await codeOf(loadTokens(database.db, keys, other))).toBe(78)
      await server.sql`update oauth_tokens set access_token = refresh_token`
      expect(await codeOf(loadTokens(database.db, keys, one))).toBe(78)
    }))

  it('do not open with another key: 78; a new login replaces them all the same', () =>
    open(async (database) => {
      const member = await logIn(database)
      expect(await codeOf(loadTokens(database.db, otherKeys, member))).toBe(78)
      expect(await loadLogins(database.db)).toMatchObject([
        { sealedUnder: expect.stringMatching(/^[0-9a-f]{8}$/) as string },
      ])
      await saveTokens(database.db, otherKeys, member, tokens)
      expect(await loadTokens(database.db, otherKeys, member)).toMatchObject({ access: tokens.access })
    }))

  it('are read again with the old key while keys are rotated, and saved with the new one', () =>
    open(async (database) => {
      const member = await logIn(database)
      const rotating: Keys = [otherKeys[0], keys[0]]
      const stored = await loadTokens(database.db, rotating, member)
      await saveTokens(database.db, rotating, member, stored ?? expect.fail('nothing is stored'))
      expect(await loadTokens(database.db, otherKeys, member)).toMatchObject({ refresh: tokens.refresh })
      expect(await codeOf(loadTokens(database.db, keys, member))).toBe(78)
    }))

  it('are forgotten without the member', () =>
    open(async (database) => {
      const member = await logIn(database)
      await forgetTokens(database.db, member)
      expect(await loadTokens(database.db, keys, member)).toBeUndefined()
      expect(await loadMembers(database.db)).toEqual([])
      expect(await server.sql`select whoop_user_id::int as id from users`).toEqual([{ id: profile.whoopUserId }])
    }))
})

describe('the same member logging in again', () => {
  it('keeps the row, and what hangs on it', () =>
    open(async (database) => {
      const member = await logIn(database)
      await server.sql`insert into sync_status (user_id, data_type) values (${member.id}, 'sleep')`
      const row = () => server.sql`select id, user_id, created_at from oauth_tokens`
      const [before] = await row()
      const renamed = { ...profile, lastName: 'Roe' }
      expect(await saveProfile(database.db, renamed, tokens.grantedAt)).toBe(member.id)
      await saveTokens(database.db, keys, member, { ...tokens, access: 'another' })
      expect(await row()).toEqual([before])
      expect(await loadLogins(database.db)).toMatchObject([{ name: 'Jane Roe' }])
      expect(await server.sql`select user_id from sync_status`).toEqual([{ user_id: member.id }])
    }))

  it('does not touch a profile that stayed the same', () =>
    open(async ({ db }) => {
      const id = await saveProfile(db, profile, tokens.grantedAt)
      const version = () => server.sql`select ctid, xmin, updated_at from users`
      const before = await version()
      expect(await saveProfile(db, profile, tokens.grantedAt)).toBe(id)
      expect(await version()).toEqual(before)
    }))

  it('takes a profile without a name', () =>
    open(async ({ db }) => {
      await saveProfile(db, profile, tokens.grantedAt)
      await saveProfile(
        db,
        { whoopUserId: profile.whoopUserId, email: null, firstName: null, lastName: null },
        tokens.grantedAt,
      )
      expect(await server.sql`select email, first_name, last_name from users`).toEqual([
        { email: null, first_name: null, last_name: null },
      ])
    }))
})

describe('a refresh token that WHOOP has refused', () => {
  it('is remembered without being held, until a new login', () =>
    open(async (database) => {
      const member = await logIn(database)
      await withTokensLocked(database, keys, member, (tx, stored) =>
        rememberDead(tx, member, stored?.refresh ?? '', 'app'),
      )
      expect(await loadTokens(database.db, keys, member)).toMatchObject({ dead: true })
      expect(await loadLogins(database.db)).toMatchObject([{ dead: true }])
      const [row] = await server.sql`select dead_fingerprint from oauth_tokens`
      expect(row?.['dead_fingerprint']).toMatch(/^[0-9a-f]{32}$/)

      await saveTokens(database.db, keys, member, { ...tokens, refresh: 'a new one' })
      expect(await loadTokens(database.db, keys, member)).toMatchObject({ dead: false, refresh: 'a new one' })
      expect(await loadLogins(database.db)).toMatchObject([{ dead: false }])
      expect(await server.sql`select dead_fingerprint from oauth_tokens`).toEqual([{ dead_fingerprint: null }])
    }))
})

describe('a locked row', () => {
  it('is one process’s at a time, and the next reads what it left', () =>
    open(async (database) => {
      const member = await logIn(database)
      const steps: string[] = []
      const spend = (name: string) =>
        withTokensLocked(database, keys, member, async (tx, stored) => {
          steps.push(`${name} has ${stored?.refresh}`)
          await noteRefresh(tx, member, new Date())
          await renewTokens(tx, keys, member, { ...tokens, refresh: `${stored?.refresh}+` })
          await tx.execute(sql`select pg_sleep(0.05)`)
          steps.push(`${name} is done`)
        })
      await Promise.all(['one', 'two', 'three'].map(spend))
      const [first, second, third] = steps.filter((_, index) => index % 2 === 0).map((step) => step.split(' ')[0])
      expect(steps).toEqual([
        `${first} has the-refresh-token`,
        `${first} is done`,
        `${second} has the-refresh-token+`,
        `${second} is done`,
        `${third} has the-refresh-token++`,
        `${third} is done`,
      ])
      expect(await loadTokens(database.db, keys, member)).toMatchObject({ refresh: 'the-refresh-token+++' })
    }))

  it('is as it was when the work fails', () =>
    open(async (database) => {
      const member = await logIn(database)
      const failing = withTokensLocked(database, keys, member, async (tx) => {
        await saveTokens(tx, keys, member, { ...tokens, refresh: 'never' })
        throw new WhoopsterError('unavailable', 'WHOOP is away')
      })
      expect(await codeOf(failing)).toBe(69)
      expect(await loadTokens(database.db, keys, member)).toMatchObject({ refresh: tokens.refresh })
    }))

  it('of nobody is undefined', () =>
    open(async (database) => {
      const nobody = { id: 99, whoopUserId: 99, firstName: null, scopes: [] }
      expect(await withTokensLocked(database, keys, nobody, async (_, stored) => stored)).toBeUndefined()
    }))
})

describe('a login that is under way', () => {
  const now = new Date('2026-11-22T10:00:00Z')
  const later = (ms: number) => new Date(now.getTime() + ms)
  const MINUTES_10 = 600_000
  const begin = (database: Database, state: string, at = now) =>
    savePendingLogin(database.db, keys, { state, verifier: `verifier of ${state}`, now: at, minutes: 10 })
  const claim = async ({ db }: Database, state: string, at: Date) => {
    const claimed = await db.transaction((tx) => claimPendingLogin(tx, keys, state, at))
    return typeof claimed === 'string' ? claimed : claimed.verifier
  }

  it('can be finished for ten minutes, and no longer', () =>
    open(async (database) => {
      await begin(database, 'a')
      const load = (at: Date) => claim(database, 'a', at)
      expect(await load(now)).toBe('verifier of a')
      expect(await load(later(MINUTES_10))).toBe('verifier of a')
      expect(await load(later(MINUTES_10 + 1))).toBe('none')
      expect(await claim(database, 'b', now)).toBe('none')
    }))

  it('is claimed by one at a time', () =>
    open(async (database) => {
      await begin(database, 'a')
      await database.apart((db) =>
        db.transaction(async (tx) => {
          expect(await claimPendingLogin(tx, keys, 'a', now)).toEqual({ verifier: 'verifier of a' })
          expect(await claim(database, 'a', now)).toBe('busy')
        }),
      )
      expect(await claim(database, 'a', now)).toBe('verifier of a')
    }))

  it('does not disturb another one, and what ran out is dropped', () =>
    open(async (database) => {
      await begin(database, 'a')
      await begin(database, 'b', later(MINUTES_10))
      expect(await claim(database, 'a', now)).toBe('verifier of a')
      await begin(database, 'c', later(MINUTES_10 + 1))
      expect(await server.sql`select state from pending_logins order by state`).toEqual([
        { state: 'b' },
        { state: 'c' },
      ])
    }))

  it('is over when it was finished', () =>
    open(async (database) => {
      await begin(database, 'a')
      await deletePendingLogin(database.db, 'a')
      expect(await claim(database, 'a', now)).toBe('none')
    }))

  it('does not open for another state: 78', () =>
    open(async (database) => {
      await begin(database, 'a')
      await server.sql`update pending_logins set state = 'b'`
      expect(await codeOf(claim(database, 'b', now))).toBe(78)
    }))
})
