import { sql } from 'drizzle-orm'
import type { Clock } from '../world.ts'
import type { Db } from './connection/index.ts'

/**
 * This machine's clock, set by PostgreSQL's: runs on many machines remember times for each other in the database, and
 * one of them may have its clock a day ahead.
 */
export async function clockOf(db: Db, machine: Clock): Promise<Clock> {
  const asked = machine.now().getTime()
  const [row] = await db.execute<{ now: string }>(sql`select clock_timestamp() as now`)
  const answered = machine.now().getTime()
  if (!row) return machine
  const aheadMs = machine.ofServer(new Date(row.now)).getTime() - (asked + answered) / 2
  return { ...machine, now: () => new Date(machine.now().getTime() + aheadMs) }
}
