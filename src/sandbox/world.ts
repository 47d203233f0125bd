import { DAY_MS, dayOf, EPOCH_DAY } from './calendar.ts'
import { noFaults, type Faults } from './faults.ts'
import type { Day } from './day.ts'
import type { Exported } from './export.ts'
import { journalOf, type JournalDay } from './journal.ts'
import { lifeOf } from './life.ts'
import { momentsOf } from './moments.ts'
import { createPerson, type Person } from './person.ts'
import { keyOf, type Body, type Key, type Kind, type Profile, type Records } from './records.ts'
import { show, showBody, showProfile } from './show.ts'

// The truth: every record as WHOOP would serve it now. What a test puts or removes belongs to the test from then on,
// and passing time leaves it alone.
export interface World {
  readonly faults: Faults // change its members: the server holds this very object
  watch(heard: (change: Change) => void): void // from now on
  members(): Profile[]
  list<K extends Kind>(kind: K, member?: number): Records[K][] // newest first
  get<K extends Kind>(kind: K, key: Key, member?: number): Records[K] | undefined
  put<K extends Kind>(kind: K, record: Records[K]): void
  remove(kind: Kind, key: Key, member?: number): boolean
  removeSleep(id: string, member?: number): boolean // and its recovery, as WHOOP does
  profile(member?: number): Profile
  setProfile(change: Partial<Profile>, member?: number): void
  body(member?: number): Body
  setBody(change: Partial<Body>, member?: number): void
  time(): Date // how far the members have lived
  advanceTo(date: Date): void
  placed<K extends Kind>(kind: K, member: number): readonly Placed<K>[]
  export(member?: number): Exported // what is in the ZIP that WHOOP would send now
}

// What an app is told of by webhook: cycles are not among it, and a recovery is named by its sleep.
export interface Change {
  member: number
  kind: Exclude<Kind, 'cycle'>
  id: string
  change: 'updated' | 'deleted'
}

// A record with its place in time: a recovery's is that of its sleep.
export interface Placed<K extends Kind = Kind> {
  record: Records[K]
  from: number
  to: number
  created: number
}

interface Member {
  person: Person
  life: (day: number) => Day
  firstDay: number
  unsettled: number // the days from here on may still change by themselves
  shelves: { [K in Kind]: Map<Key, Records[K]> }
  edited: Set<string>
  order: { [K in Kind]?: Placed<K>[] } // forgotten with every change
  profile: Profile
  body: Body
  heard: ((kind: Kind, key: Key, change: Change['change']) => void) | undefined
}

export interface WorldOptions {
  seed: number
  days: number
  members: number
  now: Date
}

const KINDS: Kind[] = ['cycle', 'sleep', 'recovery', 'workout']
const SETTLED_MS = 3 * DAY_MS

export function createWorld({ seed, days, members, now }: WorldOptions): World {
  const since = now.getTime() - days * DAY_MS
  const people = Array.from({ length: members }, (_, index) => createMember(seed, index, since))
  let time = now.getTime()
  for (const member of people) live(member, time)

  const find = (id = people[0]?.person.id): Member => {
    const member = people.find(({ person }) => person.id === id)
    if (!member) throw new Error(`The sandbox has no member ${id}.`)
    return member
  }
  const remove = (kind: Kind, key: Key, id?: number): boolean => {
    const member = find(id)
    member.edited.add(`${kind} ${key}`)
    member.order = {}
    const had = member.shelves[kind].delete(key)
    if (had) member.heard?.(kind, key, 'deleted')
    return had
  }
  return {
    faults: noFaults(),
    watch: (heard) => {
      for (const member of people) {
        member.heard = (kind, key, change) => {
          if (kind !== 'cycle') heard({ member: member.person.id, kind, id: String(key), change })
        }
      }
    },
    members: () => people.map(({ profile }) => ({ ...profile })),
    list: (kind, id) => placed(find(id), kind).map(({ record }) => structuredClone(record)),
    get: (kind, key, id) => structuredClone(find(id).shelves[kind].get(key)),
    put: (kind, record) => {
      const member = find(record.user_id)
      member.edited.add(`${kind} ${keyOf(record)}`)
      keep(member, kind, structuredClone(record))
      if (kind === 'sleep' && member.shelves.recovery.has(keyOf(record)))
        member.heard?.('recovery', keyOf(record), 'updated')
    },
    remove,
    removeSleep: (sleep, id) => {
      if (find(id).shelves.recovery.has(sleep)) remove('recovery', sleep, id)
      return remove('sleep', sleep, id)
    },
    profile: (id) => ({ ...find(id).profile }),
    setProfile: (change, id) => void Object.assign(find(id).profile, change),
    body: (id) => ({ ...find(id).body }),
    setBody: (change, id) => {
      find(id).edited.add('body')
      Object.assign(find(id).body, change)
    },
    time: () => new Date(time),
    advanceTo: (date) => {
      if (date.getTime() < time) throw new RangeError('Nobody in the sandbox lives backwards.')
      time = date.getTime()
      for (const member of people) live(member, time)
    },
    placed: (kind, id) => placed(find(id), kind),
    export: (id) => exported(find(id), time),
  }
}

function exported(member: Member, at: number): Exported {
  const { person, life, firstDay } = member
  const list = <K extends Kind>(kind: K) => placed(member, kind).map(({ record }) => record)
  const journal = new Map<number, JournalDay>()
  for (let number = firstDay; life(number).onset <= at; number++) {
    const told = journalOf(person, life(Math.max(EPOCH_DAY, number - 1)), life(number))
    if (told) journal.set(momentsOf(person, life(number)).cycleId, told)
  }
  return {
    cycles: list('cycle'),
    sleeps: list('sleep'),
    recoveries: list('recovery'),
    workouts: list('workout'),
    journal,
    at: new Date(at),
  }
}

function createMember(seed: number, index: number, since: number): Member {
  const person = createPerson(seed, index)
  const firstDay = Math.max(EPOCH_DAY, dayOf(since) + 1)
  return {
    person,
    firstDay,
    unsettled: firstDay,
    life: lifeOf(person),
    shelves: { cycle: new Map(), sleep: new Map(), recovery: new Map(), workout: new Map() },
    edited: new Set(),
    order: {},
    profile: showProfile(person),
    body: showBody(person, since),
    heard: undefined,
  }
}

function live(member: Member, at: number): void {
  const { person, life, firstDay, edited } = member
  for (let number = member.unsettled; life(number).onset <= at; number++) {
    const [day, next] = [life(number), life(number + 1)]
    const shown = show({ person, day, next, membership: number - firstDay, at })
    for (const kind of KINDS) keepUnedited(member, kind, shown[kind])
    if (next.onset + SETTLED_MS < at) member.unsettled = number + 1
  }
  if (!edited.has('body')) member.body = showBody(person, at)
}

function keepUnedited<K extends Kind>(member: Member, kind: K, records: Records[K][]): void {
  for (const record of records) if (!member.edited.has(`${kind} ${keyOf(record)}`)) keep(member, kind, record)
}

function keep<K extends Kind>(member: Member, kind: K, record: Records[K]): void {
  const shelf: Map<Key, Records[K]> = member.shelves[kind]
  const isNews = member.heard && JSON.stringify(shelf.get(keyOf(record))) !== JSON.stringify(record)
  shelf.set(keyOf(record), record)
  member.order = {}
  if (isNews) member.heard?.(kind, keyOf(record), 'updated')
}

function placed<K extends Kind>(member: Member, kind: K): Placed<K>[] {
  const known: Placed<K>[] | undefined = member.order[kind]
  if (known) return known
  const shelf: Map<Key, Records[K]> = member.shelves[kind]
  const ordered = [...shelf.values()].map((record) => place<K>(member, record)).toSorted(newestFirst)
  Object.assign(member.order, { [kind]: ordered })
  return ordered
}

function place<K extends Kind>(member: Member, record: Records[K]): Placed<K> {
  const created = Date.parse(record.created_at)
  const any: Records[Kind] = record
  const timed = 'sleep_id' in any ? member.shelves.sleep.get(any.sleep_id) : any
  if (!timed) return { record, from: created, to: created, created } // a recovery that has lost its sleep
  const to = timed.end === null ? Infinity : Date.parse(timed.end)
  return { record, from: Date.parse(timed.start), to, created }
}

function newestFirst(a: Placed, b: Placed): number {
  return b.from - a.from || (keyOf(b.record) > keyOf(a.record) ? 1 : -1)
}
