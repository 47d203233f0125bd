import { requireSession } from '../db/connection/pooler.ts'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { databaseSettings, readConfig } from '../config.ts'
import { loadArchives } from '../db/archive.ts'
import { withDatabase, type Database } from '../db/connection/index.ts'
import {
  dataDirectory,
  holdsDatabase,
  openToOthers,
  READERS_WAIT_MS,
  requireMakeable,
} from '../db/connection/directory.ts'
import { clockOf } from '../db/clock.ts'
import { loadLimits } from '../db/status.ts'
import { loadBudget } from '../db/budget.ts'
import { schemaState } from '../db/migrate.ts'
import { READER, readerLacks } from '../db/reader.ts'
import { WhoopsterError } from '../errors.ts'
import { closedOf } from '../status.ts'
import { ago } from '../time.ts'
import type { Budget } from '../whoop/budget.ts'
import { attempt, type Dependencies } from './findings.ts'
import { lookAtLogins } from './logins.ts'

const OLDEST_VERSION = 15

/** The database, and what can be seen in it alone: its schema, its logins. */
export async function lookAtDatabase(dependencies: Dependencies, whoopAnswers: boolean): Promise<void> {
  const { world, find } = dependencies
  const config = attempt(() => readConfig(world.env, databaseSettings))
  if (!config) return
  const embedded = config.DATABASE_URL ? undefined : attempt(() => dataDirectory(config, world.env))
  await lookAtDisk(dependencies, embedded)
  try {
    if (embedded && !holdsDatabase(embedded)) {
      requireMakeable(embedded)
      find('database', 'ok', `the embedded one, in ${embedded}: nothing is stored yet`)
      return find('logins', 'skipped', ...NOBODY)
    }
    await withDatabase(
      config,
      world.env,
      async (database) => {
        const { version, readOnly, size } = await loadLimits(database.db)
        const what = `PostgreSQL ${version} at ${database.where}, ${megabytes(size)}`
        if (Number.parseInt(version, 10) < OLDEST_VERSION) {
          return find('database', 'problem', what, `whoopster needs PostgreSQL ${OLDEST_VERSION} or newer`)
        }
        if (readOnly) find('database', 'problem', `${what}, is read-only`, 'point DATABASE_URL at the primary')
        else find('database', 'ok', what)
        await requireSession(database)
        if (!(await lookAtSchema(dependencies, database))) return
        await lookAtReader(dependencies, database)
        await lookAtArchives(dependencies, database)
        await lookAtBudget(dependencies, database)
        await lookAtLogins(dependencies, database, whoopAnswers)
      },
      world.interrupted,
      { patienceMs: READERS_WAIT_MS },
    )
  } catch (error) {
    world.interrupted.throwIfAborted()
    if (!(error instanceof WhoopsterError) || error.reason === 'bug') throw error
    const verdict = error.reason === 'busy' ? 'skipped' : 'problem' // somebody is at work: that is no illness
    find('database', verdict, error.message, error.hint)
  }
}

const NOBODY = ['nobody is logged in yet', 'run: whoopster auth'] as const
const LITTLE_SPACE = 1e9
const NO_SPACE = 100e6

async function lookAtDisk({ world, find }: Dependencies, embedded: string | undefined): Promise<void> {
  if (!embedded) return find('disk', 'skipped', "the database server's own")
  let folder = embedded
  while (!existsSync(folder)) folder = join(folder, '..')
  for (const path of await openToOthers(embedded)) {
    find('disk', 'warning', `others on this machine may look into ${path}`, `chmod -R go= '${path}'`)
  }
  const free = await world.machine.freeBytes(folder)
  const message = `${megabytes(free)} free where ${embedded} is`
  if (free >= LITTLE_SPACE) return find('disk', 'ok', message)
  find('disk', free < NO_SPACE ? 'problem' : 'warning', message, 'make room: a full disk stops the embedded database')
}

async function lookAtSchema({ find }: Dependencies, { db }: Database): Promise<boolean> {
  const { applied, pending } = await schemaState(db)
  if (pending.length === 0) find('schema', 'ok', 'up to date')
  else if (applied.length === 0) {
    find('schema', 'ok', 'not made yet; the first login makes it')
    find('logins', 'skipped', ...NOBODY)
  } else find('schema', 'problem', `lacks ${pending.map(({ name }) => name).join(', ')}`, 'run: whoopster migrate')
  return pending.length === 0
}

async function lookAtReader({ find }: Dependencies, { db }: Database): Promise<void> {
  const statements = await readerLacks(db)
  if (statements.length === 0) return
  const hint = `run: whoopster migrate; or as an administrator, in this database: ${statements.join('; ')};`
  find('schema', 'warning', `the rights of ${READER}, with which Grafana reads, are not as they should be`, hint)
}

/** Nobody has to make one. But WHOOP keeps the records for as long as they are paid, and the history not at all. */
async function lookAtArchives({ world, find }: Dependencies, { db }: Database): Promise<void> {
  const { members, without, oldest } = await loadArchives(db)
  if (members === 0) return find('archive', 'ok', 'nothing is stored yet')
  const hint = 'for a copy that outlives this database, run: whoopster archive --out whoop.zip'
  if (!oldest) return find('archive', 'ok', 'none was ever made here', hint)
  const made = `made ${ago(oldest, world.clock.now())}`
  if (without === 0) return find('archive', 'ok', made)
  find('archive', 'ok', `${made}, but not of ${without} of ${members} members`, hint)
}

async function lookAtBudget({ world, find }: Dependencies, { db }: Database): Promise<void> {
  const state = await loadBudget(db, world.env['WHOOP_CLIENT_ID']?.trim() || undefined)
  if (!state) return
  const closed = closedOf(state as Budget, (await clockOf(db, world.clock)).now())
  if (closed) find('WHOOP', 'warning', closed.message, closed.hint)
}

function megabytes(bytes: number): string {
  return bytes >= 10e9 ? `${(bytes / 1e9).toFixed(0)} GB` : `${(bytes / 1e6).toFixed(0)} MB`
}
