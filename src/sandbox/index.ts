import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { consent, login, type Decision, type TokenAnswer } from './browser.ts'
import { createGrants } from './grants.ts'
import { createLimiter, type Limits } from './limits.ts'
import { createOAuth, type App } from './oauth.ts'
import { createSandboxServer, type RequestLog } from './server.ts'
import { createWebhooks, type WebhookOptions } from './webhooks.ts'
import { createWorld, type World } from './world.ts'

export { exportFiles, exportZip } from './export.ts'
export type { Language } from './languages.ts'
export { createWorld } from './world.ts'
export { canned, type Act, type Fault, type Faults, type SeenRequest } from './faults.ts'
export type { Decision, TokenAnswer } from './browser.ts'
export type { Limits } from './limits.ts'
export type { App } from './oauth.ts'
export type { RequestLog } from './server.ts'
export type { Change, World } from './world.ts'
export type * from './records.ts'

export interface SandboxOptions {
  port?: number // any free one when left out; only on 127.0.0.1
  seed?: number // the same seed gives the same members, for ever
  days?: number // how much of their lives WHOOP has seen
  members?: number // 10_001, 10_002, …
  now?: () => Date
  clientId?: string
  clientSecret?: string
  redirectUris?: string[] // matched exactly
  scopes?: string[] // what the app may ask for
  limits?: Limits | 'none'
  accessTokenSeconds?: number
  webhook?: Omit<WebhookOptions, 'secret' | 'now'> & { secret?: string } // by the client secret, if not another is named
}

export interface Sandbox {
  url: string // origin: the API is below /developer, OAuth below /oauth/oauth2
  clientId: string
  clientSecret: string
  app: App // its page in WHOOP's dashboard: changes count from the next request on
  world: World
  requests: RequestLog[]
  consent(consentUrl: string, decision?: Decision): Promise<string> // where the browser is sent to
  login(decision?: Decision): Promise<TokenAnswer>
  revokeAccess(member?: number): void // access tokens die before they expire; refreshing still works
  killGrant(member?: number): void // everything dies: only a new login helps
  close(): Promise<void>
}

export const ALL_SCOPES = [
  'offline',
  'read:cycles',
  'read:recovery',
  'read:sleep',
  'read:workout',
  'read:profile',
  'read:body_measurement',
]

const WHOOP_LIMITS = { perMinute: 100, perDay: 10_000 }

// A local server that pretends to be WHOOP, with members who do not exist.
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { port = 0, seed = 1, days = 365, members = 1, now = () => new Date(), limits = WHOOP_LIMITS } = options
  const app = createApp(options)
  const world = createWorld({ seed, days, members, now: now() })
  const grants = createGrants(now)
  const oauth = createOAuth({ app, grants, faults: world.faults, members: () => world.members(), now })
  const limiter = limits === 'none' ? undefined : createLimiter(limits, now)
  const requests: RequestLog[] = []
  const webhooks = options.webhook && createWebhooks({ secret: app.clientSecret, now, ...options.webhook })
  if (webhooks) world.watch(webhooks.tell)
  const server = createSandboxServer({ world, grants, oauth, limiter, requests, now })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    clientId: app.clientId,
    clientSecret: app.clientSecret,
    app,
    world,
    requests,
    consent,
    login: (decision) => login(url, app, decision),
    revokeAccess: grants.revokeAccess,
    killGrant: grants.kill,
    close: async () => {
      await webhooks?.close()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

function createApp(options: SandboxOptions): App {
  return {
    clientId: options.clientId ?? 'sandbox',
    clientSecret: options.clientSecret ?? 'sandbox-secret',
    redirectUris: options.redirectUris ?? ['http://localhost:8000/callback'],
    scopes: options.scopes ?? [...ALL_SCOPES],
    accessTokenSeconds: options.accessTokenSeconds ?? 3600,
  }
}
