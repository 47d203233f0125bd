// How long Grafana's queries take for one member's five years among two hundred members, and that none of them reads
// through a whole table of records. `npx tsx bench/grafana.ts`; it takes some two minutes and 3 GB of disk.
import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import type { Sql } from 'postgres'
import { migrate } from '../src/db/migrate.ts'
import { expand } from '../test/grafana/expand.ts'
import { alertRules, asked, scopeOf } from '../test/grafana/provisioned.ts'
import { databaseUrl, startPostgres, withSql } from '../test/support/postgres.ts'
import { fillYears } from './years.ts'

const MEMBERS = 200
const DAYS = 5 * 365
const TRIES = 5
const LIMIT_MS = 100
const RECORD_TABLES = new Set(['sleep_records', 'recovery_records', 'workout_records', 'cycle_records'])

export interface Timing {
  name: string
  medianMs: number
  /** From 100,000 on PostgreSQL compiles a query, where it can. */
  cost: number
  /** Tables of records that are read from end to end. */
  scanned: string[]
}

/** Asks every query of the dashboards, and of the alerts, as often as it takes for a median; slowest first. */
export async function benchGrafana(sql: Sql): Promise<Timing[]> {
  const now = Date.now()
  const range = { from: new Date(now - DAYS * 86_400_000), to: new Date(now) }
  const queries = [
    ...asked.map((one) => ({ name: one.name, text: expand(one.sql, scopeOf(one, { member: '7', range })) })),
    ...alertRules.map(({ title, data }) => ({ name: `alert ${title}`, text: data[0]?.model.rawSql ?? '' })),
  ]
  const timings: Timing[] = []
  for (const { name, text } of queries) timings.push({ name, ...(await time(sql, text)) })
  return timings.toSorted((a, b) => b.medianMs - a.medianMs)
}

async function time(sql: Sql, text: string): Promise<Omit<Timing, 'name'>> {
  const times: number[] = []
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const start = performance.now()
    await sql.unsafe(text)
    times.push(performance.now() - start)
  }
  const [plan] = await sql.unsafe<{ 'QUERY PLAN': { Plan: Node }[] }[]>(`explain (format json) ${text}`)
  const root = plan?.['QUERY PLAN'][0]?.Plan
  return {
    medianMs: times.toSorted((a, b) => a - b)[Math.floor(TRIES / 2)] ?? 0,
    cost: root?.['Total Cost'] ?? 0,
    scanned: root ? scans(root) : [],
  }
}

interface Node {
  'Node Type': string
  'Relation Name'?: string
  'Total Cost': number
  Plans?: Node[]
}

function scans(node: Node): string[] {
  const table = node['Relation Name'] ?? ''
  const own = node['Node Type'] === 'Seq Scan' && RECORD_TABLES.has(table) ? [table] : []
  return [...own, ...(node.Plans ?? []).flatMap(scans)]
}

async function main(): Promise<void> {
  const server = await startPostgres({ fresh: true })
  try {
    await withSql(server.url, (sql) => sql`create database bench`)
    const url = databaseUrl(server.url, 'bench')
    await withSql(url, (sql) => migrate(drizzle(sql)))
    await withSql(url, (sql) => fillYears(sql, { members: MEMBERS, days: DAYS }))
    const timings = await withSql(url, async (sql) => {
      await sql`set role whoopster_reader`
      return benchGrafana(sql)
    })
    for (const { name, medianMs, cost, scanned } of timings) {
      const scan = scanned.length > 0 ? `  reads all of ${scanned.join(', ')}` : ''
      console.log(`${medianMs.toFixed(0).padStart(5)} ms  ${cost.toFixed(0).padStart(7)}  ${name}${scan}`)
    }
    if (timings.some(({ medianMs, scanned }) => medianMs > LIMIT_MS || scanned.length > 0)) process.exitCode = 1
  } finally {
    await server.stop()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
