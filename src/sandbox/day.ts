import type { Exercise } from './sports.ts'

// One day of a life as it was, whatever WHOOP shows of it and when. It begins with falling asleep the evening before,
// like a WHOOP cycle, and is numbered by the date of waking.
export interface Day {
  number: number
  offset: number
  onset: number
  wake: number
  asleep: number
  need: Need
  consistency: number
  recovery: Recovery
  cold: number
  jetLag: number
  drunk: number // of the evening before
  busyness: number // strain of the day apart from sport, as load
  exercises: Exercise[]
  nap?: { start: number; end: number }
}

export interface Need {
  baseline: number
  debt: number
  strain: number
  nap: number // 0 or less
}

export interface Recovery {
  score: number
  restingHeartRate: number
  hrv: number
  respiratoryRate: number
  oxygen: number
  skinTemperature: number
}

// What a body carries over into the next day.
export interface Carried {
  load: number // yesterday's
  acute: number // load of about a week
  chronic: number // load of about a month
  debt: number // of sleep
  nap: number // slept yesterday afternoon
  form: number // good and bad weeks without a reason
  bedtime: number // the usual one, in minutes after midnight
  wobble: number // how far bedtimes stray from it
}

export interface Circumstances {
  day: number
  offset: number
  tomorrow: number // its offset
  free: boolean
  drunk: number
  cold: number
  jetLag: number
}

export interface Night {
  onset: number
  wake: number
  asleep: number
  need: Need
  bedtime: number
}
