import { print, type AddCommand, type Cli } from './cli.ts'
import { codeOf } from '../db/connection/failure.ts'
import { WhoopsterError, whyOf } from '../errors.ts'
import { harmlessLines } from '../terminal/safe.ts'
import { languages, type Language } from '../sandbox/languages.ts'
import { readCount, readOneOf, readPort, readUserId } from './read.ts'

const REDIRECT_URI = 'http://localhost:8000/callback'

export const addSandbox: AddCommand = (program, cli) => {
  const sandbox = program
    .command('sandbox')
    .summary('serve a simulated WHOOP API on this machine')
    .description('Serve a WHOOP API v2 with invented members on this machine, to try things out without an account.')
    .option('--port <port>', 'listen here', readPort, 8765)
    .option('--days <n>', 'days of history', readCount, 365)
    .option('--members <n>', 'invented members', readCount, 3)
    .option('--seed <n>', 'the same seed makes the same members', readCount, 1)
    .option('--webhook <url>', 'tell this address what changes, as WHOOP does: whoopster listen')
    .option('--webhook-secret <secret>', 'sign with this, and not with the client secret')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster sandbox --days 30\n  $ whoopster sandbox --webhook http://127.0.0.1:8080/webhook',
    )
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

  sandbox
    .command('export')
    .description(
      "Write an invented member's export, journal and all, as WHOOP sends it by mail; for: whoopster import.",
    )
    .requiredOption('--out <file>', 'the ZIP to write')
    .option(
      '--language <language>',
      `of its file names, headings and questions: ${languages.join(', ')}`,
      readOneOf(languages),
      'en',
    )
    .option('--member <id>', 'whose export', readUserId, 10_001)
    .addHelpText(
      'after',
      '\nWith --days and --seed as of the sandbox itself.\n\nExample:\n  $ whoopster sandbox export --days 365 --out my_whoop_data.zip',
    )
    .action((options) => writeExport(cli, { ...sandbox.opts(), ...options }))
}

interface ExportFlags {
  out: string
  language: Language
  member: number
  days: number
  seed: number
}

/** The ZIP that WHOOP would send this member by mail. */
async function writeExport(cli: Cli, { out, language, member, days, seed }: ExportFlags): Promise<void> {
  const [{ createWorld, exportZip }, { writeFileWhole }] = await Promise.all([
    import('../sandbox/index.ts'),
    import('../files.ts'),
  ])
  const members = member - FIRST_MEMBER + 1
  if (members < 1 || members > MOST_MEMBERS) {
    throw new WhoopsterError('usage', `The sandbox has no member ${member}.`, {
      hint: `they are ${FIRST_MEMBER}, ${FIRST_MEMBER + 1}, …`,
    })
  }
  const world = createWorld({ days, seed, members, now: cli.world.clock.now() })
  const zip = exportZip(world.export(member), language)
  await writeFileWhole(out, (sink) => sink.write(zip))
  if (!cli.quiet) print(cli, `${out}  ${zip.length.toLocaleString('en')} bytes`)
}

const FIRST_MEMBER = 10_001
const MOST_MEMBERS = 1000

/** For where there is no browser. WHOOP itself asks a person, and its page has no such button. */
async function allow(cli: Cli, url: string, member: number): Promise<void> {
  if (!URL.canParse(url) || !['localhost', '127.0.0.1'].includes(new URL(url).hostname)) {
    throw new WhoopsterError('usage', 'This is not the address of a sandbox, which is always on this machine.', {
      hint: 'open it in a browser; to use a sandbox, set WHOOP_API_BASE_URL to its address',
    })
  }
  const { consent } = await import('../sandbox/browser.ts')
  const redirected = await consent(url, { member }).catch((cause: unknown) => {
    const [, refusal] = /answered \d+: ([^]*)/.exec(cause instanceof Error ? cause.message : '') ?? []
    if (refusal !== undefined) {
      throw new WhoopsterError('usage', `The sandbox refuses this address: ${refusal.replaceAll(/\s+/g, ' ').trim()}`, {
        hint: 'start it with the same WHOOP_REDIRECT_URI as whoopster auth url: it is registered there as it is then',
      })
    }
    throw new WhoopsterError('unavailable', `No sandbox answered at this address: ${whyOf(cause)}`, {
      hint: 'is it what whoopster auth url has printed? does whoopster sandbox run?',
      cause,
    })
  })
  print(cli, redirected)
}

interface ServeFlags {
  port: number
  days: number
  members: number
  seed: number
  webhook?: string | undefined
  webhookSecret?: string | undefined
}

const LIVES_ON_MS = 5_000 // where somebody is told of it; else when somebody looks

/** Runs until it is interrupted. */
async function serve(cli: Cli, { webhook: url, webhookSecret: secret, ...options }: ServeFlags): Promise<void> {
  if (url !== undefined && !(URL.canParse(url) && /^https?:/.test(url))) {
    throw new WhoopsterError('usage', '--webhook is the address of a listener, such as http://127.0.0.1:8080/webhook.')
  }
  const webhook =
    url === undefined ? undefined : { url, seed: options.seed, ...(secret === undefined ? {} : { secret }) }
  const { startSandbox } = await import('../sandbox/index.ts')
  const { clock, env, interrupted } = cli.world
  const redirectUri = env['WHOOP_REDIRECT_URI'] || REDIRECT_URI
  const sandbox = await startSandbox({
    ...options,
    ...(webhook && { webhook }),
    redirectUris: [redirectUri],
    now: () => clock.now(),
  }).catch((cause: unknown) => {
    const isTaken = codeOf(cause) === 'EADDRINUSE'
    throw new WhoopsterError('usage', `The sandbox cannot listen on port ${options.port}: ${whyOf(cause)}.`, {
      hint: isTaken
        ? `perhaps another sandbox; or take another one: --port ${options.port + 1}`
        : 'choose another one with --port',
      cause,
    })
  })
  sandbox.world.faults.onRequest = () => sandbox.world.advanceTo(clock.now()) // their lives go on
  const lines = [
    '# A simulated WHOOP of invented members.',
    '# Paste this into another terminal;',
    '# it leads away from your own data, too:',
    'export DATABASE_URL= WHOOPSTER_DATA_DIR=/tmp/whoopster-sandbox',
    `export WHOOP_API_BASE_URL=${sandbox.url}`,
    `export WHOOP_CLIENT_ID=${sandbox.clientId}`,
    `export WHOOP_CLIENT_SECRET=${sandbox.clientSecret}`,
    `export WHOOP_REDIRECT_URI=${redirectUri}`,
  ]
  cli.world.terminal.stdout.write(`${harmlessLines(lines.join('\n'))}\n`) // not wrapped: a shell takes each line for a command
  cli.log.info('serving until Ctrl-C', { url: sandbox.url })
  const living = webhook && setInterval(() => sandbox.world.advanceTo(clock.now()), LIVES_ON_MS)
  await new Promise((resolve) => interrupted.addEventListener('abort', resolve))
  clearInterval(living)
  await sandbox.close()
}
