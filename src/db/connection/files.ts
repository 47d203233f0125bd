// The files in which people keep what they do not want to put into a connection string.
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { WhoopsterError } from '../../errors.ts'
import type { Env } from '../../world.ts'

const DEFAULT_SOCKETS = new Set(['/tmp', '/var/run/postgresql', '/run/postgresql'])

/** The password that `.pgpass` has for this place; like libpq, none from a file that others may read. */
export function readPassword(
  env: Env,
  passfile: string | undefined,
  { host, port, database, user }: { host: string; port: number; database: string; user: string },
): string | undefined {
  const file = passfile ?? (env['HOME'] ? join(env['HOME'], '.pgpass') : undefined)
  const stat = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false })
  if (file === undefined || !stat?.isFile() || (stat.mode & 0o077) !== 0) return undefined
  const wanted = [DEFAULT_SOCKETS.has(host) ? 'localhost' : host, String(port), database, user]
  for (const line of read(file).split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) => field)
    const isFor = wanted.every((value, index) => fields[index] === '*' || unescaped(fields[index]) === value)
    if (isFor && fields.length > wanted.length) return unescaped(fields[wanted.length])
  }
  return undefined
}

function unescaped(field: string | undefined): string | undefined {
  return field?.replace(/\\(.)/g, '$1')
}

/** A section of `.pg_service.conf`, the user's or the system's. */
export function readService(env: Env, name: string): [name: string, value: string][] {
  const files = [
    env['PGSERVICEFILE'] || (env['HOME'] ? join(env['HOME'], '.pg_service.conf') : ''),
    env['PGSYSCONFDIR'] ? join(env['PGSYSCONFDIR'], 'pg_service.conf') : '',
  ]
  for (const file of files.filter((one) => one && statSync(one, { throwIfNoEntry: false }))) {
    const section = sectionOf(read(file), name)
    if (section) return section
  }
  throw new WhoopsterError('settings', `The service ${name} is in no pg_service.conf.`, {
    hint: 'check PGSERVICE and PGSERVICEFILE, or put the connection into DATABASE_URL',
  })
}

function sectionOf(text: string, name: string): [string, string][] | undefined {
  const lines = text.split(/\r?\n/).map((line) => line.trim())
  const start = lines.indexOf(`[${name}]`)
  if (start === -1) return undefined
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => line.startsWith('['))
  return rest
    .slice(0, end === -1 ? undefined : end)
    .filter((line) => line.includes('=') && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1).trim()])
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new WhoopsterError('settings', `${file} cannot be read.`, { hint: 'check who may read it', cause })
  }
}
