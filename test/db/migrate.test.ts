import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { withDatabase, type Database, type Db } from '../../src/db/connection/index.ts'
import { migrate, migrateDown, requireSchema, schemaState } from '../../src/db/migrate.ts'
import { exitCodes, WhoopsterError } from '../../src/errors.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import type { Env } from '../../src/world.ts'
import { createDatabase, createEmptyDatabase, type TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { startProxy } from '../support/proxy.ts'
import { createClock, envFor, logIn, run, TEST_KEY } from '../support/world.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const drizzle = join(root, 'drizzle')
const names = readdirSync(drizzle)
  .filter((name) => /^\d+_.*(?<!\.down|\.prepare)\.sql$/.test(name))
  .map((name) => name.slice(0, -4))

const folders: string[] = []
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'whoopster-migrate-'))
  folders.push(folder)
  return folder
}

let database: TestDatabase
beforeEach(async () => {
  database = await createEmptyDatabase()
})
afterEach(() => database.drop())

/** All of it: made once for all tests, and here only copied. */
async function startMigrated(): Promise<void> {
  await database.drop()
  database = await createDatabase()
}

function open<T>(work: (db: Db, all: Database) => Promise<T>): Promise<T> {
  return withDatabase({ DATABASE_URL: database.url, WHOOPSTER_DATA_DIR: undefined }, {}, (all) => work(all.db, all))
}

async function failureOf(work: Promise<unknown>): Promise<WhoopsterError> {
  const error = await work.then(
    () => expect.fail('it worked'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof WhoopsterError)) throw error
  return error
}

const namesOf = (migrations: readonly { name: string }[]) => migrations.map(({ name }) => name)

/** Everything of ours that PostgreSQL knows by name. */
async function catalogue(db: Db) {
  const [row] = await db.execute(sql`
    with own as (select oid from pg_namespace where nspname = 'public')
    select
      (select jsonb_agg(to_jsonb(c) - array['table_catalog', 'udt_catalog', 'ordinal_position', 'dtd_identifier']
          order by table_name, place)
        from ( -- a column that is dropped leaves its number behind: their order counts
          select *, row_number() over (partition by table_name order by ordinal_position) as place
          from information_schema.columns where table_schema = 'public'
        ) c) as columns,
      (select jsonb_agg(indexdef order by indexname) from pg_indexes where schemaname = 'public') as indexes,
      (select jsonb_agg(viewname || definition order by viewname) from pg_views where schemaname = 'public') as views,
      (select jsonb_agg(pg_get_functiondef(oid) || coalesce(obj_description(oid), '') order by proname)
        from pg_proc where pronamespace = (table own)) as functions,
      (select jsonb_agg(relname order by relname) from pg_class where relnamespace = (table own)) as relations,
      (select jsonb_agg(typname order by typname) from pg_type where typnamespace = (table own)) as types,
      (select jsonb_agg(conname || pg_get_constraintdef(oid) order by conname)
        from pg_constraint where connamespace = (table own)) as constraints`)
  return row
}

const NOTHING = {
  columns: null,
  indexes: null,
  views: null,
  functions: null,
  relations: null,
  types: null,
  constraints: null,
}

describe('the schema', () => {
  it('comes from nothing, and coming again changes nothing', async () => {
    await open(async (db) => {
      expect(await catalogue(db)).toEqual(NOTHING)
      expect(namesOf(await migrate(db))).toEqual(names)
      const first = await catalogue(db)
      expect(await migrate(db)).toEqual([])
      expect(await catalogue(db)).toEqual(first)
      expect(await schemaState(db)).toMatchObject({ applied: names.map((name) => ({ name })), pending: [] })
    })
  })

  const all = names.map((_, index) => index + 1)
  it.each(isLong ? all : [1, 2, all.length])('goes back %i and comes again the same', async (steps) => {
    await startMigrated()
    await open(async (db) => {
      const before = await catalogue(db)
      expect(namesOf(await migrateDown(db, steps))).toEqual(names.slice(-steps).toReversed())
      expect(await catalogue(db)).not.toEqual(before)
      expect(namesOf((await schemaState(db)).pending)).toEqual(names.slice(-steps))
      expect(namesOf(await migrate(db))).toEqual(names.slice(-steps))
      expect(await catalogue(db)).toEqual(before)
    })
  })

  it('goes back to nothing, one at a time, with what was stored', async () => {
    await startMigrated()
    await open(async (db) => {
      await db.execute(sql`insert into users (whoop_user_id) values (1)`)
      for (const name of names.toReversed()) expect(namesOf(await migrateDown(db, 1))).toEqual([name])
      expect(await catalogue(db)).toEqual(NOTHING)
      expect((await failureOf(migrateDown(db, 1))).message).toBe('Only 0 migrations can be taken back, not 1.')
    })
  })

  it('has a way back for every migration', () => {
    const files = readdirSync(drizzle)
    for (const name of names) expect(files).toContain(`${name}.down.sql`)
  })

  it('is required by those who cannot make it', async () => {
    await open(async (db) => {
      const error = await failureOf(requireSchema(db))
      expect([exitCodes[error.reason], error.message, error.hint]).toEqual([
        78,
        'Nothing is stored here yet.',
        'run: whoopster auth',
      ])
      await migrate(db)
      await requireSchema(db)
      await migrateDown(db, 1)
      const behind = await failureOf(requireSchema(db))
      expect([behind.message, behind.hint]).toEqual([
        "The database's schema lacks 1 migration.",
        'run: whoopster migrate',
      ])
    })
  })

  it('leaves the connection as it was', async () => {
    await open(async (db) => {
      const settings = () =>
        db.execute(sql`select current_setting('statement_timeout') as s, current_setting('lock_timeout') as l,
          (select count(*)::int from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()) as locks`)
      const before = [...(await settings())]
      await migrate(db)
      await migrateDown(db, 1)
      expect([...(await settings())]).toEqual(before)
    })
  })
})

describe('on the embedded database', () => {
  it('the schema comes, goes back and comes again the same', async () => {
    await withDatabase({ DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: temporary() }, {}, async ({ db }) => {
      expect(namesOf(await migrate(db))).toEqual(names)
      expect(await migrate(db)).toEqual([])
      const before = await catalogue(db)
      for (const steps of isLong ? [1, 3, names.length] : [1]) {
        expect(await migrateDown(db, steps)).toHaveLength(steps)
        await migrate(db)
        expect(await catalogue(db)).toEqual(before)
      }
      await migrateDown(db, names.length)
      expect(await catalogue(db)).toEqual(NOTHING)
    })
  })
})

describe('many at once', () => {
  it('on an empty database all succeed, and it is applied once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => open((db) => migrate(db))))
    expect(results.filter((applied) => applied.length > 0).map(namesOf)).toEqual([names])
    const [row] = await database.sql`select count(*)::int as count from whoopster_migrations`
    expect(row).toEqual({ count: names.length })
  })

  it('of those who go back, each takes another step', async () => {
    await startMigrated()
    const results = await Promise.all(names.map(() => open((db) => migrateDown(db, 1))))
    expect(results.flatMap(namesOf).toSorted()).toEqual(names)
  })
})

describe('a history in the table that all who use drizzle share', () => {
  /** As an earlier version left it, beside what another application has put there. */
  async function share(db: Db): Promise<void> {
    await db.execute(sql`create schema drizzle`)
    await db.execute(
      sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`,
    )
    await db.execute(
      sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('theirs', 1), ('theirs too', 9e12)`,
    )
    await db.execute(sql`
      insert into drizzle.__drizzle_migrations (hash, created_at) select hash, created_at from whoopster_migrations`)
    await db.execute(sql`drop table whoopster_migrations`)
  }

  beforeEach(startMigrated)

  const theirs = (db: Db) => db.execute(sql`select hash from drizzle.__drizzle_migrations order by id`)
  const THEIRS = [{ hash: 'theirs' }, { hash: 'theirs too' }]

  it('is read there, and moved by the next migrate; what is theirs stays', async () => {
    await open(async (db) => {
      await share(db)
      expect(await schemaState(db)).toMatchObject({
        applied: names.map((name) => ({ name })),
        pending: [],
        isShared: true,
      })
      await requireSchema(db)
      expect(await migrate(db)).toEqual([])
      expect([...(await theirs(db))]).toEqual(THEIRS)
      expect(await schemaState(db)).toMatchObject({
        applied: names.map((name) => ({ name })),
        pending: [],
        isShared: false,
      })
      expect(namesOf(await migrateDown(db, names.length))).toHaveLength(names.length)
      expect([...(await theirs(db))]).toEqual(THEIRS)
    })
  })

  it('is moved once, whoever comes', async () => {
    await open(share)
    await Promise.all(Array.from({ length: 4 }, () => open((db) => migrate(db))))
    await open(async (db) => {
      expect([...(await theirs(db))]).toEqual(THEIRS)
      expect(await schemaState(db)).toMatchObject({ pending: [], isShared: false })
    })
  })

  it.each(['create table if not exists whoopster_migrations', 'delete from drizzle', 'commit'])(
    'is in one of the two, whatever dies before: %s',
    async (moment) => {
      await open(share)
      const statement = (all: readonly string[]) => {
        const now = all.at(-1)?.trim() ?? ''
        return (
          now.startsWith(moment) && (moment !== 'commit' || all.some((one) => one.startsWith('delete from drizzle')))
        )
      }
      for (const when of ['before', 'after'] as const) {
        const proxy = await startProxy(database.url, { statement, when, strike: () => {} })
        await withDatabase({ DATABASE_URL: proxy.url, WHOOPSTER_DATA_DIR: undefined }, {}, ({ db }) =>
          migrate(db),
        ).catch(() => {})
        await proxy.close()
        await open(async (db) =>
          expect(await schemaState(db)).toMatchObject({ applied: names.map((name) => ({ name })), pending: [] }),
        )
      }
      await open(async (db) => {
        await migrate(db)
        expect(await schemaState(db)).toMatchObject({ applied: names.map((name) => ({ name })), isShared: false })
      })
    },
  )

  it('is none of ours when only others are in it', async () => {
    await open(async (db) => {
      await share(db)
      await db.execute(sql`delete from drizzle.__drizzle_migrations where hash not like 'theirs%'`)
      expect(await schemaState(db)).toMatchObject({ applied: [] })
    })
  })
})

describe('a database that is not for us', () => {
  it('by its encoding is refused before anything is made in it', async () => {
    const name = `${new URL(database.url).pathname.slice(1)}_latin1`
    await database.sql.unsafe(`create database "${name}" encoding 'LATIN1' template template0`)
    const url = new URL(database.url)
    url.pathname = name
    try {
      const error = await failureOf(
        withDatabase({ DATABASE_URL: url.href, WHOOPSTER_DATA_DIR: undefined }, {}, ({ db }) => migrate(db)),
      )
      expect([exitCodes[error.reason], error.message, error.hint]).toEqual([
        78,
        `The database ${name} is in LATIN1, which lacks characters that WHOOP sends.`,
        "make another one: create database whoopster encoding 'UTF8' template template0",
      ])
    } finally {
      await database.sql.unsafe(`drop database "${name}" with (force)`)
    }
  })

  it('by a table of one of our names is told in a sentence, and left as it is', async () => {
    await database.sql`create table users (nickname text)`
    const error = await failureOf(open((db) => migrate(db)))
    expect(exitCodes[error.reason]).toBe(78)
    expect(error.message).toContain(
      'has something of that name already, which is not ours (relation "users" already exists)',
    )
    expect(error.hint).toBe('give whoopster a database of its own: create database whoopster')
    expect(await database.sql`select to_regclass('sleep_records') as made`).toEqual([{ made: null }])
  })

  it('takes a role without CREATE on the database: CREATE on the schema will do', async () => {
    const role = `member_${new URL(database.url).pathname.slice(-12)}`
    await database.sql.unsafe(`create role "${role}" login password 'secret'`)
    await database.sql.unsafe(`grant create, usage on schema public to "${role}"`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'secret'
    try {
      await withDatabase({ DATABASE_URL: url.href, WHOOPSTER_DATA_DIR: undefined }, {}, async ({ db }) => {
        expect(namesOf(await migrate(db))).toEqual(names)
        await requireSchema(db)
      })
    } finally {
      await database.sql.unsafe(`drop owned by "${role}" cascade; drop role "${role}"`)
    }
  })
})

describe('a schema of its own', () => {
  const within = (parameter: string, env: Env = {}) => {
    const url = parameter === '' ? database.url : `${database.url}?${parameter}`
    return { env: { ...env, DATABASE_URL: url, TOKEN_ENCRYPTION_KEY: TEST_KEY } }
  }
  const tablesIn = async (schema: string) => {
    const rows = await database.sql`select tablename as name from pg_tables where schemaname = ${schema}`
    return rows.map((row) => String(row['name'])).toSorted()
  }
  const alsoLong: [string, Env][] = isLong
    ? [
        ['search_path=app,public', {}],
        ['options=-csearch_path%3Dapp', {}],
      ]
    : []
  const referred = () => database.sql`
    select distinct confrelid::regclass::text as name, connamespace::regnamespace::text as from
    from pg_constraint where contype = 'f'`

  it.each<[string, Env]>([
    ['search_path=app', {}],
    ['options=-c%20search_path%3Dapp', {}],
    ['', { PGOPTIONS: '-csearch_path=app' }],
    ...alsoLong,
  ])('is where DATABASE_URL says: %j %j', async (parameter, more) => {
    await database.sql`create schema app`
    const { env } = within(parameter, more)
    expect(await run('migrate', env)).toMatchObject({ code: 0, err: '' })
    expect(await tablesIn('public')).toEqual([])
    expect(await tablesIn('app')).toEqual(expect.arrayContaining(['users', 'sleep_records', 'whoopster_migrations']))
    expect([...(await referred())]).toEqual([{ name: 'app.users', from: 'app' }])
    expect((await run('migrate', env)).out).toContain('up to date')
    expect((await run(`migrate --down ${names.length} --yes`, env)).code).toBe(0)
    expect(await tablesIn('app')).toEqual([])
  })

  it('may be one of two in the same database, which do not see each other', async () => {
    await database.sql`create schema "My app"`
    const [theirs, ours] = [within('').env, within('search_path=%22My%20app%22,public').env]
    expect((await run('migrate', theirs)).code).toBe(0)
    await database.sql`insert into users (whoop_user_id) values (1)`
    expect((await run('migrate --status', ours)).out).toContain(names[0])
    expect((await run('migrate', ours)).code).toBe(0)
    expect(await tablesIn('My app')).toEqual(await tablesIn('public'))
    expect(await database.sql`select from "My app".users`).toHaveLength(0)
    expect((await run(`migrate --down ${names.length} --yes`, ours)).code).toBe(0)
    expect(await tablesIn('My app')).toEqual([])
    expect((await run('migrate', theirs)).out).toContain('up to date')
    expect(await database.sql`select from public.users`).toHaveLength(1)
  })

  it('is used by every command', async () => {
    await database.sql`create schema app`
    const clock = createClock()
    const sandbox = await startSandbox({ days: 20, limits: 'none', now: clock.now })
    onTestFinished(() => sandbox.close())
    const env = envFor(sandbox, `${database.url}?search_path=app`)
    await logIn(sandbox, env, { clock })
    for (const line of ['sync', 'verify', 'status', 'stats', 'reprocess', 'export --type sleep', 'auth status']) {
      const { code, err } = await run(line, env, { clock })
      expect({ line, code, err }).toMatchObject({ line, code: 0 })
    }
    expect(await tablesIn('public')).toEqual([])
    expect((await database.sql`select from app.sleep_records`).length).toBeGreaterThan(10)
    expect((await database.sql`select from app.daily_summary`).length).toBeGreaterThan(10) // Grafana's search_path is another one
  })

  it('that nobody has made is said to be missing', async () => {
    const { code, err } = await run('migrate', within('search_path=app').env)
    expect(code).toBe(78)
    expect(err).toContain('No schema of search_path (app) is there for this user.')
    expect(err).toContain('create schema')
    expect(await tablesIn('public')).toEqual([])
  })
})

describe('a history that is not ours', () => {
  /** A copy of our migrations, to be spoiled. */
  function copy() {
    const folder = join(temporary(), 'drizzle')
    cpSync(drizzle, folder, { recursive: true })
    const journalPath = join(folder, 'meta', '_journal.json')
    const journal = JSON.parse(readFileSync(journalPath, 'utf8')) as { entries: { tag: string; when: number }[] }
    const last = journal.entries.at(-1) ?? expect.fail('there are no migrations')
    const newest = () => journal.entries.at(-1)?.when ?? 0
    return {
      folder,
      last,
      edit: (name: string, text: string) => writeFileSync(join(folder, `${name}.sql`), text),
      reorder: (change: (entries: typeof journal.entries) => void) => {
        change(journal.entries)
        writeFileSync(journalPath, JSON.stringify(journal))
      },
      add: (name: string, up: string, { when = newest() + 1000, down = '', prepare = '' } = {}) => {
        writeFileSync(join(folder, `${name}.sql`), up)
        writeFileSync(join(folder, `${name}.down.sql`), down)
        if (prepare) writeFileSync(join(folder, `${name}.prepare.sql`), prepare)
        journal.entries.push({ ...last, tag: name, when })
        writeFileSync(journalPath, JSON.stringify(journal))
      },
    }
  }

  it('a new migration is applied on top, and goes back', async () => {
    const { folder, add } = copy()
    await startMigrated()
    await open(async (db) => {
      const before = await catalogue(db)
      add('9999_more', 'create table more (id int);', { down: 'drop table more;' })
      expect(namesOf(await migrate(db, folder))).toEqual(['9999_more'])
      expect(namesOf(await migrateDown(db, 1, folder))).toEqual(['9999_more'])
      expect(await catalogue(db)).toEqual(before)
    })
  })

  describe('prepared beforehand', () => {
    /** Migrates through a proxy: what was sent before the migrations' own transaction, and all that was. */
    async function sent(folder: string) {
      const proxy = await startProxy(database.url)
      onTestFinished(() => proxy.close())
      const through = { DATABASE_URL: proxy.url, WHOOPSTER_DATA_DIR: undefined }
      const failure = await withDatabase(through, {}, ({ db }) => migrate(db, folder)).then(
        () => undefined,
        (error: unknown) => error,
      )
      const begins = proxy.statements.findIndex((text) => text.startsWith('begin'))
      const isSent = (text: string) => proxy.statements.slice(0, begins).some((one) => one.includes(text))
      return { failure, isSent, all: proxy.statements.join('\n') }
    }
    const index = (name: string, on: string, how = '') => `create index ${how} ${name} on ${on};`
    const indexes = async () => {
      const found = await database.sql<{ name: string }[]>`
        select indexrelid::regclass::text as name from pg_index where indisvalid and indexrelid::regclass::text like 'more_%' order by 1`
      return found.map(({ name }) => name)
    }

    it.each([
      ['table', 'create table more (id int);', 'more (id)'],
      ['column', 'alter table users add column more int;', 'users (more)'],
    ])(
      'is what needs nothing new: where a %s is still to be made, that migration does it itself, and those after it',
      async (_, up, on) => {
        const { folder, add } = copy()
        await startMigrated()
        const concurrently = 'concurrently if not exists'
        add('9996_before', index('more_before', 'users (first_name)', 'if not exists'), {
          prepare: index('more_before', 'users (first_name)', concurrently),
        })
        add('9997_more', up)
        add('9998_on_it', index('more_on_it', on, 'if not exists'), { prepare: index('more_on_it', on, concurrently) })
        add('9999_after', index('more_after', 'users (last_name)', 'if not exists'), {
          prepare: index('more_after', 'users (last_name)', concurrently),
        })
        const { failure, isSent } = await sent(folder)
        expect(failure).toBeUndefined()
        expect(isSent('concurrently if not exists more_before')).toBe(true)
        expect(isSent('concurrently if not exists more_on_it')).toBe(true)
        expect(isSent('concurrently if not exists more_after')).toBe(false)
        expect(await indexes()).toEqual(['more_after', 'more_before', 'more_on_it'])
        await open(async (db) => expect((await schemaState(db, folder)).pending).toEqual([]))
      },
    )

    it('is made in an empty database by the migrations alone', async () => {
      const { folder, add } = copy()
      add('9999_more', index('more_names', 'users (first_name)'), { prepare: 'select broken' })
      const { failure, all } = await sent(folder)
      expect(failure).toBeUndefined()
      expect(all).not.toMatch(/broken|concurrently/i)
      expect(await indexes()).toEqual(['more_names'])
    })

    it('ends everything when it fails for another reason, and nothing is applied', async () => {
      const { folder, add } = copy()
      await startMigrated()
      add('9999_more', index('more_names', 'users (first_name)'), { prepare: 'select 1 / 0;' })
      const { failure } = await sent(folder)
      expect(String(failure instanceof Error ? (failure.cause ?? failure) : failure)).toContain('division by zero')
      expect(await indexes()).toEqual([])
      await open(async (db) => expect(namesOf((await schemaState(db, folder)).pending)).toEqual(['9999_more']))
    })
  })

  it('a migration that was changed after it was applied is refused', async () => {
    const { folder, edit, last } = copy()
    await startMigrated()
    await open(async (db) => {
      edit(last.tag, 'select 1;')
      const error = await failureOf(migrate(db, folder))
      expect([exitCodes[error.reason], error.message]).toEqual([
        78,
        `The migration ${last.tag} was changed after it had been applied to this database.`,
      ])
      expect((await failureOf(schemaState(db, folder))).message).toBe(error.message)
      expect((await failureOf(migrateDown(db, 1, folder))).message).toBe(error.message)
    })
  })

  it('a migration that did the same in another way is taken for what it is now', async () => {
    await startMigrated()
    await open(async (db) => {
      const before = '2afbcd3e0a7e62b794b128dcda065d057dfe075f094f7fd99e913fa8c57c6f36'
      const [row] = await database.sql`
        update whoopster_migrations set hash = ${before}
        where created_at = (select created_at from whoopster_migrations order by created_at offset 7 limit 1) returning hash`
      expect(row).toEqual({ hash: before })
      expect(namesOf(await migrate(db))).toEqual([])
      expect(namesOf((await schemaState(db)).applied)).toEqual(names)
    })
  })

  it.each([0, -1000])('a migration that is dated %i ms after the one before it is refused', async (ms) => {
    const { folder, add, last } = copy()
    add('9999_late', 'create table late (id int);', { when: last.when + ms })
    const error = await failureOf(open((db) => migrate(db, folder)))
    expect([exitCodes[error.reason], error.message]).toEqual([
      78,
      'The migration 9999_late is older than the one before it.',
    ])
    expect(await database.sql`select to_regclass('users') as users`).toEqual([{ users: null }])
  })

  it('a migration that was slipped in between applied ones is refused', async () => {
    const { folder, edit, reorder, last } = copy()
    await startMigrated()
    await open(async (db) => {
      edit('0000_between', 'create table between_them (id int);')
      reorder((entries) => entries.splice(-1, 0, { ...last, tag: '0000_between', when: last.when - 1 }))
      const error = await failureOf(migrate(db, folder))
      expect(exitCodes[error.reason]).toBe(78)
      expect(error.message).toBe('The migrations of this database are out of order around 0000_between.')
    })
  })

  it('a migration that fails leaves nothing, not even those before it', async () => {
    const { folder, add } = copy()
    add('9998_good', 'create table good (id int);')
    add('9999_bad', 'create table bad (id int);--> statement-breakpoint\nselect * from nowhere;', {
      when: Date.now() + 1e12,
    })
    expect((await failureOf(open((db) => migrate(db, folder)))).message).toContain('lacks a table')
    await open(async (db) => {
      expect(await catalogue(db)).toEqual(NOTHING)
      expect((await schemaState(db)).applied).toEqual([])
      expect(namesOf(await migrate(db))).toEqual(names) // and whoever comes next is not in its way
    })
  })

  it('a way back that fails takes nothing back', async () => {
    const { folder, add } = copy()
    add('9999_one_way', 'create table one_way (id int);', { down: 'drop table one_way; select * from nowhere;' })
    await startMigrated()
    await open(async (db) => {
      await migrate(db, folder)
      const before = await catalogue(db)
      await expect(migrateDown(db, 2, folder)).rejects.toThrow('Failed query')
      expect(await catalogue(db)).toEqual(before)
      expect((await schemaState(db, folder)).pending).toEqual([])
    })
  })

  describe('but a newer version’s', () => {
    const env = (): Env => ({
      DATABASE_URL: database.url,
      TOKEN_ENCRYPTION_KEY: TEST_KEY,
      WHOOP_CLIENT_ID: 'client',
      WHOOP_CLIENT_SECRET: 'a client secret',
    })
    beforeEach(async () => {
      const { folder, add } = copy()
      add('9999_newer', 'create table newer (id int);')
      await startMigrated()
      await open((db) => migrate(db, folder))
    })
    const SENTENCE = 'This database was migrated by a newer version of whoopster.'

    it.each([
      'sync',
      'sync --no-migrate',
      'stats',
      'migrate',
      'migrate --status',
      'migrate --down 1 --yes',
      'auth status',
      'auth url',
    ])('is refused by %s: 78, with the way out', async (line) => {
      const { code, err } = await run(line, env())
      expect(err).toContain(SENTENCE)
      expect(err).toContain('install that version or a newer one')
      expect(code).toBe(78)
      expect(await database.sql`select to_regclass('newer') is not null as kept`).toEqual([{ kept: true }])
    })

    it('is what status says: 1', async () => {
      const { code, out } = await run('status', env())
      expect(out.replace(/\s+/g, ' ')).toContain(SENTENCE)
      expect(code).toBe(1)
    })
  })
})

describe('whoopster migrate', () => {
  const cli = (line: string) => run(line, { DATABASE_URL: database.url })

  it('says what it did, and what there is to do', async () => {
    const all = (word: string, of: readonly string[]) => of.map((name) => `${word}  ${name}\n`).join('')
    expect(await cli('migrate --status')).toMatchObject({ code: 0, out: all('pending', names), err: '' })
    expect(await database.sql`select to_regclass('users') as users`).toEqual([{ users: null }])
    expect(await cli('migrate')).toMatchObject({ code: 0, out: all('applied', names), err: '' })
    expect(await cli('migrate')).toMatchObject({ code: 0, out: 'The schema is up to date.\n' })
    expect(await cli('migrate --status')).toMatchObject({ code: 0, out: all('applied', names) })
    expect(await cli('migrate --down 1 --yes')).toMatchObject({ code: 0, out: all('took back', names.slice(-1)) })
    expect(await cli('migrate --status')).toMatchObject({
      code: 0,
      out: all('applied', names.slice(0, -1)) + all('pending', names.slice(-1)),
    })
    const tooMany = await run('migrate --down 99', { DATABASE_URL: database.url }, { isTTY: true }) // and asks nothing
    expect(tooMany.err).toBe(
      `error: Only ${names.length - 1} migrations can be taken back, not 99.\n  → see: whoopster migrate --status\n`,
    )
    expect(tooMany).toMatchObject({ code: 64, out: '' })
    expect(await cli(`migrate --down ${names.length - 1} --yes`)).toMatchObject({
      code: 0,
      out: all('took back', names.slice(0, -1).toReversed()),
    })
    expect(await cli('migrate --down 1 --yes')).toMatchObject({ code: 64 })
  })

  it('makes no embedded database to look at', async () => {
    const dir = join(tmpdir(), `whoopster-not-made-${process.pid}`)
    const env = { WHOOPSTER_DATA_DIR: dir }
    expect(await run('migrate --status', env)).toMatchObject({
      code: 0,
      out: names.map((name) => `pending  ${name}\n`).join(''),
    })
    expect(await run('migrate --down 1 --yes', env)).toMatchObject({ code: 78 })
    expect(existsSync(dir)).toBe(false)
  })

  it.each(['migrate --down 0', 'migrate --down x', 'migrate --down', 'migrate --status --down 1'])(
    'refuses %s: 64',
    async (line) => expect((await cli(line)).code).toBe(64),
  )
})

describe('design.md §3', () => {
  const times = 'created_at updated_at'
  const whoopTimes = 'created_at_whoop updated_at_whoop'
  const tables = {
    users: `id whoop_user_id email first_name last_name ${times}`,
    oauth_tokens: `id user_id access_token refresh_token expires_at scopes ${times}`,
    sleep_records: `id user_id start_time end_time timezone_offset nap score_state sleep_performance_percentage
      sleep_consistency_percentage sleep_efficiency_percentage light_sleep_duration slow_wave_sleep_duration
      rem_sleep_duration awake_time sleep_cycle_count disturbance_count raw_data created_at cycle_id in_bed_duration
      no_data_duration respiratory_rate sleep_need_baseline sleep_need_debt sleep_need_strain sleep_need_nap
      ${whoopTimes} updated_at`,
    recovery_records: `id user_id cycle_id sleep_id ${whoopTimes} score_state recovery_score resting_heart_rate hrv_rmssd
      spo2_percentage skin_temp_celsius raw_data created_at user_calibrating updated_at`,
    workout_records: `id user_id start_time end_time timezone_offset sport_id sport_name score_state strain_score
      average_heart_rate max_heart_rate kilojoules distance_meters altitude_gain_meters altitude_change_meters
      zone_zero_duration zone_one_duration zone_two_duration zone_three_duration zone_four_duration zone_five_duration
      raw_data created_at percent_recorded ${whoopTimes} updated_at`,
    cycle_records: `id user_id start_time end_time timezone_offset score_state strain_score kilojoules average_heart_rate
      max_heart_rate raw_data created_at ${whoopTimes} updated_at`,
    sync_status: `id user_id data_type last_sync_time last_record_time status records_fetched error_message ${times} covered
      recent_at swept_at swept_to`,
    record_history: 'id user_id data_type record_key raw_data seen_from seen_until reason',
    quarantined_records: 'id user_id data_type record_key raw reason first_seen last_seen',
    chased_records: 'user_id data_type record_key reason since asked_at',
    daily_summary: 'user_id day',
  }
  const types = {
    'users.whoop_user_id': 'bigint',
    'users.email': 'character varying(255)',
    'oauth_tokens.scopes': 'text[]',
    'oauth_tokens.expires_at': 'timestamp with time zone',
    'sleep_records.id': 'uuid',
    'sleep_records.timezone_offset': 'character varying(10)',
    'sleep_records.score_state': 'character varying(50)',
    'sleep_records.cycle_id': 'bigint',
    'sleep_records.rem_sleep_duration': 'integer',
    'sleep_records.respiratory_rate': 'double precision',
    'sleep_records.raw_data': 'jsonb',
    'recovery_records.id': 'uuid',
    'recovery_records.cycle_id': 'bigint',
    'recovery_records.sleep_id': 'uuid',
    'recovery_records.hrv_rmssd': 'double precision',
    'workout_records.id': 'uuid',
    'workout_records.sport_name': 'character varying(100)',
    'workout_records.zone_five_duration': 'integer',
    'cycle_records.id': 'bigint',
    'cycle_records.end_time': 'timestamp with time zone',
    'sync_status.covered': 'tstzmultirange',
    'record_history.record_key': 'text',
    'record_history.raw_data': 'jsonb',
    'record_history.seen_from': 'timestamp with time zone',
    'record_history.seen_until': 'timestamp with time zone',
    'quarantined_records.raw': 'text',
  }
  const indexes = `idx_users_whoop_user_id idx_users_email idx_oauth_tokens_user_id idx_sleep_user_id idx_sleep_start_time
    idx_sleep_score_state idx_recovery_user_id idx_recovery_created_at idx_recovery_score_state idx_workout_user_id
    idx_workout_start_time idx_workout_sport_name idx_cycle_user_id idx_cycle_start_time idx_sync_status_user_data_type
    idx_record_history_record`

  it('names columns, types, indexes and keys that are all there', async () => {
    const migrated = await createDatabase()
    const columns = await migrated.sql<{ name: string; type: string; kind: 'r' | 'v' }[]>`
      select relname || '.' || attname as name, format_type(atttypid, atttypmod) as type, relkind as kind
      from pg_attribute
      join pg_class on pg_class.oid = attrelid
      where relnamespace = 'public'::regnamespace and attnum > 0 and relkind in ('r', 'v')`
    const foundIndexes = await migrated.sql`select indexname as name from pg_indexes where schemaname = 'public'`
    const unique = await migrated.sql`
      select conrelid::regclass || ' ' || pg_get_constraintdef(oid) as key from pg_constraint
      where contype in ('u', 'p') and connamespace = 'public'::regnamespace`
    await migrated.drop()

    const found = Object.fromEntries(columns.map(({ name, type }) => [name, type]))
    const wanted = Object.entries(tables).flatMap(([table, list]) => list.split(/\s+/).map((one) => `${table}.${one}`))
    expect(wanted.filter((name) => !(name in found))).toEqual([])
    expect(found).toMatchObject(types)
    expect(foundIndexes.map((row) => row['name'] as string)).toEqual(expect.arrayContaining(indexes.split(/\s+/)))
    expect(unique.map((row) => row['key'] as string)).toEqual(
      expect.arrayContaining([
        'users UNIQUE (whoop_user_id)',
        'oauth_tokens UNIQUE (user_id)',
        'sleep_records PRIMARY KEY (user_id, id)',
        'recovery_records PRIMARY KEY (user_id, id)',
        'workout_records PRIMARY KEY (user_id, id)',
        'cycle_records PRIMARY KEY (user_id, id)',
        'sync_status UNIQUE (user_id, data_type)',
        'quarantined_records UNIQUE (user_id, data_type, record_key)',
        'chased_records PRIMARY KEY (user_id, data_type, record_key, reason)',
      ]),
    )
    const wrong = columns.filter(({ type, kind }) => {
      return type === 'real' || (type === 'timestamp without time zone' && kind === 'r') // views show local clocks
    })
    expect(wrong.map(({ name }) => name)).toEqual([])
  })
})
