// Once per test run: the bundle, a server, and on it the migrated template that every test file's database is a copy of.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/db/migrate.ts'
import { buildIfStale } from './build.ts'
import { databaseUrl, startPostgres, withSql } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string
    /** What every database of this run ends with: on a server of somebody's own, so that runs do not meet. */
    databaseSuffix: string
    /** For programs to run in: no `.env` of a developer's lies there. */
    emptyDirectory: string
    /** For what test files share; gone when the run is over. */
    runDirectory: string
  }
}

export default async function setup(project: TestProject) {
  buildIfStale()
  project.onTestsRerun(async () => void buildIfStale())
  const server = await startPostgres()
  const emptyDirectory = await mkdtemp(join(tmpdir(), 'whoopster-empty-'))
  const runDirectory = await mkdtemp(join(tmpdir(), 'whoopster-run-'))
  const suffix = process.env.TEST_DATABASE_URL ? `_${randomBytes(4).toString('hex')}` : ''
  const teardown = async () => {
    if (suffix) await dropDatabases(server.url, suffix)
    await server.stop()
    for (const dir of [emptyDirectory, runDirectory]) await rm(dir, { recursive: true, force: true })
  }

  try {
    await createTemplate(server.url, `whoopster_template${suffix}`)
  } catch (error) {
    await teardown()
    throw error
  }
  project.provide('postgresUrl', server.url)
  project.provide('databaseSuffix', suffix)
  project.provide('emptyDirectory', emptyDirectory)
  project.provide('runDirectory', runDirectory)
  return teardown
}

function createTemplate(serverUrl: string, name: string) {
  return withSql(serverUrl, async (sql) => {
    await sql`create database ${sql(name)} template template0`
    await withSql(databaseUrl(serverUrl, name), (template) => migrate(drizzle(template)))
    await sql`alter database ${sql(name)} allow_connections false` // whoever is connected keeps it from being copied
  })
}

function dropDatabases(serverUrl: string, suffix: string) {
  return withSql(serverUrl, async (sql) => {
    const databases = await sql<{ name: string }[]>`
      select datname as name from pg_database where starts_with(datname, 'whoopster_') and right(datname, 9) = ${suffix}`
    for (const { name } of databases) await sql`drop database if exists ${sql(name)} with (force)`
  })
}
