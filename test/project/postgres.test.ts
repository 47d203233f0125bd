import { afterAll, describe, expect, inject, it } from 'vitest'
import { createDatabase, createEmptyDatabase } from '../support/database.ts'
import { startPostgres, withSql } from '../support/postgres.ts'

describe('the test server', () => {
  it('is PostgreSQL 15 or newer and speaks UTF-8', async () => {
    const [server] = await withSql(
      inject('postgresUrl'),
      (sql) =>
        sql`select current_setting('server_version_num')::int as version, current_setting('server_encoding') as encoding`,
    )
    expect(server?.version).toBeGreaterThanOrEqual(150_000)
    expect(server?.encoding).toBe('UTF8')
  })
})

describe('its databases', async () => {
  const [one, other, empty] = await Promise.all([createDatabase(), createDatabase(), createEmptyDatabase()])
  afterAll(() => Promise.all([one.drop(), other.drop(), empty.drop()]))

  it('are independent of each other', async () => {
    await one.sql`create table only_here (id int)`
    const found = ({ sql }: typeof one) => sql`select to_regclass('only_here') is not null as found`
    expect(await Promise.all([one, other, empty].map(found))).toEqual([
      [{ found: true }],
      [{ found: false }],
      [{ found: false }],
    ])
  })

  it('are gone once they are dropped, whoever is still connected', async () => {
    const database = await createEmptyDatabase()
    await database.sql`select 1`
    await database.drop()
    await database.drop()
    const left = await withSql(
      inject('postgresUrl'),
      (sql) => sql`select 1 from pg_database where datname = ${new URL(database.url).pathname.slice(1)}`,
    )
    expect(left).toHaveLength(0)
  })
})

describe('a fresh server', async () => {
  const server = await startPostgres({ fresh: true })
  afterAll(server.stop)
  const read = (name: string) => withSql(server.url, async (sql) => (await sql.unsafe(`show ${name}`))[0]?.[name])

  it('keeps its data and its address when it restarts, with the settings of that restart alone', async () => {
    await withSql(server.url, (sql) => sql`create table kept ()`)
    const before = server.pid
    await server.restart(['max_connections=7'])
    expect(server.pid).not.toBe(before)
    expect(await read('max_connections')).toBe('7')
    await server.restart()
    expect(await read('max_connections')).toBe('200')
    expect(await withSql(server.url, (sql) => sql`select * from kept`)).toHaveLength(0)
  })

  it('can be killed, and started again', async () => {
    process.kill(server.pid, 'SIGKILL')
    await server.restart()
    expect(await read('max_connections')).toBe('200')
  })

  it('says why it cannot start', async () => {
    await expect(server.restart(['max_connections=many'])).rejects.toThrow(
      /invalid value for parameter "max_connections"/,
    )
  })
})
