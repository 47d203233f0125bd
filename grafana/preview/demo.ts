// The demo's data in a PostgreSQL of its own: a year of an invented member, and two weeks of runs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { main } from '../../src/main.ts'
import { migrate } from '../../src/db/migrate.ts'
import { exportZip, startSandbox } from '../../src/sandbox/index.ts'
import { databaseUrl, startPostgres, withSql } from '../../test/support/postgres.ts'

const HOUR_MS = 3_600_000
const DAYS = 500
const STEPS = 14 * 4

export async function withDemo<T>(work: (url: string) => Promise<T>): Promise<T> {
  const server = await startPostgres({ fresh: true })
  try {
    await withSql(server.url, (sql) => sql`create database demo`)
    const url = databaseUrl(server.url, 'demo')
    await withSql(url, (sql) => migrate(drizzle(sql)))
    await live(url)
    return await work(url)
  } finally {
    await server.stop()
  }
}

/** Four runs a day, until now. */
async function live(url: string): Promise<void> {
  let now = Date.now() - STEPS * 6 * HOUR_MS
  const clock = {
    now: () => new Date(now),
    ofServer: () => new Date(now),
    sleep: async () => {},
    timeout: (ms: number) => AbortSignal.timeout(ms),
  }
  const end = new Date() // WHOOP lives now, and the runs catch up with it
  const folder = await mkdtemp(join(tmpdir(), 'whoopster-demo-'))
  const sandbox = await startSandbox({ days: DAYS, limits: 'none', now: () => end })
  const env = {
    DATABASE_URL: url,
    TOKEN_ENCRYPTION_KEY: Buffer.alloc(32, 'preview').toString('base64'),
    WHOOP_API_BASE_URL: sandbox.url,
    WHOOP_CLIENT_ID: sandbox.clientId,
    WHOOP_CLIENT_SECRET: sandbox.clientSecret,
    MAX_REQUESTS_PER_MINUTE: '100000',
    LOG_LEVEL: 'warn',
  }
  const whoopster = async (...args: string[]) => {
    let out = ''
    const code = await main(args, {
      env,
      clock,
      fetch: (address, init) => fetch(address, init),
      terminal: {
        stdin: Object.assign(process.stdin, { isTTY: false }),
        stdout: { isTTY: false, columns: 80, write: (text: string) => Boolean((out += text)) },
        stderr: process.stderr,
      },
      hold: () => () => {},
      interrupted: new AbortController().signal,
      openBrowser: async () => false,
      machine: {
        program: { node: process.execPath, script: 'whoopster' },
        directory: '/',
        runtime: '',
        freeBytes: async () => Infinity,
      },
    })
    if (code !== 0) throw new Error(`whoopster ${args.join(' ')} ended with ${code}`)
    return out.trim()
  }
  try {
    await whoopster('auth', 'complete', await sandbox.consent(await whoopster('auth', 'url', '--quiet')))
    for (let step = 0; step <= STEPS; step++) {
      await whoopster('sync')
      now += 6 * HOUR_MS
    }
    const zip = join(folder, 'my_whoop_data.zip')
    await writeFile(zip, exportZip(sandbox.world.export()))
    await whoopster('import', zip)
  } finally {
    await sandbox.close()
    await rm(folder, { recursive: true })
  }
}
