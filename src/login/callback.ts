import { EventEmitter } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { WhoopsterError, whyOf } from '../errors.ts'

export interface Callback {
  /** The redirected URL of the login with this `state`, once the browser has brought it. */
  arrived: Promise<string>
  close(): void
}

const LOOPBACK: Readonly<Record<string, readonly string[]>> = {
  localhost: ['127.0.0.1', '::1'], // a browser may try either
  '127.0.0.1': ['127.0.0.1'],
  '[::1]': ['::1'],
}

/**
 * Waits on the redirect URI for WHOOP's answer, on this machine's own addresses only. Undefined when the redirect URI
 * does not lead here: then the URL has to be pasted. `unclear` is told of a refusal that may be anybody's.
 */
export async function listenForCallback(
  redirectUri: string,
  state: string,
  unclear: () => void,
): Promise<Callback | undefined> {
  const uri = new URL(redirectUri)
  const addresses = LOOPBACK[uri.hostname]
  if (uri.protocol !== 'http:' || !addresses) return undefined
  const arrival = new EventEmitter()
  const arrived = new Promise<string>((resolve) => arrival.once('redirect', resolve))
  const handler = (request: IncomingMessage, response: ServerResponse) => {
    const answer = answerTo(request, uri, state)
    response.writeHead(answer.status, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer', // the address holds the code
      connection: 'close',
    })
    // Once the page is out: whoever waits for the redirect closes the connections next.
    response.once('close', () => answer.redirected && arrival.emit('redirect', answer.redirected))
    if (answer.isUnclear) unclear()
    response.end(page(answer.title, answer.text))
  }
  const servers: Server[] = []
  const close = () => {
    for (const server of servers) {
      server.close()
      server.closeAllConnections() // browsers connect ahead of asking, and would keep us from ending
    }
  }
  try {
    for (const address of addresses) {
      const server = await listen(handler, Number(uri.port || 80), address)
      if (server) servers.push(server)
    }
  } catch (error) {
    close()
    throw error
  }
  return servers.length > 0 ? { arrived, close } : undefined
}

interface PageAnswer {
  status: number
  title: string
  text: string
  redirected?: string
  isUnclear?: boolean
}

/** Other tabs, favicons and other sites' pages may knock too: only the redirect with the right state counts. */
function answerTo(request: IncomingMessage, uri: URL, state: string): PageAnswer {
  const address = request.url ?? '/'
  if (request.headers.host !== uri.host || !URL.canParse(address, uri.href)) {
    return { status: 421, title: 'Wrong address', text: 'This is not for here.' }
  }
  const url = new URL(address, uri)
  if (request.method !== 'GET' || url.pathname !== uri.pathname) {
    return { status: 404, title: 'Nothing here', text: 'whoopster is waiting for WHOOP on another address.' }
  }
  // WHOOP refuses some requests before it has looked at the state, and then brings none back. Any web page can do so, too.
  if (url.searchParams.has('error') && !url.searchParams.get('state')) {
    const text = 'If it was, paste the address of this page in the terminal: it then says why.'
    return { status: 400, title: 'Was this WHOOP?', text, isUnclear: true }
  }
  if (url.searchParams.get('state') === state) {
    const title = url.searchParams.has('error') ? 'WHOOP refused the login' : 'Back to the terminal'
    return { status: 200, title, text: 'You can close this tab. The terminal says how it went.', redirected: url.href }
  }
  return {
    status: 400,
    title: 'Another login',
    text: 'This answer belongs to a login that whoopster is not waiting for.',
  }
}

function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  port: number,
  address: string,
): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(handler)
    server.once('error', (error: NodeJS.ErrnoException) => {
      const noSuchAddress = error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT' // no IPv6 here
      if (noSuchAddress) resolve(undefined)
      else reject(inUse(port, error))
    })
    server.listen({ port, host: address, exclusive: true }, () => resolve(server))
  })
}

function inUse(port: number, cause: NodeJS.ErrnoException): WhoopsterError {
  return new WhoopsterError('settings', `Cannot wait for the browser on port ${port}: ${whyOf(cause)}`, {
    hint: 'free the port, register another WHOOP_REDIRECT_URI, or log in by hand: whoopster auth url',
    cause,
  })
}

function page(title: string, text: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>whoopster</title>
<style>
  :root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
  body { display: grid; place-content: center; min-height: 90vh; text-align: center; margin: 0 1rem }
  h1 { font-size: 1.6rem; margin: 0 }
</style>
<h1>${title}</h1>
<p>${text}</p>
</html>
`
}
