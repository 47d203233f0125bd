import { onTestFinished } from 'vitest'
import { startSandbox, type Decision, type Sandbox, type SandboxOptions } from '../../src/sandbox/index.ts'

export const NOW = new Date('2026-08-01T12:00:00Z')

export interface Page {
  records: { id?: number | string; cycle_id?: number; start?: string }[]
  next_token: string | null
}

export interface Visitor {
  sandbox: Sandbox
  get: (path: string, query?: Record<string, string>) => Promise<Response>
  page: (path: string, query?: Record<string, string>) => Promise<Page>
  token: (form: Record<string, string>, headers?: Record<string, string>) => Promise<Response>
  access: string
  refresh: string
}

// A sandbox whose clock stands still, and somebody who is logged in to it.
export async function open(options: SandboxOptions = {}, decision?: Decision): Promise<Visitor> {
  const sandbox = await startSandbox({ days: 40, now: () => NOW, limits: 'none', ...options })
  onTestFinished(() => sandbox.close())
  const { access_token: access, refresh_token: refresh = '' } = await sandbox.login(decision)
  const get: Visitor['get'] = (path, query = {}) =>
    fetch(`${sandbox.url}/developer${path}?${new URLSearchParams(query).toString()}`, {
      headers: { authorization: `Bearer ${access}` },
    })
  const page: Visitor['page'] = async (path, query) => (await (await get(path, query)).json()) as Page
  return { sandbox, get, page, token: (form, headers) => post(sandbox, form, headers), access, refresh }
}

export function post(sandbox: Sandbox, form: Record<string, string>, headers: Record<string, string> = {}) {
  const { clientId: client_id, clientSecret: client_secret } = sandbox
  const body = new URLSearchParams({ client_id, client_secret, ...form })
  return fetch(`${sandbox.url}/oauth/oauth2/token`, { method: 'POST', body, headers })
}

export async function walk({ page }: Visitor, path: string, query: Record<string, string> = {}) {
  const records: Page['records'] = []
  for (let token: string | null | undefined; token !== null;) {
    const next = await page(path, token === undefined ? query : { ...query, nextToken: token })
    records.push(...next.records)
    token = next.next_token
  }
  return records
}
