import { between, chance, clamp, normal, type Random } from './random.ts'
import { MINUTE_MS } from './calendar.ts'

export interface Sport {
  name: string
  id: number
  effort: number // 0 rests, 1 races
  gps?: { speed: number; climb: number } // metres per second, metres per kilometre
}

export const SPORTS = {
  activity: { name: 'activity', id: -1, effort: 0.32 },
  badminton: { name: 'badminton', id: 231, effort: 0.55 },
  cycling: { name: 'cycling', id: 1, effort: 0.5, gps: { speed: 7.4, climb: 9 } },
  functional: { name: 'functional-fitness', id: 48, effort: 0.58 },
  hiking: { name: 'hiking-rucking', id: 52, effort: 0.36, gps: { speed: 1.2, climb: 38 } },
  meditation: { name: 'meditation', id: 70, effort: 0 },
  mountainBiking: { name: 'mountain-biking', id: 57, effort: 0.56, gps: { speed: 4.6, climb: 24 } },
  pilates: { name: 'pilates', id: 43, effort: 0.2 },
  rowing: { name: 'rowing', id: 18, effort: 0.56 },
  running: { name: 'running', id: 0, effort: 0.58, gps: { speed: 2.9, climb: 8 } },
  sauna: { name: 'sauna', id: 233, effort: 0.16 },
  swimming: { name: 'swimming', id: 33, effort: 0.48 },
  tableTennis: { name: 'table-tennis', id: 230, effort: 0.34 },
  tennis: { name: 'tennis', id: 34, effort: 0.54 },
  walking: { name: 'walking', id: 63, effort: 0.2, gps: { speed: 1.4, climb: 6 } },
  weightlifting: { name: 'weightlifting_msk', id: 123, effort: 0.36 },
  yoga: { name: 'yoga', id: 44, effort: 0.12 },
} satisfies Record<string, Sport>

export interface Session {
  sport: Sport
  minutes: number
  at: number // minutes after midnight
  hard?: number // added to the sport's effort
}

export interface Exercise {
  sport: Sport
  start: number
  end: number
  effort: number
  zones: number[] // milliseconds in the heart-rate zones 0 to 5
  load: number
}

const LOAD_PER_MINUTE = [0.0012, 0.0045, 0.0105, 0.021, 0.038, 0.062]

export function exercise(luck: Random, session: Session, start: number, vigour: number): Exercise {
  const { sport, minutes, hard = 0 } = session
  const duration = Math.round(minutes * clamp(1 + normal(luck) * 0.12, 0.5, 1.6) * vigour * MINUTE_MS + luck() * 6e4)
  const effort = clamp(sport.effort + hard + normal(luck) * 0.06, 0, 0.95)
  const zones = spread(luck, duration, effort)
  return { sport, start, end: start + duration, effort, zones, load: loadOf(zones) }
}

// Around the effort's own zone, with a warm-up below. WHOOP's zones miss the duration by up to 0.6 s.
function spread(luck: Random, duration: number, effort: number): number[] {
  const centre = effort * 5
  const shares = LOAD_PER_MINUTE.map((_, zone) => {
    const near = Math.max(0, 1 - Math.abs(zone - centre) / 1.9)
    return (near * near + (zone < centre ? 0.08 : 0)) * between(luck, 0.7, 1.3)
  })
  const total = shares.reduce((sum, share) => sum + share, 0)
  const seen = duration - Math.floor(luck() * 500)
  return shares.map((share) => Math.floor((share / total) * seen))
}

function loadOf(zones: number[]): number {
  return zones.reduce((sum, ms, zone) => sum + (ms / MINUTE_MS) * (LOAD_PER_MINUTE[zone] ?? 0), 0)
}

// WHOOP's scale ends at 21 and is harder to climb the higher one is.
export function strainOf(load: number): number {
  return (21 * load) / (1 + load)
}

export interface Track {
  distance: number
  gain: number
  change: number
}

// Some runs are on a treadmill, and some watches lose the sky after fifty metres.
export function track(luck: Random, { sport, start, end, effort }: Exercise): Track | undefined {
  if (!sport.gps || chance(luck, 0.07)) return undefined
  const pace = sport.gps.speed * (0.6 + 0.7 * effort) * clamp(1 + normal(luck) * 0.06, 0.8, 1.2)
  const distance = chance(luck, 0.01) ? between(luck, 20, 90) : (pace * (end - start)) / 1000
  const gain = (distance / 1000) * sport.gps.climb * between(luck, 0.5, 1.6)
  return { distance, gain, change: gain * normal(luck) * 0.15 }
}
