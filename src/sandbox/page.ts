import type { Profile } from './records.ts'

export interface ConsentForm {
  challenge: string
  clientId: string
  scopes: string[]
  members: Profile[]
}

const MEANING: Record<string, string> = {
  'read:cycles': 'Days: strain, energy and heart rate',
  'read:recovery': 'Recovery: score, heart-rate variability and resting heart rate',
  'read:sleep': 'Sleep: stages, need and performance',
  'read:workout': 'Workouts: sport, strain and heart-rate zones',
  'read:profile': 'Name and e-mail address',
  'read:body_measurement': 'Height, weight and maximum heart rate',
  offline: 'Access while you are away, until you revoke it',
}

export function consentPage({ challenge, clientId, scopes, members }: ConsentForm): string {
  return page(
    'Allow access?',
    `<p><b>${escape(clientId)}</b> would like to read the data of an invented member.</p>
    <form method="post" action="/oauth/oauth2/consent">
      <input type="hidden" name="challenge" value="${escape(challenge)}">
      <fieldset><legend>Who are you today?</legend>${members.map(memberChoice).join('')}</fieldset>
      <fieldset><legend>What may it read?</legend>${scopes.map(scopeChoice).join('')}</fieldset>
      <div class="buttons">
        <button name="decision" value="deny">Deny</button>
        <button name="decision" value="allow" class="allow">Allow</button>
      </div>
    </form>`,
  )
}

export function errorPage(title: string, explanation: string): string {
  return page(title, `<p>${escape(explanation)}</p>`)
}

function memberChoice({ user_id, first_name, last_name, email }: Profile, nth: number): string {
  return `
        <label><input type="radio" name="member" value="${user_id}"${nth === 0 ? ' checked' : ''}>
          <span>${escape(`${first_name} ${last_name}`)}<small>${escape(email)}</small></span></label>`
}

function scopeChoice(scope: string): string {
  return `
        <label><input type="checkbox" name="grant" value="${escape(scope)}" checked>
          <span>${escape(MEANING[scope] ?? scope)}<small>${escape(scope)}</small></span></label>`
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escape(title)} · WHOOP sandbox</title>
    <style>${STYLE}</style>
  </head>
  <body>
    <main>
    <p class="notice">This is a sandbox on your own machine. It is not WHOOP, and the people here are invented.</p>
    <h1>${escape(title)}</h1>
    ${content}
    </main>
  </body>
</html>
`
}

function escape(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const STYLE = `
  :root { color-scheme: light dark }
  body { margin: 0; padding: 2rem 1rem; font: 16px/1.5 system-ui, sans-serif; background: light-dark(#f3f4f6, #111418) }
  main { max-width: 30rem; margin: auto; padding: 1.5rem; border-radius: 12px; background: light-dark(#fff, #1b2027) }
  .notice { margin: 0; padding: .6rem .8rem; border-radius: 8px; background: #ffe9a8; color: #4d3b00; font-size: .875rem }
  h1 { margin: 1.2rem 0 .5rem; font-size: 1.5rem }
  fieldset { margin: 1rem 0; padding: 0; border: 0 }
  legend { margin-bottom: .4rem; font-weight: 600 }
  label { display: flex; gap: .7rem; align-items: baseline; padding: .35rem 0 }
  small { display: block; color: light-dark(#5b6470, #9aa4b2) }
  .buttons { display: flex; gap: .75rem; justify-content: flex-end }
  button { padding: .6rem 1.4rem; border: 1px solid #8a94a2; border-radius: 8px; background: none; font: inherit }
  .allow { border-color: #0b6b43; background: #0b6b43; color: #fff }
`
