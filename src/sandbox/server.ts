import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { answerApi, bearerOf, type Api } from './api.ts'
import { spoil, takeFault, type SeenRequest } from './faults.ts'
import { notAllowed, readBody, text, type Answer, type Asked } from './http.ts'
import type { OAuth } from './oauth.ts'

export interface RequestLog extends SeenRequest {
  at: Date
  status: number // 0 while there is no answer
}

export interface Parts extends Api {
  oauth: OAuth
  requests: RequestLog[]
  now: () => Date
}

const OAUTH = '/oauth/oauth2'
const SECRETS = new Set(['code', 'access_token', 'refresh_token', 'client_secret'])

export function createSandboxServer(parts: Parts): Server {
  const pages = new Map<string, string>() // the last answer of each path, for 'repeat-page'
  return createServer((request, response) => {
    respond(parts, pages, request, response).catch((error: unknown) => {
      const answer = text(500, `The sandbox itself failed: ${String(error)}`)
      send(response, answer, parts.now())
    })
  })
}

async function respond(parts: Parts, pages: Map<string, string>, request: IncomingMessage, response: ServerResponse) {
  const { faults } = parts.world
  const asked = await read(request)
  const log = note(parts, asked)
  await faults.onRequest?.({ method: log.method, path: log.path, query: log.query })
  const fault = takeFault(faults, log)
  if (fault?.delayMs !== undefined) await wait(fault.delayMs)
  if (fault?.act === 'reset') request.socket.destroy()
  if (fault?.act === 'reset' || fault?.act === 'hang') return
  const honest = fault?.answer ? { headers: {}, body: '', ...fault.answer } : answerTo(parts, asked)
  const truth = faults.lie?.(log, honest) ?? honest
  const place = `${log.member ?? ''} ${log.path}`
  const answer = spoil(truth, fault?.act, pages.get(place))
  if (truth.status === 200) pages.set(place, truth.body)
  if (asked.path === `${OAUTH}/token` && typeof faults.token === 'object') await wait(faults.token.slowMs)
  log.status = answer.status
  send(response, answer, parts.now())
}

async function read(request: IncomingMessage): Promise<Asked> {
  const { pathname, searchParams } = new URL(`http://sandbox${request.url ?? '/'}`)
  const body = await readBody(request)
  return { method: request.method ?? 'GET', path: pathname, query: searchParams, headers: request.headers, body }
}

function note({ requests, grants, now }: Parts, { method, path, query, headers }: Asked): RequestLog {
  const member = grants.byAccess(bearerOf(headers))?.member
  const shown = Object.fromEntries([...query].filter(([name]) => !SECRETS.has(name)))
  const log = { at: now(), method, path, query: shown, status: 0, ...(member !== undefined && { member }) }
  requests.push(log)
  return log
}

function answerTo(parts: Parts, asked: Asked): Answer {
  const { oauth } = parts
  switch (asked.path) {
    case `${OAUTH}/auth`:
      return asked.method === 'GET' ? oauth.authorize(asked) : notAllowed('GET')
    case `${OAUTH}/consent`:
      return asked.method === 'POST' ? oauth.consent(asked) : notAllowed('POST')
    case `${OAUTH}/token`:
      return asked.method === 'POST' ? oauth.token(asked) : notAllowed('POST')
    default:
      return asked.path.startsWith('/developer/') ? answerApi(parts, asked) : text(404, 'default backend - 404')
  }
}

function send(response: ServerResponse, { status, headers, body }: Answer, at: Date): void {
  const length = status === 204 ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  response.writeHead(status, { date: at.toUTCString(), ...length, ...headers })
  response.end(body)
}
