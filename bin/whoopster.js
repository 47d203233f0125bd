#!/usr/bin/env node
// CommonJS, like the bundle: Node's loader of ES modules alone takes longer than reading the command line.
const { accessSync, closeSync, fstatSync, openSync, readFileSync, writeSync } = require('node:fs')
const { setTimeout: sleep } = require('node:timers/promises')
const { parseEnv } = require('node:util')
const { logFor, main, whyOf } = require('../dist/main.cjs')

const FIRST_NODE = 20
const LAST_NODE = 26

const needsNothing =
  process.argv[2] === 'completion' || // a shell asks for it wherever it begins
  process.argv.slice(2).some((arg) => ['-h', '--help', 'help', '-V', '--version'].includes(arg))
const env = { ...(needsNothing ? {} : dotenv()), ...process.env }
const interruption = new AbortController()
let fetch
let unwritten
let held = 0
let impatience

for (const [signal, code] of [
  ['SIGHUP', 129], // a dropped SSH session
  ['SIGINT', 130],
  ['SIGQUIT', 131],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => {
    if (interruption.signal.aborted && signal === 'SIGINT') {
      if (held === 0) process.exit(code)
      impatience = code
      process.stderr.write('warn: a login is being renewed; its new tokens are stored first\n')
    }
    interruption.abort(code)
  })
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error) => {
    if (error.code === 'EPIPE') return // `whoopster stats | head` has read enough
    unwritten = whyOf(error) // a full disk, for instance
  })
}

process.exitCode = 70 // until main says otherwise: nothing may end in the middle and pass for success
void run()

async function run() {
  const code = await main(process.argv.slice(2), {
    env,
    clock: {
      now: () => new Date(),
      ofServer: (time) => time,
      sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
      timeout: (ms) => AbortSignal.timeout(ms),
    },
    fetch: async (url, init) => {
      fetch ??= loadFetch()
      return fetch(url, init)
    },
    terminal: process,
    interrupted: interruption.signal,
    hold,
    collectSoon: () => withV8(collectSoon),
    openBrowser: (url) => require('./browser.js').openBrowser(url, env, process.platform),
    machine: {
      directory: workingDirectory(),
      program: { node: process.execPath, script: process.argv[1] },
      runtime: `Node ${process.versions.node}, ${process.platform} ${process.arch}`,
      freeBytes: async (folder) => {
        const { bavail, bsize } = await require('node:fs/promises').statfs(folder)
        return bavail * bsize
      },
    },
  })
  process.exitCode = code
  process.on('exit', () => {
    if (!unwritten || code !== 0) return
    process.exitCode = 78
    complain(
      env,
      `What was to be printed could not be written: ${unwritten}`,
      'make room, or write it to another place',
    )
  })
  if (interruption.signal.aborted) process.exit(code) // whatever still waits has been given up
}

function hold() {
  held++
  return () => {
    held--
    if (impatience !== undefined && held === 0) process.exit(impatience)
  }
}

/** Loaded when something is asked of WHOOP: from then on, pages come and go until the process ends. */
function loadFetch() {
  withV8(compileOnce)
  withV8(collectSoon)
  return require('../dist/whoop/fetch.cjs').createFetch(env)
}

/** V8 complains on stderr of a flag that it does not know: only those get them that the tests have run on. */
function withV8(tune) {
  const [major] = process.versions.node.split('.').map(Number)
  if (major >= FIRST_NODE && major <= LAST_NODE) tune(require('node:v8').setFlagsFromString)
}

/**
 * undici's HTTP parser is WebAssembly. To compile it anew, as well as V8 can, takes a tenth of a second and 30 MB after a
 * few answers, which is more than all the parsing in ten years of pages.
 */
function compileOnce(set) {
  set('--no-wasm-tier-up')
  set('--no-wasm-dynamic-tiering')
}

/** What has come and gone is collected soon: ten years, or thousands of members, take little more memory than a month of one. */
function collectSoon(set) {
  set('--semi-space-growth-factor=1')
  set('--heap-growing-percent=20')
}

/** The working directory's `.env`; the environment itself comes first. */
function dotenv() {
  let file // a directory of that name cannot be read, either
  try {
    file = openSync('.env', 'r')
    const stranger = strangerTo(fstatSync(file))
    if (stranger) return refuse(`.env in this directory is not read: ${stranger.reason}`, stranger.hint)
    return parseEnv(readFileSync(file, 'utf8').replace(/^\uFEFF/, '')) // an editor's mark is no part of the first name
  } catch (error) {
    if (error.code === 'ENOENT') return {}
    if (error.code === 'EACCES' && !isFileHere('.env')) return {} // the directory is somebody else's: `sudo -u` from /root
    return refuse(
      `.env in this directory cannot be read: ${whyOf(error)}`,
      'mend it, or run whoopster in another directory',
    )
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** What the program's own log would say, which has not begun, or has ended. */
function complain(env, msg, hint) {
  const { isTTY, columns } = process.stderr
  const stderr = { isTTY, columns, write: writeAtOnce }
  const world = { env, clock: { now: () => new Date() }, terminal: { stderr } }
  logFor(process.argv.slice(2), world).error(msg, { reason: 'settings', hint })
}

function writeAtOnce(text) {
  try {
    writeSync(2, text)
  } catch {} // stderr is full, too: the exit code is left
}

/** Who may write it can have the login sent elsewhere. A group of one's own has the number of its user. */
function strangerTo({ uid, gid, mode }) {
  const me = process.getuid?.()
  if (me === undefined) return undefined
  if (uid !== me && uid !== 0)
    return { reason: `it belongs to another user (${uid}).`, hint: `look at it, then: chown ${me} .env` }
  if ((mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== uid))
    return { reason: 'others may write to it.', hint: 'look at it, then: chmod 600 .env' }
  return undefined
}

function refuse(message, hint) {
  complain(process.env, message, hint)
  return process.exit(78)
}

/** As far as we may know. */
function isFileHere(name) {
  try {
    accessSync(name)
    return true
  } catch {
    return false
  }
}

/** A directory that has been removed has no name. */
function workingDirectory() {
  try {
    return process.cwd()
  } catch {
    return '.'
  }
}
