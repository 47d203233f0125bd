// Units, instants, calendar days and durations: nowhere else.

export const SECOND_MS = 1000
export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** PostgreSQL writes `2022-04-24 02:25:44.774+00`; WHOOP reads RFC 3339 with milliseconds. */
export function iso(time: string): string {
  return new Date(time).toISOString()
}

/** An instant (RFC 3339), so many milliseconds later. */
export function shift(time: string, ms: number): string {
  return new Date(Date.parse(time) + ms).toISOString()
}

export function justAfter(time: string): string {
  return shift(time, 1)
}

/** An instant as a person reads it: `2026-01-31 23:05 UTC`. */
export function toTheMinute(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** The calendar day of an instant, in UTC: `2026-01-31`. */
export function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}

export function addDays(day: string, days: number): string {
  return dayOf(new Date(Date.parse(day) + days * DAY_MS))
}

/** 0 for Monday. */
export function weekdayOf(day: string): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7
}

/** Of a text in the form of a day, whether there is such a day: Date takes 30 February for 2 March. */
export function isCalendarDay(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))]
  if (!(month >= 1 && month <= 12 && day >= 1)) return false
  return day <= 28 || new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
}

const MINUTE = ['minute', MINUTE_MS] as const
const units = [['day', DAY_MS], ['hour', HOUR_MS], MINUTE] as const

/** `5 minutes ago`. */
export function ago(then: Date, now: Date): string {
  const ms = now.getTime() - then.getTime()
  return ms < MINUTE_MS ? 'just now' : `${roughly(ms)} ago`
}

/** In its largest unit: 5 minutes, 1 hour, 3 days. */
export function roughly(ms: number): string {
  return inUnit(ms, units.find(([, size]) => ms >= size) ?? MINUTE)
}

/** The same, to the nearest one: 1 h 59 min 58 s are 2 hours. */
export function about(ms: number): string {
  const unit = units.find(([, size]) => ms >= size * 0.95) ?? MINUTE
  return inUnit(Math.round(ms / unit[1]) * unit[1], unit)
}

/** In the largest unit that leaves nothing over: 90 minutes, 1 day. */
export function exactly(ms: number): string {
  return inUnit(ms, units.find(([, size]) => ms % size === 0) ?? MINUTE)
}

function inUnit(ms: number, [name, size]: (typeof units)[number]): string {
  const count = Math.floor(ms / size)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

const finer = [
  [86_400_000, 'd', 3_600_000, 'h'],
  [3_600_000, 'h', 60_000, 'min'],
] as const

/** To the next smaller unit, for what happens often: 5 min, 1 h 25 min, 3 d 2 h. */
export function finely(ms: number): string {
  for (const [size, unit, smaller, name] of finer) {
    const rest = Math.floor((ms % size) / smaller)
    if (ms >= size) return `${Math.floor(ms / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${name}`}`
  }
  return `${Math.floor(ms / 60_000)} min`
}

/** How long something took: 0.4 s, 12 s, 3 min 5 s. */
export function took(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
