// Neither way needs more memory for more: 90 MB go through a process that may keep 48.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, inject, it, onTestFinished } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { isLong } from '../support/long.ts'
import { surroundings } from '../support/surroundings.ts'
import { folder } from './stage.ts'

const program = fileURLToPath(new URL('../../bin/whoopster.js', import.meta.url))

async function run(args: string[], { url }: TestDatabase): Promise<void> {
  const child = spawn(process.execPath, ['--max-old-space-size=48', program, ...args], {
    cwd: inject('emptyDirectory'),
    env: { ...surroundings, DATABASE_URL: url },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit') as Promise<[number | null]>])
  expect({ code, err }).toEqual({ code: 0, err: '' })
}

it.runIf(isLong)(
  'archive, archive --verify and restore need no more memory for more records, nor for long ones',
  async () => {
    const [big, other] = [await createDatabase(), await createDatabase()]
    onTestFinished(big.drop)
    onTestFinished(other.drop)
    await big.sql`insert into users (whoop_user_id) values (1)`
    await big.sql`
    insert into cycle_records (id, user_id, raw_data, score_state, created_at_whoop, updated_at_whoop, start_time, timezone_offset)
    select n, 1, jsonb_build_object('text', repeat('abcdefgh', case when n % 300 = 0 then 100000 else 600 end), 'user_id', 1, 'id', n,
      'start', at, 'end', at, 'created_at', at, 'updated_at', at, 'score_state', 'PENDING_SCORE', 'timezone_offset', 'Z'),
      'PENDING_SCORE', at::timestamptz, at::timestamptz, at::timestamptz, 'Z'
    from generate_series(1, 12000) n,
      lateral (select to_char(timestamp '2020-01-01' + n * interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at) x`
    const file = join(await folder(), 'whoop.zip')
    await run(['archive', '--out', file], big)
    await run(['archive', '--verify', file], big)
    await run(['restore', file], other)
    const rows = ({ sql }: TestDatabase) =>
      sql`select count(*)::int as n, sum(length(raw_data::text))::int as length, md5(string_agg(raw_data::text, '' order by id)) from cycle_records`
    expect(await rows(other)).toEqual([...(await rows(big))])
    const [length] = await rows(big)
    expect(length?.['length']).toBeGreaterThan(80e6)
  },
  300_000,
)
