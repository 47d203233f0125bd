// What Grafana may read, and the role it reads as.
import { getTableName, isTable } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readerLacks, SECRET_TABLES, VIEWS } from '../../src/db/reader.ts'
import * as schema from '../../src/db/schema.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { databaseUrl, startPostgres, withSql, type OwnServer } from '../support/postgres.ts'
import { run } from '../support/world.ts'

const tables = Object.values(schema).filter(isTable).map(getTableName)

describe('whoopster_reader', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database.drop())

  const asReader = <T>(query: string) =>
    database.sql.begin(async (tx) => {
      await tx`set local role whoopster_reader`
      return [...(await tx.unsafe<(T & object)[]>(query))]
    })

  it.each(tables.filter((name) => !SECRET_TABLES.includes(name)))('reads %s', async (name) => {
    expect(await asReader(`select * from ${name}`)).toEqual([])
  })

  it.each(SECRET_TABLES)('cannot read %s, not even how many there are', async (name) => {
    await expect(asReader(`select count(*) from ${name}`)).rejects.toThrow(`permission denied for table ${name}`)
  })

  it('reads every view, and finds no token in any', async () => {
    await database.sql`insert into users (whoop_user_id) values (1)`
    await database.sql`
      insert into oauth_tokens (user_id, access_token, refresh_token, expires_at, scopes, dead_fingerprint)
      values (1, 'sealed-access', 'sealed-refresh', now(), '{offline}', 'finger-print')`
    const views = await database.sql<
      { name: string }[]
    >`select viewname as name from pg_views where schemaname = 'public'`
    expect(views.map(({ name }) => name).toSorted()).toEqual(VIEWS.toSorted())
    for (const { name } of views) {
      expect(JSON.stringify(await asReader(`select * from ${name}`))).not.toMatch(/sealed|finger/)
    }
    expect(await asReader('select state from logins')).toEqual([{ state: 'login_needed' }])
  })

  it.each(['insert into users (whoop_user_id) values (9)', 'delete from sleep_records', 'truncate sync_runs'])(
    'writes nothing: %s',
    async (statement) => {
      await expect(asReader(statement)).rejects.toThrow('permission denied')
    },
  )
})

describe('a server where the schema’s owner may make no role', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
    await withSql(server.url, async (sql) => {
      await sql`create role modest login password 'modest'`
      await sql`create database modest owner modest`
    })
  })
  afterAll(() => server.stop())

  it('is migrated all the same, and the warning’s own words give Grafana its role', async () => {
    const url = new URL(databaseUrl(server.url, 'modest'))
    const admin = url.href
    Object.assign(url, { username: 'modest', password: 'modest' })
    const { code, out, err } = await run('migrate', { DATABASE_URL: url.href })
    expect(code).toBe(0)
    expect(out).toContain('applied  ')
    const warnings = err.trim().split('\n')
    const statements = warnings.map((line) => {
      const { msg, hint } = JSON.parse(line) as { msg: string; hint: string }
      expect(msg).toMatch(/^The role whoopster_reader, with which Grafana reads, .*missing/)
      return /^as an administrator, in this database: (.*)$/.exec(hint)?.[1] ?? ''
    })
    await withSql(admin, async (sql) => {
      await sql.unsafe(statements.join(' '))
      await sql.unsafe(
        'set role whoopster_reader; select * from daily_trends; select * from night_log; select * from behaviour_effects',
      )
    })
    expect(await run('migrate --down 1 --yes', { DATABASE_URL: url.href })).toMatchObject({ code: 0 })
    expect(await run('migrate', { DATABASE_URL: url.href })).toMatchObject({ code: 0, err: '' })
  })
})

describe('a database that came from another server', () => {
  let server: OwnServer
  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
    await withSql(server.url, async (sql) => {
      await sql`create role owner login createrole password 'owner'`
      await sql`create database moved owner owner`
      await sql`create role modest login password 'modest'`
      await sql`create database modest owner modest`
    })
  })
  afterAll(() => server.stop())

  const urlOf = (user: string, database: string) =>
    Object.assign(new URL(databaseUrl(server.url, database)), { username: user, password: user }).href

  it('gets its role and all of its rights from migrate, though no migration is due; doctor sees that they lack', async () => {
    const env = { DATABASE_URL: urlOf('owner', 'moved') }
    expect(await run('migrate', env)).toMatchObject({ code: 0 })
    // pg_restore --no-privileges, on a server without the role
    await withSql(databaseUrl(server.url, 'moved'), (sql) =>
      sql.unsafe('drop owned by whoopster_reader; drop role whoopster_reader').simple(),
    )
    const { out } = await run('doctor', env)
    expect(out).toContain('whoopster_reader')
    expect(await run('migrate', env)).toMatchObject({ code: 0, out: 'The schema is up to date.\n', err: '' })
    await withSql(databaseUrl(server.url, 'moved'), async (sql) => {
      await sql.unsafe('set role whoopster_reader').simple()
      for (const name of VIEWS) await sql.unsafe(`select * from ${name}`)
      await expect(sql`select * from oauth_tokens`).rejects.toThrow('permission denied')
    })
    expect((await run('doctor', env)).out).not.toContain('whoopster_reader')
  })

  it('takes back what the role should not have', async () => {
    const url = databaseUrl(server.url, 'moved')
    await withSql(url, (sql) =>
      sql
        .unsafe(
          'grant all on oauth_tokens, sleep_records to whoopster_reader; revoke select on cycle_records from whoopster_reader',
        )
        .simple(),
    )
    expect(await run('migrate', { DATABASE_URL: urlOf('owner', 'moved') })).toMatchObject({ code: 0, err: '' })
    await withSql(url, async (sql) => {
      expect(await readerLacks(drizzle(sql))).toEqual([])
      await sql.unsafe('set role whoopster_reader').simple()
      await sql`select * from cycle_records`
      await sql`select * from sleep_records`
      await expect(sql`select * from oauth_tokens`).rejects.toThrow('permission denied')
      await expect(sql`delete from sleep_records`).rejects.toThrow('permission denied')
    })
  })

  it('says what an administrator has to type where the user may not', async () => {
    const env = { DATABASE_URL: urlOf('modest', 'modest') }
    expect(await run('migrate', env)).toMatchObject({ code: 0 })
    await withSql(databaseUrl(server.url, 'moved'), (sql) => sql.unsafe('drop owned by whoopster_reader').simple())
    await withSql(databaseUrl(server.url, 'modest'), (sql) =>
      sql.unsafe('drop owned by whoopster_reader; drop role whoopster_reader').simple(),
    )
    const { code, err } = await run('migrate', env)
    expect(code).toBe(0)
    const { msg, hint } = JSON.parse(err) as { msg: string; hint: string }
    expect(msg).toContain('whoopster_reader')
    const [, statements] = /^as an administrator, in this database: (.*)$/.exec(hint) ?? []
    await withSql(databaseUrl(server.url, 'modest'), (sql) => sql.unsafe(statements ?? '').simple())
    expect(await run('migrate', env)).toMatchObject({ code: 0, err: '' })
  })
})
