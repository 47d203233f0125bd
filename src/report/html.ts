// What a stranger wrote stays text: no mark-up, and no character that turns the words around it.

// C0 but for white space, DEL and C1, U+2028 and U+2029, and what sets the direction of text (Unicode's UAX #9).
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

export function escape(text: string): string {
  return text.replace(STEERING, '\uFFFD').replace(/[&<>"']/g, (one) => ENTITIES[one] ?? one)
}

/** A stranger's text in a line of ours, whichever direction its script has. */
export function foreign(text: string): string {
  return `<bdi>${escape(text)}</bdi>`
}

/** For a `<script type="application/json">`. */
export function json(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('<', String.raw`\u003c`)
    .replace(STEERING, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
}

/** Lines of a table; cells are HTML. The first cell of a row names it. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[], caption: string): string {
  const titles = head.map((cell) => `<th scope="col">${cell}</th>`).join('')
  const lines = rows.map(
    ([first, ...rest]) => `<tr><th scope="row">${first}</th>${rest.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  )
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escape(caption)}"><table><caption>${escape(caption)}</caption><thead><tr>${titles}</tr></thead><tbody>${lines.join('\n')}</tbody></table></div>`
}
