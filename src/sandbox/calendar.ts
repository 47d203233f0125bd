import { chance, pick, random, whole } from './random.ts'

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

// Every life begins here, however much of it is asked for: that is why `days` and the clock never change the past.
export const EPOCH_DAY = dayOf(Date.UTC(2009, 6, 1))

export interface Zone {
  offset: number // minutes east of UTC, in winter
  summer: 'eu' | 'us' | 'none'
}

interface Life {
  seed: number
  index: number
  zone: Zone
}

export function dayOf(instant: number): number {
  return Math.floor(instant / DAY_MS)
}

// 0 is Sunday.
export function weekday(day: number): number {
  return (day + 4) % 7
}

// The instant at which a clock of that offset shows so many minutes after that day's midnight.
export function instantOf(day: number, minutes: number, offset: number): number {
  return day * DAY_MS + Math.round((minutes - offset) * MINUTE_MS)
}

export function offsetOn(life: Life, day: number): number {
  return standardOffset(life.zone, day) + (awayOn(life, day) ?? 0)
}

export function formatOffset(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60]
  return `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`
}

function standardOffset({ offset, summer }: Zone, day: number): number {
  return summer !== 'none' && isSummer(summer, day) ? offset + 60 : offset
}

// The rules in arithmetic: Intl's answers depend on the time zone data that came with Node.
function isSummer(rule: 'eu' | 'us', day: number): boolean {
  const date = new Date(day * DAY_MS)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  if (month < 2 || month > 10) return false
  return rule === 'eu'
    ? day >= sundayUntil(year, 2, 31) && day < sundayUntil(year, 9, 31)
    : day >= sundayUntil(year, 2, 14) && day < sundayUntil(year, 10, 7)
}

function sundayUntil(year: number, month: number, date: number): number {
  const day = dayOf(Date.UTC(year, month, date))
  return day - weekday(day)
}

const COLD = 1
const TRIP = 2
const SHIFTS = [-420, -360, -300, -240, 180, 270, 360, 480]

// How ill somebody is, 0 to 1. A cold every winter, in most years another one in spring.
export function coldOn({ seed, index }: Life, day: number): number {
  const { year, date } = yearOfLife(day)
  const luck = random(seed, index, COLD, year)
  const winter = course(date - whole(luck, 165, 205), whole(luck, 4, 7))
  const again = chance(luck, 0.65)
  const spring = course(date - whole(luck, 270, 340), whole(luck, 4, 6))
  return Math.max(winter, again ? spring : 0)
}

function course(sick: number, length: number): number {
  return sick < length ? ([0.6, 1, 1, 0.8, 0.6, 0.5, 0.35][sick] ?? 0) : 0
}

// How many minutes the clock was moved by a journey, once a year.
function awayOn({ seed, index, zone }: Life, day: number): number | undefined {
  const { year, date } = yearOfLife(day)
  const luck = random(seed, index, TRIP, year)
  const start = chance(luck, 0.5) ? whole(luck, 50, 110) : whole(luck, 215, 265)
  const stay = whole(luck, 6, 13)
  if (date < start || date >= start + stay) return undefined
  const shift = pick(SHIFTS, whole(luck, 0, 7))
  return Math.abs(zone.offset + shift) > 11 * 60 ? -shift : shift
}

// 1 on the first morning after the clock has jumped by hours, gone after four.
export function jetLagOn(life: Life, day: number): number {
  const today = awayOn(life, day) ?? 0
  const nights = [1, 2, 3, 4].find((ago) => (awayOn(life, day - ago) ?? 0) !== today)
  return nights === undefined ? 0 : (5 - nights) / 4
}

function yearOfLife(day: number): { year: number; date: number } {
  const age = day - EPOCH_DAY
  return { year: Math.floor(age / 365), date: ((age % 365) + 365) % 365 }
}
