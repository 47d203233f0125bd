import { saveBody } from './db/body.ts'
import { saveProfile } from './db/tokens.ts'
import { body, profile } from './resources/index.ts'
import { readOne } from './resources/read.ts'
import type { Context } from './context.ts'
import { inTransaction } from './keep.ts'
import type { Tally } from './result.ts'
import type { Whoop } from './whoop/client.ts'

const DUE_MS = 20 * 3_600_000 // a daily run is not a whole day after the last one ended

/** Body measurements and profile have no history at WHOOP: they are read once a day, or when they are asked for. */
export async function readBody(
  context: Context,
  syncedAt: Date | undefined,
  whoop: Whoop,
  tally: Tally,
): Promise<void> {
  const { database, fence, member, clock } = context
  if (!isDue(context, syncedAt)) return
  const raw = await whoop.get(body.path, body.scope)
  const measured = readOne('body', body.row, raw)
  const at = clock.now().toISOString()
  const change = await database.alone((db) => saveBody(db, fence, member, measured, raw, at))
  tally.fetched++
  tally[change]++
  if (member.scopes.includes(profile.scope)) await readProfile(context, whoop)
}

function isDue({ clock, order }: Context, syncedAt: Date | undefined): boolean {
  if (order.again || order.types?.includes('body')) return true
  return !syncedAt || Math.abs(clock.now().getTime() - syncedAt.getTime()) >= DUE_MS // or a clock was wrong
}

async function readProfile(context: Context, whoop: Whoop): Promise<void> {
  const { member, clock } = context
  const seen = readOne('profile', profile.row, await whoop.get(profile.path, profile.scope))
  if (seen.whoopUserId !== member.whoopUserId) return
  await inTransaction(context, async (tx) => void (await saveProfile(tx, seen, clock.now())))
}
