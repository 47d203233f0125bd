import { EnvHttpProxyAgent, fetch as undiciFetch } from 'undici'
import type { Env, Fetch } from '../world.ts'

/** undici's fetch, with connections that are kept and the environment's proxies. */
export function createFetch(env: Env): Fetch {
  const proxy = (name: string) => env[name.toLowerCase()] ?? env[name] ?? ''
  const dispatcher = new EnvHttpProxyAgent({
    httpProxy: proxy('HTTP_PROXY'),
    httpsProxy: proxy('HTTPS_PROXY'),
    noProxy: proxy('NO_PROXY'),
    connect: { timeout: 10_000 },
    headersTimeout: 0, // each request brings a signal that bounds it
    bodyTimeout: 0,
  })
  return (url, init) => undiciFetch(url, { ...init, dispatcher })
}
