import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { World } from '../world.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readCount } from './read.ts'

export const addDemo: AddCommand = (program, cli) => {
  program
    .command('demo')
    .summary('see it at work, without an account')
    .description(
      'See it at work without an account: invented members, a real login, a first sync into an embedded PostgreSQL, an import of the journal.',
    )
    .option('--days <n>', 'days of history', readCount, 365)
    .option('--seed <n>', 'the same seed makes the same member', readCount, 1)
    .addHelpText('after', '\nExample:\n  $ whoopster demo --days 730')
    .action((options) => demonstrate(cli, options))
}

/** The commands a member would type, against the sandbox; the database stays, to be looked at. */
async function demonstrate(cli: Cli, { days, seed }: { days: number; seed: number }): Promise<void> {
  const [{ resetEmbedded }, { startSandbox }, { dataDirectory }, { unknownSettings }] = await Promise.all([
    import('../db/connection/embedded.ts'),
    import('../sandbox/index.ts'),
    import('../db/connection/directory.ts'),
    import('../config.ts'),
  ])
  const { world } = cli
  const home = dataDirectory(
    { DATABASE_URL: undefined, WHOOPSTER_DATA_DIR: world.env['WHOOPSTER_DATA_DIR'] },
    world.env,
  )
  const dir = join(home, 'demo')
  await resetEmbedded(dir)
  const sandbox = await startSandbox({ days, seed, limits: 'none', now: () => world.clock.now() })
  const mistyped = unknownSettings(world.env).map(({ name }) => [name, undefined] as const) // no matter of the demo's
  const env = {
    ...world.env,
    ...Object.fromEntries(mistyped),
    DATABASE_URL: undefined,
    WHOOPSTER_DATA_DIR: dir,
    WHOOP_API_BASE_URL: sandbox.url,
    WHOOP_AUTH_URL: undefined,
    WHOOP_TOKEN_URL: undefined,
    WHOOP_CLIENT_ID: sandbox.clientId,
    WHOOP_CLIENT_SECRET: sandbox.clientSecret,
    WHOOP_REDIRECT_URI: undefined,
    TOKEN_ENCRYPTION_KEY: undefined,
    MAX_REQUESTS_PER_MINUTE: '100000', // there is no limit to wait for
    LOG_LEVEL: 'warn',
  }
  let output = ''
  const captured = { ...world.terminal, stdout: { write: (text: string) => (output += text) } }
  const run = async (args: string[], terminal = world.terminal) => {
    const code = await cli.run(args, { ...world, env, terminal })
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
    step('import my_whoop_data.zip')
    const { exportZip } = await import('../sandbox/export.ts')
    const zip = join(dir, 'my_whoop_data.zip')
    await writeFile(zip, exportZip(sandbox.world.export()))
    if (!(await run(['import', zip]))) return
    step('stats')
    if (!(await run(['stats']))) return
    step('stats --type journal')
    if (!(await run(['stats', '--type', 'journal']))) return
    step('report')
    const report = join(dir, 'report.html')
    if (!(await run(['report', '--out', report, ...(hasScreen(world) ? ['--open'] : [])]))) return
  } finally {
    await sandbox.close()
  }
  const whoopster = world.env['npm_lifecycle_event'] ? 'npx whoopster' : 'whoopster' // npm run demo: it is not on the PATH
  print(cli, 'Look at this database again, or serve invented members for longer, or begin with your own data:')
  print(cli, `  DATABASE_URL= WHOOPSTER_DATA_DIR=${dir} \\\n    ${whoopster} stats`) // one command, also on a narrow terminal
  print(cli, `  ${whoopster} sandbox`)
  print(cli, `  ${whoopster} auth`)
}

/** Somebody is at the keyboard, and has a screen that shows more than a terminal. */
export function hasScreen({
  env,
  terminal,
  machine,
}: Pick<World, 'env' | 'terminal'> & { machine: Pick<World['machine'], 'runtime'> }): boolean {
  const isThere =
    terminal.stdin.isTTY === true && terminal.stdout.isTTY === true && !env['CI'] && !env['SSH_CONNECTION']
  return isThere && (Boolean(env['DISPLAY'] || env['WAYLAND_DISPLAY']) || GRAPHIC.test(machine.runtime))
}

const GRAPHIC = /, (darwin|win32) /
