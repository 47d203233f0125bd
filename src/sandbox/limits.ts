export interface Limits {
  perMinute: number
  perDay: number
  minuteSeconds?: number // a test may shorten the windows
  daySeconds?: number
}

export interface Verdict {
  allowed: boolean
  headers: Record<string, string>
}

interface Window {
  limit: number
  seconds: number
}

// Sliding windows over the requests of one app, whichever member they are for. A refused request is not counted.
export function createLimiter(limits: Limits, now: () => Date): () => Verdict {
  const windows = [
    { limit: limits.perMinute, seconds: limits.minuteSeconds ?? 60 },
    { limit: limits.perDay, seconds: limits.daySeconds ?? 86_400 },
  ]
  const longest = Math.max(...windows.map(({ seconds }) => seconds))
  let seen: number[] = []
  return () => {
    const at = now().getTime()
    seen = seen.filter((then) => then > at - longest * 1000)
    const allowed = windows.every((window) => left(window, seen, at) > 0)
    if (allowed) seen.push(at)
    return { allowed, headers: headers(windows, seen, at) }
  }
}

function left({ limit, seconds }: Window, seen: number[], at: number): number {
  return limit - inside(seconds, seen, at).length
}

function inside(seconds: number, seen: number[], at: number): number[] {
  return seen.slice(seen.findLastIndex((then) => then <= at - seconds * 1000) + 1)
}

// The list names the window nearest to exhaustion first, and the other two headers speak of that one.
function headers(windows: Window[], seen: number[], at: number): Record<string, string> {
  const [nearest] = windows.toSorted((a, b) => left(a, seen, at) - left(b, seen, at))
  if (!nearest) return {}
  const [oldest = at] = inside(nearest.seconds, seen, at)
  return {
    'x-ratelimit-limit': [nearest.limit, ...windows.map(({ limit, seconds }) => `${limit};window=${seconds}`)].join(
      ', ',
    ),
    'x-ratelimit-remaining': String(left(nearest, seen, at)),
    'x-ratelimit-reset': String(Math.max(1, Math.ceil((oldest + nearest.seconds * 1000 - at) / 1000))),
  }
}
