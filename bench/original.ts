// The algorithm that whoopster's tables come from, as a fair baseline: one type after the other, page after page by
// token, a type's whole history in memory, then each record by itself into its table; a commit at the end of each type.
// It is spared what the original did besides: choosing an API version, an ORM, copies in files. What a record becomes,
// the schemas of src/resources/ say for both.
import { getTableName } from 'drizzle-orm'
import postgres from 'postgres'
import * as v from 'valibot'
import { resources } from '../src/resources/index.ts'
import type { Resource } from '../src/resources/resource.ts'
import { rowOf } from './rows.ts'

const { DATABASE_URL = '', WHOOP_API_BASE_URL = '', ACCESS_TOKEN = '' } = process.env
const sql = postgres(DATABASE_URL, { max: 1, onnotice: () => {} })

const [user] = await sql<{ id: number }[]>`select id from users`
if (!user) throw new Error('nobody is logged in')
for (const resource of resources) {
  const records = await fetchAll(resource)
  await sql.begin(async (tx) => {
    for (const record of records) await save(tx, resource, record, user.id)
  })
}
await sql.end()

interface Page {
  records: unknown[]
  next_token?: string | null
}

async function fetchAll({ path }: Resource): Promise<unknown[]> {
  const records: unknown[] = []
  let token: string | undefined
  do {
    const query = new URLSearchParams({ limit: '25', ...(token ? { nextToken: token } : {}) })
    const answer = await fetch(`${WHOOP_API_BASE_URL}/developer${path}?${query.toString()}`, {
      headers: { authorization: `Bearer ${ACCESS_TOKEN}` },
    })
    if (!answer.ok) throw new Error(`WHOOP answered ${answer.status}`)
    const page = (await answer.json()) as Page
    records.push(...page.records)
    token = page.next_token ?? undefined
  } while (token)
  return records
}

async function save(tx: postgres.TransactionSql, resource: Resource, raw: unknown, userId: number): Promise<void> {
  const row = rowOf(sql, resource, { row: v.parse(resource.row, raw), raw }, userId)
  const updates = Object.keys(row).map((name) => `"${name}" = excluded."${name}"`)
  await tx`
    insert into ${tx(getTableName(resource.table))} ${tx(row)}
    on conflict (user_id, ${tx(resource.key.name)}) do update set ${tx.unsafe(updates.join(', '))}`
}
