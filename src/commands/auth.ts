import { canAsk, print, printJson, refuseCommand, tell, type AddCommand, type Cli } from './cli.ts'
import { READERS_WAIT_MS } from '../db/connection/directory.ts'
import { confirm } from './confirm.ts'
import { readConfig, tokenSettings, whoopSettings } from '../config.ts'
import { readUserId } from './read.ts'
import { LostTokens, WhoopsterError } from '../errors.ts'
import type { LoggedIn, LoginDependencies } from '../login/consent.ts'
import type { Printed } from './json.ts'
import type { Session } from '../login/session.ts'
import { harmless } from '../terminal/safe.ts'
import { MINUTE_MS } from '../time.ts'
import type { OAuth } from '../whoop/oauth.ts'

export const addAuth: AddCommand = (program, cli) => {
  const auth = program
    .command('auth')
    .summary('log a member in, or manage logins')
    .description('Log a WHOOP member in: in the browser, or by pasting the redirected URL.')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster auth\n  $ whoopster auth url                # without a terminal or a browser\n' +
        "  $ whoopster auth complete 'http://localhost:8000/callback?code=…&state=…'",
    )
    .allowExcessArguments()
    .action(async (_options, command) => {
      if (command.args.length > 0) refuseCommand(command)
      requireTerminal(cli)
      const ready = await withApp(cli)
      await withLogin(ready, (dependencies) => logIn(ready, dependencies))
    })

  auth
    .command('url')
    .description('Print the consent URL and stop; `auth complete` finishes that login within ten minutes.')
    .addHelpText('after', '\nExample:\n  $ whoopster auth url')
    .action(() =>
      withLogin(cli, async (dependencies) => {
        const { beginLogin } = await import('../login/consent.ts')
        const { url } = await beginLogin(dependencies)
        print(cli, url)
        cli.log.info("open it, allow, then run: whoopster auth complete 'the URL you were redirected to'")
      }),
    )

  auth
    .command('complete')
    .description('Finish the login with the URL that WHOOP redirected to.')
    .argument('<url>', 'the whole address, quoted')
    .addHelpText('after', "\nExample:\n  $ whoopster auth complete 'http://localhost:8000/callback?code=…&state=…'")
    .action((url) =>
      withLogin(cli, async (dependencies) => {
        const { completeLogin } = await import('../login/consent.ts')
        welcome(cli, await completeLogin(dependencies, url))
      }),
    )

  auth
    .command('status')
    .description('Show who is logged in, with which scopes, and until when; changes nothing.')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ whoopster auth status')
    .action(({ json }) => showLogins(cli, json))

  auth
    .command('logout')
    .description('Revoke every login at WHOOP and forget the tokens; the records stay.')
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--yes', 'log everybody out without asking')
    .addHelpText('after', '\nExample:\n  $ whoopster auth logout --user 10129')
    .action((options) => logOut(cli, options))

  auth
    .command('keygen')
    .description('Print a new TOKEN_ENCRYPTION_KEY.')
    .addHelpText('after', '\nExample:\n  $ echo "TOKEN_ENCRYPTION_KEY=$(whoopster auth keygen)" >> .env')
    .action(async () => {
      const { newKey } = await import('../db/seal.ts')
      print(cli, newKey())
    })
}

/** Before anything is made for it. */
function requireTerminal({ world }: Cli): void {
  if (canAsk(world)) return
  readConfig(world.env, [...whoopSettings, ...tokenSettings]) // says where to read how an app is registered
  throw new WhoopsterError('usage', 'A login here needs a terminal.', {
    hint: 'without one: whoopster auth url, then: whoopster auth complete <url>',
  })
}

/** The first minute: who has no app yet is told, on a terminal, how to get one. */
async function withApp(cli: Cli): Promise<Cli> {
  const { lacksApp, registerApp } = await import('./register.ts')
  return lacksApp(cli) ? registerApp(cli) : cli
}

async function withLogin(cli: Cli, work: (dependencies: LoginDependencies) => Promise<void>): Promise<void> {
  const { withEverything } = await import('./open.ts')
  await withEverything(cli, { autoMigrate: true, isLogin: true }, (opened) => work({ ...opened, log: cli.log }))
}

/** Whatever comes first: the browser on the redirect URI, or the URL pasted at the prompt. */
async function logIn(cli: Cli, dependencies: LoginDependencies): Promise<void> {
  const { terminal, openBrowser } = cli.world
  const { beginLogin, completeLogin, LOGIN_MINUTES } = await import('../login/consent.ts')
  const { url, state } = await beginLogin(dependencies)
  const callback = await listen(cli, dependencies.config.WHOOP_REDIRECT_URI, state)
  const done = new AbortController()
  try {
    const opened = callback ? await openBrowser(url) : false
    tell(cli.world, opened ? inYourBrowser(url) : onAnyMachine(url, callback !== undefined))
    const waits = [pasted(cli, callback !== undefined, done.signal), expiry(cli, LOGIN_MINUTES, done.signal)]
    const redirected = await Promise.race(callback ? [...waits, callback.arrived] : waits)
    terminal.stderr.write('\n')
    welcome(cli, await completeLogin(dependencies, redirected))
  } finally {
    done.abort()
    callback?.close()
  }
}

function inYourBrowser(url: string): string {
  return (
    `Your browser shows WHOOP's consent page:\n\n  ${url}\n\n` +
    'Allow, then come back here, or paste the address you were redirected to.\n'
  )
}

/** Only a browser of this machine reaches the listener. */
function onAnyMachine(url: string, isListening: boolean): string {
  return (
    `Open WHOOP's consent page, in a browser of any machine:\n\n  ${url}\n\n` +
    (isListening
      ? 'Allow. On this machine that is all. On another one, the page after it will not load: ' +
        'copy its address from the address bar, and paste it here.\n'
      : 'Allow. The page after it will not load: copy its address from the address bar, and paste it here.\n')
  )
}

/** Without the listener, pasting is left. */
async function listen(cli: Cli, redirectUri: string, state: string) {
  const { listenForCallback } = await import('../login/callback.ts')
  const unclear = () =>
    cli.log.warn('A refusal came without the state of this login: from WHOOP, or from any web page. Still waiting.', {
      hint: 'if your browser came from WHOOP, paste its address here; else go on',
    })
  return listenForCallback(redirectUri, state, unclear).catch((error: unknown) => {
    if (!(error instanceof WhoopsterError)) throw error
    cli.log.warn(error.message)
    return undefined
  })
}

/** What is pasted, once it can be a redirected URL. */
async function pasted({ world, log }: Cli, browserMayCome: boolean, done: AbortSignal): Promise<string> {
  const [{ readRedirect }, { ask }] = await Promise.all([import('../login/consent.ts'), import('../terminal/ask.ts')])
  const accept = (line: string) => {
    try {
      readRedirect(line)
      return true
    } catch (error) {
      if (!(error instanceof WhoopsterError) || error.reason !== 'usage') return true // WHOOP's own no is for later
      log.warn(error.message, { hint: error.hint })
      return false
    }
  }
  return new Promise((resolve, reject) => {
    const closed = () => {
      world.terminal.stderr.write('\n')
      if (browserMayCome) log.info('nothing can be pasted any more; still waiting for the browser. Ctrl-C ends it')
      else reject(new WhoopsterError('login', 'Nothing was pasted.', { hint: 'begin again: whoopster auth' }))
    }
    ask(world.terminal, 'Redirected URL: ', done, { accept, closed }).then(resolve, reject)
  })
}

async function expiry({ world }: Cli, minutes: number, done: AbortSignal): Promise<never> {
  await world.clock.sleep(minutes * MINUTE_MS, AbortSignal.any([done, world.interrupted]))
  world.interrupted.throwIfAborted()
  throw new WhoopsterError('login', `Nobody came back from WHOOP within ${minutes} minutes.`, {
    hint: 'begin again: whoopster auth',
  })
}

function welcome(cli: Cli, { profile, missing, refused }: LoggedIn): void {
  const name = harmless([profile.firstName, profile.lastName].filter(Boolean).join(' '))
  print(cli, `Logged in: ${name ? `${name}, ` : ''}WHOOP user ${profile.whoopUserId}. Next: whoopster sync`)
  for (const { type, error } of refused) {
    cli.log.warn(`${type} was granted, but could not be read: ${error.message}`, { hint: error.hint ?? undefined })
  }
  if (missing.length === 0) {
    if (refused.length === 0) cli.log.info('WHOOP was asked once for each type, and gives all of them.')
    return
  }
  cli.log.warn(`WHOOP did not grant everything; this cannot be synced: ${missing.join(', ')}`, {
    hint: 'tick every read scope for the app at developer.whoop.com, and on the consent page; then run: whoopster auth',
  })
}

async function showLogins(cli: Cli, json: true | undefined): Promise<void> {
  const { world } = cli
  const [{ readConfig, tokenSettings }, { withDatabase }, { requireSchema }, { loadLogins }, { clockOf }, open] =
    await Promise.all([
      import('../config.ts'),
      import('../db/connection/index.ts'),
      import('../db/migrate.ts'),
      import('../db/tokens.ts'),
      import('../db/clock.ts'),
      import('./open.ts'),
    ])
  const config = readConfig(world.env, tokenSettings)
  open.requireDatabase(config, world.env)
  await withDatabase(
    config,
    world.env,
    async (database) => {
      await requireSchema(database.db)
      const logins = await loadLogins(database.db)
      if (json && logins.length === 0) printJson(cli, { users: [] } satisfies Printed<'auth status'>)
      await open.requireMembers(database)
      const keys = await open.keysOf(database, config, world.env)
      const [{ keyId }, { stateOf }] = await Promise.all([import('../db/seal.ts'), import('../status.ts')])
      const now = (await clockOf(database.db, world.clock)).now()
      const users = logins.map((login, index) => {
        const position = keys.findIndex((key) => keyId(key) === login.sealedUnder)
        return {
          whoopUserId: login.whoopUserId,
          name: login.name || null,
          member: index + 1,
          login: stateOf(login, now),
          expiresAt: login.expiresAt,
          scopes: login.scopes,
          refusedScopes: login.refusedScopes,
          sealedUnder: { key: SEALED[Math.min(position, 1) + 1] ?? 'not set', id: login.sealedUnder ?? null },
        }
      })
      if (json) return printJson(cli, { users } satisfies Printed<'auth status'>)
      const { drawLogins } = await import('../terminal/logins.ts')
      print(cli, drawLogins(users, now, world.terminal.stdout))
    },
    world.interrupted,
    { patienceMs: READERS_WAIT_MS },
  )
}

const SEALED = ['not set', 'current', 'older'] as const // by the place of the key among those that are set

async function logOut(cli: Cli, { user, yes }: { user?: number | undefined; yes?: true | undefined }): Promise<void> {
  const [{ requireMembers, withEverything }, { createSession }, { createOAuth }, { forgetTokens }] = await Promise.all([
    import('./open.ts'),
    import('../login/session.ts'),
    import('../whoop/oauth.ts'),
    import('../db/tokens.ts'),
  ])
  await withEverything(cli, { autoMigrate: true }, async ({ database, keys, config, world }) => {
    const oauth = createOAuth(config, world)
    const members = await requireMembers(database, user, user === undefined ? oauth.clientId : undefined)
    if (user === undefined) {
      const ids = members.map(({ whoopUserId }) => whoopUserId).join(', ')
      await confirm(cli, `This ends the login of everybody here: WHOOP user ${ids}. The records stay.`, yes)
    }
    for (const member of members) {
      const session = createSession({ ...world, log: cli.log, database, keys, oauth, member })
      const ended = await revoke(session, oauth).catch((error: unknown) => {
        throw stillLoggedIn(member.whoopUserId, error)
      })
      await forgetTokens(database.db, member)
      print(cli, `WHOOP user ${member.whoopUserId}: login ${ended} and forgotten here; the records stay.`)
    }
  })
}

async function revoke(session: Session, oauth: OAuth): Promise<string> {
  try {
    const token = await session.token()
    await oauth.revoke(token).catch(async (error: unknown) => {
      // WHOOP may refuse an access token before its time, and then takes the next one.
      const renewed = hasEnded(error) ? await session.renew(token) : undefined
      if (renewed === undefined) throw error
      await oauth.revoke(renewed)
    })
    return 'revoked at WHOOP'
  } catch (error) {
    if (hasEnded(error)) return 'already ended at WHOOP'
    throw error
  }
}

function stillLoggedIn(whoopUserId: number, error: unknown): unknown {
  if (!(error instanceof WhoopsterError)) return error
  const message = `WHOOP user ${whoopUserId} is still logged in, at WHOOP and here: ${error.message}`
  const again = `run it again later: whoopster auth logout --user ${whoopUserId}`
  const hint = error.reason === 'settings' && error.hint ? error.hint : again // time mends no key
  return new WhoopsterError(error.reason, message, { hint, cause: error })
}

function hasEnded(error: unknown): boolean {
  return error instanceof WhoopsterError && error.reason === 'login' && !(error instanceof LostTokens)
}
