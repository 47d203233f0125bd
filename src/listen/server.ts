import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { failure } from '../errors.ts'
import type { Log } from '../log.ts'
import { SECOND_MS } from '../time.ts'
import type { Clock } from '../world.ts'
import { isSigned, readEvent, type WebhookEvent } from './event.ts'

export interface ServerOptions {
  /** The app's client secret, with which WHOOP signs. */
  secret: string
  clock: Pick<Clock, 'now'>
  log: Log
  /** Resolves when the event is committed: true, or false when nobody here is that member. Rejects when it could not be. */
  keep: (event: WebhookEvent) => Promise<boolean>
  /** Rejects while PostgreSQL does not answer. */
  probe: () => Promise<unknown>
}

const PATHS: Readonly<Record<string, string>> = { '/webhook': 'POST', '/healthz': 'GET' }
const MOST_BYTES = 64 * 1024
const MOST_CONNECTIONS = 500 // WHOOP needs a handful

// A request has to be here within ten seconds, whoever sends it how slowly, and an answer is not waited for by the next one.
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5 * SECOND_MS,
  requestTimeout: 10 * SECOND_MS,
  keepAliveTimeout: 5 * SECOND_MS,
  connectionsCheckingInterval: SECOND_MS,
}

/** Takes WHOOP's events. Who is not WHOOP learns nothing but that it is refused. */
export function createWebhookServer(options: ServerOptions, limits = LIMITS): Server {
  const server = createServer(limits, (request, response) => {
    const { socket } = request
    respond(options, request).then(
      (status) => end(socket, request, response, status),
      (error: unknown) => {
        options.log.debug('a request was cut off', { reason: String(error) })
        socket.destroy()
      },
    )
  })
  server.on('clientError', (_, socket) => socket.destroy()) // no HTTP, headers without an end, too slow
  server.on('error', () => {}) // a connection that could not be taken, for want of files: its client tries again
  makeRoom(server)
  return server
}

/** The longest idle connection goes when there are too many, so that who sends something is never the one who waits. */
function makeRoom(server: Server): void {
  const idle = new Set<Socket>() // the oldest first
  const all = new Set<Socket>()
  server.on('connection', (socket) => {
    idle.add(socket)
    all.add(socket)
    socket.on('close', () => {
      idle.delete(socket)
      all.delete(socket)
    })
    const [oldest] = idle
    if (all.size > MOST_CONNECTIONS) oldest?.destroy()
  })
  server.on('request', ({ socket }, response) => {
    idle.delete(socket)
    response.on('close', () => {
      if (!socket.destroyed) idle.add(socket)
    })
  })
}

async function respond(options: ServerOptions, request: IncomingMessage): Promise<number> {
  const method = PATHS[request.url ?? '']
  if (method === undefined) return 404
  if (request.method !== method) return 405
  if (method === 'GET')
    return options.probe().then(
      () => 200,
      () => 503,
    )
  const body = await readBody(request)
  return body ? take(options, request, body) : 413
}

async function take({ secret, clock, log, keep }: ServerOptions, request: IncomingMessage, body: Buffer) {
  const timestamp = headerOf(request, 'x-whoop-signature-timestamp')
  const signature = headerOf(request, 'x-whoop-signature')
  if (!isSigned(secret, { timestamp, signature, body, now: clock.now() })) return 401
  const event = readEvent(body)
  if (!event) {
    log.warn('WHOOP has sent an event that this version does not know', { event: body.toString().slice(0, 200) })
    return 204 // it would be no other one the next time
  }
  const { whoopUserId, type, change } = event
  try {
    if (await keep(event)) log.info(`WHOOP tells of a ${type} that was ${change}`, { whoopUserId, type })
    else log.info('WHOOP tells of a member who is not logged in here', { whoopUserId })
    return 204
  } catch (error) {
    const reason = failure(error).message
    log.error('an event could not be kept, and WHOOP will send it again', { whoopUserId, type, reason })
    return 503
  }
}

/** Undefined: it is longer than any event. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MOST_BYTES) return undefined
  const parts: Buffer[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length
    if (length > MOST_BYTES) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

/** What is refused is not read to its end, and its connection is not used again. */
function end(socket: Socket, request: IncomingMessage, response: ServerResponse, status: number): void {
  if (response.destroyed) return
  const allow = PATHS[request.url ?? '']
  response.writeHead(status, {
    ...(status === 405 && allow ? { allow } : {}),
    ...(status >= 400 && status !== 503 ? { connection: 'close' } : {}),
  })
  response.end(() => {
    if (!request.complete) socket.destroySoon()
  })
}
