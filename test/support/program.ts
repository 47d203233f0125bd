// The program as it is installed, in a process of its own; what it prints is searched for secrets.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { surroundings } from './surroundings.ts'
import { expectNoSecrets } from './world.ts'

const installed = fileURLToPath(new URL('../../bin/whoopster.js', import.meta.url))

export interface Running {
  child: ChildProcess
  /** The exit code; null when a signal ended it. */
  ended: Promise<{ code: number | null; out: string; err: string }>
}

export function startProgram(
  args: readonly string[],
  env: Record<string, string | undefined>,
  { cwd = inject('emptyDirectory'), program = installed }: { cwd?: string; program?: string } = {},
): Running {
  const child = spawn(process.execPath, [program, ...args], { cwd, env: { ...surroundings, ...env } })
  const printed = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (printed.out += String(chunk)))
  child.stderr.on('data', (chunk) => (printed.err += String(chunk)))
  const ended = once(child, 'close').then(([code]) => {
    expectNoSecrets(printed.out + printed.err)
    return { code: code as number | null, ...printed }
  })
  return { child, ended }
}
