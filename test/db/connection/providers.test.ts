// Every line of the table of providers in docs/operations.md, against a server that is set up like theirs.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, startPostgres, withSql, type OwnServer } from '../../support/postgres.ts'
import { run, TEST_KEY } from '../../support/world.ts'

const file = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const lines = readFileSync(file('../docs/operations.md'), 'utf8')
  .split('\n')
  .map((line) => /^\| (.+?) +\| `([^`]+:\/\/[^`]+)` +\| (.+?) +\|$/.exec(line))
  .flatMap((match) => (match ? [match.slice(1) as [string, string, string]] : []))

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/local/bin/pgbouncer'].find((one) => existsSync(one))
const isPooled = (provider: string) => provider.includes('pool')

describe('the table of providers', () => {
  let server: OwnServer
  let port: string
  let password: string
  const dir = mkdtempSync(join(tmpdir(), 'wh-prov-'))
  const stops: (() => void)[] = []

  beforeAll(async () => {
    server = await startPostgres({ fresh: true })
    ;({ port, password } = new URL(server.url))
    const sockets = join(dir, 'project:region:instance')
    mkdirSync(sockets)
    spawnSync('chmod', ['-R', '777', dir])
    const [row] = await withSql(server.url, (one) => one`select current_setting('data_directory') as data`)
    const data = String(row?.['data'])
    const { uid, gid } = statSync(data)
    for (const name of ['server.key', 'server.crt']) {
      writeFileSync(join(data, name), readFileSync(file(`fixtures/tls/${name}`)), { mode: 0o600 })
      spawnSync('chown', [`${uid}:${gid}`, join(data, name)])
    }
    await server.restart([
      'ssl=on',
      'ssl_cert_file=server.crt',
      'ssl_key_file=server.key',
      `unix_socket_directories=${sockets}`,
    ])
    await withSql(server.url, async (admin) => {
      for (const name of ['owner', 'abc', 'doadmin', 'avnadmin', 'default', 'postgres.abcdefghijklmnop', 'guest'])
        await admin.unsafe(`create role "${name}" login password '${password}'${name === 'guest' ? '' : ' superuser'}`)
      for (const name of ['neondb', 'd1abc', 'defaultdb', 'abc', 'verceldb', 'guest'])
        await admin.unsafe(`create database ${name}`)
      await admin.unsafe('create schema app')
    })
  })
  afterAll(async () => {
    for (const stop of stops) stop()
    await server.stop()
    rmSync(dir, { recursive: true })
  })

  /** The provider's string, leading to our server: its parameters stay as they are. */
  async function here(provider: string, text: string): Promise<string> {
    const place = isPooled(provider) ? await pooler(provider) : `localhost:${port}`
    const hosts = provider.startsWith('Patroni') ? `127.0.0.1:${await freePort()},${place}` : place
    return text
      .replace(':secret@', `:${password}@`)
      .replace(/(?<=@)[^/?]+(?=[/?]|$)/, hosts)
      .replace('/cloudsql/', `${dir}/`)
      .replace('global-bundle.pem', file('fixtures/tls/authority.crt'))
  }

  async function pooler(provider: string): Promise<string> {
    const own = await freePort()
    const ini = join(dir, `${own}.ini`)
    const users = ['owner', 'postgres.abcdefghijklmnop'].map((name) => `"${name}" "${password}"\n`).join('')
    writeFileSync(join(dir, 'users.txt'), users)
    const mode = provider.includes('session') ? 'session' : 'transaction'
    const ours =
      'search_path,statement_timeout,lock_timeout,idle_in_transaction_session_timeout,tcp_keepalives_idle,tcp_keepalives_interval,tcp_keepalives_count'
    writeFileSync(
      ini,
      `[databases]\n* = host=127.0.0.1 port=${port}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=${own}\nunix_socket_dir=
auth_type=plain\nauth_file=${join(dir, 'users.txt')}\npool_mode=${mode}\n${provider.startsWith('Neon') ? '' : `ignore_startup_parameters=${ours}`}
client_tls_sslmode=allow\nclient_tls_key_file=${join(dir, 'server.key')}\nclient_tls_cert_file=${join(dir, 'server.crt')}\n`,
    )
    for (const name of ['server.key', 'server.crt'])
      writeFileSync(join(dir, name), readFileSync(file(`fixtures/tls/${name}`)))
    spawnSync('chmod', ['-R', 'a+rX', dir])
    const isRoot = process.getuid?.() === 0
    const child = spawn(PGBOUNCER ?? '', [...(isRoot ? ['-u', 'nobody'] : []), ini], { stdio: 'ignore' })
    stops.push(() => void child.kill('SIGKILL'))
    await expect.poll(() => isOpen(own), { timeout: 20_000 }).toBe(true)
    return `localhost:${own}`
  }

  async function isOpen(at: number): Promise<boolean> {
    const socket = connect(at, '127.0.0.1')
    const opened = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    return opened
  }

  it('has lines', () => {
    expect(lines.length).toBeGreaterThan(20)
  })

  it.each(lines)('%s: %s: %s', async (provider, text, happens) => {
    if (isPooled(provider) && !PGBOUNCER) return expect(happens).toBeTruthy() // not run: there is no PgBouncer
    const port9 = provider.startsWith('Google') ? `&port=${port}` : ''
    if (provider === 'a standby alone') {
      const [row] = await withSql(server.url, (one) => one`select current_setting('data_directory') as data`)
      const data = String(row?.['data'])
      const { uid, gid } = statSync(data)
      writeFileSync(join(data, 'standby.signal'), '')
      spawnSync('chown', [`${uid}:${gid}`, join(data, 'standby.signal')])
      await server.restart()
    }
    try {
      const env = { DATABASE_URL: `${await here(provider, text)}${port9}`, TOKEN_ENCRYPTION_KEY: TEST_KEY }
      const { code, out, err } = await run('migrate', env)
      if (happens === 'works') expect([code, err]).toEqual([0, ''])
      else {
        expect([69, 78], out).toContain(code)
        expect((JSON.parse(err.split('\n')[0] ?? '') as { msg: string }).msg).toContain(happens)
      }
    } finally {
      if (provider === 'a standby alone') {
        const [row] = await withSql(server.url, (one) => one`select current_setting('data_directory') as data`)
        rmSync(join(String(row?.['data']), 'standby.signal'))
        await server.restart(['ssl=on', 'ssl_cert_file=server.crt', 'ssl_key_file=server.key'])
      }
    }
  })
})
