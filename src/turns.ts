import type { Means, Order } from './context.ts'
import { loadQueue, type Queue, type Waiting } from './db/queue.ts'
import { LONGEST_WAIT_MS } from './whoop/pace.ts'
import type { Purpose } from './whoop/budget.ts'

/** How a member's turn went: another run may be at work on the member, or have been since the queue was read. */
export type Turn = 'taken' | 'busy' | 'served'

/**
 * Serves the members whose turn it is; returns how many of them are left for a later run. Any number of runs may do
 * this at once: each takes the next one that nobody else has.
 */
export async function takeTurns(
  { database, clock, pace }: Means,
  queue: Queue,
  order: Order,
  serve: (member: Waiting, purpose: Purpose, since: Date) => Promise<Turn>,
): Promise<number> {
  const isAlone = queue.members.length === 1
  const isAskedFor = isAlone || order.types !== undefined || order.again !== undefined
  const since = new Date(clock.now().getTime() - (order.olderThanMs ?? 0))
  const tried = new Set<number>()
  const isWaiting = ({ id, servedAt }: Waiting) =>
    !tried.has(id) && ((isAlone && !order.olderThanMs) || servedAt === null || servedAt <= since)
  const isOver = (taken: number) =>
    taken >= (order.maxMembers ?? Infinity) ||
    (order.deadline !== undefined && clock.now() >= order.deadline) ||
    pace.spentForMs() > LONGEST_WAIT_MS

  let line = queue.members.filter(isWaiting)
  let taken = 0
  let left = 0
  for (let member = line.shift(); member; member = line.shift()) {
    tried.add(member.id)
    const purpose: Purpose = order.again || !member.complete ? 'history' : 'current'
    if ((taken > 0 && isOver(taken)) || !(isAskedFor || (await pace.hasRoom(purpose)))) {
      left++
      continue
    }
    const turn = await serve(member, purpose, since)
    if (turn === 'taken') taken++
    if (turn === 'served') line = (await database.alone((db) => loadQueue(db, clock.now()))).members.filter(isWaiting)
  }
  return left
}
