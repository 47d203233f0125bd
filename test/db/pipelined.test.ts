// One connection, and statements that are sent without waiting for the answers to others.
import { sql } from 'drizzle-orm'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { withDatabase, type Database } from '../../src/db/connection/index.ts'
import { createBudgetStore } from '../../src/db/budget.ts'
import { createDatabase } from '../support/database.ts'
import { startInStep } from '../support/distance.ts'
import { startProxy } from '../support/proxy.ts'

const server = await createDatabase()
afterAll(() => server.drop())

function open<T>(work: (database: Database) => Promise<T>, url = server.url): Promise<T> {
  return withDatabase({ DATABASE_URL: url, WHOOPSTER_DATA_DIR: undefined }, {}, work)
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

describe('single statements', () => {
  it('go out together, each with its parameters, and are answered in order', async () => {
    const far = await startInStep(server.url, 100)
    onTestFinished(() => far.close())
    const answers = await open(async ({ pipelined }) => {
      await pipelined((db) => db.execute(sql`select 1`)) // the first on a connection is sent alone
      const before = far.trips.length
      const rows = await Promise.all(
        numbers(20).map((number) =>
          pipelined(async (db) => {
            const text = number % 2 ? 'it’s $1' : null
            const [row] = await db.execute(sql`select ${number}::int + ${0.5}::float8 as sum, ${text}::text as text`)
            return row
          }),
        ),
      )
      expect(far.trips.length - before).toBe(1)
      return rows
    }, far.url)
    expect(answers).toEqual(numbers(20).map((n) => ({ sum: n + 0.5, text: n % 2 ? 'it’s $1' : null })))
  })

  it('do so though they are larger than what a socket buffers', async () => {
    const far = await startInStep(server.url, 100)
    onTestFinished(() => far.close())
    await open(async ({ pipelined }) => {
      await pipelined((db) => db.execute(sql`select 1`))
      const before = far.trips.length
      const long = 'x'.repeat(300_000)
      const length = (db: Database['db']) => db.execute(sql`select length(${long}::text) as length`)
      const rows = await Promise.all(numbers(5).map(() => pipelined(length)))
      expect(rows.flat()).toEqual(numbers(5).map(() => ({ length: 300_000 })))
      expect(far.trips.length - before).toBe(1)
    }, far.url)
  })

  it('fail alone', async () => {
    await open(async ({ pipelined }) => {
      const ask = (divisor: number) => pipelined((db) => db.execute(sql`select 6 / ${divisor}::int as result`))
      const [one, two, three] = await Promise.allSettled([ask(1), ask(0), ask(3)])
      expect([one.status, two.status, three.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(await ask(2)).toEqual([{ result: 3 }])
    })
  })

  it('stay out of a transaction, whenever they are asked for', async () => {
    await server.sql`create table counted (n int)`
    await open(async ({ alone, pipelined }) => {
      const count = () => pipelined(async (db) => (await db.execute(sql`select from counted`)).length)
      const add = (n: number) => pipelined((db) => db.execute(sql`insert into counted values (${n})`))
      const rolledBack = alone((db) =>
        db.transaction(async (tx) => {
          await tx.execute(sql`insert into counted values (0)`)
          const later = [add(1), count()] // they wait until this is over
          await tx.execute(sql`select ${1}::int`)
          void Promise.allSettled(later)
          throw new Error('no')
        }),
      )
      const added = [add(2), add(3)]
      await expect(rolledBack).rejects.toThrow('no')
      await Promise.all(added)
      await alone(async (db) =>
        db.transaction(async (tx) => void (await tx.execute(sql`insert into counted values (4)`))),
      )
      expect(await count()).toBe(4)
    })
    expect((await server.sql`select n from counted order by n`).map(({ n }) => n as number)).toEqual([1, 2, 3, 4])
  })

  it('may have values that the driver writes in its own way', async () => {
    await open(async ({ client, pipelined }) => {
      const rows = await Promise.all([
        client.unsafe('select $1::boolean as yes, $2::bytea as bytes', [true, Buffer.from('ab')]),
        pipelined((db) => db.execute(sql`select ${'{a,b}'}::text[] as list`)),
      ])
      expect(rows.flat()).toEqual([{ yes: true, bytes: Buffer.from('ab') }, { list: '{a,b}' }])
    })
  })
})

it('a process that comes too late to the ledger is told by the same statement what is there now', async () => {
  const proxy = await startProxy(server.url)
  onTestFinished(() => proxy.close())
  const add = (state: number[], n: number) => ({ state: [...state, n], outcome: state.length })
  await open(
    (mine) =>
      open(async (theirs) => {
        const [one, other] = [createBudgetStore(mine, 'late', [0]), createBudgetStore(theirs, 'late', [0])]
        expect(await one.revise((state) => add(state, 1))).toBe(1)
        expect(await other.revise((state) => add(state, 2))).toBe(2)
        const before = proxy.statements.length
        expect(await one.revise((state) => add(state, 3))).toBe(3)
        expect(proxy.statements.length - before).toBe(2) // one in vain, and one that was not
        expect(await one.read()).toEqual([0, 1, 2, 3])
      }, proxy.url),
    proxy.url,
  )
})
