// A database of its own for each test file: afterAll(database.drop).
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import { inject } from 'vitest'
import { databaseUrl, withSql } from './postgres.ts'

const CLONING = 2_566_746 // CLONING on a phone keypad: one at a time
const OBJECT_IN_USE = '55006'

export interface TestDatabase {
  url: string
  sql: postgres.Sql // for looking at what the code under test did
  drop: () => Promise<void>
}

/** With the project's tables. */
export function createDatabase() {
  return clone(`whoopster_template${inject('databaseSuffix')}`)
}

export function createEmptyDatabase() {
  return clone('template0')
}

async function clone(template: string): Promise<TestDatabase> {
  const serverUrl = inject('postgresUrl')
  const name = `whoopster_${randomBytes(6).toString('hex')}${inject('databaseSuffix')}`
  await withSql(serverUrl, async (admin) => {
    await admin`select pg_advisory_lock(${CLONING})` // until this connection closes
    await copy(admin, template, name)
  })

  const url = databaseUrl(serverUrl, name)
  const sql = postgres(url, { max: 4, onnotice: () => {} })
  const drop = async () => {
    await sql.end({ timeout: 1 })
    await withSql(serverUrl, (admin) => admin`drop database if exists ${admin(name)} with (force)`)
  }
  return { url, sql, drop }
}

/** Anybody's connection to the template is in the way, and on a server of somebody's own a monitor may come by. */
async function copy(admin: postgres.Sql, template: string, name: string, tries = 5): Promise<void> {
  try {
    await admin`create database ${admin(name)} template ${admin(template)}`
  } catch (error) {
    const isBusy = error instanceof postgres.PostgresError && error.code === OBJECT_IN_USE
    if (!isBusy || tries === 1) throw error
    await sleep(200)
    await copy(admin, template, name, tries - 1)
  }
}
