// The program as it is installed, in a world whose clock runs faster: SPEED times, since EPOCH (ms). What takes WHOOP's
// minutes then takes seconds, with real processes, sockets and signals.
import { setTimeout as sleep } from 'node:timers/promises'
import { main } from '../../dist/main.cjs'
import { createFetch } from '../../dist/whoop/fetch.cjs'

const speed = Number(process.env.SPEED)
const epoch = Number(process.env.EPOCH)
const interruption = new AbortController()
process.on('SIGTERM', () => interruption.abort(143))

process.exitCode = await main(process.argv.slice(2), {
  env: process.env,
  clock: {
    now: () => new Date(epoch + (Date.now() - epoch) * speed),
    ofServer: (time) => new Date(epoch + (time.getTime() - epoch) * speed),
    sleep: (ms, signal) => sleep(ms / speed, undefined, { signal }).catch(() => {}),
    timeout: (ms) => AbortSignal.timeout(ms), // a busy machine is no faster
  },
  fetch: createFetch(process.env),
  terminal: process,
  interrupted: interruption.signal,
  hold: () => () => {},
  openBrowser: async () => false,
})
