import type { IncomingMessage } from 'node:http'

export interface Answer {
  status: number
  headers: Record<string, string>
  body: string
}

export interface Asked {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: string
}

export function text(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain;charset=utf-8', ...headers }, body }
}

export function json(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json;charset=utf-8', ...headers }, body }
}

export function html(status: number, body: string): Answer {
  const policy = "default-src 'none'; style-src 'unsafe-inline'"
  return { status, headers: { 'content-type': 'text/html;charset=utf-8', 'content-security-policy': policy }, body }
}

export function redirect(target: string, query: Record<string, string>): Answer {
  const url = new URL(target)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return { status: 303, headers: { location: url.href, 'cache-control': 'no-store' }, body: '' }
}

export const notFound = () => text(404, 'HTTP 404 Not Found')
export const badRequest = () => text(400, 'HTTP 400 Bad Request')
export const unauthorized = () => text(401, 'Authorization was not valid')
export const notAllowed = (allow: string) => text(405, 'HTTP 405 Method Not Allowed', { allow })

export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > 100_000) throw new Error('The sandbox reads no bodies above 100 kB.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
