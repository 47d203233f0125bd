import { readConfig, tokenSettings, whoopSettings } from '../config.ts'
import type { Database } from '../db/connection/index.ts'
import { keyId, loadKeys, missingKeyFile, type Keys } from '../db/seal.ts'
import { loadLogins, loadTokens, type Login } from '../db/tokens.ts'
import { loadMembers } from '../db/members.ts'
import { failure } from '../errors.ts'
import { clientWith, probe } from '../login/scopes.ts'
import { number } from '../numbers.ts'
import { allScopes } from '../resources/index.ts'
import { attempt, type Dependencies } from './findings.ts'

/** Logins, the key and the scopes. */
export async function lookAtLogins(
  dependencies: Dependencies,
  database: Database,
  whoopAnswers: boolean,
): Promise<void> {
  const { find } = dependencies
  const logins = await loadLogins(database.db)
  if (logins.length === 0) {
    find('logins', 'problem', 'nobody is logged in', 'run: whoopster auth')
    return
  }
  const ended = numbers(logins, ({ dead }) => dead)
  if (ended) find('logins', 'problem', `WHOOP has ended the login of ${ended}`, 'run: whoopster auth')
  else
    find(
      'logins',
      'ok',
      `${logins.length === 1 ? '1 works' : `${number(logins.length)} work`}, as far as is known here`,
    )
  const keys = keysOf(dependencies, logins)
  const asked = keys && whoopAnswers ? await askForScopes(dependencies, database, keys) : []
  if (asked !== undefined) judgeScopes(dependencies, logins, asked)
}

/** The keys, when they open every login. */
function keysOf({ world, find }: Dependencies, logins: readonly Login[]): Keys | undefined {
  const config = attempt(() => readConfig(world.env, tokenSettings))
  if (!config) {
    find('key', 'problem', 'TOKEN_ENCRYPTION_KEY is missing or not well formed', 'set it to the key of before')
    return undefined
  }
  const missing = missingKeyFile(config, world.env)
  if (missing) {
    find('key', 'problem', `${missing} is lost`, 'restore it from a backup, or log in again: whoopster auth')
    return undefined
  }
  try {
    const keys = loadKeys(config, world.env)
    const ids = keys.map(keyId)
    const locked = numbers(logins, ({ sealedUnder }) => !ids.includes(sealedUnder ?? ''))
    if (!locked) {
      find('key', 'ok', `opens every login (${ids.join(', ')})`)
      return keys
    }
    const hint = 'set TOKEN_ENCRYPTION_KEY to the key that sealed it (new,old while rotating), or run: whoopster auth'
    find('key', 'problem', `does not open the login of ${locked}`, hint)
  } catch (error) {
    const { message, hint } = failure(error)
    find('key', 'problem', message, hint ?? undefined)
  }
  return undefined
}

const MOST_ASKED = 5 // members: each costs a request per type

/** What WHOOP refuses although it was granted, or why it could not be asked. */
async function askForScopes(
  { world, log, find }: Dependencies,
  { db }: Database,
  keys: Keys,
): Promise<readonly string[] | undefined> {
  const config = attempt(() => readConfig(world.env, whoopSettings))
  if (!config) return []
  const members = await loadMembers(db, undefined, config.WHOOP_CLIENT_ID)
  const refusals: string[] = []
  for (const [index, member] of members.slice(0, MOST_ASKED).entries()) {
    try {
      const tokens = await loadTokens(db, keys, member)
      // One that has expired is for the next sync to renew: that would change something.
      if (!tokens || tokens.dead || tokens.expiresAt <= world.clock.now()) continue
      const refused = await probe(clientWith(tokens.access, { world, log, config }), member.scopes)
      refusals.push(...refused.map(({ type, error }) => `member ${index + 1}, ${type}: ${error.message}`))
    } catch (error) {
      const { message, hint } = failure(error)
      find('key', 'problem', message, hint ?? undefined)
      return undefined
    }
  }
  return refusals
}

function judgeScopes({ find }: Dependencies, logins: readonly Login[], refusals: readonly string[]): void {
  const missing = logins.map(({ scopes }) => allScopes.filter((scope) => !scopes.includes(scope)))
  const lacking = missing.flatMap((scopes, index) =>
    scopes.length === 0 ? [] : [`member ${index + 1} has not granted ${scopes.join(', ')}`],
  )
  const count = new Set(missing.flat()).size
  const hint = `tick ${count === 1 ? 'it' : 'them'} for the app at developer.whoop.com, and on the consent page; then run: whoopster auth`
  if (lacking.length > 0) find('scopes', 'problem', lacking.join('; '), hint)
  if (refusals.length > 0) {
    find('scopes', 'problem', refusals.join('; '), 'run: whoopster sync; it renews the login, or says what to do')
  }
  if (lacking.length + refusals.length === 0) find('scopes', 'ok', `all ${allScopes.length} are granted`)
}

/** `member 1, 3`, in the order of `auth status`. */
function numbers(logins: readonly Login[], isMeant: (login: Login) => boolean): string {
  const meant = logins.flatMap((login, index) => (isMeant(login) ? [index + 1] : []))
  return meant.length === 0 ? '' : `member ${meant.join(', ')}`
}
