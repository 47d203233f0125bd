import type { Answer, Clock, Fetch } from '../world.ts'
import { userAgent } from '../version.ts'
import { codeOf, isAboutTls, reasonOf } from './wording.ts'

/** How far a request came that asks for nothing: it brings no token, so WHOOP says no, and that is an answer. */
export type Reached =
  | { stage: 'answered'; status: number; ms: number; aheadMs: number | undefined }
  | { stage: 'dns' | 'tls' | 'network'; why: string }

const TIMEOUT_MS = 15_000
const DNS = /^(ENOTFOUND|EAI_)/

export async function reach(
  baseUrl: string,
  { fetch, clock }: { fetch: Fetch; clock: Clock },
  interrupted: AbortSignal,
): Promise<Reached> {
  const asked = clock.now().getTime()
  try {
    const answer = await fetch(`${baseUrl}/developer/v2/user/profile/basic`, {
      method: 'GET',
      headers: { accept: 'application/json', 'user-agent': userAgent },
      signal: AbortSignal.any([interrupted, clock.timeout(TIMEOUT_MS)]),
    })
    await answer.text()
    const answered = clock.now().getTime()
    return {
      stage: 'answered',
      status: answer.status,
      ms: answered - asked,
      aheadMs: aheadOf(answer, asked, answered),
    }
  } catch (error) {
    interrupted.throwIfAborted()
    const code = codeOf(error)
    return { stage: DNS.test(code) ? 'dns' : isAboutTls(error) ? 'tls' : 'network', why: reasonOf(error) }
  }
}

/** How far our clock is ahead of WHOOP's, which writes whole seconds. */
function aheadOf({ headers }: Answer, asked: number, answered: number): number | undefined {
  const theirs = Date.parse(headers.get('date') ?? '')
  if (Number.isNaN(theirs)) return undefined
  if (asked > theirs + 1000) return asked - theirs - 1000
  return answered < theirs ? answered - theirs : 0
}
