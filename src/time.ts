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
