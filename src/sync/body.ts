import { holdsBody, saveBody } from '../db/body.ts'
import { noteEmpty } from '../db/coverage.ts'
import { saveProfile } from '../db/members.ts'
import { body, profile } from '../resources/index.ts'
import { readOne } from '../resources/read.ts'
import { HOUR_MS } from '../time.ts'
import type { Context } from './job.ts'
import { nothingThere } from './page.ts'
import type { Tally } from '../db/runs.ts'
import type { Whoop } from '../whoop/client.ts'

const DUE_MS = 20 * HOUR_MS // a daily run is not a whole day after the last one ended

/** Body measurements and profile have no history at WHOOP: they are read once a day, or when they are asked for. */
export async function readBody(
  context: Context,
  syncedAt: Date | undefined,
  whoop: Whoop,
  tally: Tally,
): Promise<void> {
  if (!isDue(context, syncedAt)) return
  const raw = await whoop.find(body.path, body.scope)
  if (raw === undefined) await noteNone(context)
  else await storeBody(context, raw, tally)
  if (context.member.scopes.includes(profile.scope)) await readProfile(context, whoop)
}

async function storeBody({ database, fence, member, clock }: Context, raw: unknown, tally: Tally): Promise<void> {
  const measured = readOne('body', body.row, raw)
  const at = clock.now().toISOString()
  const change = await database.pipelined((db) => saveBody(db, fence, member, measured, raw, at))
  tally.fetched++
  tally[change]++
}

/** A 404: there is none. While some are stored, that says nothing but that something is wrong. */
async function noteNone(context: Context): Promise<void> {
  const { database, member, fence } = context
  if (!(await database.pipelined((db) => holdsBody(db, member)))) return
  const { runs } = await database.pipelined((db) => noteEmpty(db, { member, fence, type: 'body' }))
  throw nothingThere({ path: body.path, scope: body.scope, runs })
}

function isDue({ clock, options }: Context, syncedAt: Date | undefined): boolean {
  if (options.again || options.types?.includes('body')) return true
  return !syncedAt || Math.abs(clock.now().getTime() - syncedAt.getTime()) >= DUE_MS // or a clock was wrong
}

/** The one that a login has brought is kept when WHOOP has none. */
async function readProfile({ database, fence, member, clock }: Context, whoop: Whoop): Promise<void> {
  const raw = await whoop.find(profile.path, profile.scope)
  if (raw === undefined) return
  const seen = readOne('profile', profile.row, raw)
  if (seen.whoopUserId !== member.whoopUserId) return
  await database.pipelined((db) => saveProfile(db, seen, clock.now(), fence))
}
