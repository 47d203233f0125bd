import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { WhoopsterError, whyOf } from './errors.ts'
import type { Output } from './world.ts'

/** Where lines go: not faster than they can be taken. */
export interface Sink {
  write(data: string | Uint8Array): Promise<void>
  /** Nobody reads any more, and wants no more. */
  closed(): boolean
}

export function toOutput(output: Output, interrupted: AbortSignal): Sink {
  let goOn: (() => void) | undefined
  let isGone = false
  let trouble: Error | undefined
  output.on?.('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') trouble = error // a full disk, for instance
    goOn?.()
  })
  output.on?.('drain', () => goOn?.())
  output.on?.('close', () => {
    isGone = true // `| head` has read enough; stdout itself forgets that
    goOn?.()
  })
  interrupted.addEventListener('abort', () => goOn?.())
  return {
    write: async (data) => {
      if (trouble) throw notPrinted(trouble)
      if (data.length === 0 || output.write(data) !== false || !output.on) return
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    },
    closed: () => trouble === undefined && (isGone || output.writable === false),
  }
}

function notPrinted(cause: Error): WhoopsterError {
  return new WhoopsterError('settings', `What was to be printed could not be written: ${whyOf(cause)}`, {
    hint: 'make room, or write it to another place',
    cause,
  })
}

/** A file that is there when it is whole. It holds somebody's health: only its owner may read it. */
export async function writeFileWhole(path: string, work: (sink: Sink) => Promise<void>): Promise<void> {
  const draft = `${path}.part`
  try {
    await rm(draft, { force: true }) // left over, or a link that somebody has put there
    const file = await open(draft, 'wx', 0o600)
    try {
      await work({
        write: async (content) => {
          await file.writeFile(content) // from where the last ended
        },
        closed: () => false,
      })
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {}) // why it could not be written is the news
    throw isFileTrouble(cause) ? cannotWrite(path, cause) : cause
  }
}

export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw cannotWrite(folder, cause)
  })
}

export function fileIn(folder: string, name: string): string {
  return join(folder, name)
}

function isFileTrouble(cause: unknown): boolean {
  return cause instanceof Error && 'syscall' in cause && 'code' in cause && 'errno' in cause && !('address' in cause)
}

function cannotWrite(path: string, cause: unknown): WhoopsterError {
  return new WhoopsterError('settings', `${path} cannot be written: ${whyOf(cause)}`, {
    hint: 'name another folder with --out, or make room',
    cause,
  })
}
