import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { WhoopsterError, whyOf } from '../errors.ts'

const MODE = 0o600

/** Puts settings into the folder's `.env`, where they stand or at its end; it is then for its owner alone. */
export function changeDotenv(folder: string, values: Readonly<Record<string, string>>): { path: string; mode: string } {
  const path = join(folder, '.env')
  const draft = `${path}.${randomBytes(4).toString('hex')}.part`
  try {
    const before = existsSync(path) ? readFileSync(path, 'utf8') : ''
    writeFileSync(draft, withValues(before, values), { flag: 'wx', mode: MODE }) // and through no link that lies there
    renameSync(draft, path)
  } catch (cause) {
    if (existsSync(draft)) rmSync(draft)
    if (cause instanceof WhoopsterError) throw cause
    throw new WhoopsterError('settings', `${path} cannot be written: ${whyOf(cause)}`, {
      hint: 'go to a directory of yours, and run it again there',
      cause,
    })
  }
  return { path, mode: MODE.toString(8).padStart(4, '0') }
}

function withValues(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((before, [name, value]) => {
    const line = `${name}=${quoted(value)}`
    const stands = new RegExp(`^${name}=.*$`, 'm')
    if (stands.test(before)) return before.replace(stands, () => line)
    return `${before}${before === '' || before.endsWith('\n') ? '' : '\n'}${line}\n`
  }, text)
}

/** Node's reader takes a # for a comment, quotes for quotes, and knows no way to write a quote between its like. */
function quoted(value: string): string {
  if (/^[\w./+=:@-]+$/.test(value)) return value
  const quote = ["'", '`', '"'].find((one) => !value.includes(one) && (one !== '"' || !value.includes('\\')))
  if (quote && !/[\r\n]/.test(value)) return `${quote}${value}${quote}`
  throw new WhoopsterError('settings', 'A value holds every kind of quotes, or a line break: .env cannot hold that.', {
    hint: 'set it in the environment',
  })
}
