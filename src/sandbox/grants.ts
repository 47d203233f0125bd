import { createHash, randomBytes } from 'node:crypto'

// One authorization, with its own line of tokens: two logins of the same member do not disturb each other.
export interface Grant {
  member: number
  scopes: string[]
  access?: string // fingerprints; the tokens themselves are not kept
  expires?: number
  refresh?: string
}

export interface Pair {
  access: string
  refresh?: string
}

export interface Grants {
  begin: (member: number, scopes: string[]) => Grant
  issue: (grant: Grant, lifetimeMs: number) => Pair // a new pair; whatever the grant had before is dead at once
  byRefresh: (token: string) => Grant | undefined
  byAccess: (token: string) => Grant | undefined
  revokeAccess: (member?: number) => void // before it expires
  kill: (member?: number) => void // for good
}

export function createGrants(now: () => Date): Grants {
  const grants = new Set<Grant>()
  const of = (member?: number) => [...grants].filter((grant) => member === undefined || grant.member === member)
  const search = (wanted: (grant: Grant) => boolean) => [...grants].find(wanted)
  return {
    begin: (member, scopes) => {
      const grant = { member, scopes }
      grants.add(grant)
      return grant
    },
    issue: (grant, lifetimeMs) => {
      const access = newToken()
      const refresh = grant.scopes.includes('offline') ? newToken() : undefined
      grant.access = fingerprint(access)
      grant.expires = now().getTime() + lifetimeMs
      if (refresh) grant.refresh = fingerprint(refresh)
      return { access, ...(refresh && { refresh }) }
    },
    byRefresh: (token) => {
      const wanted = fingerprint(token)
      return search(({ refresh }) => refresh === wanted)
    },
    byAccess: (token) => {
      const wanted = fingerprint(token)
      const grant = search(({ access }) => access === wanted)
      return grant && (grant.expires ?? 0) > now().getTime() ? grant : undefined
    },
    revokeAccess: (member) => of(member).forEach((grant) => delete grant.access),
    kill: (member) => of(member).forEach((grant) => grants.delete(grant)),
  }
}

// 87 characters, like Hydra's.
export function newToken(): string {
  return `${randomBytes(32).toString('base64url')}.${randomBytes(32).toString('base64url')}`
}

// Tokens are looked up by their digest, so the time a look-up takes says nothing about them.
function fingerprint(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
