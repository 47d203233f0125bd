import type { Readable } from 'node:stream'

/** Everything outside of the program. `bin/` makes the real one, tests make theirs; nothing else touches `process`. */
export interface World {
  env: Env
  clock: Clock
  fetch: Fetch
  terminal: Terminal
  /** Aborted by SIGHUP, SIGINT, SIGQUIT and SIGTERM; its reason is the exit code. */
  interrupted: AbortSignal
  /** From here on until what it returns is called, not even Ctrl-C for the second time ends the process. */
  hold: () => () => void
  /** From here on rows come and go: what has gone is worth no memory. A world that only tests has nothing to do. */
  collectSoon?: () => void
  /** Shows an address in the member's browser; false when there is none. */
  openBrowser: (url: string) => Promise<boolean>
  machine: Machine
}

/** What is looked at when something is wrong. */
export interface Machine {
  /** The working directory, where `.env` is. */
  directory: string
  /** How this program is started, as absolute paths. */
  program: { node: string; script: string }
  /** `Node 20.20.2, linux x64` */
  runtime: string
  /** What is left on the disk that a folder is on. */
  freeBytes: (folder: string) => Promise<number>
}

export type Env = Readonly<Record<string, string | undefined>>

export interface Clock {
  now: () => Date
  /** What a time of PostgreSQL's clock is in this world: the same, unless the world has made up a time of its own. */
  ofServer: (time: Date) => Date
  /** Ends early, without an error, when the signal is aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>
  /** A signal that is aborted after so many milliseconds. */
  timeout: (ms: number) => AbortSignal
}

export interface Terminal {
  stdin: Readable & { isTTY?: boolean }
  stdout: Output
  stderr: Output
}

export interface Output {
  isTTY?: boolean
  columns?: number
  /** False once nobody reads any more. */
  writable?: boolean
  /** False when it would rather not have more before it has drained. */
  write(data: string | Uint8Array): unknown
  on?(event: 'drain' | 'close' | 'error', listener: (error: Error) => void): unknown
}

/** As much of `fetch` as is used: undici's and the built-in type do not fit each other. */
export type Fetch = (url: string, init: FetchInit) => Promise<Answer>

export interface FetchInit {
  method: string
  headers: Record<string, string>
  body?: string
  signal: AbortSignal
  redirect?: 'manual'
}

export interface Answer {
  status: number
  headers: { get(name: string): string | null }
  text(): Promise<string>
}
