import { InvalidArgumentError } from '@commander-js/extra-typings'
import { WhoopsterError } from '../errors.ts'
import { nearest } from '../spelling.ts'
import { typeNames } from '../resources/names.ts'
import { DAY_MS, dayOf, HOUR_MS, isCalendarDay, MINUTE_MS } from '../time.ts'

// What may stand behind an option. Commander prints the message of an InvalidArgumentError behind the option's name. Where
// it is one of a few names, the reader bears them: a shell completes them.

/** `sleep recovery`, `sleep,recovery` and the option twice all mean the same. */
export function readSeveralOf<Name extends string>(names: readonly Name[]) {
  const readOne = readOneOf(names)
  const read = (text: string, before: readonly Name[] = []): Name[] => {
    const words = text.split(',').filter(Boolean)
    return [...new Set([...before, ...(words.length === 0 ? [''] : words).map((word) => readOne(word.trim()))])]
  }
  return Object.assign(read, { names, isList: true })
}

export function readOneOf<Name extends string>(names: readonly Name[]) {
  const read = (text: string): Name => {
    const name = names.find((one) => one === text)
    if (name !== undefined) return name
    const near = nearest(text, names)
    const meant = near === undefined ? '' : `\n(Did you mean ${near}?)` // as commander writes it of options
    throw new InvalidArgumentError(`It is one of ${names.join(', ')}.${meant}`)
  }
  return Object.assign(read, { names })
}

export const readTypes = readSeveralOf(typeNames)
/** Of the commands that look at records: body measurements are none. */
export const readRecordTypes = readSeveralOf(typeNames.filter((name) => name !== 'body'))

/** Refuses a range in which nothing can be. */
export function requireRange(
  command: string,
  { since, until }: { since?: string | undefined; until?: string | undefined },
  now: Date,
): void {
  const hint = `see: whoopster ${command} --help`
  if (since && until && Date.parse(since) >= Date.parse(until) && since >= until)
    throw new WhoopsterError('usage', '--since must be before --until.', { hint })
  if (since && Date.parse(since) > now.getTime())
    throw new WhoopsterError('usage', `--since ${since.slice(0, 10)} lies in the future.`, { hint })
}

/** A day (UTC), `today`, `yesterday`, so long ago (`7d`), or an RFC 3339 instant; as an RFC 3339 instant. */
export function readInstant(text: string, now: Date): string {
  const named = text === 'today' ? 0 : text === 'yesterday' ? DAY_MS : undefined
  if (named !== undefined) return `${dayOf(new Date(now.getTime() - named))}T00:00:00.000Z`
  if (DURATION.test(text)) return new Date(now.getTime() - readDuration(text)).toISOString()
  const [, day] = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.exec(text) ?? []
  const time = new Date(text)
  if (day !== undefined && isCalendarDay(day) && !Number.isNaN(time.getTime())) return time.toISOString()
  throw new InvalidArgumentError(
    'Write a day (2026-03-28, yesterday), how long ago (7d), or an instant with its zone (2026-03-28T06:00:00Z).',
  )
}

/** The same to the microsecond, for what only PostgreSQL has to understand. */
export function readExactInstant(text: string, now: Date): string {
  const instant = readInstant(text, now)
  const [, fraction = ''] = /\.(\d{4,6})/.exec(text) ?? []
  return fraction === '' ? instant : `${instant.slice(0, 20)}${fraction}Z`
}

/** `3/16`: the fourth of sixteen shares. */
export function readShard(text: string): { index: number; of: number } {
  const [, index, of] = /^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []
  if (index !== undefined && of !== undefined && Number(index) < Number(of))
    return { index: Number(index), of: Number(of) }
  throw new InvalidArgumentError('Write a share from 0 on and how many there are: 0/4, 1/4, 2/4 or 3/4.')
}

export function readUserId(text: string): number {
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text)
  throw new InvalidArgumentError('It is a WHOOP user id, a number; see: whoopster auth status')
}

export function readPort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new InvalidArgumentError('It is a port, 1 to 65535.')
}

export function readCount(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It is a whole number above 0.')
}

const DURATION = /^(\d{1,5})([mhd])$/
const UNITS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS }

/** `90m`, `24h` or `2d`, in milliseconds. */
export function readDuration(text: string): number {
  const [, number, unit] = DURATION.exec(text) ?? []
  const ms = Number(number) * (UNITS[unit ?? ''] ?? Number.NaN)
  if (ms > 0) return ms
  throw new InvalidArgumentError('Write a duration like 90m, 24h or 2d.')
}
