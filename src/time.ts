const MINUTE = ['minute', 60_000] as const
const units = [['day', 86_400_000], ['hour', 3_600_000], MINUTE] as const

export function ago(then: Date, now: Date): string {
  const ms = now.getTime() - then.getTime()
  return ms < 60_000 ? 'just now' : `${roughly(ms)} ago`
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
