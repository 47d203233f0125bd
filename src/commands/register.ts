import { readConfig } from '../config.ts'
import { changeDotenv } from './dotenv.ts'
import { WhoopsterError } from '../errors.ts'
import { allScopes } from '../resources/index.ts'
import { askOnce } from '../terminal/ask.ts'
import { lineWidthOf } from '../terminal/style.ts'
import { tell, type Cli } from './cli.ts'

/** No app is set up yet, and a person is at the terminal who can be asked for one. */
export function lacksApp({ world: { env } }: Cli): boolean {
  return !env['WHOOP_CLIENT_ID']?.trim() || !env['WHOOP_CLIENT_SECRET']?.trim()
}

/** Explains how an app is registered at WHOOP, asks for what it got there, and offers to keep that in `.env`. */
export async function registerApp(cli: Cli): Promise<Cli> {
  const { world } = cli
  const { env, machine } = world
  const { WHOOP_REDIRECT_URI } = readConfig(env, ['WHOOP_REDIRECT_URI'])
  tell(world, steps(WHOOP_REDIRECT_URI, lineWidthOf(world.terminal.stderr)))
  const given: Record<string, string> = {
    WHOOP_CLIENT_ID: await required(cli, 'Client id: ', false),
    WHOOP_CLIENT_SECRET: await required(cli, 'Client secret (not shown): ', true),
  }
  if (env['DATABASE_URL']?.trim() && !env['TOKEN_ENCRYPTION_KEY']?.trim()) {
    const { newKey } = await import('../db/seal.ts')
    given['TOKEN_ENCRYPTION_KEY'] = newKey()
    tell(world, 'A TOKEN_ENCRYPTION_KEY is made, too: it seals your login in the database.\n')
  }
  const answer = await askOnce(world, 'Write this to .env in this directory, readable for you alone? [Y/n] ')
  if (answer === undefined || /^n/i.test(answer)) {
    tell(world, `\nNot written. Set ${Object.keys(given).join(', ')} yourself before the next command.\n\n`)
    delete given['TOKEN_ENCRYPTION_KEY'] // what it seals could never be opened again
  } else {
    const { path, mode } = changeDotenv(machine.directory, given)
    tell(world, `Wrote ${path} (${mode}). It is read by whoopster in this directory.\n\n`)
  }
  return { ...cli, world: { ...world, env: { ...env, ...given } } }
}

async function required({ world, log }: Cli, question: string, hidden: boolean): Promise<string> {
  for (;;) {
    const answer = await askOnce(world, question, { hidden })
    if (answer === undefined) {
      throw new WhoopsterError('settings', 'Without an app at WHOOP nobody can log in.', {
        hint: 'when you have its client id and secret: whoopster auth',
      })
    }
    if (answer !== '' && !/\s/.test(answer)) return answer
    log.warn('that is not it: it has no spaces, and is not empty')
  }
}

const BESIDE = 64 // columns: on a narrower terminal, what to enter is said below the field's name

/** What to enter in which field of WHOOP's form. */
function form(redirectUri: string, width: number): string {
  const scopes = allScopes.filter((scope) => scope !== 'offline')
  const rows = width < BESIDE ? scopes.map((scope) => [scope]) : [scopes.slice(0, 3), scopes.slice(3)]
  const fields: [name: string, ...lines: string[]][] = [
    ['name', 'anything, such as whoopster: the consent page shows it'],
    ['contact', 'your e-mail address'],
    ['privacy policy', 'a page of yours; the form wants one'],
    ['redirect URI', redirectUri, 'exactly like this'],
    ['scopes', ...rows.map((row) => row.join('  ')), 'and offline, where the form lists it'],
    ['webhooks', 'none'],
  ]
  const lines = fields.flatMap(([name, ...values]) =>
    width < BESIDE
      ? [`     ${name}`, ...values.map((value) => `       ${value}`)]
      : values.map((value, index) => `       ${(index === 0 ? name : '').padEnd(16)}${value}`),
  )
  return lines.join('\n')
}

function steps(redirectUri: string, width: number): string {
  return `WHOOP gives your data to an app of your own. Register it once, in five minutes:

  1. Sign in at https://developer.whoop.com with your WHOOP account.
  2. Make a team if it asks for one, then create an app, and enter:

${form(redirectUri, width)}

  3. It shows you a client id and a client secret. Copy them to here.

(Another redirect URI: set WHOOP_REDIRECT_URI first. No account: whoopster demo)

`
}
