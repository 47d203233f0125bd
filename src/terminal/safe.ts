// What WHOOP, a server or a file says may hold characters that steer a terminal or turn a line around. Tables and exports
// keep them; what is printed does not.

// C0, DEL and C1, U+2028 and U+2029, and what sets the direction of text (Unicode's UAX #9).
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu
const ESC = '\u001B'
const COLOUR = new RegExp(`${ESC}\\[\\d{1,3}(?:;\\d{1,3})*m`, 'gu') // as chalk writes them

/** A stranger's text within a line of ours: each such character is shown as one that nobody knows. */
export function harmless(text: string): string {
  return text.replace(STEERING, '\uFFFD')
}

/** The same for whole lines of ours, whose ends, tabs and colours stay. */
export function harmlessLines(text: string): string {
  let rest = 0
  let safe = ''
  for (const { 0: colour, index } of text.matchAll(COLOUR)) {
    safe += steerless(text.slice(rest, index)) + colour
    rest = index + colour.length
  }
  return safe + steerless(text.slice(rest))
}

function steerless(text: string): string {
  return text.replace(STEERING, (one) => (one === '\n' || one === '\t' ? one : '\uFFFD'))
}

/** JSON that means the same, and has them escaped. */
export function harmlessJson(json: string): string {
  return json.replace(STEERING, (one) => {
    return one === '\n' ? one : `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
  })
}

/** What a member is called in a heading. */
export function nameOf({ whoopUserId, firstName }: { whoopUserId: number; firstName: string | null }): string {
  const user = `WHOOP user ${whoopUserId}`
  return firstName ? `${harmless(firstName)} (${user})` : user
}
