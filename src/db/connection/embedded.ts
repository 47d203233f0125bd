import { createServer, connect } from 'node:net'
import { statSync } from 'node:fs'
import { mkdir, readFile, rm, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PGlite } from '@electric-sql/pglite'
import { WhoopsterError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { toTheMinute } from '../../time.ts'
import { holdsDatabase, makeDirectory, requireUsable, shelter } from './directory.ts'
import { codeOf } from './failure.ts'
import { unpackPrepared } from './prepared.ts'

export interface Embedded {
  /** A socket for postgres.js that speaks to the database inside this process. */
  socket(): Duplex
  close(): Promise<void>
}

/** How an embedded database is opened. */
export interface Opening {
  /** Told that one is being made, which takes seconds. */
  log?: Pick<Log, 'info'>
  /** How long another process is waited for that has it. */
  patienceMs?: number
}

/** PGlite in `dir`, which is this process's alone until it is closed: two at once corrupt the files in silence. */
export async function openEmbedded(dir: string, { log, patienceMs = 0 }: Opening = {}): Promise<Embedded> {
  makeDirectory(dir)
  requireUsable(dir)
  const unlock = await lockDirectory(dir, patienceMs)
  try {
    if (!holdsDatabase(dir)) log?.info(`making an embedded PostgreSQL in ${dir}: once, and it takes some seconds`)
    const data = join(dir, 'postgres')
    await unpackPrepared(data)
    const { PGlite } = await import('@electric-sql/pglite')
    await requireMajor(dir)
    await mkdir(data, { recursive: true, mode: 0o700 })
    await shelter(dir)
    const database = await PGlite.create(data)
    return {
      socket: () => new PgliteSocket(database),
      close: async () => {
        try {
          await database.close()
          await shelter(dir)
        } finally {
          await unlock()
        }
      },
    }
  } catch (cause) {
    await unlock()
    if (cause instanceof WhoopsterError) throw cause
    throw new WhoopsterError('unavailable', `The embedded database in ${dir} does not open: ${wordsOf(cause)}`, {
      hint: isAboutMemory(cause)
        ? 'it takes about 400 MB: give it more, or set DATABASE_URL to a server'
        : 'is the disk full, or the directory from another version? move it away to start anew',
      cause,
    })
  }
}

/** WebAssembly asks for address space at once; V8 says it in several ways. */
function isAboutMemory(cause: unknown): boolean {
  return cause instanceof Error && /could not allocate memory|out of memory/i.test(cause.message)
}

/** PostgreSQL's major version in the PGlite that package.json pins: another one does not read its files. */
export const EMBEDDED_MAJOR = 18

/** The whoopster that still reads the files of an older major. When one is taken, what comes to an end is added here. */
const readersOf: Readonly<Record<number, string>> = {}

/** Refuses a directory that another major has written, before PGlite touches it. */
async function requireMajor(dir: string): Promise<void> {
  const text = await readFile(join(dir, 'postgres', 'PG_VERSION'), 'utf8').catch(() => undefined)
  const major = Number.parseInt(text ?? '', 10)
  if (Number.isNaN(major) || major === EMBEDDED_MAJOR) return
  const reader = readersOf[major]
  const old = reader ? `npx whoopster@${reader}` : 'whoopster, in the version that made it,'
  throw new WhoopsterError(
    'settings',
    `The embedded database in ${dir} was written by PostgreSQL ${major}; this whoopster has ${EMBEDDED_MAJOR}, which does not ` +
      'read it. Nothing was changed.',
    {
      hint:
        major > EMBEDDED_MAJOR
          ? 'use the newer whoopster that wrote it'
          : `with ${old} run: whoopster archive --out whoop.zip; move the directory away; then, with this one: whoopster restore whoop.zip`,
    },
  )
}

const NO_SPACE = new Set([28, 51]) // ENOSPC by Linux's count and by WebAssembly's
const NO_FILES = new Set([24, 33, 23, 41]) // EMFILE and ENFILE, likewise

/** PGlite's file system throws plain objects with a number. */
function wordsOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return String(cause)
  const number = 'errno' in cause ? Math.abs(Number(cause.errno)) : undefined // Node's own are negative
  if (number !== undefined && NO_SPACE.has(number)) return 'no disk space is left'
  if (number !== undefined && NO_FILES.has(number)) return 'this process may open no more files (ulimit -n)'
  return cause instanceof Error ? cause.message : JSON.stringify(cause)
}

/** Empties the database in `dir`, unless somebody is using it; what else lies there stays. */
export async function resetEmbedded(dir: string): Promise<void> {
  makeDirectory(dir)
  requireUsable(dir)
  const unlock = await lockDirectory(dir)
  try {
    for (const ours of ['postgres', 'postgres.new', 'token.key'])
      await rm(join(dir, ours), { recursive: true, force: true })
  } finally {
    await unlock()
  }
}

/**
 * Two sockets guard the directory. A Linux abstract one is freed by the kernel the moment its process ends, and nobody
 * races for it; but it is unknown to another container. The file is known to all, and one that nobody answers is left
 * over from a process that died.
 */
async function lockDirectory(dir: string, patienceMs = 0): Promise<() => Promise<void>> {
  const { dev, ino } = statSync(dir)
  const isLinux = statSync('/proc/self/ns/net', { throwIfNoEntry: false }) !== undefined
  const file = join(dir, 'lock')
  const name = `\0whoopster:${dev}:${ino}`
  const first = isLinux ? await listen(name) : async () => {}
  const second = first && file.length < LONGEST_SOCKET_PATH ? await listenOnFile(file) : async () => {}
  if (first && second) return async () => void (await Promise.all([first(), second()]))
  await first?.()
  if (patienceMs > 0) {
    await sleep(POLL_MS)
    return lockDirectory(dir, patienceMs - POLL_MS)
  }
  const holder = (isLinux && (await holderOf(name))) || (await holderOf(file))
  const who =
    holder === undefined ? 'Another whoopster' : `Another whoopster (process ${holder.pid}, since ${holder.since})`
  throw new WhoopsterError('busy', `${who} is using the embedded database in ${dir}.`, {
    hint: 'try again when it has ended, or set DATABASE_URL: a PostgreSQL server takes many at once',
  })
}

const POLL_MS = 100
const LONGEST_SOCKET_PATH = 100 // of the kernel's 108 bytes

async function listenOnFile(path: string): Promise<(() => Promise<void>) | undefined> {
  try {
    const unlock = await listen(path)
    if (unlock || (await answers(path))) return unlock
    await unlink(path)
    return await listen(path)
  } catch (error) {
    if (!NO_SOCKETS.has(codeOf(error) ?? '')) throw error
    return lockByPulse(`${path}.pulse`) // exFAT, CIFS, a folder that a desktop shares with a container
  }
}

const NO_SOCKETS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL'])
const PULSE_MS = 10_000
const DEAD_MS = 120_000 // WebAssembly that is busy lets no timer run

/** For file systems without sockets: a file that is touched while its owner lives. Undefined when somebody else's is. */
export async function lockByPulse(path: string): Promise<(() => Promise<void>) | undefined> {
  if (!(await create(path))) {
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0 }
    if (Date.now() - mtimeMs < DEAD_MS) return undefined
    await rm(path, { force: true })
    if (!(await create(path))) return undefined
  }
  const pulse = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => {}), PULSE_MS)
  pulse.unref()
  return async () => {
    clearInterval(pulse)
    await rm(path, { force: true })
  }
}

async function create(path: string): Promise<boolean> {
  try {
    await writeFile(path, '', { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function listen(address: string): Promise<(() => Promise<void>) | undefined> {
  return new Promise((resolve, reject) => {
    const since = toTheMinute(new Date())
    const server = createServer((socket) => {
      socket.on('error', () => {}) // who asked may be gone
      socket.end(`${process.pid} ${since}`) // for the message to who finds it locked
    })
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(address, () => {
      server.unref()
      resolve(() => new Promise((closed) => server.close(() => closed())))
    })
  })
}

const ANSWER_MS = 1_000 // WebAssembly that is busy lets nobody answer

/** Who listens there, as far as it says so in time. */
function holderOf(address: string): Promise<{ pid: string; since: string } | undefined> {
  return new Promise((resolve) => {
    let said = ''
    const socket = connect(address)
    const end = () => {
      clearTimeout(patience)
      socket.destroy()
      const [, pid, since] = /^(\d+) ([\d :-]+UTC)$/.exec(said) ?? []
      resolve(pid && since ? { pid, since } : undefined)
    }
    const patience = setTimeout(end, ANSWER_MS)
    socket.on('data', (chunk) => (said += String(chunk)))
    socket.once('error', end)
    socket.once('end', end)
  })
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const TERMINATE = 0x58

/** Carries PostgreSQL's wire protocol between postgres.js and PGlite: whole messages in, answers out. */
class PgliteSocket extends Duplex {
  readonly readyState = 'open'
  readonly #database: PGlite
  #pending: Buffer = Buffer.alloc(0)
  #started = false // the first message has no type byte

  constructor(database: PGlite) {
    super({ writableHighWaterMark: Number.MAX_SAFE_INTEGER }) // there is no network to wait for
    this.#database = database
  }

  connect(): this {
    queueMicrotask(() => this.emit('connect'))
    return this
  }

  setKeepAlive(): void {}

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    const messages = this.#takeMessages(chunk)
    if (messages.length === 0) return done()
    if (messages[0] === TERMINATE) {
      this.push(null)
      done()
      this.end()
      return
    }
    void this.#answer(messages, done)
  }

  async #answer(messages: Buffer, done: (error?: Error) => void): Promise<void> {
    try {
      const answer = await this.#database.execProtocolRaw(messages)
      if (answer.length > 0) this.push(Buffer.from(answer))
      done()
    } catch (error) {
      if (error instanceof Error && !('errno' in error)) return done(error)
      done(
        new WhoopsterError('unavailable', `The embedded database cannot go on: ${wordsOf(error)}`, {
          hint: 'nothing that was committed is lost: make room for it, and run it again',
          cause: error,
        }),
      )
    }
  }

  /** The complete messages at the front of what has come so far. */
  #takeMessages(chunk: Buffer): Buffer {
    this.#pending = Buffer.concat([this.#pending, chunk])
    let taken = 0
    for (;;) {
      const header = this.#started ? 1 : 0
      if (this.#pending.length < taken + header + 4) break
      const length = this.#pending.readInt32BE(taken + header) + header
      if (this.#pending.length < taken + length) break
      taken += length
      this.#started = true
    }
    const messages = this.#pending.subarray(0, taken)
    this.#pending = this.#pending.subarray(taken)
    return messages
  }
}
