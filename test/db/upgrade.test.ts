// A member's database as an earlier version has left it: what that version lost comes back, and nothing else changes.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { isLong } from '../support/long.ts'
import { newMember, putLogin, type Member } from '../support/member.ts'
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

/** One who has synced, in a database of before the keys changed. */
async function beforeMemberKeys(days: number): Promise<Member> {
  const member = await newMember({ days })
  expect((await member.sync()).code).toBe(0)
  await goBack(member)
  return member
}

async function goBack(member: Member): Promise<void> {
  expect((await member.run(`migrate --down ${names.length - MEMBER_KEYS} --yes`)).code).toBe(0)
}

/** As they were chased then: by their cycle. */
async function chaseRecoveries({ database: { sql } }: Member): Promise<void> {
  await sql`
    insert into chased_records (user_id, data_type, record_key, reason, since)
    select user_id, 'recovery', cycle_id::text, 'unsettled', now() from recovery_records on conflict do nothing`
}

const prepareFiles = readdirSync('drizzle')
  .filter((name) => name.endsWith('.prepare.sql'))
  .toSorted()
const statementsOf = (name: string) => readFileSync(`drizzle/${name}`, 'utf8').split('--> statement-breakpoint')

it('prepares every migration that is pending before the first of them, outside of their transaction', async () => {
  const member = await beforeMemberKeys(4)
  const proxy = await startProxy(member.database.url)
  onTestFinished(() => proxy.close())
  const { code, err } = await run('migrate', { ...member.env, DATABASE_URL: proxy.url }, { clock: member.clock })
  expect(code, err).toBe(0)
  const transaction = proxy.statements.findIndex((sql) => sql.startsWith('begin'))
  const before = proxy.statements.slice(0, transaction).join('\n')
  const built = (sql: string) =>
    [...sql.matchAll(/CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+)/g)].map(([, name]) => name)
  expect(prepareFiles.length).toBeGreaterThan(1)
  expect(built(before)).toEqual(prepareFiles.flatMap((name) => built(readFileSync(`drizzle/${name}`, 'utf8'))))
})

const RECORDS = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records']

/** Whether it keeps others from reading or writing rows. */
const isExclusive = (mode: string) =>
  !['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock'].includes(mode)

it('locks nobody out of a table of records while it reads one, since the keys have changed', async () => {
  const member = await beforeMemberKeys(120)
  const { sql } = member.database
  await chaseRecoveries(member)
  const pending = names.slice(MEMBER_KEYS)
  for (const statement of prepareFiles.flatMap(statementsOf)) await sql.unsafe(statement)

  const found: string[] = []
  let total = 0
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
        total += rows
        const locks = await tx<{ name: string; mode: string }[]>`
          select distinct relname as name, mode from pg_locks join pg_class on pg_class.oid = relation
          where pid = pg_backend_pid() and locktype = 'relation' and granted and relname = any(${RECORDS}) order by 1`
        const locked = locks.filter(({ mode }) => isExclusive(mode)).map((one) => one.name)
        if (locked.length > 0 && rows > 0)
          found.push(`${name}: ${bare(statement)} (${rows} rows, ${locked.join(', ')})`)
      }
    }
    throw undo
  })
  await expect(tried).rejects.toBe(undo)
  expect(found).toEqual([])
  expect(total).toBeGreaterThan(100) // what is read is counted
})

/**
 * Each statement that prepares has to wait for somebody who is writing, and while it waits another connection looks at its
 * locks. Whoever it waits for goes only when the next is there, so that none of them is missed.
 */
it('prepares while everybody reads and writes: no statement asks for a lock that would keep them from it', async () => {
  const member = await beforeMemberKeys(30)
  const { sql } = member.database
  const [twice, other] = await sql<{ id: string }[]>`select id from recovery_records order by created_at_whoop limit 2`
  await sql`
    insert into recovery_records select (jsonb_populate_record(r, jsonb_build_object(
      'id', gen_random_uuid(), 'cycle_id', 1, 'updated_at_whoop', updated_at_whoop + interval '1 day'))).*
    from recovery_records r where id = ${twice?.id ?? ''}`
  await sql`update recovery_records set id = gen_random_uuid() where id = ${other?.id ?? ''}`
  const busy = [
    `select from recovery_records where id = '${twice?.id}' for update`, // is to be deleted
    'select from recovery_records where id <> sleep_id and cycle_id <> 1 for update', // is to get its sleep's id
  ]

  const prepared = prepareFiles
    .flatMap(statementsOf)
    .map(bare)
    .filter((statement) => !statement.startsWith('DROP INDEX')) // there is none: it asks for no lock

  const { seen, writer, migrated } = await migrateAmongWriters(member, busy)
  await writer.stop()
  const { code, err } = await migrated
  expect(code, err).toBe(0)

  const [own, ...preparing] = [...seen.keys()].toReversed()
  expect(prepared).not.toContain(own)
  expect(preparing.toReversed()).toEqual(prepared) // none was missed
})

it('begins anew when somebody who writes waits for the migration, and it for them', async () => {
  const member = await beforeMemberKeys(30)
  const { sql } = member.database
  await chaseRecoveries(member)
  const deadlocks = async () => {
    await sql`select pg_stat_force_next_flush()`
    const [row] = await sql<{ count: number }[]>`
      select deadlocks::int as count from pg_stat_database where datname = current_database()`
    return row?.count
  }
  expect(await deadlocks()).toBe(0)
  const { writer, migrated } = await migrateAmongWriters(member)
  await writer.write("set local deadlock_timeout = '1min'") // so that it is the migration which is ended
  await writer.write("update chased_records set asked_at = now() where data_type = 'recovery'")
  await writer.stop()
  const { code, err } = await migrated
  expect(code, err).toBe(0)
  await expect.poll(deadlocks, { timeout: 30_000 }).toBe(1)
})

it('makes an index anew that a killed preparation has left behind', async () => {
  const member = await newMember({ days: 4 })
  const { sql } = member.database
  expect((await member.sync()).code).toBe(0)
  const definitions =
    () => sql`select indexdef, indisvalid from pg_indexes join pg_index on indexrelid = indexname::regclass
    where schemaname = 'public' order by 1`
  const after = await definitions()
  await goBack(member)
  const left = prepareFiles.flatMap((name) => [
    ...readFileSync(`drizzle/${name}`, 'utf8').matchAll(/CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+) ON (\w+)/g),
  ])
  for (const [, name = '', table = ''] of left) await sql`create index ${sql(name)} on ${sql(table)} (raw_data)`
  expect((await member.run('migrate')).code).toBe(0)
  expect(await definitions()).toEqual(after)
})

/**
 * Migrates while there is always somebody who writes and has not committed: what had to wait for one of them, up to the
 * first statement that would keep them from writing, which the last one is still in the way of.
 */
async function migrateAmongWriters(member: Member, busy: string[] = []) {
  let writer = await startWriting(member, busy.shift())
  let isOver = false
  const migrated = member.run('migrate').finally(() => (isOver = true))
  const seen = new Set<string>()
  for (;;) {
    const waiting = await nextWaiting(member, writer.pid, () => isOver)
    if (waiting) seen.add(bare(waiting.query))
    if (!waiting || waiting.locks.some(isExclusive)) return { seen, writer, migrated }
    const next = await startWriting(member, busy.shift())
    await writer.stop()
    writer = next
  }
}

interface Waiting {
  query: string
  /** What it has, or waits for, of the tables of records. */
  locks: string[]
}

/** A transaction that has written to every table of records, and to the rows that this locks. */
async function startWriting({ database: { sql } }: Member, rows = 'select') {
  const connection = await sql.reserve()
  await connection`begin`
  await connection.unsafe(rows)
  await connection.unsafe(`lock table ${RECORDS.join(', ')} in row exclusive mode`) // as whoever writes has it
  const [row] = await connection<{ pid: number }[]>`select pg_backend_pid() as pid`
  const stop = async () => {
    await connection`commit`
    connection.release()
  }
  return { pid: row?.pid ?? 0, write: (text: string) => connection.unsafe(text), stop }
}

/** What of the program waits for that process; undefined when the program has ended. */
async function nextWaiting({ database: { sql } }: Member, pid: number, isOver: () => boolean) {
  for (;;) {
    const [waiting] = await sql<Waiting[]>`
      select query, array(
        select mode from pg_locks l join pg_class c on c.oid = l.relation where l.pid = a.pid and locktype = 'relation' and relname = any(${RECORDS})
      ) as locks
      from pg_stat_activity a where application_name = 'whoopster' and ${pid} = any(pg_blocking_pids(a.pid))`
    if (waiting || isOver()) return waiting
    await sleep(5)
  }
}

/** Without the comments before it. */
const bare = (statement: string) => statement.replace(/^\s*(--.*\n\s*)*/, '').trim()
