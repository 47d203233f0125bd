import { sql } from 'drizzle-orm'
import type { Clock } from '../world.ts'
import type { Db } from './connection/index.ts'

/** Compiling a query takes PostgreSQL longer than running it, for any that we have. */
const WITHOUT_JIT = sql`set_config('jit', 'off', false)`

export async function switchOffJit(db: Db): Promise<void> {
  await db.execute(sql`select ${WITHOUT_JIT}`)
}

/**
 * This machine's clock, set by PostgreSQL's: runs on many machines remember times for each other in the database, and
 * one of them may have its clock a day ahead. The same statement makes the session ours: no round trip is spent on that.
 */
export async function clockOf(db: Db, machine: Clock): Promise<Clock> {
  const asked = machine.now().getTime()
  const [row] = await db.execute<{ now: string }>(sql`select clock_timestamp() as now, ${WITHOUT_JIT}`)
  const answered = machine.now().getTime()
  if (!row) return machine
  const aheadMs = machine.ofServer(new Date(row.now)).getTime() - (asked + answered) / 2
  return { ...machine, now: () => new Date(machine.now().getTime() + aheadMs) }
}
