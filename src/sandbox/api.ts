import type { Grants } from './grants.ts'
import { badRequest, json, notAllowed, notFound, text, unauthorized, type Answer, type Asked } from './http.ts'
import { toJson } from './json.ts'
import type { Verdict } from './limits.ts'
import { readPage } from './paging.ts'
import type { Cycle, Key, Kind, Records } from './records.ts'
import type { World } from './world.ts'

interface Route {
  path: RegExp
  method?: string
  scope?: string
  answer: (visit: Visit) => unknown // what to print as JSON, or an answer of its own
}

interface Visit {
  world: World
  grants: Grants
  member: number
  id: string
  query: URLSearchParams
}

interface Refused {
  refused: Answer
}

const UUID = '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})'

const ROUTES: Route[] = [
  { path: exactly('/v2/cycle'), scope: 'read:cycles', answer: collection('cycle') },
  { path: exactly('/v2/recovery'), scope: 'read:recovery', answer: collection('recovery') },
  { path: exactly('/v2/activity/sleep'), scope: 'read:sleep', answer: collection('sleep') },
  { path: exactly('/v2/activity/workout'), scope: 'read:workout', answer: collection('workout') },
  { path: exactly('/v2/cycle/(\\d+)'), scope: 'read:cycles', answer: one('cycle') },
  { path: exactly('/v2/cycle/(\\d+)/recovery'), scope: 'read:recovery', answer: recoveryOfCycle },
  { path: exactly('/v2/cycle/(\\d+)/sleep'), answer: sleepOfCycle }, // the specification names no scope
  { path: exactly(`/v2/activity/sleep/${UUID}`), scope: 'read:sleep', answer: one('sleep') },
  { path: exactly(`/v2/activity/workout/${UUID}`), scope: 'read:workout', answer: one('workout') },
  { path: exactly('/v2/user/profile/basic'), scope: 'read:profile', answer: (v) => v.world.profile(v.member) },
  { path: exactly('/v2/user/measurement/body'), scope: 'read:body_measurement', answer: (v) => v.world.body(v.member) },
  { path: exactly('/v2/user/access'), method: 'DELETE', answer: revoke },
]

export interface Api {
  world: World
  grants: Grants
  limiter: (() => Verdict) | undefined
}

export function answerApi(api: Api, asked: Asked): Answer {
  const verdict = api.limiter?.()
  const answer = verdict?.allowed === false ? text(429, 'Too Many Requests') : route(api, asked)
  return { ...answer, headers: { ...answer.headers, ...verdict?.headers } }
}

export function bearerOf(headers: Asked['headers']): string {
  return /^Bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? ''
}

function route({ world, grants }: Api, { method, path, query, headers }: Asked): Answer {
  const found = ROUTES.find((one) => one.path.test(path))
  if (!found) return notFound()
  if (method !== (found.method ?? 'GET')) return notAllowed(found.method ?? 'GET')
  const grant = grants.byAccess(bearerOf(headers))
  if (!grant || (found.scope && !grant.scopes.includes(found.scope))) return unauthorized()
  const id = found.path.exec(path)?.[1] ?? ''
  const content = found.answer({ world, grants, member: grant.member, id, query })
  if (content === undefined) return notFound()
  return isRefused(content) ? content.refused : json(200, toJson(content, { omitNulls: world.faults.omitNulls }))
}

function exactly(path: string): RegExp {
  return new RegExp(`^/developer${path}$`)
}

function isRefused(content: unknown): content is Refused {
  return typeof content === 'object' && content !== null && 'refused' in content
}

function collection(kind: Kind): Route['answer'] {
  return ({ world, member, query }) => {
    const page = readPage(world.placed(kind, member), query, world.faults.filter)
    if (page === 400) return { refused: badRequest() }
    if (page === 404) return { refused: notFound() }
    return { ...page, records: page.records.map((record) => dress(world, record)) }
  }
}

function one(kind: Kind): Route['answer'] {
  return ({ world, member, id }) => {
    const key: Key = kind === 'cycle' ? Number(id) : id
    const record = world.get(kind, key, member)
    return record && dress(world, record)
  }
}

// Of two recoveries it has been seen to give one: here, the night's, which is the older.
function recoveryOfCycle({ world, member, id }: Visit): unknown {
  const recoveries = world.placed('recovery', member).filter(({ record }) => record.cycle_id === Number(id))
  const night = recoveries.at(-1)
  return night && dress(world, night.record)
}

function sleepOfCycle({ world, member, id }: Visit): unknown {
  const sleeps = world.placed('sleep', member).filter(({ record }) => record.cycle_id === Number(id))
  const night = sleeps.find(({ record }) => !record.nap)
  return night && dress(world, night.record)
}

function revoke({ grants, member }: Visit): Refused {
  grants.kill(member)
  return { refused: { status: 204, headers: {}, body: '' } }
}

// The fields that WHOOP may grow any day.
function dress(world: World, record: Records[Kind]): unknown {
  if (!world.faults.extraFields) return record
  return isCycle(record) && record.end !== null ? { ...record, step_count: 2000 + (record.id % 14_000) } : record
}

function isCycle(record: Records[Kind]): record is Cycle {
  return 'end' in record && typeof record.id === 'number'
}
