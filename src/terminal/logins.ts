import type { Output } from '../world.ts'
import { ago, MINUTE_MS, roughly } from '../time.ts'
import { harmless } from './safe.ts'
import { lineWidthOf } from './style.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

interface User {
  whoopUserId: number
  name: string | null
  /** As doctor counts them. */
  member: number
  login: string
  expiresAt: Date
  scopes: readonly string[]
  refusedScopes: readonly string[]
  sealedUnder: { key: keyof typeof keyWords; id: string | null }
}

/** Who is logged in, how, and what is allowed. */
export function drawLogins(users: readonly User[], now: Date, output: Output): string {
  const width = lineWidthOf(output)
  return users
    .flatMap((user) => {
      const name = user.name === null ? '' : ` (${harmless(user.name)})`
      const facts = [
        ['  login', stateWords(user, now)],
        ['  scopes', user.scopes.join(' ')],
        ...(user.refusedScopes.length === 0
          ? []
          : [['', `refused ${user.refusedScopes.join(' ')}: run whoopster auth, and grant them`]]),
        ['  sealed', `under ${keyWords[user.sealedUnder.key]} (${user.sealedUnder.id ?? 'unknown'})`],
      ]
      const who = `WHOOP user ${user.whoopUserId}${name}, called member ${user.member} by whoopster doctor`
      return [...wrap(who, width), table(facts, { width })]
    })
    .join('\n')
}

function stateWords({ login, expiresAt }: User, now: Date): string {
  if (login === 'login_needed') return 'has ended: run whoopster auth'
  if (login === 'expired') return `access token ended ${ago(expiresAt, now)}, and is renewed by the next run`
  return `access token for another ${roughly(Math.max(MINUTE_MS, expiresAt.getTime() - now.getTime()))}, renewed by itself`
}

const keyWords = { current: 'the current key', older: 'an older key', 'not set': 'a key that is not set' } as const
