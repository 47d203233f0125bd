import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { readConfig, tokenSettings, whoopSettings } from '../config.ts'
import { codeOf } from '../db/connection/failure.ts'
import { failure, WhoopsterError, whyOf } from '../errors.ts'
import type { AddCommand, Cli } from './cli.ts'
import { readPort } from './read.ts'

export const addListen: AddCommand = (program, cli) => {
  program
    .command('listen')
    .summary('take what WHOOP tells by webhook, and sync at once')
    .description(
      'Take the events that WHOOP sends when a sleep, a recovery or a workout changes, and sync that member at once. It ' +
        'runs until it is stopped, behind whatever gives it a public https address, and needs a PostgreSQL server. Keep the ' +
        'schedule: WHOOP loses events, and tells nothing of cycles and body measurements.',
    )
    .option('--port <port>', 'listen here', readPort, 8080)
    .option('--host <address>', 'on this address of the machine', '127.0.0.1')
    .addHelpText('after', '\nExample:\n  $ whoopster listen --port 8080')
    .action((options) => listen(cli, options))
}

async function listen(cli: Cli, { host, port }: { host: string; port: number }): Promise<void> {
  const { world, log } = cli
  const config = readConfig(world.env, [...whoopSettings, ...tokenSettings])
  if (!config.DATABASE_URL) {
    throw new WhoopsterError(
      'settings',
      'To listen takes a PostgreSQL server: only one process can use the embedded one.',
      {
        hint: 'set DATABASE_URL, or go without: whoopster sync, every quarter of an hour',
      },
    )
  }
  const [
    { withEverything },
    { syncMember },
    { keepTold, loadTold },
    { createHandOver },
    { createWebhookServer },
    { createStore },
    { createSyncer },
  ] = await Promise.all([
    import('./open.ts'),
    import('./sync.ts'),
    import('../db/events.ts'),
    import('../listen/handover.ts'),
    import('../listen/server.ts'),
    import('../listen/store.ts'),
    import('../listen/syncer.ts'),
  ])
  const { WHOOP_CLIENT_ID: app, WHOOP_CLIENT_SECRET: secret } = config
  const { clock, interrupted } = world
  const store = createStore((work) =>
    withEverything(cli, { autoMigrate: true }, ({ database }) => work((asked) => database.pipelined(asked))),
  )
  const waiting = (whoopUserId?: number) => store.ask((db) => loadTold(db, app, whoopUserId))
  const syncer = createSyncer({
    sync: (whoopUserId) => syncMember({ ...cli, quiet: true }, whoopUserId),
    isWaiting: async (whoopUserId) => (await waiting(whoopUserId)).length > 0,
    clock,
    log,
    interrupted,
  })
  const keep = createHandOver((events) => store.ask((db) => keepTold(db, app, events)), syncer.notice)
  const probe = () => store.ask((db) => db.execute('select 1'))
  const server = createWebhookServer({ secret, clock, log, keep, probe })
  server.listen(port, host)
  await once(server, 'listening').catch((cause: unknown) => {
    throw cannotListen(host, port, cause)
  })
  try {
    log.info('listening until Ctrl-C', { url: urlOf(server.address() as AddressInfo) })
    // What an earlier listener took, and could not ask for.
    await waiting().then(
      (members) => members.forEach(syncer.notice),
      (error: unknown) => {
        log.warn('PostgreSQL does not answer yet; until it does, WHOOP is told to send again', {
          reason: failure(error).message,
        })
      },
    )
    if (!interrupted.aborted) await new Promise((resolve) => interrupted.addEventListener('abort', resolve))
  } finally {
    const closed = once(server, 'close')
    server.close() // and what is under way is answered
    await Promise.all([closed, syncer.settled()])
    await store.close()
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

function cannotListen(host: string, port: number, cause: unknown): WhoopsterError {
  const isTaken = codeOf(cause) === 'EADDRINUSE'
  return new WhoopsterError('settings', `whoopster cannot listen on port ${port} of ${host}: ${whyOf(cause)}.`, {
    hint: isTaken
      ? 'perhaps another whoopster listen; or take another one: --port'
      : 'choose another with --host or --port',
    cause,
  })
}
