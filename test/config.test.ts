import { describe, expect, it } from 'vitest'
import {
  databaseSettings,
  readConfig,
  settings,
  tokenSettings,
  unknownSettings,
  whoopSettings,
  type SettingName,
} from '../src/config.ts'
import { failure, WhoopsterError } from '../src/errors.ts'
import type { Env } from '../src/world.ts'

const names = Object.keys(settings) as SettingName[]
const KEY = Buffer.alloc(32, 'new').toString('base64')
const OLD_KEY = Buffer.alloc(32, 'old').toString('base64')
const app: Env = { WHOOP_CLIENT_ID: 'my-app', WHOOP_CLIENT_SECRET: 'my-secret' }

const IN_THE_CLEAR =
  'begins with http://, and would be sent your login in the clear: https:// only, but for this machine'

function failing(env: Env, asked: readonly SettingName[] = names): unknown {
  try {
    readConfig(env, asked)
    return undefined
  } catch (error) {
    return error
  }
}

/** The lines between the message's first and the way out. */
function problems(env: Env, asked: readonly SettingName[] = names): string[] {
  const error = failing(env, asked)
  if (error === undefined) return []
  const [, ...lines] = failure(error).message.split('\n')
  return lines.map((line) => line.trim())
}

it('tells all that is wrong in one message, with the way out', () => {
  const env = {
    DATABASE_URL: 'mysql://localhost/whoop',
    WHOOP_CLIENT_ID: '',
    WHOOP_REDIRECT_URI: 'callback',
    WHOOP_API_BASE_URL: 'api.prod.whoop.com',
    MAX_REQUESTS_PER_MINUTE: 'many',
    LOG_LEVEL: 'loud',
  }
  const error = failing(env)
  expect(error).toBeInstanceOf(WhoopsterError)
  const { reason, message, hint } = failure(error)
  expect(`${reason}: ${message}\n→ ${hint}`).toMatchInlineSnapshot(`
    "settings: The settings are incomplete or wrong:
      DATABASE_URL does not begin with postgres://
      WHOOP_CLIENT_ID is not set
      WHOOP_CLIENT_SECRET is not set
      WHOOP_REDIRECT_URI is not a URL
      WHOOP_API_BASE_URL does not begin with http:// or https://
      MAX_REQUESTS_PER_MINUTE is not a whole number above 0
      LOG_LEVEL is none of debug, info, warn, error
      TOKEN_ENCRYPTION_KEY is not set (make one: whoopster auth keygen)
    → whoopster auth, on a terminal, explains how to get them; or put them into the environment, or .env here"
  `)
})

it('has defaults for everything but the app', () => {
  expect(readConfig(app, names)).toEqual({
    DATABASE_URL: undefined,
    WHOOP_CLIENT_ID: 'my-app',
    WHOOP_CLIENT_SECRET: 'my-secret',
    WHOOP_REDIRECT_URI: 'http://localhost:8000/callback',
    WHOOP_API_BASE_URL: 'https://api.prod.whoop.com',
    WHOOP_AUTH_URL: undefined,
    WHOOP_TOKEN_URL: undefined,
    TOKEN_ENCRYPTION_KEY: undefined,
    WHOOPSTER_DATA_DIR: undefined,
    MAX_REQUESTS_PER_MINUTE: 100,
    LOG_LEVEL: 'info',
  })
})

it.each([
  ['', 'empty'],
  ['  ', 'blank'],
])('takes %j for unset, in every setting', (unset) => {
  const env = { ...Object.fromEntries(names.map((name) => [name, unset])), ...app }
  expect(readConfig(env, names)).toEqual(readConfig(app, names))
})

it('asks only for what a command needs', () => {
  expect(problems({}, databaseSettings)).toEqual([])
  expect(problems({}, tokenSettings)).toEqual([])
  expect(problems({}, whoopSettings)).toEqual(['WHOOP_CLIENT_ID is not set', 'WHOOP_CLIENT_SECRET is not set'])
  expect(problems({ MAX_REQUESTS_PER_MINUTE: 'many' }, databaseSettings)).toEqual([])
})

it('looks at the log level whatever the command', () => {
  expect(problems({ LOG_LEVEL: 'loud' }, databaseSettings)).toEqual(['LOG_LEVEL is none of debug, info, warn, error'])
})

it('names what was probably meant by a setting that is not set', () => {
  const env = { WHOOP_CLIENTID: 'a', WHOOP_CLIENT_SECRT: 'hidden' }
  expect(() => readConfig(env, ['WHOOP_CLIENT_ID', 'WHOOP_CLIENT_SECRET'])).toThrow(
    'The settings are incomplete or wrong:\n' +
      '  WHOOP_CLIENT_ID is not set, but WHOOP_CLIENTID is: did you mean that?\n' +
      '  WHOOP_CLIENT_SECRET is not set, but WHOOP_CLIENT_SECRT is: did you mean that?',
  )
})

describe('DATABASE_URL and WHOOPSTER_DATA_DIR', () => {
  it.each([
    ['"postgres://h/d"', 'DATABASE_URL is in quotes: leave them out'],
    ["'postgres://h/d'", 'DATABASE_URL is in quotes: leave them out'],
    ['POSTGRES://h/d', 'DATABASE_URL begins in capitals: write postgres:// in small letters'],
    [
      'jdbc:postgresql://h/d?user=u',
      'DATABASE_URL is for JDBC: write it as postgres://user:password@host:5432/database',
    ],
    ['postgresql+asyncpg://h/d', 'DATABASE_URL names a driver of another language: write postgres:// alone'],
    [
      'host=h dbname=d',
      'DATABASE_URL is in the form name=value: write it as postgres://user:password@host:5432/database',
    ],
    ['mysql://h/d', 'DATABASE_URL does not begin with postgres://'],
  ])('%s: what is wrong with it is said', (DATABASE_URL, says) => {
    expect(problems({ DATABASE_URL }, databaseSettings)).toEqual([says])
  })

  it('~ is no folder', () => {
    expect(problems({ WHOOPSTER_DATA_DIR: '~/whoop' }, databaseSettings)).toEqual([
      'WHOOPSTER_DATA_DIR begins with ~, which only a shell expands: write the whole path',
    ])
  })
})

describe('TOKEN_ENCRYPTION_KEY', () => {
  const DATABASE_URL = 'postgres://localhost/whoop'
  const unset = 'TOKEN_ENCRYPTION_KEY is not set (make one: whoopster auth keygen)'

  it('is needed with DATABASE_URL, by what reads tokens', () => {
    expect(problems({ DATABASE_URL }, tokenSettings)).toEqual([unset])
    expect(problems({ DATABASE_URL, TOKEN_ENCRYPTION_KEY: ' ' }, tokenSettings)).toEqual([unset])
    expect(problems({ DATABASE_URL }, databaseSettings)).toEqual([])
    expect(problems({ DATABASE_URL, TOKEN_ENCRYPTION_KEY: KEY }, tokenSettings)).toEqual([])
  })

  it('is missed in the same message that finds the URL wrong', () => {
    expect(problems({ DATABASE_URL: 'localhost/whoop' }, tokenSettings)).toEqual([
      'DATABASE_URL does not begin with postgres://',
      unset,
    ])
  })

  it.each([
    ['one key', KEY, ['new']],
    ['new,old while rotating', `${KEY},${OLD_KEY}`, ['new', 'old']],
    ['blanks and a final newline', ` ${KEY} , ${OLD_KEY}\n`, ['new', 'old']],
    ['a key without its padding', KEY.replace('=', ''), ['new']],
  ])('may be %s', (_, keys, fills) => {
    const config = readConfig({ TOKEN_ENCRYPTION_KEY: keys }, tokenSettings)
    expect(config.TOKEN_ENCRYPTION_KEY).toEqual(fills.map((fill) => Buffer.alloc(32, fill)))
  })

  it.each([
    ['too short', Buffer.alloc(31).toString('base64')],
    ['too long', Buffer.alloc(33).toString('base64')],
    ['hexadecimal', Buffer.alloc(32).toString('hex')],
    ['no base64', `${KEY.slice(0, 20)}!?${KEY.slice(20)}`],
    ['a key and nothing', `${KEY},`],
    ['a key and another that is too short', `${KEY},c2hvcnQ=`],
  ])('must not be %s', (_, TOKEN_ENCRYPTION_KEY) => {
    const found = problems({ TOKEN_ENCRYPTION_KEY }, tokenSettings)
    expect(found).toEqual(['TOKEN_ENCRYPTION_KEY is not 32 bytes of base64 (new,old while rotating)'])
  })
})

describe('a bad value', () => {
  it.each<[SettingName, string, string]>([
    ['DATABASE_URL', 'localhost:5432/whoop', 'does not begin with postgres://'],
    ['DATABASE_URL', 'mysql://localhost/whoop', 'does not begin with postgres://'],
    ['WHOOP_REDIRECT_URI', '/callback', 'is not a URL'],
    ['WHOOP_REDIRECT_URI', 'localhost:8000/callback', 'is not a URL'],
    ['WHOOP_API_BASE_URL', 'api.prod.whoop.com', 'does not begin with http:// or https://'],
    ['WHOOP_API_BASE_URL', 'localhost:8001', 'does not begin with http:// or https://'],
    ['WHOOP_API_BASE_URL', 'https://', 'is not a URL'],
    ['WHOOP_API_BASE_URL', 'http://api.prod.whoop.com', IN_THE_CLEAR],
    ['WHOOP_API_BASE_URL', 'http://127.0.0.1.example.com', IN_THE_CLEAR],
    ['WHOOP_API_BASE_URL', 'http://127.0.0.1@example.com', IN_THE_CLEAR],
    ['WHOOP_AUTH_URL', 'http://api.prod.whoop.com/auth', IN_THE_CLEAR],
    ['WHOOP_TOKEN_URL', 'http://10.0.0.1/token', IN_THE_CLEAR],
    ['WHOOP_AUTH_URL', 'ftp://whoop.com/auth', 'does not begin with http:// or https://'],
    ['WHOOP_TOKEN_URL', 'token', 'does not begin with http:// or https://'],
    ['MAX_REQUESTS_PER_MINUTE', '0', 'is not a whole number above 0'],
    ['MAX_REQUESTS_PER_MINUTE', '-5', 'is not a whole number above 0'],
    ['MAX_REQUESTS_PER_MINUTE', '99.5', 'is not a whole number above 0'],
    ['MAX_REQUESTS_PER_MINUTE', '1e3', 'is not a whole number above 0'],
    ['LOG_LEVEL', 'verbose', 'is none of debug, info, warn, error'],
    ['LOG_LEVEL', 'INFO', 'is none of debug, info, warn, error'],
    ['LOG_FORMAT', 'xml', 'is none of text, json'],
  ])('of %s: %s', (name, value, problem) => {
    const found = problems({ ...app, TOKEN_ENCRYPTION_KEY: KEY, [name]: value })
    expect(found).toEqual([`${name} ${problem}`])
  })

  it('is never repeated: it may be a secret in the wrong place', () => {
    const env = Object.fromEntries(names.map((name) => [name, 'hunter2-hunter2']))
    const found = problems({ ...env, WHOOP_CLIENT_ID: '' })
    expect(found.length).toBeGreaterThan(5)
    expect(found.join('\n')).not.toContain('hunter2')
  })
})

describe('a good value', () => {
  it.each<[SettingName, string, unknown]>([
    [
      'DATABASE_URL',
      'postgresql://me:secret@db/whoop?sslmode=require',
      'postgresql://me:secret@db/whoop?sslmode=require',
    ],
    ['DATABASE_URL', ' postgres://localhost/whoop\n', 'postgres://localhost/whoop'],
    ['WHOOP_CLIENT_SECRET', 'my-secret\n', 'my-secret'],
    ['WHOOP_REDIRECT_URI', 'whoop://example/callback', 'whoop://example/callback'],
    ['WHOOP_REDIRECT_URI', 'https://example.com/callback/', 'https://example.com/callback/'],
    ['WHOOP_API_BASE_URL', 'http://127.0.0.1:8001/', 'http://127.0.0.1:8001'],
    ['WHOOP_API_BASE_URL', 'http://localhost:8001', 'http://localhost:8001'],
    ['WHOOP_API_BASE_URL', 'http://[::1]:8001', 'http://[::1]:8001'],
    ['WHOOP_API_BASE_URL', 'https://proxy.example/whoop//', 'https://proxy.example/whoop'],
    ['MAX_REQUESTS_PER_MINUTE', ' 250 ', 250],
    ['LOG_LEVEL', 'debug', 'debug'],
    ['LOG_FORMAT', 'text', 'text'],
  ])('of %s: %j', (name, value, read) => {
    const config = readConfig({ ...app, TOKEN_ENCRYPTION_KEY: KEY, [name]: value }, names)
    expect(config[name]).toBe(read)
  })
})

describe('a name with a slip in it', () => {
  it.each<[Env, string, string | undefined]>([
    [{ WHOOP_CLIENTID: 'x' }, 'WHOOP_CLIENTID', 'WHOOP_CLIENT_ID'],
    [{ whoop_client_id: 'x' }, 'whoop_client_id', 'WHOOP_CLIENT_ID'],
    [{ DATABSE_URL: 'x' }, 'DATABSE_URL', 'DATABASE_URL'],
    [{ DATABASE_ULR: 'x' }, 'DATABASE_ULR', 'DATABASE_URL'],
    [{ LOG_LEVLE: 'x' }, 'LOG_LEVLE', 'LOG_LEVEL'],
    [{ TOKEN_ENCRYPTON_KEY: 'x' }, 'TOKEN_ENCRYPTON_KEY', 'TOKEN_ENCRYPTION_KEY'],
    [{ WHOOPSTER_LISTEN_SERVICE_HOST: '10.0.0.1' }, 'WHOOPSTER_LISTEN_SERVICE_HOST', undefined],
  ])('in %j is found', (env, name, meant) => {
    expect(unknownSettings(env)).toEqual([{ name, meant }])
  })

  it.each<[string, Env]>([
    ['is another program’s while the setting is there', { DATABASE_URI: 'x', DATABASE_URL: 'postgres://h/d' }],
    ['is another program’s where it is far from ours', { DATABASE_HOST: 'x', LOG_DIR: 'x', PATH: 'x' }],
    ['says nothing while it is empty', { DATABSE_URL: ' ' }],
  ])('%s', (_, env) => {
    expect(unknownSettings(env)).toEqual([])
  })
})
