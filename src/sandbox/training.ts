import { HOUR_MS, instantOf, MINUTE_MS, weekday } from './calendar.ts'
import type { Carried, Circumstances, Day, Night } from './day.ts'
import type { Person } from './person.ts'
import { between, chance, normal, type Random } from './random.ts'
import { exercise, type Exercise, type Session } from './sports.ts'

// Three weeks build up, the fourth is easy; ill people rest, and a red morning often calls training off.
export function train(person: Person, now: Circumstances, night: Night, score: number, luck: Random): Exercise[] {
  const discouraged = now.cold > 0 || now.jetLag === 1 || (score < 34 && chance(luck, 0.45))
  const planned = person.week[weekday(now.day)]
  const sessions = [
    ...(planned && !discouraged && chance(luck, 0.86) ? [planned] : []),
    ...person.extras.flatMap(({ session, probability }) => (chance(luck, probability) ? [session] : [])),
  ].filter(({ sport }) => now.cold === 0 || sport.effort === 0)
  const vigour = [0.92, 1, 1.12, 0.72][Math.floor(now.day / 7) % 4] ?? 1
  return schedule(now, night, sessions, vigour, luck)
}

function schedule(now: Circumstances, night: Night, sessions: Session[], vigour: number, luck: Random): Exercise[] {
  const done: Exercise[] = []
  let free = night.wake + 30 * MINUTE_MS
  for (const session of sessions.toSorted((a, b) => a.at - b.at)) {
    const wanted = instantOf(now.day, session.at + normal(luck) * 14 + luck() / 60, now.offset)
    const next = exercise(luck, session, Math.max(wanted, free), vigour)
    if (next.end > bedtimeLimit(now)) continue
    done.push(next)
    free = next.end + 10 * MINUTE_MS
  }
  return done
}

// By tomorrow's clock as well: who flies east has a short evening.
function bedtimeLimit({ day, offset, tomorrow }: Circumstances): number {
  return instantOf(day, 20 * 60 + 20, Math.max(offset, tomorrow))
}

export function afternoonNap(
  before: Carried,
  now: Circumstances,
  night: Night,
  exercises: Exercise[],
  luck: Random,
): Day['nap'] {
  const wish = 0.03 + (before.debt > 2 * HOUR_MS ? 0.05 : 0) + (now.free ? 0.05 : 0) + now.cold * 0.25
  const start = instantOf(now.day, between(luck, 13 * 60, 15.5 * 60), now.offset)
  const end = start + Math.round(between(luck, 22, 95) * MINUTE_MS)
  const busy = exercises.some((one) => one.start < end + HOUR_MS / 4 && start < one.end + HOUR_MS / 4)
  if (!chance(luck, wish) || busy || start < night.wake + 2 * HOUR_MS || end > bedtimeLimit(now)) return undefined
  return { start, end }
}
