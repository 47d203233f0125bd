/** A stranger's text on one line, without what would steer a terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]+/gu, ' ').trim()
}

/** What WHOOP or something on the way there said: it may be HTML, and repeat what it was sent. */
export function wordsOf(text: string, secret: string): string {
  const bare = text
    .replace(/<!--[\s\S]*?-->/g, ' ')
    .replace(/<(style|script|title)[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&nbsp;', ' ')
  const line = oneLine(without(bare, [secret]))
  return line.length > 200 ? `${line.slice(0, 200)}…` : line || '(nothing)'
}

export function without(text: string, secrets: readonly string[]): string {
  return secrets.filter(Boolean).reduce((rest, secret) => rest.replaceAll(secret, '…'), text)
}

/** fetch says "fetch failed"; the reason is in its cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no answer in time'
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join(', ') // one for each address
  return error.message || ('code' in error ? String(error.code) : error.name)
}

/** Node's code for it, below what it is wrapped in. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  if (error.cause instanceof Error) return codeOf(error.cause)
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return 'code' in error ? String(error.code) : ''
}

/** A certificate that nobody here vouches for, or no TLS at all: the same again would end the same. */
export function isAboutTls(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|EPROTO|^ERR_(TLS|SSL)/.test(codeOf(error))
}

/** What to do about it. Who looks into TLS on its way, as offices do, has an authority of their own. */
export const TLS_HINT =
  'is there a proxy that looks into TLS? put its certificate into a file, and name that in NODE_EXTRA_CA_CERTS'
