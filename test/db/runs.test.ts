// What a run notes of itself, and what that costs while the tables grow.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillYears } from '../../bench/years.ts'
import { withDatabase } from '../../src/db/connection/index.ts'
import { lockTypes } from '../../src/db/lock.ts'
import { beginTypes } from '../../src/db/runs.ts'
import { typeNames } from '../../src/resources/names.ts'
import { pagesOf } from '../support/buffers.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'

const FEW_PAGES = 40 // 16 for the rows, and what the first look at each index costs; it was one for every few days stored

describe('how a member’s types were left', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
    await fillYears(database.sql, { members: 3, days: 400 })
  })
  afterAll(() => database.drop())

  const begin = (id: number) =>
    withDatabase({ DATABASE_URL: database.url, WHOOPSTER_DATA_DIR: undefined }, {}, async ({ db }) => {
      const member = { id, whoopUserId: id, firstName: null, scopes: [] }
      const { fence, locked } = await lockTypes(db, member, typeNames)
      return beginTypes(db, fence, member, locked)
    })

  it('is read from a few pages, however much is stored', async () => {
    const { result, pages } = await pagesOf(database, () => begin(1), 'records')
    const [first] = await database.sql<
      { at: Date }[]
    >`select min(start_time) as at from cycle_records where user_id = 1`
    expect(result.get('cycle')?.oldest).toEqual(first?.at)
    expect(pages).toBeLessThanOrEqual(FEW_PAGES)
  })

  it('is read from as few for a new member, of whom nothing is stored among the others’ years', async () => {
    const [user] = await database.sql<{ id: number }[]>`insert into users (whoop_user_id) values (99) returning id`
    const { result, pages } = await pagesOf(database, () => begin(user?.id ?? 0), 'records')
    expect([...result.values()].map(({ oldest }) => oldest)).toEqual(typeNames.map(() => undefined))
    expect(pages).toBeLessThanOrEqual(FEW_PAGES)
  })
})
