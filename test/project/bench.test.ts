import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, inject, it } from 'vitest'
import { isLong } from '../support/long.ts'
import type { Report } from '../../bench/table.ts'

it.runIf(isLong)('measures every figure of docs/performance.md', { timeout: 600_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/run.js', '--smoke', '--json'], {
    env: { ...process.env, TEST_DATABASE_URL: inject('postgresUrl') },
  })
  const { figures } = JSON.parse(stdout) as Report
  expect(figures.map(({ name }) => name)).toHaveLength(45)
  const odd = figures.filter(({ measured, kind }) => !(measured >= 0) || (kind === 'ratio' && !(measured > 0)))
  expect(odd).toEqual([])
  const exact = figures.filter(({ kind }) => kind === 'count').map(({ name, measured }) => [name, measured])
  expect(Object.fromEntries(exact)).toMatchObject({
    'collection requests of a quiet sync, four types': 4,
    'record rows that quiet syncs wrote or locked': 0,
  })
})
