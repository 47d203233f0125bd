// What the alerts and Sync health read where many members share a database, in pages: it does not depend on the machine.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fillYears } from '../../bench/years.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { DAY_MS } from '../support/time.ts'
import { expand } from './expand.ts'
import { alertRules, asked, scopeOf } from './provisioned.ts'

const MEMBERS = 40

let database: TestDatabase
beforeAll(async () => {
  database = await createDatabase()
  const { sql } = database
  await sql`insert into users (whoop_user_id) values (0)`
  await sql`
    insert into oauth_tokens (user_id, access_token, refresh_token, expires_at, scopes)
    select id, 'a', 'r', now() + interval '1 hour', '{offline,read:sleep,read:cycles,read:recovery,read:workout}' from users`
  await fillYears(sql, { members: MEMBERS, days: 400, runsEvery: '3 hours' })
  await sql`update sync_runs set remaining_today = 9000 where id % 3 = 0`
  await sql`vacuum (full, analyze) sync_runs`
})
afterAll(() => database.drop())

interface Node {
  'Relation Name'?: string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  'Shared Hit Blocks': number
  'Shared Read Blocks': number
  Plans?: Node[]
}

/** How PostgreSQL goes about it, for Grafana's role. */
async function planOf(text: string): Promise<Node> {
  const rows = await database.sql.begin(async (tx) => {
    await tx`set local role whoopster_reader`
    await tx`set local jit = off`
    return tx.unsafe<{ 'QUERY PLAN': { Plan: Node }[] }[]>(`explain (analyze, buffers, format json) ${text}`)
  })
  return rows[0]?.['QUERY PLAN'][0]?.Plan ?? expect.fail('there is no plan')
}

async function pagesOf(text: string): Promise<number> {
  const plan = await planOf(text)
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks']
}

/** How many rows of a table it looks at, whether it keeps them or not. */
function rowsOf(table: string, node: Node): number {
  const own = node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)
  const below = (node.Plans ?? []).map((one) => rowsOf(table, one)).reduce((sum, rows) => sum + rows, 0)
  return below + (node['Relation Name'] === table ? own * node['Actual Loops'] : 0)
}

const rules = (kind: string) =>
  alertRules
    .filter(({ labels }) => labels['kind'] === kind)
    .map(({ title, data }) => [title, data[0]?.model.rawSql ?? ''] as const)

describe('an alert reads of each member', () => {
  it.each(rules('sync'))('no more than the newest runs: %s', async (_, text) => {
    expect((await pagesOf(text)) / MEMBERS).toBeLessThan(15)
  })

  it.each(rules('health'))('a month of nights where there is one of today: %s', async (_, text) => {
    const pages = (await pagesOf(text)) / MEMBERS
    expect(pages).toBeGreaterThan(60) // else it was not asked for anything
    expect(pages).toBeLessThan(200)
  })
})

describe('Sync health', () => {
  const OWN_RUNS = 721
  const now = Date.now()
  const range = { from: new Date(now - 30 * DAY_MS), to: new Date(now) }
  const panels = asked.filter(({ dashboard, panel }) => dashboard.title === 'Sync health' && panel)

  it.each(panels.map((one) => [one.name, one] as const))(
    'of one member reads nobody else’s rows: %s',
    async (_, one) => {
      const plan = await planOf(expand(one.sql, scopeOf(one, { member: '7', range })))
      for (const table of ['sync_runs', 'record_history', 'sync_status', 'body_measurements'])
        expect(rowsOf(table, plan), table).toBeLessThanOrEqual(OWN_RUNS)
    },
  )
})

it('an alert on health reads next to nothing of those who have not slept since yesterday', async () => {
  const { sql } = database
  await sql`update recovery_records set created_at_whoop = created_at_whoop - interval '3 days'`
  await sql`vacuum (full, analyze) recovery_records`
  for (const [title, text] of rules('health')) expect((await pagesOf(text)) / MEMBERS, title).toBeLessThan(20)
})
