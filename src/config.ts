import * as v from 'valibot'
import { WhoopsterError } from './errors.ts'
import { nearest } from './spelling.ts'
import type { Env } from './world.ts'

const text = v.pipe(v.string(), v.trim())
const url = v.pipe(text, v.regex(/^[a-z][a-z\d+.-]*:\/\//i, 'is not a URL'), v.url('is not a URL')) // localhost:8000 is none
const webUrl = v.pipe(text, v.regex(/^https?:\/\//i, 'does not begin with http:// or https://'), v.url('is not a URL'))
const THIS_MACHINE = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
// What goes there are tokens and the client secret: in the clear for nobody but a sandbox on this machine.
const whoopUrl = v.pipe(
  webUrl,
  v.check((address) => {
    if (!URL.canParse(address)) return true // said already
    const { protocol, hostname } = new URL(address)
    return protocol === 'https:' || THIS_MACHINE.test(hostname)
  }, 'begins with http://, and would be sent your login in the clear: https:// only, but for this machine'),
)
const origin = v.pipe(
  whoopUrl,
  v.transform((address) => address.replace(/\/+$/, '')),
)
const databaseUrl = v.pipe(
  text,
  v.check((address) => !/^["'`]/.test(address), 'is in quotes: leave them out'),
  v.check(
    (address) => !/^jdbc:/i.test(address),
    'is for JDBC: write it as postgres://user:password@host:5432/database',
  ),
  v.check(
    (address) => /^postgres(ql)?:/.test(address) || !/^postgres(ql)?:/i.test(address),
    'begins in capitals: write postgres:// in small letters',
  ),
  v.check(
    (address) => !/^postgres(ql)?\+\w+:/i.test(address),
    'names a driver of another language: write postgres:// alone',
  ),
  v.check(
    (address) => !/^\w+ *= *\S/.test(address),
    'is in the form name=value: write it as postgres://user:password@host:5432/database',
  ),
  v.regex(/^postgres(ql)?:\/\//, 'does not begin with postgres://'),
)
const folder = v.pipe(
  text,
  v.check((path) => !path.startsWith('~'), 'begins with ~, which only a shell expands: write the whole path'),
)
const encryptionKeys = v.pipe(
  text,
  v.transform((keys) => keys.split(',').map((key) => key.trim())),
  v.everyItem((key) => /^[\w+/-]{43}=?$/.test(key), 'is not 32 bytes of base64 (new,old while rotating)'),
  v.mapItems((key): Buffer => Buffer.from(key, 'base64')),
)
const perMinute = v.pipe(text, v.regex(/^[1-9]\d{0,5}$/, 'is not a whole number above 0'), v.transform(Number))

/** Every setting: what it must be, what it means, and its default in words. README and `.env.example` follow it. */
export const settings = {
  DATABASE_URL: {
    schema: v.optional(databaseUrl),
    meaning: 'PostgreSQL 15 or newer, `postgres://…`; TLS by `sslmode` and `sslrootcert`',
    default: 'an embedded PostgreSQL in the data directory, one process at a time',
  },
  WHOOP_CLIENT_ID: {
    schema: text,
    meaning: 'the app you registered at developer.whoop.com',
    default: 'needed by `auth` and `sync`',
  },
  WHOOP_CLIENT_SECRET: { schema: text, meaning: 'its secret', default: 'needed by `auth` and `sync`' },
  WHOOP_REDIRECT_URI: {
    schema: v.optional(url, 'http://localhost:8000/callback'),
    meaning: 'the redirect URL, exactly as registered there',
    default: '`http://localhost:8000/callback`',
  },
  WHOOP_API_BASE_URL: {
    schema: v.optional(origin, 'https://api.prod.whoop.com'),
    meaning: 'origin of the API (below `/developer`) and of OAuth (below `/oauth/oauth2`)',
    default: '`https://api.prod.whoop.com`',
  },
  WHOOP_AUTH_URL: {
    schema: v.optional(whoopUrl),
    meaning: 'another OAuth consent address',
    default: 'from the base URL',
  },
  WHOOP_TOKEN_URL: {
    schema: v.optional(whoopUrl),
    meaning: 'another OAuth token address',
    default: 'from the base URL',
  },
  TOKEN_ENCRYPTION_KEY: {
    schema: v.optional(encryptionKeys),
    meaning: '32 bytes in base64 that seal the tokens (`whoopster auth keygen`); `new,old` while rotating',
    default: 'needed with `DATABASE_URL`; the embedded database makes its own',
  },
  WHOOPSTER_DATA_DIR: {
    schema: v.optional(folder),
    meaning: 'where the embedded database lives',
    default: '`whoopster` in the XDG data directory',
  },
  MAX_REQUESTS_PER_MINUTE: {
    schema: v.optional(perMinute, '100'),
    meaning: 'what WHOOP allows your app; nine tenths of it are used',
    default: "100, WHOOP's published limit",
  },
  HEALTHCHECK_URL: {
    schema: v.optional(webUrl),
    meaning: 'pinged by `sync` when it starts (`/start`) and with its exit code (`/0`), as healthchecks.io has it',
    default: 'nobody is told',
  },
  WEBHOOK_URL: {
    schema: v.optional(webUrl),
    meaning: 'the public https address at which WHOOP finds `whoopster listen`; `doctor` looks whether it does',
    default: 'not looked at',
  },
  LOG_LEVEL: {
    schema: v.optional(v.picklist(['debug', 'info', 'warn', 'error'], 'is none of debug, info, warn, error'), 'info'),
    meaning: 'debug, info, warn or error',
    default: 'info',
  },
  LOG_FORMAT: {
    schema: v.optional(v.picklist(['text', 'json'], 'is none of text, json')),
    meaning: 'how runs say on stderr what happens: `text` for people, as in cron’s mail, or `json`, an object a line',
    default: 'text on a terminal, else json',
  },
} as const

export type SettingName = keyof typeof settings
export type Config<Name extends SettingName = SettingName> = {
  readonly [K in Name]: v.InferOutput<(typeof settings)[K]['schema']>
}

/** What a command needs to open the database. */
export const databaseSettings = ['DATABASE_URL', 'WHOOPSTER_DATA_DIR'] as const
/** What a command needs that reads or writes tokens. */
export const tokenSettings = [...databaseSettings, 'TOKEN_ENCRYPTION_KEY'] as const
/** What a command needs to talk to WHOOP. */
export const whoopSettings = [
  'WHOOP_CLIENT_ID',
  'WHOOP_CLIENT_SECRET',
  'WHOOP_REDIRECT_URI',
  'WHOOP_API_BASE_URL',
  'WHOOP_AUTH_URL',
  'WHOOP_TOKEN_URL',
  'MAX_REQUESTS_PER_MINUTE',
  'HEALTHCHECK_URL',
  'WEBHOOK_URL',
] as const

export type DatabaseConfig = Config<(typeof databaseSettings)[number]>
export type TokenConfig = Config<(typeof tokenSettings)[number]>
export type WhoopConfig = Config<(typeof whoopSettings)[number]>

/** Reads the settings a command names, and reports all that is wrong with them in one message. */
export function readConfig<Name extends SettingName>(env: Env, names: readonly Name[]): Config<Name> {
  const problems: string[] = []
  const config: Partial<Record<SettingName, unknown>> = {}
  for (const name of new Set<SettingName>([...names, 'LOG_LEVEL', 'LOG_FORMAT'])) {
    const given = env[name]?.trim() ? env[name] : undefined // compose and Secrets pass what is unset as ''
    const read = v.safeParse(settings[name].schema, given)
    if (read.success) config[name] = read.output
    else problems.push(`${name} ${given === undefined ? `is not set${mistyped(env, name)}` : read.issues[0].message}`)
  }
  if (env['DATABASE_URL']?.trim() && asks(names, 'TOKEN_ENCRYPTION_KEY') && !env['TOKEN_ENCRYPTION_KEY']?.trim()) {
    const typed = mistyped(env, 'TOKEN_ENCRYPTION_KEY') || ' (make one: whoopster auth keygen)'
    problems.push(`TOKEN_ENCRYPTION_KEY is not set${typed}`)
  }
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem}`)
    throw new WhoopsterError('settings', ['The settings are incomplete or wrong:', ...lines].join('\n'), {
      hint: problems.some((problem) => NO_APP.test(problem))
        ? 'whoopster auth, on a terminal, explains how to get them; or put them into the environment, or .env here'
        : 'correct them in the environment, or in .env in this directory (.env.example shows how)',
    })
  }
  return config as Config<Name>
}

const NO_APP = /^WHOOP_CLIENT_(ID|SECRET) is not set$/
const NAMES = Object.keys(settings)
const OURS = /^(WHOOP|TOKEN_ENC|MAX_REQ|HEALTHCHECK)/ // other programs have settings, too

/**
 * What looks like a setting of ours and is none, with what was probably meant. Never its value. A name that may well be
 * another program's has to be one slip away from a setting that is missing.
 */
export function unknownSettings(env: Env): { name: string; meant: string | undefined }[] {
  return Object.keys(env)
    .filter((name) => env[name]?.trim() && !NAMES.includes(name))
    .flatMap((name) => {
      const isOurs = OURS.test(name.toUpperCase())
      const meant = nearest(name, NAMES, isOurs ? MANY_SLIPS : 1)
      return isOurs || (meant !== undefined && !env[meant]?.trim()) ? [{ name, meant }] : []
    })
}

const MANY_SLIPS = 3

function mistyped(env: Env, setting: SettingName): string {
  const found = unknownSettings(env).find(({ meant }) => meant === setting)
  return found ? `, but ${found.name} is: did you mean that?` : ''
}

function asks(names: readonly SettingName[], name: SettingName): boolean {
  return names.includes(name)
}
