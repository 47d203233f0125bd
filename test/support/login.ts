import type { Db } from '../../src/db/connection/index.ts'
import { saveProfile } from '../../src/db/members.ts'
import { saveTokens } from '../../src/db/tokens.ts'
import type { Decision, Sandbox, TokenAnswer } from '../../src/sandbox/index.ts'

/** The row that a login leaves, of tokens that the simulated WHOOP has just given at `at`; `key` in base64. */
export async function storeLogin(
  db: Db,
  sandbox: Sandbox,
  { key, at, ...decision }: { key: string; at: Date } & Decision,
): Promise<TokenAnswer> {
  const answer = await sandbox.login(decision)
  const { access_token: access, refresh_token: refresh = '', expires_in, scope } = answer
  const { user_id, email, first_name, last_name } = sandbox.world.profile(decision.member)
  const profile = { whoopUserId: user_id, email, firstName: first_name, lastName: last_name }
  const expiresAt = new Date(at.getTime() + expires_in * 1_000)
  const tokens = { access, refresh, grantedAt: at, expiresAt, scopes: scope.split(' ') }
  const id = await saveProfile(db, profile, at)
  await saveTokens(db, [Buffer.from(key, 'base64')], { id }, tokens, sandbox.clientId)
  return answer
}
