import { join } from 'node:path'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readCount } from './read.ts'

export const addDemo: AddCommand = (program, cli) => {
  program
    .command('demo')
    .summary('see it at work, without an account')
    .description(
      'See it at work without an account: invented members, a real login, a first sync into an embedded PostgreSQL.',
    )
    .option('--days <n>', 'days of history', readCount, 365)
    .option('--seed <n>', 'the same seed makes the same member', readCount, 1)
    .addHelpText('after', '\nExample:\n  $ whoopster demo --days 730')
    .action((options) => demonstrate(cli, options))
}

/** The commands a member would type, against the sandbox; the database stays, to be looked at. */
async function demonstrate(cli: Cli, { days, seed }: { days: number; seed: number }): Promise<void> {
  const [{ rm }, { startSandbox }, { dataDirectory }, { main }] = await Promise.all([
    import('node:fs/promises'),
    import('../sandbox/index.ts'),
    import('../db/connect.ts'),
    import('../main.ts'),
  ])
  const { world } = cli
  const home = dataDirectory(
    { DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: world.env['WHOOPSTER_DATA_DIR'] },
    world.env,
  )
  const dir = join(home, 'demo')
  await rm(dir, { recursive: true, force: true })
  const sandbox = await startSandbox({ days, seed, now: () => world.clock.now() })
  const env = {
    ...world.env,
    DATABASE_URL: undefined,
    WHOOPSTER_DATA_DIR: dir,
    WHOOP_API_BASE_URL: sandbox.url,
    WHOOP_AUTH_URL: undefined,
    WHOOP_TOKEN_URL: undefined,
    WHOOP_CLIENT_ID: sandbox.clientId,
    WHOOP_CLIENT_SECRET: sandbox.clientSecret,
    WHOOP_REDIRECT_URI: undefined,
  }
  let output = ''
  const captured = { ...world.terminal, stdout: { write: (text: string) => (output += text) } }
  const run = async (args: string[], terminal = world.terminal) => {
    const code = await main(args, { ...world, env, terminal })
    if (code !== 0) cli.exit(code)
    return code === 0
  }
  const step = (text: string) => print(cli, `\n$ whoopster ${text}`)
  try {
    step('auth url')
    if (!(await run(['auth', 'url', '--quiet'], captured))) return
    const consentUrl = output.trim()
    print(cli, consentUrl)
    const redirected = await sandbox.consent(consentUrl)
    step(`auth complete '${redirected.slice(0, redirected.indexOf('=') + 1)}…'`)
    if (!(await run(['auth', 'complete', redirected]))) return
    step('sync')
    if (!(await run(['sync']))) return
    step('stats')
    if (!(await run(['stats']))) return
  } finally {
    await sandbox.close()
  }
  print(cli, `The demo's database is in ${dir}: look again with`)
  print(cli, `  WHOOPSTER_DATA_DIR=${dir} whoopster stats`)
  print(cli, 'Serve invented members for longer:  whoopster sandbox')
  print(cli, 'Your own data:                      whoopster auth')
}
