import type { Progress } from '../sync/job.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import { DAY_MS, MINUTE_MS, roughly } from '../time.ts'
import { readLimit } from '../whoop/limiter.ts'
import type { Clock, Fetch } from '../world.ts'
import { amount, number } from '../numbers.ts'
import { table } from './table.ts'
import { wrap } from './wrap.ts'

/** How far the lists have been read, for whoever waits. */
export interface ListProgress {
  report: (progress: Progress) => void
  /** Told when WHOOP's limit makes the next request wait, and for how long. */
  waiting: (ms: number) => void
  /** The same, listening to what WHOOP says of its limit. */
  overhearing(fetch: Fetch): Fetch
  /** `340 sleep, 125 workout`, of what was read so far; empty when nothing was. */
  kept(): string
}

interface Way {
  fetched: number
  pages: number
  /** How far back the first page reached, and the last. */
  from: string | undefined
  reached: string | undefined
  done: boolean
}

interface Wanted {
  /** What the settings allow; WHOOP may allow less. */
  perMinute: number
  since: string | undefined
  types: readonly TypeName[]
  /** What is done while nothing else can be said: `syncing`. */
  doing: string
  /** The terminal's, now. */
  width: () => number
}

const MARK = 2 // columns, which the spinner takes from each line
const YEAR_MS = 365 * DAY_MS
const USED = 0.9 // of what WHOOP allows

export function createProgress(
  clock: Clock,
  { perMinute: mine, since, types, doing, width }: Wanted,
  say: (draw: () => string) => void,
): ListProgress {
  let user: number | undefined
  let ways = new Map<TypeName, Way>()
  const kept = new Map<TypeName, number>()
  let left: string | undefined
  let perMinute = mine
  let waitsUntil = 0
  const show = () => {
    say(() => {
      // Recovery waits for its sleeps, and goes the same way.
      const follows = types.includes('recovery') && !ways.has('recovery') ? ways.get('sleep') : undefined
      const waits = waitsUntil > clock.now().getTime() ? `waiting for WHOOP's limit until ${timeOf(waitsUntil)}` : left
      const notes = [waits, outlook([...ways.values()], follows, perMinute, since)]
      return draw(ways, follows !== undefined, notes.filter(Boolean).join(' · ') || doing, width() - MARK)
    })
  }
  return {
    report: ({ whoopUserId, type, fetched, reached, done }) => {
      if (user !== whoopUserId) ways = new Map()
      user = whoopUserId
      const way = ways.get(type) ?? { fetched: 0, pages: 0, from: reached, reached, done: false }
      kept.set(type, (kept.get(type) ?? 0) + fetched - way.fetched)
      const pages = way.pages + (reached === undefined ? 0 : 1)
      ways.set(type, { ...way, fetched, pages, reached: earlier(way.reached, reached), done })
      show() // what waits goes on waiting, while the answers to earlier requests come in
    },
    waiting: (ms) => {
      waitsUntil = clock.now().getTime() + ms
      show()
    },
    overhearing: (fetch) => async (url, init) => {
      const answer = await fetch(url, init)
      const limit = readLimit(answer)
      perMinute = Math.min(mine, limit?.windows[60] ?? mine)
      if (limit)
        left = `${amount(limit.remaining, 'request')} left ${limit.windowSeconds === 86_400 ? 'today' : 'this minute'}`
      return answer
    },
    kept: () => {
      const read = typeNames.filter((type) => (kept.get(type) ?? 0) > 0)
      return read.map((type) => `${number(kept.get(type) ?? 0)} ${type}`).join(', ')
    },
  }
}

function draw(ways: ReadonlyMap<TypeName, Way>, recoveryFollows: boolean, said: string, width: number): string {
  const rows = typeNames.flatMap((type) => {
    const way = ways.get(type)
    if (!way) return type === 'recovery' && recoveryFollows ? [[' ', type, '', 'after sleep']] : []
    const { fetched, reached, done } = way
    const where = done ? '' : `back to ${reached?.slice(0, 10) ?? '…'}`
    const records = `${amount(fetched, 'record')}${fetched === 1 ? ' ' : ''}` // as wide as the plural: numbers stand below each other
    return [[done ? '✔' : ' ', type, records, where]]
  })
  return [...wrap(said, width), table(rows, { right: [2], width })].join('\n')
}

/** By the clock on the member's wall: a count of seconds would stand still while nothing happens. */
function timeOf(ms: number): string {
  return new Date(Math.ceil(ms / 1000) * 1000).toTimeString().slice(0, 8)
}

/**
 * What the budget says of the time to go. Only WHOOP knows how long a history is: without a date to go back to, it is
 * the time for each year.
 */
function outlook(
  ways: readonly Way[],
  follows: Way | undefined,
  perMinute: number,
  since: string | undefined,
): string | undefined {
  const end = since === undefined ? undefined : Date.parse(since)
  const requests = (way: Way, from: string | undefined) => {
    const span = Date.parse(way.from ?? '') - Date.parse(way.reached ?? '')
    if (!(span > 0)) return 0
    return ((way.pages - 1) / span) * (end === undefined ? YEAR_MS : Math.max(0, Date.parse(from ?? '') - end))
  }
  const running = ways.filter(({ done }) => !done).map((way) => requests(way, way.reached))
  const total = [...running, follows ? requests(follows, follows.from) : 0].reduce((sum, one) => sum + one, 0)
  const ms = (total / (perMinute * USED)) * MINUTE_MS
  if (ms < 1000) return undefined
  return end === undefined ? `${inWords(ms)} for each year of history` : `${inWords(ms)} to go`
}

function inWords(ms: number): string {
  return ms < 90_000 ? `about ${Math.ceil(ms / 1000)} s` : `about ${roughly(ms)}`
}

function earlier(one: string | undefined, other: string | undefined): string | undefined {
  return one === undefined || (other !== undefined && other < one) ? other : one
}
