import { createHash, randomBytes } from 'node:crypto'
import type { App } from './oauth.ts'

export interface Decision {
  member?: number
  grant?: string[] // of the scopes asked for; all of them when left out
  deny?: boolean
}

export interface TokenAnswer {
  access_token: string
  expires_in: number
  refresh_token?: string
  scope: string
  token_type: string
}

// What a person in a browser does: opens the page, chooses, presses a button, and is sent back.
export async function consent(consentUrl: string, decision: Decision = {}): Promise<string> {
  const opened = await fetch(consentUrl, { redirect: 'manual' })
  const refused = opened.headers.get('location')
  if (refused !== null) return refused
  const page = await opened.text()
  if (!opened.ok) throw new Error(`The consent page answered ${opened.status}: ${page.replaceAll(/<[^>]+>/g, ' ')}`)
  const form = fillIn(page, decision)
  const pressed = await fetch(new URL('/oauth/oauth2/consent', consentUrl), {
    method: 'POST',
    body: form,
    redirect: 'manual',
  })
  return pressed.headers.get('location') ?? ''
}

function fillIn(page: string, { member, grant, deny = false }: Decision): URLSearchParams {
  const values = (name: string) =>
    [...page.matchAll(new RegExp(`name="${name}" value="([^"]*)"`, 'g'))].map((m) => m[1] ?? '')
  const form = new URLSearchParams({
    challenge: values('challenge')[0] ?? '',
    member: String(member ?? values('member')[0]),
    decision: deny ? 'deny' : 'allow',
  })
  for (const scope of grant ?? values('grant')) form.append('grant', scope)
  return form
}

// The whole login, for tests that are about something else.
export async function login(origin: string, app: App, decision: Decision = {}): Promise<TokenAnswer> {
  const verifier = randomBytes(32).toString('base64url')
  const redirectUri = app.redirectUris[0] ?? ''
  const url = new URL('/oauth/oauth2/auth', origin)
  url.search = new URLSearchParams({
    response_type: 'code',
    client_id: app.clientId,
    redirect_uri: redirectUri,
    scope: app.scopes.join(' '),
    state: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }).toString()
  const back = new URL(await consent(url.href, decision))
  const form = {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    redirect_uri: redirectUri,
    client_id: app.clientId,
    client_secret: app.clientSecret,
    code_verifier: verifier,
  }
  const answer = await fetch(new URL('/oauth/oauth2/token', origin), {
    method: 'POST',
    body: new URLSearchParams(form),
  })
  if (!answer.ok) throw new Error(`The sandbox refused the login: ${back.search} ${await answer.text()}`)
  return (await answer.json()) as TokenAnswer
}
