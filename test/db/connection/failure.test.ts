import type { Duplex } from 'node:stream'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { DrizzleQueryError, sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createClient } from '../../../src/db/connection/client.ts'
import { withDatabase, type Database } from '../../../src/db/connection/index.ts'
import { codeOf, databaseFailure } from '../../../src/db/connection/failure.ts'
import { openSession } from '../../../src/db/connection/open.ts'
import { readParameters } from '../../../src/db/connection/parameters.ts'
import { exitCodes, failure, WhoopsterError } from '../../../src/errors.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'

const WHERE = 'db:5432/whoop'

/** As postgres.js makes them. */
function said(code: string, message = 'what it said'): Error {
  const error = Object.assign(new Error(message), { code })
  if (/^[0-9A-Z]{5}$/.test(code) && /\d/.test(code)) error.name = 'PostgresError'
  return error
}

describe('a failure has a meaning', () => {
  it.each([
    ['ECONNREFUSED', 69, 'refuses connections'],
    ['ENOTFOUND', 69, 'is unknown to DNS'],
    ['EAI_AGAIN', 69, 'cannot be looked up in DNS'],
    ['ECONNRESET', 69, 'broke the connection'],
    ['EPIPE', 69, 'broke the connection'],
    ['ETIMEDOUT', 69, 'does not answer'],
    ['EHOSTUNREACH', 69, 'cannot be reached'],
    ['ENETUNREACH', 69, 'cannot be reached'],
    ['CONNECT_TIMEOUT', 69, 'does not answer'],
    ['CONNECTION_CLOSED', 69, 'closed the connection'],
    ['CONNECTION_ENDED', 69, 'closed the connection'],
    ['CONNECTION_DESTROYED', 69, 'closed the connection'],
    ['08006', 69, 'broke the connection'],
    ['08P01', 69, 'broke the connection'],
    ['25006', 69, 'is read-only'],
    ['28000', 78, 'does not let us in'],
    ['28P01', 78, 'does not let us in'],
    ['3D000', 78, 'has no such database'],
    ['40001', 69, 'rolled back a transaction'],
    ['40P01', 69, 'rolled back a transaction'],
    ['42501', 78, 'does not permit this'],
    ['42P01', 78, 'lacks a table'],
    ['42703', 78, 'lacks a column'],
    ['42704', 78, 'does not know a parameter or a type'],
    ['53100', 69, 'has no disk space left'],
    ['53200', 69, 'is out of resources'],
    ['53300', 69, 'has no free connection'],
    ['55P03', 75, 'waited too long for a lock'],
    ['57014', 69, 'took too long over a statement'],
    ['57P01', 69, 'is shutting down or starting up'],
    ['57P02', 69, 'is shutting down or starting up'],
    ['57P03', 69, 'is shutting down or starting up'],
    ['58030', 69, 'has trouble with its disk'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 78, 'has a certificate that nobody vouches for'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 78, 'has a certificate that nobody vouches for'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 78, 'has a certificate that nobody vouches for'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 78, 'has a certificate that nobody vouches for'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 78, 'has a certificate for another host'],
    ['CERT_HAS_EXPIRED', 78, 'has a certificate that has expired'],
    ['CERT_NOT_YET_VALID', 78, 'has a certificate that is not valid yet'],
    ['TLS_NOT_OFFERED', 78, 'does not offer TLS'],
    ['22P05', 70, 'refused a statement: 22P05'],
    ['23505', 70, 'refused a statement: 23505'],
    ['XX000', 69, 'refused a statement: XX000'],
  ])('%s: %i, %s', (code, exit, says) => {
    const cause = said(code)
    const named = databaseFailure(cause, WHERE) as WhoopsterError
    expect(named).toBeInstanceOf(WhoopsterError)
    expect([exitCodes[named.reason], named.message]).toEqual([exit, `PostgreSQL at ${WHERE} ${says} (what it said)`])
    expect(named.cause).toBe(cause)
    expect(named.hint === undefined).toBe(exit === 70)
  })

  it('of a pooler that does not know our settings', () => {
    const cause = said('08P01', 'unsupported startup parameter: search_path')
    expect(databaseFailure(cause, WHERE)).toMatchObject({
      reason: 'settings',
      message: `PostgreSQL at ${WHERE} is a pooler that does not take our settings, or does not keep our session (${cause.message})`,
      hint: expect.stringContaining('docs/operations.md'),
    })
  })

  it('without the parameters that Drizzle prints, whatever is below', () => {
    const cause = new TypeError('nobody expected this')
    expect(databaseFailure(new DrizzleQueryError('select $1', ['a-secret'], cause), WHERE)).toBe(cause)
  })

  it('of the first of several addresses', () => {
    const all = new AggregateError([said('ECONNREFUSED', 'one'), said('ECONNREFUSED', 'two')])
    expect(databaseFailure(all, WHERE)).toMatchObject({ message: `PostgreSQL at ${WHERE} refuses connections (one)` })
  })

  it('of a socket that is not there, but not of a file', () => {
    const file = said('ENOENT')
    expect(databaseFailure(file, WHERE)).toBe(file)
    expect(databaseFailure(Object.assign(said('ENOENT'), { address: '/tmp' }), WHERE)).toMatchObject({
      reason: 'unavailable',
    })
  })

  it('unless it has a name already, or is no failure of a database', () => {
    const named = new WhoopsterError('login', 'Nobody is logged in.', { cause: said('ECONNREFUSED') })
    const bug = new TypeError('undefined is not a function')
    expect(databaseFailure(named, WHERE)).toBe(named)
    expect(databaseFailure(bug, WHERE)).toBe(bug)
    expect(databaseFailure('text', WHERE)).toBe('text')
    expect(codeOf(bug)).toBeUndefined()
    expect(codeOf(said('57014'))).toBe('57014')
  })
})

describe('a failure of a real statement', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  const SECRET = 'a-secret-refresh-token'
  const attempt = (work: (database: Database) => Promise<unknown>) =>
    withDatabase({ DATABASE_URL: database.url, WHOOPSTER_DATA_DIR: undefined }, {}, work).then(
      () => expect.fail('it worked'),
      (error: unknown) => error,
    )

  it.each([
    ['a table that is missing', sql`select ${SECRET} from nowhere`, 78, 'lacks a table'],
    ['a column that is missing', sql`select nothing, ${SECRET} from users`, 78, 'lacks a column'],
    ['a syntax error', sql`selekt ${SECRET}`, 78, 'refused a statement: 42601'],
    ['a duplicate', sql`insert into users (whoop_user_id, email) values (1, ${SECRET}), (1, ${SECRET})`, 70, '23505'],
    ['a text that is no number', sql`select (${SECRET}::text || '')::int / 0`, 70, '22P02'],
    ['a zero character', sql`select ${`{"a":"${SECRET}\\u0000"}`}::text::jsonb`, 70, '22P05'],
  ])('%s never shows its parameters', async (name, statement, exit, says) => {
    const error = await attempt(({ db }) => db.execute(statement))
    expect(error).toBeInstanceOf(WhoopsterError)
    const { reason, message } = failure(error)
    expect(exitCodes[reason]).toBe(exit)
    expect(message).toContain(says)
    if (name !== 'a text that is no number') expectSilence(error) // PostgreSQL's own words; tokens go into text columns
  })

  it('nor does one that postgres.js refuses to send', async () => {
    const error = await attempt(({ db }) => db.execute(sql`select ${SECRET}::text, ${sql.param(undefined)}::text`))
    expect(failure(error)).toMatchObject({
      reason: 'bug',
      message: expect.stringContaining('UNDEFINED_VALUE') as string,
    })
    expectSilence(error)
  })

  it('nor does one whose connection broke', async () => {
    const error = await attempt(({ db }) =>
      db.execute(sql`select pg_terminate_backend(pg_backend_pid()), ${SECRET}::text`),
    )
    expect(failure(error).reason).toBe('unavailable')
    expectSilence(error)
  })

  it('waiting too long for a lock: 75', async () => {
    const error = await attempt(({ db, apart }) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`lock table users in access exclusive mode`)
        await apart(async (own) => {
          await own.execute(sql`set lock_timeout = 50`)
          await own.execute(sql`select ${SECRET}::text from users`)
        })
      }),
    )
    expect(failure(error)).toMatchObject({
      reason: 'later',
      message: expect.stringContaining(
        'waited too long for a lock (canceling statement due to lock timeout)',
      ) as string,
    })
    expectSilence(error)
  })

  it('taking too long: 69', async () => {
    const error = await attempt(async ({ db }) => {
      await db.execute(sql`set statement_timeout = 50`)
      await db.execute(sql`select pg_sleep(10), ${SECRET}::text`)
    })
    expect(failure(error).reason).toBe('unavailable')
    expect(failure(error).message).toContain('took too long over a statement')
    expectSilence(error)
  })

  it('idling in a transaction: 69', async () => {
    const error = await attempt(({ db }) =>
      db.transaction(async (tx) => {
        await tx.execute(sql`set idle_in_transaction_session_timeout = 20`)
        const [me] = await tx.execute<{ pid: number }>(sql`select pg_backend_pid() as pid`)
        const alive = () => database.sql`select from pg_stat_activity where pid = ${me?.pid ?? 0}`
        while ((await alive()).length > 0) await sleep(10)
        await tx.execute(sql`select ${SECRET}::text`)
      }),
    )
    expect(failure(error).reason).toBe('unavailable')
    expectSilence(error)
  })

  it('a deadlock: 69', async () => {
    await database.sql`insert into users (whoop_user_id) values (1), (2)`
    const touch = (id: number) => sql`update users set email = ${SECRET} where whoop_user_id = ${id}`
    const error = await attempt(({ db, apart }) => {
      let first: () => void = () => {}
      let second: () => void = () => {}
      const firstHolds = new Promise<void>((resolve) => (first = resolve))
      const secondHolds = new Promise<void>((resolve) => (second = resolve))
      return Promise.all([
        db.transaction(async (tx) => {
          await tx.execute(touch(1))
          first()
          await secondHolds
          await tx.execute(touch(2))
        }),
        apart((own) =>
          own.transaction(async (tx) => {
            await tx.execute(touch(2))
            second()
            await firstHolds
            await tx.execute(touch(1))
          }),
        ),
      ])
    })
    expect(failure(error)).toMatchObject({ reason: 'unavailable' })
    expect(failure(error).message).toContain('rolled back a transaction (deadlock detected)')
    expectSilence(error)
  })

  /** Neither the message nor any stack below it. */
  function expectSilence(error: unknown): void {
    for (let one = error; one instanceof Error; one = one.cause) {
      expect(`${one.message}\n${one.stack}`).not.toContain(SECRET)
      expect(one.message).not.toContain('Failed query')
    }
  }
})

describe('a connection that breaks', () => {
  const turnsLater = [0, 1, 2, 3, 4]

  /** A client, and the socket that it has last been given. */
  async function connect() {
    const database = await createDatabase()
    onTestFinished(database.drop)
    const sockets: Duplex[] = []
    const client = createClient(async () => {
      const { socket } = await openSession(readParameters(database.url), {})
      sockets.push(socket)
      return socket
    })
    onTestFinished(() => client.end())
    await client.unsafe('select 1')
    const socket = sockets.at(-1)
    if (!socket) throw new Error('a client without a connection has answered')
    return { client, socket }
  }

  async function pass(turns: number) {
    for (let turn = 0; turn < turns; turn++) await setImmediate()
  }

  const within5s = <T>(work: Promise<T>) => Promise.race([work, sleep(5_000, 'no answer' as const)])

  async function expectReplaced(client: ReturnType<typeof createClient>) {
    const answer = client.unsafe('select 3 as three').then(([row]) => row?.['three'] as unknown)
    expect(await within5s(answer)).toBe(3)
  }

  it.each(turnsLater)('is replaced, though something is asked of it %i turns later', async (turns) => {
    const { client, socket } = await connect()
    socket.destroy()
    await pass(turns)
    await client.unsafe('select 2').catch((error: unknown) => expect(codeOf(error)).toBe('CONNECTION_CLOSED'))
    await expectReplaced(client)
  })

  it.each(turnsLater)('is replaced, though much and little is asked of it at once %i turns later', async (turns) => {
    const { client, socket } = await connect()
    socket.destroy()
    await pass(turns)
    const much = `select '${'x'.repeat(5_000)}'` // written at once; the others at the end of the turn
    const asked = [`select 2`, much, 'select 4'].map((text) => client.unsafe(text).then(() => 'answered', codeOf))
    for (const one of await within5s(Promise.all(asked))) expect(['answered', 'CONNECTION_CLOSED']).toContain(one)
    await expectReplaced(client)
  })

  it('fails what a transaction has asked just before, and is replaced', async () => {
    const { client, socket } = await connect()
    const begun = client.begin(async (tx) => {
      await tx.unsafe('select 1')
      socket.write = () => true // nobody is there to read it
      const asked = tx.unsafe('select 2').then(() => 'answered')
      await pass(3)
      socket.destroy()
      return asked
    })
    expect(await within5s(begun.catch(codeOf))).toBe('CONNECTION_CLOSED')
    await expectReplaced(client)
  })
})
