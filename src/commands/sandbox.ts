import { print, type AddCommand, type Cli } from './cli.ts'
import { WhoopsterError } from '../errors.ts'
import { readCount, readPort, readUserId } from './read.ts'

const REDIRECT_URI = 'http://localhost:8000/callback'

export const addSandbox: AddCommand = (program, cli) => {
  const sandbox = program
    .command('sandbox')
    .summary('serve a pretended WHOOP API on this machine')
    .description('Serve a WHOOP API v2 with invented members on this machine, to try things out without an account.')
    .option('--port <port>', 'listen here', readPort, 8765)
    .option('--days <n>', 'days of history', readCount, 365)
    .option('--members <n>', 'invented members', readCount, 3)
    .option('--seed <n>', 'the same seed makes the same members', readCount, 1)
    .addHelpText('after', '\nExample:\n  $ whoopster sandbox --days 30')
    .action((options) => serve(cli, options))

  sandbox
    .command('consent')
    .description('Allow, on a sandbox, what a consent URL asks for; print the URL that the browser is sent to.')
    .argument('<url>', 'what `whoopster auth url` has printed, quoted')
    .option('--member <id>', 'as this invented member', readUserId, 10_001)
    .addHelpText(
      'after',
      '\nExample:\n  $ whoopster auth complete "$(whoopster sandbox consent "$(whoopster auth url)")"',
    )
    .action((url, { member }) => allow(cli, url, member))
}

/** For where there is no browser. WHOOP itself asks a person, and its page has no such button. */
async function allow(cli: Cli, url: string, member: number): Promise<void> {
  if (!URL.canParse(url) || !['localhost', '127.0.0.1'].includes(new URL(url).hostname)) {
    throw new WhoopsterError('usage', 'This is not the address of a sandbox, which is always on this machine.', {
      hint: 'open it in a browser; to use a sandbox, set WHOOP_API_BASE_URL to its address',
    })
  }
  const { consent } = await import('../sandbox/browser.ts')
  const redirected = await consent(url, { member }).catch((cause: unknown) => {
    throw new WhoopsterError('unavailable', `No sandbox answered at this address: ${String(cause)}`, {
      hint: 'is it what whoopster auth url has printed? does whoopster sandbox run?',
      cause,
    })
  })
  print(cli, redirected)
}

/** Runs until it is interrupted. */
async function serve(cli: Cli, options: { port: number; days: number; members: number; seed: number }): Promise<void> {
  const { startSandbox } = await import('../sandbox/index.ts')
  const { clock, env, interrupted } = cli.world
  const redirectUri = env['WHOOP_REDIRECT_URI'] || REDIRECT_URI
  const sandbox = await startSandbox({ ...options, redirectUris: [redirectUri], now: () => clock.now() }).catch(
    (cause: unknown) => {
      throw new WhoopsterError('usage', `The sandbox cannot listen on port ${options.port}: ${String(cause)}`, {
        hint: 'choose another one with --port',
        cause,
      })
    },
  )
  sandbox.world.faults.onRequest = () => sandbox.world.advanceTo(clock.now()) // their lives go on
  print(cli, '# A pretended WHOOP with invented members. Use it in another terminal with:')
  print(cli, 'export DATABASE_URL= WHOOPSTER_DATA_DIR=/tmp/whoopster-sandbox # away from your own data')
  print(cli, `export WHOOP_API_BASE_URL=${sandbox.url}`)
  print(cli, `export WHOOP_CLIENT_ID=${sandbox.clientId}`)
  print(cli, `export WHOOP_CLIENT_SECRET=${sandbox.clientSecret}`)
  print(cli, `export WHOOP_REDIRECT_URI=${redirectUri}`)
  cli.log.info('serving until Ctrl-C', { url: sandbox.url })
  await new Promise((resolve) => interrupted.addEventListener('abort', resolve))
  await sandbox.close()
}
