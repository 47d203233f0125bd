// Programs as processes of their own, from spawn to exit.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'

export type Env = Readonly<Record<string, string | undefined>>

export interface Ended {
  out: string
  ms: number
}

/** Where no `.env` is. */
const nowhere = mkdtempSync(join(tmpdir(), 'whoopster-bench-'))
process.once('exit', () => rmSync(nowhere, { recursive: true, force: true }))

const WHOOPSTER = resolve('bin/whoopster.js')

/** The command line that starts `whoopster …`. */
export function whoopster(line: string): string[] {
  return [WHOOPSTER, ...line.split(' ')]
}

/** Runs Node with these arguments; throws what it printed unless it ends with 0. */
export async function run(node: string, args: readonly string[], env: Env = {}): Promise<Ended> {
  const { out, ms } = await start(node, args, env, 'ignore')
  return { out, ms }
}

/** The peak of its resident memory, in MiB. */
export async function peakOf(node: string, args: readonly string[], env: Env = {}): Promise<number> {
  const { third } = await start(node, ['-r', resolve('bench/peak.cjs'), ...args], env, 'pipe')
  return Number(third) / 1024
}

async function start(node: string, args: readonly string[], env: Env, third: 'ignore' | 'pipe') {
  const startedAt = performance.now()
  const child = spawn(node, args, {
    cwd: nowhere,
    env: { ...inherited(), ...env },
    stdio: ['ignore', 'pipe', 'pipe', third],
  })
  const exit = once(child, 'exit').then(([code]) => ({
    code: code as number | null,
    ms: performance.now() - startedAt,
  }))
  const [{ code, ms }, ...printed] = await Promise.all([exit, ...[1, 2, 3].map((fd) => read(child.stdio[fd]))])
  const [out = '', err = '', peak = ''] = printed
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${err}`)
  return { out, ms, third: peak }
}

/** Nothing that would make a start slower, `node -e 0`'s above all: reading NODE_EXTRA_CA_CERTS takes it as long again. */
function inherited(): Env {
  const { PATH, HOME } = process.env
  return { PATH, HOME }
}

function read(stream: unknown): Promise<string> {
  return stream ? text(stream as Readable) : Promise.resolve('')
}
