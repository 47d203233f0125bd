import { EnvHttpProxyAgent, fetch as undiciFetch } from 'undici'
import type { Env, Fetch } from '../world.ts'

// No proxy leads back here, where the sandbox and `demo` are.
const THIS_MACHINE = ['localhost', '127.0.0.1', '[::1]']

/** undici's fetch, with connections that are kept and the environment's proxies. */
export function createFetch(env: Env): Fetch {
  const proxy = (name: string) => env[name.toLowerCase()] ?? env[name] ?? ''
  const noProxy = proxy('NO_PROXY')
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: proxy('HTTP_PROXY'),
    httpsProxy: proxy('HTTPS_PROXY'),
    noProxy: noProxy.trim() === '*' ? '*' : [noProxy, ...THIS_MACHINE].join(','), // a star stands alone
    connect: { timeout: 10_000 },
    headersTimeout: 0, // each request brings a signal that bounds it
    bodyTimeout: 0,
  })
  return (url, init) => undiciFetch(url, { ...init, dispatcher })
}
