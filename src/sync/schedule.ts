import type { Dependencies, Options } from './job.ts'
import { stillDue, type Queue, type Waiting } from '../db/queue.ts'
import type { Member } from '../db/members.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import { LONGEST_WAIT_MS } from '../whoop/limiter.ts'
import type { Purpose } from '../whoop/budget.ts'

/**
 * How runs that meet treat each other. `ordered`: somebody asked for certain types or a range, and gets them, or is told
 * for whom not. `alone`: there is one member, and what another run is doing is being done. `shared`: any number of runs
 * share the members, and each of them is served once.
 */
export type Mode = 'ordered' | 'alone' | 'shared'

/** One member's turn. */
export interface Turn {
  member: Member
  types: readonly TypeName[]
  purpose: Purpose
  /** Needless when another run has served the member since then. */
  unlessServedSince?: Date
}

/** How it went. */
export interface Served {
  /** The types that another run was at work on. */
  busy: readonly TypeName[]
}

/** What was ordered and could not be done. */
export interface Undone {
  member: Member
  types: readonly TypeName[]
  why: 'busy' | 'later'
}

const PATIENCE_MS = LONGEST_WAIT_MS
const PAUSE_MS = 1_000

export function modeOf(options: Options, queue: Queue): Mode {
  if (options.types || options.again) return 'ordered'
  return queue.members.length === 1 && !queue.isShare ? 'alone' : 'shared'
}

/** Sleep before recovery, however it was typed. */
export function typesOf(options: Options): readonly TypeName[] {
  return typeNames.filter((type) => options.types?.includes(type) ?? true)
}

/**
 * Serves the members whose turn it is; tells how many of them are left for a later run, and what was ordered in vain.
 * Any number of runs may do this at once: each takes the next one that nobody else has.
 */
export async function takeTurns(
  dependencies: Dependencies,
  queue: Queue,
  options: Options,
  /** Undefined: it was needless. */
  serve: (turn: Turn) => Promise<Served | undefined>,
): Promise<{ waiting: number; undone: Undone[] }> {
  const { database, clock, limiter } = dependencies
  const mode = modeOf(options, queue)
  const types = typesOf(options)
  const since = new Date(clock.now().getTime() - (options.olderThanMs ?? 0))
  const tried = new Set<number>()
  const isWaiting = ({ id, servedAt }: Waiting) =>
    !tried.has(id) && ((mode !== 'shared' && !options.olderThanMs) || servedAt === null || servedAt <= since)
  const isOver = (taken: number) =>
    taken >= (options.maxMembers ?? Infinity) || (options.deadline !== undefined && clock.now() >= options.deadline)
  const isSpent = () => limiter.spentForMs() > LONGEST_WAIT_MS

  let line = queue.members.filter(isWaiting)
  let taken = 0
  let waiting = 0
  const undone: Undone[] = []
  for (let member = line.shift(); member; member = line.shift()) {
    tried.add(member.id)
    const purpose: Purpose = options.again || !member.complete ? 'history' : 'current'
    if (taken > 0 && mode === 'ordered' && isSpent() && !isOver(taken)) {
      undone.push({ member, types, why: 'later' })
      continue
    }
    if ((taken > 0 && (isOver(taken) || isSpent())) || (mode === 'shared' && !(await limiter.hasRoom(purpose)))) {
      waiting++
      continue
    }
    const turn = { member, types, purpose }
    const served = await serve(mode === 'shared' ? { ...turn, unlessServedSince: since } : turn)
    const isOthers = !served || served.busy.length === types.length // other runs are about: whom have they left?
    if (mode === 'shared' && isOthers)
      line = await database.alone((db) => stillDue(db, line, types, { since, now: clock.now() }))
    if (!served) continue
    if (served.busy.length < types.length || mode === 'alone') taken++
    if (served.busy.length > 0 && mode === 'ordered') undone.push({ member, types: served.busy, why: 'busy' })
  }
  return { waiting, undone: await insist(dependencies, options, undone, serve) }
}

/** Waits a while for what other runs are at work on; returns what is left of it. */
async function insist(
  { clock, interrupted, log }: Dependencies,
  options: Options,
  undone: readonly Undone[],
  /** Undefined: it was needless. */
  serve: (turn: Turn) => Promise<Served | undefined>,
): Promise<Undone[]> {
  const later = undone.filter(({ why }) => why === 'later')
  let busy = undone.filter(({ why }) => why === 'busy')
  for (const { member, types } of busy) {
    const { whoopUserId } = member
    log.info(`another run is at work on ${types.join(', ')}; waiting for it to end`, { whoopUserId, types })
  }
  const purpose: Purpose = options.again ? 'history' : 'current'
  const until = clock.now().getTime() + PATIENCE_MS
  while (busy.length > 0 && clock.now().getTime() < until) {
    await clock.sleep(PAUSE_MS, interrupted)
    interrupted.throwIfAborted()
    const left: Undone[] = []
    for (const { member, types } of busy) {
      const served = await serve({ member, types, purpose })
      if (served && served.busy.length > 0) left.push({ member, types: served.busy, why: 'busy' })
    }
    busy = left
  }
  return [...later, ...busy]
}
