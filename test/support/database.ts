// A database of its own for each test file: afterAll(database.drop).
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { inject } from 'vitest'
import { databaseUrl } from './postgres.ts'

const CLONING = 2_566_746 // CLONING on a phone keypad: one at a time
const OBJECT_IN_USE = '55006'

export interface TestDatabase {
  url: string
  sql: postgres.Sql // for looking at what the code under test did
  drop: () => Promise<void>
}

/** With the project's tables; or a copy of this template, with all that it holds. */
export function createDatabase(template = `whoopster_template${inject('databaseSuffix')}`) {
  return clone(template)
}

export function createEmptyDatabase() {
  return clone('template0')
}

/** Makes a template of what has been prepared, until the run's end; its name is for `createDatabase`. */
export async function keepAsTemplate({ url, sql }: TestDatabase): Promise<string> {
  await sql.end({ timeout: 1 })
  const name = new URL(url).pathname.slice(1)
  await administer((admin) => admin`alter database ${admin(name)} allow_connections false`)
  return name
}

async function clone(template: string): Promise<TestDatabase> {
  const name = `whoopster_${randomBytes(6).toString('hex')}${inject('databaseSuffix')}`
  await administer((admin) => copy(admin, template, name))
  const url = databaseUrl(inject('postgresUrl'), name)
  const sql = postgres(url, { max: 4, onnotice: () => {} })
  const drop = async () => {
    await sql.end({ timeout: 1 })
    await administer((admin) => admin`drop database if exists ${admin(name)} with (force)`)
  }
  return { url, sql, drop }
}

let administrator: postgres.Sql | undefined // once a process; it hangs up by itself

async function administer(work: (admin: postgres.Sql) => Promise<unknown>): Promise<void> {
  administrator ??= postgres(inject('postgresUrl'), { max: 1, idle_timeout: 1, fetch_types: false, onnotice: () => {} })
  await work(administrator)
}

/**
 * Anybody's connection to the template is in the way, and on a server of somebody's own a monitor may come by. Files are
 * copied as they are, which costs a fifth of writing each of their pages to the log.
 */
async function copy(admin: postgres.Sql, template: string, name: string, tries = 5): Promise<void> {
  try {
    await admin`select pg_advisory_lock(${CLONING})`
    await admin`create database ${admin(name)} template ${admin(template)} strategy file_copy`
  } catch (error) {
    const isBusy = error instanceof postgres.PostgresError && error.code === OBJECT_IN_USE
    if (!isBusy || tries === 1) throw error
    await sleep(200)
    await copy(admin, template, name, tries - 1)
  } finally {
    await admin`select pg_advisory_unlock(${CLONING})`
  }
}
