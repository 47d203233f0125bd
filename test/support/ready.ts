// The embedded database, made and migrated: to make one takes seconds of work, to copy one a moment.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { run } from './world.ts'

let made: Promise<string> | undefined // once a process

/** A folder for WHOOPSTER_DATA_DIR, where it has been made by `whoopster migrate`. Whoever takes it removes it. */
export async function readyDirectory(): Promise<string> {
  made ??= make()
  const original = await made
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-ready-')) // for its owner alone, as the program makes it
  await cp(join(original, 'postgres'), join(dir, 'postgres'), { recursive: true })
  return dir
}

/** The run's end removes it. */
async function make(): Promise<string> {
  const dir = await mkdtemp(join(inject('runDirectory'), 'embedded-'))
  const { code, err } = await run('migrate', { WHOOPSTER_DATA_DIR: dir })
  if (code === 0) return dir
  await rm(dir, { recursive: true })
  throw new Error(err)
}
