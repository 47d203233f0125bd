import type { Day } from '../db/stats.ts'
import { addDays, weekdayOf } from '../time.ts'
import type { Style } from './style.ts'

export const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const

/** WHOOP's three colours, each with a shape of its own for who does not see them. */
export function mark(recovery: number | null, style: Style): string {
  if (recovery === null) return style.dim('·')
  if (recovery >= 67) return style.green('●')
  return recovery >= 34 ? style.yellow('◐') : style.red('○')
}

export function legend(style: Style): string {
  return `${mark(67, style)} 67–100 %  ${mark(34, style)} 34–66 %  ${mark(0, style)} 0–33 %`
}

/** A line for each weekday, a column for each of the last weeks, the newest on the right. */
export function calendar(days: readonly Day[], weeks: number, style: Style): string[] {
  const last = days.at(-1)
  if (!last) return []
  const known = new Map(days.map(({ day, recovery }) => [day, recovery]))
  const monday = addDays(last.day, -weekdayOf(last.day))
  return WEEKDAYS.map((_, weekday) => {
    const cells = Array.from({ length: weeks }, (_, week) => {
      const day = addDays(monday, weekday - 7 * (weeks - 1 - week))
      return day > last.day ? ' ' : mark(known.get(day) ?? null, style)
    })
    return cells.join(' ')
  })
}
