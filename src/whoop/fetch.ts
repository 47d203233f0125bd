import { EnvHttpProxyAgent } from 'undici'
import { WhoopsterError } from '../errors.ts'
import type { Env, Fetch } from '../world.ts'

// No proxy leads back here, where the sandbox and `demo` are.
const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]']

/**
 * undici's requests in the shape of `fetch`, with connections that are kept and the environment's proxies. Its own fetch
 * is web streams, forms and caches, which take longer to load than WHOOP takes to answer. No redirect is followed.
 */
export function createFetch(env: Env): Fetch {
  const setting = (name: string) => env[name.toLowerCase()] ?? env[name] ?? ''
  const proxy = (name: string) => readProxy(name, setting(name).trim())
  const noProxy = setting('NO_PROXY')
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: proxy('HTTP_PROXY'),
    httpsProxy: proxy('HTTPS_PROXY'),
    noProxy: noProxy.trim() === '*' ? '*' : [noProxy, ...THIS_MACHINE].join(','), // a star stands alone
    connect: { timeout: 10_000 },
    allowH2: false,
    headersTimeout: 0, // each request brings a signal that bounds it
    bodyTimeout: 0,
  })
  return async (url, { method, headers, body, signal }) => {
    const { origin, pathname, search } = new URL(url)
    const place = { origin, path: pathname + search }
    const answer = await dispatcher.request({ ...place, method, headers, body: body ?? null, signal })
    const text = answer.body.text()
    text.catch(() => {}) // its error is for whoever asks for it
    return {
      status: answer.statusCode,
      headers: { get: (name) => joined(answer.headers[name.toLowerCase()]) },
      text: () => text,
    }
  }
}

/** As curl reads it: without a scheme it is http. Nothing of it is repeated: there may be a password in it. */
function readProxy(name: string, text: string): string {
  if (text === '') return ''
  const scheme = /^([a-z][\w+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  const url = scheme === undefined ? `http://${text}` : text
  if ((scheme === undefined || scheme === 'http' || scheme === 'https') && URL.canParse(url)) return url
  const says = scheme?.startsWith('socks')
    ? 'names a SOCKS proxy, which whoopster cannot use'
    : 'is no address of a proxy'
  throw new WhoopsterError('settings', `${name} ${says}.`, { hint: 'write it as http://proxy.example.com:3128' })
}

function joined(value: string | string[] | undefined): string | null {
  return value === undefined ? null : [value].flat().join(', ')
}
