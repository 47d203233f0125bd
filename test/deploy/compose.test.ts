import { readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { parseEnv } from 'node:util'
import { Ajv } from 'ajv'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { settings } from '../../src/config.ts'
import type { Env } from '../../src/world.ts'
import { newMember } from '../support/member.ts'
import { databaseUrl, freePort, startPostgres, withSql } from '../support/postgres.ts'
import { surroundings } from '../support/surroundings.ts'
import { expectFaithful } from '../support/truth.ts'
import { logIn, realClock, run } from '../support/world.ts'
import { makeImage, read } from './image.ts'

interface Service {
  image?: string
  entrypoint?: string[]
  command?: string[]
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  profiles?: string[]
  depends_on?: Record<string, { condition: string }>
  stop_grace_period?: string
  read_only?: boolean
  cap_drop?: string[]
}

const source = await read('docker-compose.yml')
const demo = parseEnv(await read('docker/demo.env')) as Env
const REQUIRED = [
  'POSTGRES_PASSWORD',
  'APP_DB_PASSWORD',
  'WHOOP_CLIENT_ID',
  'WHOOP_CLIENT_SECRET',
  'TOKEN_ENCRYPTION_KEY',
  'GRAFANA_DB_PASSWORD',
  'GRAFANA_ADMIN_PASSWORD',
]

describe('docker-compose.yml', () => {
  it('is as the compose specification says, down to the last key', () => {
    const require = createRequire(import.meta.url)
    const schema = JSON.parse(
      readFileSync(
        require.resolve('dclint/package.json').replace('package.json', 'schemas/compose.schema.json'),
        'utf8',
      ),
    ) as object
    const ajv = new Ajv({ strict: false, allErrors: true, formats: { duration: isDuration } })
    const check = ajv.compile({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' })
    check(parse(source, { merge: true }))
    expect(check.errors ?? []).toEqual([])
    const misspelt = parse(source.replaceAll('stop_grace_period', 'stop_grace_periot'), { merge: true }) as unknown
    expect(check(misspelt)).toBe(false) // or else nothing was checked
  })

  it.each(REQUIRED)('refuses to begin without %s', (name) => {
    expect(() => servicesWith(demo)).not.toThrow()
    expect(() => servicesWith({ ...demo, [name]: '' })).toThrow(name)
  })

  it('hands every setting on to the program', () => {
    const { environment = {} } = serviceOf(servicesWith(demo), 'scheduler')
    const unneeded = new Set(['WHOOP_AUTH_URL', 'WHOOP_TOKEN_URL', 'WHOOPSTER_DATA_DIR']) // follow from the others
    expect(Object.keys(environment).toSorted()).toEqual(
      Object.keys(settings)
        .filter((name) => !unneeded.has(name))
        .toSorted(),
    )
  })

  it('shows nothing to the network but on this machine', () => {
    const services = Object.values(servicesWith(demo))
    for (const port of services.flatMap(({ ports = [] }) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  it('gives the program no more than it needs, and time to finish', () => {
    const services = servicesWith(demo)
    for (const name of ['migrate', 'scheduler', 'whoopster', 'sandbox', 'demo']) {
      expect(serviceOf(services, name)).toMatchObject({ read_only: true, cap_drop: ['ALL'], stop_grace_period: '2m' })
    }
  })

  it('waits for the migration before anything reads or writes', () => {
    const services = servicesWith(demo)
    const waits = (name: string): boolean =>
      Object.entries(serviceOf(services, name).depends_on ?? {}).some(
        ([other, { condition }]) =>
          (other === 'migrate' && condition === 'service_completed_successfully') || waits(other),
      )
    for (const name of ['scheduler', 'grafana-user', 'grafana', 'whoopster', 'sandbox', 'demo']) {
      expect([name, waits(name)]).toEqual([name, true])
    }
  })

  it('mounts what is in the repository', async () => {
    const mounts = Object.values(servicesWith(demo)).flatMap(({ volumes = [] }) => volumes)
    const files = mounts.filter((mount) => mount.startsWith('./docker/')).map((mount) => mount.split(':')[0] ?? '')
    for (const file of files) await expect(read(file)).resolves.toBeDefined()
    for (const mount of mounts.filter((one) => one.startsWith('./'))) expect(mount).toMatch(/:ro$/)
  })
})

describe('its commands, as they stand', () => {
  it('migrate, and sync at the scheduler’s times', async () => {
    const member = await newMember({ days: 10, clock: realClock() })
    const services = servicesWith(demo)
    const env = { ...serviceOf(services, 'migrate').environment, ...member.env }
    const image = await makeImage('whoopster')
    const migrate = await image.run(serviceOf(services, 'migrate').command ?? [], env, ['whoopster'])
    expect(migrate).toMatchObject({ code: 0, err: '' })
    const { entrypoint = [], command = [] } = serviceOf(services, 'scheduler')
    const [schedule, every, from, ...program] = entrypoint
    expect([schedule, every, from]).toEqual(['whoopster-schedule', '15', '7']) // test/deploy/scheduler.test.ts
    expect(await image.run(command, env, program)).toMatchObject({ code: 0 })
    await expectFaithful(member.database, member.sandbox)
  })

  it('the demo’s sandbox, and its members’ logins', async () => {
    const port = await freePort()
    const services = servicesWith({ ...demo, WHOOP_API_BASE_URL: `http://127.0.0.1:${port}` })
    const { database } = await newMember({ days: 4, loggedIn: false })
    const image = await makeImage('whoopster')
    const sandbox = serviceOf(services, 'sandbox')
    const changes = new Map([
      ['8765', String(port)], // another test may have it
      ['365', '20'], // days: a year takes minutes
    ])
    const args = (sandbox.command ?? []).map((word) => changes.get(word) ?? word)
    expect(args).not.toEqual(sandbox.command)
    const env = { ...serviceOf(services, 'demo').environment, DATABASE_URL: database.url }
    const stop = image.start(args, env)
    await answers(port)
    const { command = [], entrypoint } = serviceOf(services, 'demo')
    expect(await image.run(command, env, entrypoint)).toMatchObject({ code: 0 })
    const members = await database.sql`
      select whoop_user_id from users where id in (select user_id from cycle_records) order by 1`
    expect(members.map(({ whoop_user_id: id }) => Number(id))).toEqual([10_001, 10_002, 10_003])
    expect(await stop()).toBe(0)
  })

  it('the program has a user of its own, and never PostgreSQL’s superuser', () => {
    for (const [name, { environment = {} }] of Object.entries(
      servicesWith({ ...demo, POSTGRES_PASSWORD: 'root-secret' }),
    )) {
      const isMaking = ['postgres', 'app-user', 'grafana-user'].includes(name)
      expect([name, JSON.stringify(environment).includes('root-secret')]).toEqual([name, isMaking])
    }
  })

  it.skipIf(spawnSync('psql', ['--version']).error)(
    'the program’s user syncs what the superuser had made before',
    async () => {
      const server = await startPostgres({ fresh: true })
      onTestFinished(() => server.stop())
      await withSql(server.url, (sql) => sql`create database whoopster`)
      const admin = databaseUrl(server.url, 'whoopster')
      const member = await newMember({ days: 10, loggedIn: false })
      const script = await read('docker/app-user.sql')
      const env = { ...process.env, APP_DB_USER: 'whoopster_app', APP_DB_PASSWORD: "it's secret" }
      const prepare = () => {
        const { status, stderr } = spawnSync('psql', ['--no-psqlrc', '--quiet', admin], {
          input: script,
          env,
          encoding: 'utf8',
        })
        expect([status, stderr]).toEqual([0, ''])
      }
      expect(await run('migrate', { DATABASE_URL: admin })).toMatchObject({ code: 0 }) // as earlier versions did
      prepare()
      const app = Object.assign(new URL(admin), { username: 'whoopster_app', password: "it's secret" }).href
      expect(await run('migrate --down 3 --yes', { DATABASE_URL: app })).toMatchObject({ code: 0, err: '' })
      prepare()
      expect(await run('migrate', { DATABASE_URL: app })).toMatchObject({ code: 0, err: '' })
      const mine = { ...member.env, DATABASE_URL: app }
      await logIn(member.sandbox, mine, { clock: member.clock })
      expect(await run('sync', mine, { clock: member.clock })).toMatchObject({ code: 0 })
      await withSql(admin, async (sql) => {
        const [row] = await sql`select rolsuper, rolcreaterole from pg_roles where rolname = 'whoopster_app'`
        expect(row).toEqual({ rolsuper: false, rolcreaterole: false })
        await sql.unsafe('set role whoopster_reader').simple()
        await expect(sql`create temporary table mine (a int)`).rejects.toThrow('permission denied')
      })
    },
  )

  it.skipIf(spawnSync('psql', ['--version']).error)('Grafana’s user may read, and nothing else', async () => {
    const { database } = await newMember({ days: 4, loggedIn: false })
    const suffix = new URL(database.url).pathname.slice(1)
    const [reader, user] = [`reader_${suffix}`, `grafana_${suffix}`]
    await database.sql.unsafe(`create role ${reader}; grant select on daily_summary to ${reader}`)
    const script = (await read('docker/grafana-user.sql')).replace('whoopster_reader', reader)
    const env = { ...surroundings, LC_ALL: 'C', GRAFANA_DB_USER: user, GRAFANA_DB_PASSWORD: "it's secret" }
    for (let times = 0; times < 2; times++) {
      const { status, stderr } = spawnSync('psql', ['--no-psqlrc', '--quiet', database.url], {
        input: script,
        env,
        encoding: 'utf8',
      })
      expect([status, stderr]).toEqual([0, ''])
    }
    const [row] = await database.sql`select pg_has_role(${user}, ${reader}, 'member') as member`
    expect(row?.['member']).toBe(true)
    await database.sql.unsafe(`drop owned by ${reader}, ${user}; drop role ${user}; drop role ${reader}`)
  })
})

/** The services with their variables filled in, as compose does it; throws for one that has to be set and is not. */
function servicesWith(env: Env): Record<string, Service> {
  const { services } = parse(source, { merge: true }) as { services: Record<string, Service> }
  return filled(services, env) as Record<string, Service>
}

function filled(value: unknown, env: Env): unknown {
  if (typeof value === 'string') {
    return value.replace(/\$\$|\$\{(\w+):([?-])([^}]*)\}/g, (whole, name: string, how: string, more: string) => {
      if (whole === '$$') return '$'
      if (how === '?' && !env[name]) throw new Error(`required variable ${name} is missing a value: ${more}`)
      return env[name] || more
    })
  }
  if (Array.isArray(value)) return value.map((one) => filled(one, env))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filled(one, env)]))
}

function serviceOf(services: Record<string, Service>, name: string): Service {
  const service = services[name]
  if (!service) throw new Error(`there is no service ${name}`)
  return service
}

async function answers(port: number): Promise<void> {
  while (
    !(await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    ))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function isDuration(text: string): boolean {
  return /^(\d+(us|ms|s|m|h))+$/.test(text)
}
