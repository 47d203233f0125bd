// The whole command line in this process: real PostgreSQL, real sockets, a clock that stands still until it is slept on.
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { main } from '../../src/main.ts'
import type { Sandbox } from '../../src/sandbox/index.ts'
import type { Answer, Clock, Env, Fetch, FetchInit, Terminal, World } from '../../src/world.ts'
import { secrets } from './secrets.ts'

export const TEST_KEY = Buffer.alloc(32, 'whoopster test key').toString('base64')

export interface Ran {
  code: number
  out: string
  err: string
  /** What was slept, in milliseconds. */
  slept: number[]
}

export interface RunOptions {
  /** It prints the sandbox's secret, which is none. */
  isPublic?: true
  clock?: TestClock
  fetch?: Fetch
  /** Typed at the prompt; giving it makes the streams a terminal. */
  stdin?: PassThrough
  isTTY?: boolean
  /** A terminal that can be drawn on, not only written to. */
  isScreen?: boolean
  columns?: number
  interrupted?: AbortSignal
  /** Told everything that is printed, as it is printed. */
  heard?: (text: string) => void
  openBrowser?: World['openBrowser']
  machine?: Partial<World['machine']>
}

export interface TestClock extends Clock {
  slept: number[]
  /** How far PostgreSQL's clock is ahead of this one. */
  serverAheadMs: number
  set(time: Date | string): void
  pass(ms: number): void
}

/** Time passes by being slept, and never by itself. */
export function createClock(start: Date | string = '2026-11-22T10:20:00Z'): TestClock {
  let now = new Date(start).getTime()
  const slept: number[] = []
  const clock: TestClock = {
    slept,
    serverAheadMs: 0,
    now: () => new Date(now),
    ofServer: () => new Date(now + clock.serverAheadMs),
    sleep: async (ms) => {
      slept.push(ms)
      now += ms
    },
    timeout: (ms) => AbortSignal.timeout(Math.min(ms, 2_000)), // nothing here waits on purpose for longer
    set: (time) => {
      now = new Date(time).getTime()
    },
    pass: (ms) => {
      now += ms
    },
  }
  return clock
}

/** For what shares its time with a process of its own. */
export function realClock(): TestClock {
  const slept: number[] = []
  return {
    slept,
    serverAheadMs: 0,
    now: () => new Date(),
    ofServer: (time) => time,
    sleep: async (ms, signal) => {
      slept.push(ms)
      await sleep(ms, undefined, signal ? { signal } : {}).catch(() => {})
    },
    timeout: (ms) => AbortSignal.timeout(ms),
    set: refuse,
    pass: refuse,
  }
}

function refuse(): never {
  throw new Error('real time cannot be set')
}

/** The environment of a member who uses `sandbox` as WHOOP, and this database. */
export function envFor(sandbox: Sandbox, databaseUrl: string): Env {
  return {
    DATABASE_URL: databaseUrl,
    TOKEN_ENCRYPTION_KEY: TEST_KEY,
    WHOOP_API_BASE_URL: sandbox.url,
    WHOOP_CLIENT_ID: sandbox.clientId,
    WHOOP_CLIENT_SECRET: sandbox.clientSecret,
    MAX_REQUESTS_PER_MINUTE: '100000',
  }
}

/** `run('sync --type sleep', env)`; every run is searched for secrets in what it prints. */
export async function run(line: string | readonly string[], env: Env, options: RunOptions = {}): Promise<Ran> {
  const clock = options.clock ?? createClock()
  const isTTY = options.isTTY ?? options.isScreen ?? options.stdin !== undefined
  const printed = { out: '', err: '' }
  const output = (name: 'out' | 'err') => {
    const plain = {
      isTTY,
      columns: options.columns ?? 80,
      write: (text: string) => {
        printed[name] += text
        options.heard?.(text)
        return true
      },
    }
    const drawn = () => true
    return options.isScreen
      ? Object.assign(new EventEmitter(), plain, { cursorTo: drawn, moveCursor: drawn, clearLine: drawn })
      : plain
  }
  const stdin: Terminal['stdin'] = Object.assign(options.stdin ?? new PassThrough().end(), { isTTY })
  const args = typeof line === 'string' ? line.split(' ').filter(Boolean) : line
  const sleptBefore = clock.slept.length
  const code = await main(args, {
    env,
    clock,
    fetch: listening(options.fetch ?? builtInFetch),
    terminal: { stdin, stdout: output('out'), stderr: output('err') },
    interrupted: options.interrupted ?? new AbortController().signal,
    hold: () => () => {},
    openBrowser: options.openBrowser ?? (async () => false),
    machine: { ...machine, ...options.machine },
  })
  for (const name of ['WHOOP_CLIENT_SECRET', 'TOKEN_ENCRYPTION_KEY']) secrets.add(env[name] ?? '')
  if (!options.isPublic) expectNoSecrets(printed.out + printed.err)
  return { code, ...printed, slept: clock.slept.slice(sleptBefore) }
}

/** With nothing in its working directory, and space enough. */
export const machine: World['machine'] = {
  directory: '/nowhere',
  program: { node: '/usr/bin/node', script: '/usr/local/bin/whoopster' },
  runtime: 'Node 20.19.0, linux x64',
  freeBytes: async () => 50e9,
}

/** Logs a member in as a person would; the clock decides how old the login is. */
export async function logIn(
  sandbox: Sandbox,
  env: Env,
  options: RunOptions & { member?: number; grant?: string[] } = {},
): Promise<Ran> {
  const { out } = await run('auth url', env, options)
  const { member, grant } = options
  const redirected = await sandbox.consent(out.trim(), {
    ...(member === undefined ? {} : { member }),
    ...(grant === undefined ? {} : { grant }),
  })
  return run(['auth', 'complete', redirected], env, options)
}

export function expectNoSecrets(text: string): void {
  const leaked = [...secrets].filter((secret) => secret.length >= 8 && text.includes(secret))
  expect(leaked, `secrets in what was printed:\n${text}`).toEqual([])
}

const SECRET_FIELDS = ['access_token', 'refresh_token', 'client_secret', 'code', 'code_verifier']

/** Learns the secrets of the token endpoint from the wire. */
function listening(fetch: Fetch): Fetch {
  return async (url, init) => {
    for (const field of SECRET_FIELDS) learn(new URLSearchParams(init.body ?? '').get(field))
    learn(init.headers['authorization']?.replace('Bearer ', ''))
    const answer = await fetch(url, init)
    if (init.method !== 'POST') return answer
    const text = await answer.text()
    for (const field of SECRET_FIELDS) learn(new RegExp(`"${field}":\\s*"([^"]+)"`).exec(text)?.[1])
    return { status: answer.status, headers: answer.headers, text: async () => text }
  }
}

function learn(secret: string | null | undefined): void {
  if (secret) secrets.add(secret)
}

/** The built-in one, which nock can see. */
export async function builtInFetch(url: string, init: FetchInit): Promise<Answer> {
  return fetch(url, init)
}
