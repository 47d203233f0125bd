// A member's life under a test's hand: time passes, things happen to old records, runs come and go, and after each one
// the tables are held against what the sync promises by then. Nothing here asks the code under test what is right.
import { isDeepStrictEqual } from 'node:util'
import { expect } from 'vitest'
import { type Key, type Kind, type Records, canned } from '../../src/sandbox/index.ts'
import { createWorld, type Placed } from '../../src/sandbox/world.ts'
import { newMember, type Member } from './member.ts'
import { createClock } from './world.ts'
import { DAY_MS, HOUR_MS } from './time.ts'

export const kinds = ['sleep', 'recovery', 'workout', 'cycle'] as const

const ID = 10_001
const NEWEST_PAGE = 25
const RECENT_MS = 30 * DAY_MS
const MONTH_MS = 31 * DAY_MS

type Wire = Records[Kind]

/** Something that changes what WHOOP would answer, as long as it is in force. */
interface Happening {
  from: number
  until?: number | undefined
  hits(kind: Kind, place: Placed): boolean
  makes(record: Wire): Wire | undefined
  adds?: { kind: Kind; record: Wire }
}

/** What goes wrong in one run. */
export type Trouble = { outage: string } | { empty: string; times: number }

export interface Ran {
  code: number
  /** Pages asked for, of the type that asked for most. */
  pages: number
  /** Records asked for by id. */
  ids: number
  requests: number
}

interface Row {
  kind: Kind
  key: string
  raw: Wire
  place: Date
  end: Date | null
  written: Date
  /** The transaction that wrote it last. */
  version: string
}

export interface Life {
  member: Member
  story: string[]
  now(): number
  pass(ms: number): void
  sync(options?: { line?: string; trouble?: Trouble }): Promise<Ran>
  /** The record of that sort whose place is nearest to so many days ago. */
  pick<K extends Kind>(kind: K, daysAgo: number): Records[K] | undefined
  rescore(kind: Kind, record: Wire | undefined): void
  /** Takes the score back; it comes again, another one, after so many days. */
  withdraw(kind: Kind, record: Wire | undefined, days: number): void
  /** What is recorded from now on, for so many days, is scored only when they are over. */
  scoreLate(kind: Kind, days: number): void
  move(kind: 'sleep' | 'workout', record: Wire | undefined, startMs: number, endMs: number): void
  addWorkout(daysAgo: number, sport?: string): string
  addNap(daysAgo: number): void
  /** Until it comes back, if it does; a sleep takes its recovery with it. */
  remove(kind: Kind, record: Wire | undefined, forDays?: number): void
  recreateSleep(record: Wire | undefined): void
  travel(days: number, offset: string): void
  leaveStrapOff(days: number): void
}

export async function newLife({ seed = 1, days = 60 }: { seed?: number; days?: number } = {}): Promise<Life> {
  const clock = createClock()
  const shadow = createWorld({ seed, days, members: 1, now: clock.now() }) // the same member, left alone
  const member = await newMember({ seed, days, clock })
  const { world } = member.sandbox
  const { sql } = member.database
  const happenings: Happening[] = []
  const touched = new Map<string, [Kind, Key]>()
  const truth = new Map<string, Wire>()
  const changedAt = new Map<string, number>()
  const unsettledSince = new Map<string, number>()
  const story: string[] = []
  let stored = new Map<string, Row>()
  let judged = 0
  let previous = -Infinity // when the last run that succeeded began
  const successes: number[] = []
  let made = 0

  const now = () => clock.now().getTime()
  const tell = (what: string) => void story.push(`${clock.now().toISOString()} ${what}`)

  /** What WHOOP would answer now: the life as lived, and all that has happened to it. */
  function settle(): void {
    const inForce = happenings.filter(({ from, until }) => from <= now() && now() < (until ?? Infinity))
    const added = happenings.filter(({ adds }) => adds)
    for (const kind of kinds) {
      const lived: Placed[] = [...shadow.placed(kind, ID)]
      for (const { adds } of inForce) if (adds?.kind === kind) lived.push(placeAlone(adds.record))
      for (const { adds } of added)
        if (adds?.kind === kind) touched.set(idOf(kind, adds.record), [kind, keyOf(adds.record)])
      const wanted = new Map<string, Wire>()
      for (const place of lived) {
        let record: Wire | undefined = place.record
        for (const one of inForce) {
          if (one.adds || !one.hits(kind, place)) continue
          touched.set(idOf(kind, place.record), [kind, keyOf(place.record)])
          record &&= one.makes(record)
        }
        if (record) wanted.set(idOf(kind, record), record)
      }
      for (const [id, [of, key]] of touched) {
        if (of !== kind) continue
        const record = wanted.get(id)
        if (!record && world.get(kind, key)) world.remove(kind, key)
        if (record && !isDeepStrictEqual(record, world.get(kind, key))) world.put(kind, record)
      }
    }
    noteChanges()
  }

  function noteChanges(): void {
    const here = new Set<string>()
    for (const kind of kinds) {
      for (const { record } of world.placed(kind, ID)) {
        const id = idOf(kind, record)
        here.add(id)
        const known = truth.get(id)
        if (known !== record && !isDeepStrictEqual(known, record)) changedAt.set(id, now())
        truth.set(id, record)
      }
    }
    for (const id of truth.keys()) {
      if (here.has(id)) continue
      truth.delete(id)
      changedAt.set(id, now())
    }
  }

  /** As they are now. What no transaction has written since the last time is not carried here again. */
  async function readTables(): Promise<Map<string, Row>> {
    const rows = await sql<Omit<Row, 'raw'>[]>`
      select 'sleep' as kind, id::text as key, start_time as place, end_time as end, updated_at as written,
        xmin::text as version
      from sleep_records
      union all
      select 'recovery', r.id::text, coalesce(s.start_time, r.created_at_whoop),
        coalesce(s.end_time, r.created_at_whoop), r.updated_at, r.xmin::text
      from recovery_records r left join sleep_records s on s.user_id = r.user_id and s.id = r.sleep_id
      union all
      select 'workout', id::text, start_time, end_time, updated_at, xmin::text from workout_records
      union all
      select 'cycle', id::text, start_time, end_time, updated_at, xmin::text from cycle_records`
    const named = rows.map((row) => [`${row.kind} ${row.key}`, row] as const)
    const fresh = await readRaw(
      named.filter(([id, { version }]) => stored.get(id)?.version !== version).map(([id]) => id),
    )
    return new Map(
      named.map(([id, row]) => {
        const raw = fresh.get(id) ?? stored.get(id)?.raw
        if (!raw) throw new Error(`${id} came or went while it was looked at`)
        return [id, { ...row, raw }]
      }),
    )
  }

  async function readRaw(ids: readonly string[]): Promise<Map<string, Wire>> {
    const rows = await sql<{ id: string; raw: Wire }[]>`
      select id, raw_data as raw from (
        select 'sleep ' || id as id, raw_data from sleep_records
        union all select 'recovery ' || id, raw_data from recovery_records
        union all select 'workout ' || id, raw_data from workout_records
        union all select 'cycle ' || id, raw_data from cycle_records) records
      where id = any(${[...ids]})`
    return new Map(rows.map(({ id, raw }) => [id, raw]))
  }

  /** Every settled version that was replaced, and every record that was deleted, is in the history, and nothing else. */
  async function expectHistory(before: Map<string, Row>, startedAt: number): Promise<void> {
    const expected = []
    for (const [id, old] of before) {
      const { kind, raw, end, written } = old
      const entry = { id, raw, from: written.getTime() }
      const fresh = stored.get(id)
      if (!fresh) {
        expected.push({ ...entry, reason: 'deleted' })
        continue
      }
      if (isDeepStrictEqual(raw, fresh.raw) || isUnsettled(old)) continue
      const endNow = kind === 'recovery' ? fresh.end : end // its sleep was read before it
      if ((endNow?.getTime() ?? 0) < startedAt - DAY_MS) expected.push({ ...entry, reason: 'changed' })
    }
    const rows = await sql`select * from record_history where id > ${judged} order by id`
    judged = Math.max(judged, ...rows.map((row) => Number(row['id'])))
    const found = rows.map((row) => ({
      id: `${row['data_type']} ${row['record_key']}`,
      raw: row['raw_data'] as Wire,
      from: (row['seen_from'] as Date).getTime(),
      reason: row['reason'] as string,
    }))
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
    expect(found.toSorted(byId), `history\n${story.join('\n')}`).toEqual(expected.toSorted(byId))
    for (const row of rows) {
      expect((row['seen_until'] as Date).getTime()).toBeGreaterThanOrEqual(startedAt)
      expect((row['seen_until'] as Date).getTime()).toBeLessThanOrEqual(now())
    }
  }

  /** What a run that succeeded has to have seen to, record by record. */
  function brokenPromises(startedAt: number): string[] {
    const broken: string[] = []
    for (const kind of kinds) {
      const list = world.placed(kind, ID)
      const places = new Map(list.map(({ record, from }) => [idOf(kind, record), from]))
      const newest = new Set(list.slice(0, NEWEST_PAGE).map(({ record }) => idOf(kind, record)))
      const bottom = list.length > NEWEST_PAGE ? (list[NEWEST_PAGE - 1]?.from ?? -Infinity) : -Infinity
      const held = [...stored.values()].filter((row) => row.kind === kind).map(({ key }) => `${kind} ${key}`)
      const end = Math.min(...list.map(({ from }) => from))
      const spanned = [...stored].filter(([, row]) => row.kind === kind && row.place.getTime() > bottom)
      const omitted = spanned.filter(([id]) => !truth.has(id)).length
      const isDoubted = omitted > 3 && omitted * 10 > spanned.length
      for (const id of new Set([...held, ...places.keys()])) {
        const row = stored.get(id)
        const record = truth.get(id)
        if (row && record && isDeepStrictEqual(row.raw, record)) continue
        const changed = changedAt.get(id) ?? -Infinity
        const since = unsettledSince.get(id)
        const place = row?.place.getTime() ?? Infinity
        const oldest = Math.min(places.get(id) ?? Infinity, place)
        // Many at once, the end of a list, and a recovery whose sleep is still there are believed when seen again.
        const isGone = row !== undefined && !record
        const isLate = isGone && (isDoubted || place < end)
        const isUnclear = isGone && kind === 'recovery' && truth.has(`sleep ${keyOf(row.raw)}`)
        const seenAgain = (after: number) => {
          const since = successes.filter((at) => at - changed >= after)
          // One that is both has to be believed first, and is then asked for in two runs.
          const until = isLate && isUnclear ? (since.at(-1) ?? -Infinity) : startedAt
          return since.some((at) => until - at >= DAY_MS) || (!isLate && !isUnclear && place > bottom)
        }
        const reasons = {
          'on the newest page': newest.has(id),
          'deleted in the span of the newest page': isGone && place > bottom && seenAgain(0),
          'unsettled since less than a day': !isGone && since !== undefined && startedAt - since < DAY_MS,
          'unsettled, and due': !isGone && since !== undefined && startedAt - since >= (changed - since) * 1.1,
          'of the last 30 days, changed a day ago':
            oldest >= startedAt - RECENT_MS && startedAt - changed >= DAY_MS && (!isGone || seenAgain(DAY_MS)),
          'changed a month ago': previous - changed >= MONTH_MS && (!isGone || seenAgain(MONTH_MS)),
        }
        const why = Object.entries(reasons).find(([, holds]) => holds)
        const how = row ? (record ? 'different' : 'extra') : 'missing'
        if (why) broken.push(`${id} of ${new Date(oldest).toISOString()} is ${how}, though ${why[0]}`)
      }
    }
    return broken
  }

  /** What is not complete, unless it is in doubt what has been deleted. */
  async function openGaps(): Promise<string[]> {
    const gaps: string[] = []
    for (const kind of kinds) {
      const doubts = await sql`select from chased_records where data_type = ${kind} and reason <> 'unsettled'`
      if (doubts.length > 0) continue
      const places = [...stored.values()].filter((row) => row.kind === kind).map(({ place }) => place.getTime())
      const top = new Date(Math.max(...places)).toISOString()
      const [row] = await sql`
        select (tstzmultirange(tstzrange(null, ${top})) - covered)::text as gap from sync_status where data_type = ${kind}`
      if (row?.['gap'] !== '{}') gaps.push(`${kind} ${String(row?.['gap'])}`)
    }
    return gaps
  }

  function cause(trouble: Trouble | undefined): void {
    const { faults } = world
    if (trouble && 'outage' in trouble) {
      faults.next = [{ path: `/developer/v2/${trouble.outage}`, times: 10_000, answer: canned.serverError }]
    }
    if (trouble && 'empty' in trouble) {
      const path = `/developer/v2/${trouble.empty}`
      let left = trouble.times
      faults.onRequest = (asked) => {
        if (asked.path === path && left-- > 0) faults.next.unshift({ path, act: 'empty-page' })
      }
    }
  }

  async function sync({ line = '', trouble }: { line?: string; trouble?: Trouble } = {}): Promise<Ran> {
    if (trouble) tell(JSON.stringify(trouble))
    cause(trouble)
    const startedAt = now()
    const first = member.sandbox.requests.length
    const result = await member.sync(line)
    world.faults.next = []
    world.faults.onRequest = undefined
    const before = stored
    stored = await readTables()
    await expectHistory(before, startedAt)
    for (const id of unsettledSince.keys()) if (!stored.has(id)) unsettledSince.delete(id) // nobody asks for what is gone
    for (const [id, row] of stored) {
      if (!isUnsettled(row)) unsettledSince.delete(id)
      else if (!unsettledSince.has(id)) unsettledSince.set(id, startedAt)
    }
    if (!trouble) expect(result, story.join('\n')).toMatchObject({ code: 0, outcome: 'ok' })
    if (result.code === 0) {
      expect(brokenPromises(startedAt), story.join('\n')).toEqual([])
      expect(await openGaps(), story.join('\n')).toEqual([])
      previous = startedAt
      successes.push(startedAt)
    }
    return { code: result.code, ...countRequests(member.sandbox.requests.slice(first).map(({ path }) => path)) }
  }

  const happen = (happening: Happening) => {
    happenings.push(happening)
    settle()
  }
  const change = (kind: Kind, record: Wire, makes: Happening['makes'], until?: number, from = now()) => {
    const key = keyOf(record)
    happen({ from, until, hits: (of, place) => of === kind && keyOf(place.record) === key, makes })
  }
  const add = (kind: Kind, record: Wire) =>
    happen({ from: now(), hits: () => false, makes: (one) => one, adds: { kind, record } })
  const newId = () => `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`
  const name = (kind: Kind, record: Wire) => `${idOf(kind, record)} of ${startOf(record)}`

  settle()
  return {
    member,
    story,
    now,
    sync,
    pass: (ms) => {
      clock.pass(ms)
      shadow.advanceTo(clock.now())
      world.advanceTo(clock.now())
      settle()
    },
    pick: (kind, daysAgo) => {
      const wanted = now() - daysAgo * DAY_MS
      const far = ({ from }: Placed) => Math.abs(from - wanted)
      return world.placed(kind, ID).toSorted((a, b) => far(a) - far(b))[0]?.record
    },
    rescore: (kind, record) => {
      if (!record) return
      tell(`rescored ${name(kind, record)}`)
      const [luck, at] = [++made, now()]
      change(kind, record, (one) => rescored(one, luck, at))
    },
    withdraw: (kind, record, days) => {
      if (!record) return
      tell(`score withdrawn for ${days} days: ${name(kind, record)}`)
      const until = now() + days * DAY_MS
      const [luck, at] = [++made, time(now())]
      change(kind, record, (one) => patch(one, { score_state: 'PENDING_SCORE', score: null, updated_at: at }), until)
      change(kind, record, (one) => rescored(one, luck, until), undefined, until)
    },
    scoreLate: (kind, days) => {
      tell(`${kind} of ${days} days scored late`)
      const [from, until] = [now(), now() + days * DAY_MS]
      const hits = (of: Kind, place: Placed) => of === kind && place.from >= from && place.from < until
      happen({ from, until, hits, makes: (one) => patch(one, { score_state: 'PENDING_SCORE', score: null }) })
    },
    move: (kind, record, startMs, endMs) => {
      if (!record || !('start' in record) || record.end === null) return
      tell(`moved by ${startMs / HOUR_MS} and ${endMs / HOUR_MS} h: ${name(kind, record)}`)
      const [at, start] = [time(now()), time(Date.parse(record.start) + startMs)]
      const end = time(Math.max(Date.parse(record.end) + endMs, Date.parse(start)))
      change(kind, record, (one) => patch(one, { start, end, updated_at: at }))
    },
    addWorkout: (daysAgo, sport = 'running') => {
      const [model] = world.list('workout')
      if (!model) throw new Error('the sandbox made no workout')
      const id = newId()
      const start = now() - Math.round(daysAgo * DAY_MS)
      const [from, end, at] = [time(start), time(start + HOUR_MS), time(now())]
      const record = { ...model, id, start: from, end, created_at: at, updated_at: at, sport_name: sport }
      tell(`added ${name('workout', record)}`)
      add('workout', record)
      return id
    },
    addNap: (daysAgo) => {
      const model = world.list('sleep').find(({ score }) => score)
      if (!model) throw new Error('the sandbox made no sleep')
      const start = now() - Math.round(daysAgo * DAY_MS)
      const [from, end, at] = [time(start), time(start + HOUR_MS), time(now())]
      const record = { ...model, id: newId(), nap: true, start: from, end, created_at: at, updated_at: at }
      tell(`added the nap ${name('sleep', record)}`)
      add('sleep', record)
    },
    remove: (kind, record, forDays) => {
      if (!record) return
      tell(`deleted${forDays === undefined ? '' : ` for ${forDays} days`} ${name(kind, record)}`)
      const key = keyOf(record)
      const hangsOn = (one: Wire) => kind === 'sleep' && 'sleep_id' in one && one.sleep_id === key
      const hits = (of: Kind, place: Placed) => (of === kind && keyOf(place.record) === key) || hangsOn(place.record)
      const until = forDays === undefined ? undefined : now() + forDays * DAY_MS
      happen({ from: now(), until, hits, makes: () => undefined })
    },
    recreateSleep: (record) => {
      if (!record || !('nap' in record)) return
      tell(`made anew ${name('sleep', record)}`)
      const [old, id, at] = [record.id, newId(), time(now())]
      add('sleep', { ...record, id, created_at: at, updated_at: at })
      change('sleep', record, () => undefined)
      const hits = (_: Kind, { record: one }: Placed) => 'sleep_id' in one && one.sleep_id === old
      happen({ from: now(), hits, makes: (one) => patch(one, { sleep_id: id, updated_at: at }) })
    },
    travel: (days, offset) => {
      tell(`travels for ${days} days`)
      const [from, until] = [now(), now() + days * DAY_MS]
      const hits = (kind: Kind, place: Placed) => kind !== 'recovery' && place.from >= from && place.from < until
      happen({ from, hits, makes: (one) => patch(one, { timezone_offset: offset }) })
    },
    leaveStrapOff: (days) => {
      tell(`the strap is off for ${days} days`)
      const [from, until] = [now(), now() + days * DAY_MS]
      const off = (place: Placed) => place.from >= from && place.from < until
      happen({ from, until, hits: (_, place) => off(place), makes: () => undefined })
      // The cycle in which it fell silent stays open, as it was.
      const [open] = shadow.list('cycle')
      if (open) change('cycle', open, () => ({ ...open, end: null }), until)
      const late = (one: Wire) =>
        patch(one, { created_at: time(until), updated_at: time(Math.max(until, Date.parse(one.updated_at))) })
      happen({ from: until, hits: (_, place) => off(place), makes: late })
    },
  }
}

function countRequests(paths: readonly string[]): Omit<Ran, 'code'> {
  const asked = paths.filter((path) => path.startsWith('/developer/v2/')).map((path) => path.slice(14))
  const pages = ['activity/sleep', 'recovery', 'activity/workout', 'cycle']
  const most = Math.max(...pages.map((path) => asked.filter((one) => one === path).length))
  const ids = asked.filter((path) => !pages.includes(path) && !path.startsWith('user/')).length
  return { requests: asked.length, pages: most, ids }
}

function rescored(record: Wire, luck: number, at: number): Wire {
  if (!record.score) return record
  const field =
    'strain' in record.score ? 'strain' : 'recovery_score' in record.score ? 'recovery_score' : 'respiratory_rate'
  const score = { ...record.score, [field]: 1 + (luck % 80) / 8 }
  return patch(record, { score_state: 'SCORED', score, updated_at: time(at) })
}

function patch(record: Wire, fields: object): Wire {
  return { ...record, ...fields }
}

function placeAlone(record: Wire): Placed {
  const start = 'start' in record ? record.start : record.created_at
  return { record, from: Date.parse(start), to: Date.parse(start), created: Date.parse(record.created_at) }
}

function isUnsettled({ raw, end }: Row): boolean {
  return !['SCORED', 'UNSCORABLE'].includes(raw.score_state) || end === null
}

function startOf(record: Wire): string {
  return 'start' in record ? record.start : record.created_at
}

function keyOf(record: Wire): Key {
  return 'id' in record ? record.id : record.sleep_id
}

function idOf(kind: Kind, record: Wire): string {
  return `${kind} ${keyOf(record)}`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}
