// PostgreSQL may be 120 ms away: what takes time then is how often its answer is waited for, not how much it is asked.
import { expect, it, onTestFinished } from 'vitest'
import { startInStep } from '../support/distance.ts'
import { newMember, type Member } from '../support/member.ts'
import { run } from '../support/world.ts'

const MINUTE_MS = 60_000

/** The round trips in sequence of one more sync, before it is connected and from then on. */
async function tripsOf(member: Member, line = ''): Promise<{ connecting: string[][]; connected: string[][] }> {
  const far = await startInStep(member.database.url)
  onTestFinished(() => far.close())
  const { code, err } = await run(`sync ${line}`, { ...member.env, DATABASE_URL: far.url }, { clock: member.clock })
  expect(code, err).toBe(0)
  const first = far.trips.findIndex((statements) => statements.length > 0)
  return { connecting: far.trips.slice(0, first), connected: far.trips.slice(first) }
}

it('a sync with nothing new waits for eight answers once it is connected', { timeout: 120_000 }, async () => {
  const member = await newMember({ days: 60 })
  await member.sync()
  member.clock.pass(10 * MINUTE_MS)
  await member.sync()
  member.clock.pass(10 * MINUTE_MS)
  const { connecting, connected } = await tripsOf(member)
  expect(connected.length, JSON.stringify(connected, null, 1)).toBeLessThanOrEqual(8)
  expect(connecting).toHaveLength(3) // who we are, and two of SCRAM; one session, which looks up no types
})

it(
  'a first sync waits for no more than two answers a page, and no type for those of another',
  { timeout: 240_000 },
  async () => {
    const first = async (days: number, line = '') => {
      const member = await newMember({ days })
      member.requests()
      const { connected } = await tripsOf(member, line)
      return { trips: connected.length, pages: Math.max(...Object.values(member.requests())) } // of the longest type
    }
    const [short, long] = [await first(75), await first(225)]
    const pages = long.pages - short.pages
    expect(pages).toBeGreaterThan(5)
    expect((long.trips - short.trips) / pages).toBeLessThanOrEqual(2)
    const alone = await first(225, '--type sleep')
    expect(long.trips / alone.trips).toBeLessThanOrEqual(1.5) // recovery is placed by its sleep, and follows it
  },
)
