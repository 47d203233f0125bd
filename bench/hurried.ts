// `whoopster …` as bin/ starts it, but for its clock: HURRIED is `epoch,factor`; DIST is where the program is.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { createFetch } from '../src/whoop/fetch.ts'
import type { main } from '../src/main.ts'
import { hurriedClock } from './clock.ts'

const { env } = process
const built = async (file: string): Promise<unknown> => import(pathToFileURL(join(env.DIST ?? '', file)).href)
const program = (await built('main.cjs')) as { main: typeof main }
const whoop = (await built('whoop/fetch.cjs')) as { createFetch: typeof createFetch }
const [epoch = 0, factor = 1] = (env.HURRIED ?? '').split(',').map(Number)

process.exitCode = await program.main(process.argv.slice(2), {
  env,
  clock: hurriedClock(epoch, factor),
  fetch: whoop.createFetch(env),
  terminal: process,
  interrupted: new AbortController().signal,
  openBrowser: async () => false,
  machine: { directory: process.cwd(), runtime: `Node ${process.versions.node}`, freeBytes: async () => Infinity },
})
