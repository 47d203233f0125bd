// Hash partitions by member, as docs/partitions.sql makes them: everything works as before, and one member is in one partition.
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { expect, it } from 'vitest'
import { readerLacks } from '../../src/db/reader.ts'
import { expand } from '../grafana/expand.ts'
import { alertRules, asked, scopeOf } from '../grafana/provisioned.ts'
import { newMember, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { logIn } from '../support/world.ts'

const TABLES = ['sleep_records', 'recovery_records', 'workout_records', 'cycle_records']
const script = await readFile(fileURLToPath(new URL('../../docs/partitions.sql', import.meta.url)), 'utf8')

it('keeps everything: syncs, views, panels, rights, and a quiet run writes nothing', { timeout: 300_000 }, async () => {
  const member = await newMember({ days: 60, members: 2 })
  const { sandbox, env, clock, database } = member
  await logIn(sandbox, env, { clock, member: 10_002 })
  expect(await member.sync('--user 10001')).toMatchObject({ code: 0 })
  const before = await shownOf(member)
  await database.sql.begin((tx) => tx.unsafe(script))
  expect(await shownOf(member)).toEqual(before)
  expect(await database.sql`select from pg_partitioned_table`).toHaveLength(4)
  const own = postgres(database.url, { max: 1 })
  expect(await readerLacks(drizzle(own))).toEqual([])
  await own.end()

  clock.pass(3_600_000)
  const [open] = sandbox.world.list('cycle')
  if (open?.score) sandbox.world.put('cycle', { ...open, score: { ...open.score, strain: 20.5 } })
  const [workout] = sandbox.world.list('workout')
  if (workout) sandbox.world.remove('workout', workout.id)
  for (const line of ['', '--full --user 10001', '']) {
    const { code, err } = await member.sync(line)
    expect(code, err).toBe(0)
  }
  for (const id of [10_001, 10_002]) await expectFaithful(database, sandbox, { member: id })
  const tuples = () =>
    database.sql.unsafe(
      TABLES.map((name) => `select tableoid::int, ctid::text, xmin::text, xmax::text from ${name}`).join(' union all '),
    )
  clock.pass(60_000)
  const quiet = await tuples()
  expect(await member.sync()).toMatchObject({ code: 0 })
  expect(await tuples()).toEqual(quiet)
  for (const line of ['stats', 'status', 'export --type daily', 'verify', 'reprocess', 'migrate --status', 'doctor'])
    expect((await member.run(line)).code, line).toBe(0)

  const range = { from: new Date(clock.now().getTime() - 60 * 86_400_000), to: clock.now() }
  await database.sql.begin(async (tx) => {
    await tx`set local role whoopster_reader`
    for (const one of asked) await tx.unsafe(expand(one.sql, scopeOf(one, { member: '10001', range })))
    for (const { data } of alertRules) await tx.unsafe(data[0]?.model.rawSql ?? '')
  })
  await expectOnePartition(member)
})

/** Everything that people see, as text. */
async function shownOf({ database: { sql } }: Member) {
  const shown = []
  for (const view of ['daily_summary', 'daily_trends', 'weekly_summary', 'workout_log', 'night_log'])
    shown.push(await sql`select v::text from ${sql(view)} v order by 1`)
  return shown
}

/** A statement of one member's days looks at no other partition. */
async function expectOnePartition({ database: { sql } }: Member): Promise<void> {
  const lines = await sql<{ 'QUERY PLAN': string }[]>`
    explain (analyze, costs off, timing off) select * from daily_trends_of(1, daterange(null, null))`
  const read = lines.filter(
    (line) => / on \w+_records_\d+/.test(line['QUERY PLAN']) && !line['QUERY PLAN'].includes('never executed'),
  )
  const partitions = new Set(
    read.flatMap((line) => [...(/ on \w+(_records_\d+)/.exec(line['QUERY PLAN'])?.slice(1) ?? [])]),
  )
  expect(partitions.size).toBe(1)
}
