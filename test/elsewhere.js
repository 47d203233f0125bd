// The tests on a machine that is not like yours: `node test/elsewhere.js [vitest's arguments]`, part of `npm run test:long`.
// A plain user, the first time zone of the day, another language, a strange terminal, a shell full of settings, a hostile
// .env, the usual ports taken; and, where libfaketime is installed, a year from now.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const root = dirname(import.meta.dirname)
const YEAR = '+365d'
const PORTS = [3000, 5432, 8000, 8001, 8080, 18_471, 18_472, 18_473]

/** Each of them would change what the program does, or send it to somebody else. */
const hostile = {
  DATABASE_URL: 'mysql://nobody@127.0.0.1:1/hostile',
  HEALTHCHECK_URL: 'http://127.0.0.1:1/hostile',
  LOG_LEVEL: 'hostile',
  LOG_FORMAT: 'hostile',
  MAX_REQUESTS_PER_MINUTE: 'hostile',
  TOKEN_ENCRYPTION_KEY: 'hostile',
  WHOOP_API_BASE_URL: 'http://127.0.0.1:1',
  WHOOP_AUTH_URL: 'http://127.0.0.1:1',
  WHOOP_TOKEN_URL: 'http://127.0.0.1:1',
  WHOOP_CLIENT_ID: '',
  WHOOP_CLIENT_SECRET: '',
  WHOOP_REDIRECT_URI: 'hostile',
  WHOOPSTER_DATA_DIR: '/dev/null/hostile',
}

const home = mkdtempSync(join(tmpdir(), 'whoopster-elsewhere-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))
let vitest
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => (vitest ? vitest.kill(signal) : process.exit(1))) // it tidies up first
}
process.exitCode = await main()

async function main() {
  const repository = join(home, 'a copy') // with a space in its name
  copyRepository(repository)
  writeFileSync(join(repository, '.env'), lines(hostile))
  writeFileSync(join(home, '.env'), lines(hostile))
  for (const port of PORTS) await occupy(port)
  const user = plainUser()
  if (user.uid !== undefined) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, home])

  const clock = fakeClock()
  const strange = { TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', LANGUAGE: 'tr' }
  const terminal = { TERM: 'xterm-256color', COLUMNS: '37', LINES: '9', FORCE_COLOR: '3' }
  const account = { PATH: process.env.PATH, HOME: home, USER: 'elsewhere', TMPDIR: tmpdir() }
  const env = { ...hostile, PGUSER: 'hostile', PGDATABASE: 'hostile', ...strange, ...terminal, ...account, ...clock }
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)]
  vitest = spawn(process.execPath, args, { cwd: repository, env, stdio: 'inherit', ...user })
  const [code] = await once(vitest, 'close')
  return code ?? 1
}

/** What git knows or would take, and what npm has put there. */
function copyRepository(target) {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  const files = String(listed)
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(root, file)))
  for (const path of [...files, 'node_modules']) {
    cpSync(join(root, path), join(target, path), { recursive: true, verbatimSymlinks: true })
  }
}

/** Root may read and bind everything, and so hides what others stumble over. */
function plainUser() {
  if (process.getuid?.() !== 0) return {}
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const nobody = users.find(([name]) => name === 'nobody')
  if (nobody) return { uid: Number(nobody[2]), gid: Number(nobody[3]) }
  console.warn('not run: there is no user nobody, so this is what root sees')
  return {}
}

/** The environment in which every program lives a year later. */
function fakeClock() {
  const { stdout, error } = spawnSync('faketime', ['-f', YEAR, 'env'], { encoding: 'utf8' })
  const library = /^LD_PRELOAD=(.+)$/m.exec(stdout ?? '')?.[1]
  if (error || !library) {
    console.warn('not run: no faketime, so this is still this year')
    return {}
  }
  return { LD_PRELOAD: library, FAKETIME: YEAR, FAKETIME_DONT_FAKE_MONOTONIC: '1' }
}

/** Whoever has it already is as good. */
async function occupy(port) {
  const server = createServer((socket) => socket.destroy())
  server.listen(port, '127.0.0.1')
  await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => {})
  server.unref()
}

function lines(settings) {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
