// A life in which WHOOP tells another lie each day. After two honest days the tables equal it; no run before
// asks without end, calls complete what is not, or files away what WHOOP still has.
import { expect, it } from 'vitest'
import type { Kind, Workout } from '../../src/sandbox/index.ts'
import { pick, random, whole, type Random } from '../../src/sandbox/random.ts'
import { API, pageOf, paths, type Answer, type Body, type Lie } from '../support/lie.ts'
import { isLong } from '../support/long.ts'
import { newMember, type Member } from '../support/member.ts'
import { expectFaithful, kinds } from '../support/truth.ts'
import { DAY_MS } from '../support/time.ts'

const DAYS = isLong ? 60 : 10
const MOST_REQUESTS = 400

const replayed = Number(process.env['SEED'] ?? 0)
const count = isLong ? 40 : 1
const seeds = replayed ? [replayed] : Array.from({ length: count }, (_, index) => index + 1)

it.each(seeds)(`${DAYS} days with a lie a day, and two honest ones (seed %i)`, { timeout: 300_000 }, async (seed) => {
  const luck = random(seed, 815)
  const member = await newMember({ seed: 1 + (seed % 5), days: pick([20, 70, 150], whole(luck, 0, 2)) })
  const { world } = member.sandbox
  const versions = new Set<string>()
  const story: string[] = []
  let last = TRUTH
  try {
    expect((await member.sync()).code).toBe(0)
    for (let day = 0; day < DAYS; day++) {
      noteVersions(member, versions)
      live(member, luck, story)
      noteVersions(member, versions)
      const drawn = pick(Object.keys(lies), whole(luck, 0, Object.keys(lies).length - 1))
      const isCredible = drawn.includes('gone') && !/^(ids|nothing)/.test(last) // lists and ids that agree for a day
      const name = isCredible ? TRUTH : drawn
      const tell = lies[name] ?? expect.fail(name)
      last = name
      const kind = kinds[whole(luck, 0, kinds.length)] // or all of them
      story.push(`day ${day}: ${name}, of ${kind ?? 'all'}`)
      world.faults.lie = tell(member, luck, kind)
      const runs = whole(luck, 1, 3)
      for (let run = 0; run < runs; run++) {
        await syncWithoutHarm(member, versions)
        pass(member, DAY_MS / runs)
      }
    }
    world.faults.lie = undefined
    for (let run = 0; run < 5; run++) {
      const { code, err } = await syncWithoutHarm(member, versions)
      if (run > 1) expect(code, err).toBe(0)
      pass(member, DAY_MS / 2)
    }
    await syncWithoutHarm(member, versions)
    await expectFaithful(member.database, member.sandbox)
    expect((await member.sync()).users[0]?.types).toMatchObject(
      Object.fromEntries(kinds.map((kind) => [kind, { outcome: 'ok', complete: true }])),
    )
    expect(await member.database.sql`select record_key, reason from quarantined_records`).toEqual([])
  } catch (error) {
    console.error(`${story.join('\n')}\nto replay it: SEED=${seed} npx vitest run test/sync/lies.test.ts`)
    throw error
  }
})

type Tell = (member: Member, luck: Random, kind: Kind | undefined) => Lie

/** Spoils the lists of a type, or of all. */
function list(change: (body: Body, query: Record<string, string>) => Body): Tell {
  return (_, __, kind) =>
    ({ path, query }, truth) => {
      if (truth.status !== 200 || !isList(path, kind)) return truth
      return { ...truth, body: JSON.stringify(change(JSON.parse(truth.body) as Body, query)) }
    }
}

/** Answers to ids instead of WHOOP. */
function ids(answer: Partial<Answer>): Tell {
  return (_, __, kind) =>
    ({ path }, truth) =>
      isId(path, kind) ? { ...truth, ...answer } : truth
}

function both(one: Tell, other: Tell): Tell {
  return (member, luck, kind) => {
    const [first, second] = [one(member, luck, kind), other(member, luck, kind)]
    return (asked, truth) => second(asked, first(asked, truth))
  }
}

/** Every third record of a page is left out: of a few whose ids are gone, that would be believed. */
function lacking(body: Body): Body {
  if (body.records.length < 15) return body
  return { ...body, records: body.records.filter((_, index) => index % 3 > 0) }
}

const TRUTH = 'nothing but the truth'
const gone = { status: 404, body: 'default backend - 404' }
let tokens = 0

const lies: Record<string, Tell> = {
  [TRUTH]: () => (_, truth) => truth,
  'lists are empty': list(() => ({ records: [], next_token: null })),
  'lists are empty, ids are gone': both(
    list(() => ({ records: [], next_token: null })),
    ids(gone),
  ),
  'lists are cut to two': list(({ records }) => ({ records: records.slice(0, 2), next_token: null })),
  'lists are cut to two, ids are gone': both(
    list(({ records }) => ({ records: records.slice(0, 2), next_token: null })),
    ids(gone),
  ),
  'pages are cut, as if more came': list(({ records, next_token }) => ({ records: records.slice(0, 7), next_token })),
  'pages lack some': list(lacking),
  'pages lack some, ids are gone': both(list(lacking), ids(gone)),
  'ids answer 500': ids({ status: 500, body: 'HTTP 500' }),
  'ids answer 403': ids({ status: 403, body: 'Forbidden' }),
  'ids answer {}': ids({ body: '{}' }),
  'ids are gone': ids(gone),
  'lists say 404': (_, __, kind) => (asked, truth) => (isList(asked.path, kind) ? { ...truth, ...gone } : truth),
  'lists say 500': (_, __, kind) => (asked, truth) =>
    isList(asked.path, kind) ? { ...truth, status: 500, body: 'HTTP 500' } : truth,
  'empty pages without end': list(() => ({ records: [], next_token: `t${++tokens}` })),
  'the same page without end': list((body) => ({ ...body, next_token: `t${++tokens}` })),
  'tokens in a circle': list((body, { nextToken }) => ({ ...body, next_token: nextToken === 'A' ? 'B' : 'A' })),
  'the format has changed': (_, __, kind) => (asked, truth) =>
    isList(asked.path, kind) || isId(asked.path, kind)
      ? { ...truth, body: truth.body.replaceAll('"score_state":"', '"score_state":7,"state":"') }
      : truth,
  'one record cannot be read': list((body) => ({
    ...body,
    records: body.records.map((one, index) => (index === 3 ? { ...one, score_state: 7 } : one)),
  })),
  'the oldest stands on the first page': (member, _, kind) => {
    return ({ path, query }, truth) => {
      const of = kinds.find((one) => isList(path, one))
      if (![200, 400].includes(truth.status) || !of || (kind && of !== kind) || query['end']) return truth
      const listed = member.sandbox.world.list(of)
      return {
        ...truth,
        status: 200,
        body: JSON.stringify(pageOf([...listed.slice(0, 20), ...listed.slice(-1), ...listed.slice(20, -1)], query)),
      }
    }
  },
  'filters are ignored': (member, _, kind) => {
    return ({ path, query }, truth) => {
      const of = kinds.find((one) => isList(path, one))
      if (![200, 400].includes(truth.status) || !of || (kind && of !== kind)) return truth
      return { ...truth, status: 200, body: JSON.stringify(pageOf(member.sandbox.world.list(of), query)) }
    }
  },
  'half of an answer': (_, __, kind) => (asked, truth) =>
    isList(asked.path, kind) ? { ...truth, body: truth.body.slice(0, truth.body.length / 2) } : truth,
}

function isList(path: string, kind: Kind | undefined): boolean {
  return (kind ? [kind] : kinds).some((one) => path === API + paths[one])
}

function isId(path: string, kind: Kind | undefined): boolean {
  return (kind ? [kind] : kinds).some((one) => path.startsWith(`${API}${paths[one]}/`))
}

/** What WHOOP does to what is not a month old: some of it is deleted, some scored anew. */
function live(member: Member, luck: Random, story: string[]): void {
  const { world } = member.sandbox
  const since = new Date(member.clock.now().getTime() - 25 * DAY_MS).toISOString()
  const young = world.list('workout').filter(({ start }) => start > since)
  const [edited, deleted] = [young[whole(luck, 0, 40)], young[whole(luck, 0, 60)]]
  if (edited?.score) world.put('workout', { ...edited, score: { ...edited.score, strain: whole(luck, 1, 20) } })
  if (!deleted || deleted === edited) return
  story.push(`deleted workout ${deleted.id} of ${deleted.start}`)
  world.remove('workout', deleted.id)
}

function pass(member: Member, ms: number): void {
  member.clock.pass(Math.round(ms))
  member.sandbox.world.advanceTo(member.clock.now())
}

/** Every version that WHOOP has ever had. */
function noteVersions({ sandbox: { world } }: Member, versions: Set<string>): void {
  for (const record of world.list('workout')) versions.add(sorted(record))
}

function sorted(value: object): string {
  const keyed = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(
    keyed.map(([key, one]) => [key, one !== null && typeof one === 'object' ? sorted(one as object) : one]),
  )
}

async function syncWithoutHarm(member: Member, versions: Set<string>) {
  const { world } = member.sandbox
  noteVersions(member, versions)
  member.requests()
  const result = await member.sync()
  const asked = Object.values(member.requests()).reduce((sum, one) => sum + one, 0)
  expect(asked, result.err).toBeLessThanOrEqual(MOST_REQUESTS)
  for (const kind of kinds) {
    if (!result.users[0]?.types[kind]?.complete) continue
    const key = kind === 'recovery' ? 'sleep_id' : 'id'
    const rows = await member.database.sql<
      { id: string }[]
    >`select id::text from ${member.database.sql(`${kind}_records`)}`
    const unread = await member.database.sql<{ key: string }[]>`
      select record_key as key from quarantined_records where data_type = ${kind}`
    const held = new Set([...rows.map(({ id }) => id), ...unread.map(({ key: id }) => id)])
    const theirs = world.list(kind).map((one) => String((one as unknown as Record<string, unknown>)[key]))
    expect(
      theirs.filter((id) => !held.has(id)),
      `${kind} is not complete\n${result.err}`,
    ).toEqual([])
  }
  const history = await member.database.sql<{ type: Kind; key: string; raw: Workout; reason: string }[]>`
    select data_type as type, record_key as key, raw_data as raw, reason from record_history`
  for (const { type, key, raw, reason } of history) {
    if (reason === 'deleted')
      expect(world.get(type, type === 'cycle' ? Number(key) : key), `${type} ${key}`).toBeUndefined()
    if (type === 'workout') expect(versions.has(sorted(raw)), `${key} was never so`).toBe(true)
  }
  return result
}
