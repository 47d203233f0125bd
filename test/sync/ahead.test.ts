// A first sync asks for what it will need while it stores what it has.
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { newMember, type Member } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'

const PATHS = {
  sleep: '/developer/v2/activity/sleep',
  recovery: '/developer/v2/recovery',
  cycle: '/developer/v2/cycle',
}

it('asks for two pages ahead of the one that is being stored', async () => {
  const member = await newMember({ days: 300 })
  const asked = countOf(member, 'cycle')
  let release = () => {}
  member.sandbox.world.faults.onRequest = async () => {
    if (asked() === 2) release = await lock(member, 'cycle_records') // the newest page is stored when the next has come
  }
  const running = member.sync('--type cycle')
  await until(() => asked() >= 3)
  await sleep(150) // in which another one would come
  expect(asked()).toBe(3)
  release()
  expect(await running).toMatchObject({ code: 0 })
  await expectFaithful(member.database, member.sandbox, { only: ['cycle'] })
})

it('waits for the sleeps that place recoveries, and for no longer than they are read', async () => {
  const member = await newMember({ days: 60 })
  const asked = countOf(member, 'recovery')
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  const sleeps = countOf(member, 'sleep')
  member.sandbox.world.faults.onRequest = async ({ path }) => {
    if (path === PATHS.sleep && sleeps() === 2) await released // naps are sleeps: one page of them places no whole page
  }
  const running = member.sync()
  await until(() => sleeps() === 2 && asked() === 1)
  await sleep(150) // in which the page would be stored, or another one asked for
  const [stored] = await member.database.sql<{ n: number }[]>`select count(*)::int as n from recovery_records`
  expect([asked(), stored?.n]).toEqual([1, 0])
  release()
  expect(await running).toMatchObject({ code: 0 })
  await expectFaithful(member.database, member.sandbox)
})

function countOf({ sandbox }: Member, type: keyof typeof PATHS): () => number {
  const seen = sandbox.requests.length
  return () => sandbox.requests.slice(seen).filter(({ path }) => path === PATHS[type]).length
}

/** Nobody writes the table until it is released. */
async function lock({ database }: Member, table: string): Promise<() => void> {
  let release = () => {}
  const released = new Promise<void>((resolve) => (release = resolve))
  await new Promise<void>((locked) => {
    void database.sql.begin(async (sql) => {
      await sql`lock table ${sql(table)} in share mode`
      locked()
      await released
    })
  })
  return release
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(5)
}
