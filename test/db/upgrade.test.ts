// A member's database as an earlier version has left it: what that version lost comes back, and nothing else changes.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { isLong } from '../support/long.ts'
import { newMember, putLogin } from '../support/member.ts'
import { startProxy } from '../support/proxy.ts'
import { expectFaithful } from '../support/truth.ts'
import { run } from '../support/world.ts'

const names = readdirSync('drizzle').filter((name) => /^\d+_[a-z_]+\.sql$/.test(name))
const MEMBER_KEYS = names.findIndex((name) => name.includes('member_keys'))

/** Each when there is time; else the oldest, the one before the keys changed, and the last. */
const versions = names.slice(0, -1).map((name, index) => [name, names.length - 1 - index] as const)
const few = new Set([0, MEMBER_KEYS - 1, versions.length - 1])
const tried = versions.filter((_, index) => isLong || few.has(index))

it.each(tried)('a database of %s comes up with everything that WHOOP has', async (_, steps) => {
  const member = await newMember({ days: 30 })
  const { sql } = member.database
  const { world } = member.sandbox
  const [first, second] = world.list('recovery')
  if (!first || !second) throw new Error('the sandbox made too little')
  world.put('recovery', { ...second, sleep_id: '00000000-0000-4000-8000-00000000000a' }) // two of one cycle
  expect((await member.sync()).code).toBe(0)
  await expectFaithful(member.database, member.sandbox)

  expect((await member.run(`migrate --down ${steps} --yes`)).code).toBe(0)
  if (names.length - steps <= MEMBER_KEYS) {
    const [cycle] = await sql`select count(*)::int as rows from recovery_records where cycle_id = ${second.cycle_id}`
    expect(cycle).toEqual({ rows: 1 })
    await sql`update recovery_records set id = gen_random_uuid()`
  }
  expect((await member.run('migrate')).code).toBe(0)
  await putLogin(member.database, member.sandbox, { clock: member.clock })
  const { code, err } = await member.sync()
  expect(code, err).toBe(0)
  await expectFaithful(member.database, member.sandbox)
  expect((await member.run('verify')).code).toBe(0)
  expect(await sql`select record_key, reason from record_history`).toEqual([])
  member.clock.pass(3_600_000)
  expect(await member.sync()).toMatchObject({
    code: 0,
    users: [{ types: { recovery: { inserted: 0, updated: 0 } } }],
  })
})

it('prepares every migration that is pending before the first of them, outside of their transaction', async () => {
  const member = await newMember({ days: 4 })
  expect((await member.sync()).code).toBe(0)
  expect((await member.run(`migrate --down ${names.length - MEMBER_KEYS} --yes`)).code).toBe(0)
  const proxy = await startProxy(member.database.url)
  onTestFinished(() => proxy.close())
  const { code, err } = await run('migrate', { ...member.env, DATABASE_URL: proxy.url }, { clock: member.clock })
  expect(code, err).toBe(0)
  const transaction = proxy.statements.findIndex((sql) => sql.startsWith('begin'))
  const before = proxy.statements.slice(0, transaction).join('\n')
  const built = (sql: string) => [...sql.matchAll(/INDEX CONCURRENTLY (\w+)/g)].map(([, name]) => name)
  const prepared = readdirSync('drizzle').filter((name) => name.endsWith('.prepare.sql'))
  expect(prepared.length).toBeGreaterThan(1)
  expect(built(before)).toEqual(prepared.toSorted().flatMap((name) => built(readFileSync(`drizzle/${name}`, 'utf8'))))
})

const RECORDS = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records']

it('locks nobody out of a table of records while it reads one, since the keys have changed', async () => {
  const member = await newMember({ days: 120 })
  const { sql } = member.database
  expect((await member.sync()).code).toBe(0)
  expect((await member.run(`migrate --down ${names.length - MEMBER_KEYS} --yes`)).code).toBe(0)
  const [row] = await sql<{ rows: number }[]>`select count(*)::int as rows from cycle_records`
  const statementsOf = (name: string) => readFileSync(`drizzle/${name}`, 'utf8').split('--> statement-breakpoint')
  const pending = names.slice(MEMBER_KEYS)
  const files = readdirSync('drizzle').toSorted()
  for (const name of files.filter((file) => file.endsWith('.prepare.sql')))
    for (const statement of statementsOf(name)) await sql.unsafe(statement)

  const found: string[] = []
  const undo = new Error('that was all')
  const tried = sql.begin(async (tx) => {
    const read = async () => {
      const [sum] = await tx<{ rows: number }[]>`
        select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::int as rows
        from pg_stat_xact_user_tables where relname = any(${RECORDS})`
      return sum?.rows ?? 0
    }
    for (const name of pending) {
      for (const statement of statementsOf(name)) {
        const before = await read()
        await tx.unsafe(statement.replaceAll('"public".', ''))
        const rows = (await read()) - before
        const locked = await tx<{ name: string }[]>`
          select distinct relname as name from pg_locks join pg_class on pg_class.oid = relation
          where pid = pg_backend_pid() and mode = 'AccessExclusiveLock' and granted and relname = any(${RECORDS}) order by 1`
        if (locked.length > 0 && rows >= (row?.rows ?? 0))
          found.push(
            `${name}: ${statement
              .trim()
              .split('\n')
              .findLast((line) => !line.startsWith('--'))} (${locked.map((one) => one.name).join(', ')})`,
          )
      }
    }
    throw undo
  })
  await expect(tried).rejects.toBe(undo)
  // The one that gave every key its member does, and what has been released is not changed: three indexes of its own.
  expect(found).toEqual(
    ['recovery_cycle_id ON recovery', 'recovery_user_id ON recovery', 'sleep_cycle_id ON sleep'].map(
      (index) => expect.stringContaining(`0007_member_keys.sql: CREATE INDEX idx_${index}_records`) as string,
    ),
  )
})
