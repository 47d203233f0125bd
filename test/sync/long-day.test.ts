// A schedule that asks for more than WHOOP's day: everybody is served less often, evenly, and nothing is lost.
import { expect, it } from 'vitest'
import type { RunResult } from '../../src/sync/result.ts'
import { isLong } from '../support/long.ts'
import { newMember } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { logIn } from '../support/world.ts'

const QUARTER_MS = 15 * 60_000
const HOUR_MS = 4 * QUARTER_MS
const START = Date.parse('2026-11-22T11:07:00Z')

const short = { members: 5, hours: 3, perDay: 1_200 }
const whole = { members: 40, hours: 24, perDay: 10_000 } // 15,360 are needed

it.each(isLong ? [short, whole] : [short])(
  'serves $members members for $hours hours with $perDay requests a day',
  async ({ members, hours, perDay }) => {
    const member = await newMember({ days: 3, members, limits: { perMinute: 100, perDay } })
    const { clock, env, sandbox, database } = member
    Object.assign(env, { MAX_REQUESTS_PER_MINUTE: '100' })
    const ids = Array.from({ length: members }, (_, index) => 10_001 + index)
    for (const id of ids.slice(1)) await logIn(sandbox, env, { clock, member: id })
    const logins = sandbox.requests.length // they have the tenth that syncs leave

    const served = new Map(ids.map((id) => [id, [] as number[]]))
    let waited = 0
    for (let tick = 0; tick < hours * 4; tick++) {
      clock.set(new Date(START + tick * QUARTER_MS))
      sandbox.world.advanceTo(clock.now())
      const { code, users, waiting } = (await member.sync('--no-migrate')) as RunResult & { code: number }
      expect(code).toBe(0)
      waited += waiting
      for (const { whoopUserId } of users) served.get(whoopUserId)?.push(tick)
    }

    expect(waited).toBeGreaterThan(0)
    const asked = sandbox.requests.slice(logins).filter(({ path }) => path.startsWith('/developer'))
    expect(asked.filter(({ status }) => status === 429)).toEqual([])
    const share = (perDay * 0.9 * hours) / 24
    expect(asked.length).toBeLessThan(Math.min(share * 1.05 + members * 12, perDay * 0.9)) // two rounds at once: the first, and what was saved up
    expect(asked.length).toBeGreaterThan(share * 0.9)
    const counts = [...served.values()].map(({ length }) => length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    const pauses = [...served.values()].flatMap((ticks) =>
      ticks.slice(1).map((tick, index) => tick - (ticks[index] ?? 0)),
    )
    expect(Math.max(...pauses)).toBeLessThanOrEqual(3) // quarters of an hour

    const status = await member.run('status --json')
    const { freshnessMinutes, behindSchedule } = (
      JSON.parse(status.out) as { budget: { freshnessMinutes: number; behindSchedule: boolean } }
    ).budget
    expect(behindSchedule).toBe(true)
    expect(freshnessMinutes).toBeGreaterThan(15)
    expect(freshnessMinutes).toBeLessThan(45)
    const { out } = await member.run('status --max-age 16m')
    expect(out).toMatch(/its requests serve everybody every \d+ minutes, less often than the schedule asks/)
    expect(out).toMatch(/WHOOP's requests for a day serve everybody every \d+ minutes, not every 16 minutes/)

    clock.pass(3_600_000)
    for (const id of ids) {
      await member.sync(`--user ${id} --no-migrate`)
      await expectFaithful(database, sandbox, { member: id })
    }
  },
  900_000,
)

it.runIf(isLong)(
  'reads the histories of those who come when the day is full of those who are current',
  async () => {
    const member = await newMember({ days: 90, members: 7, limits: { perMinute: 100, perDay: 320 } })
    const { clock, env, sandbox } = member
    Object.assign(env, { MAX_REQUESTS_PER_MINUTE: '100' })
    const [, ...others] = sandbox.world.members().map(({ user_id }) => user_id)
    const newcomers = others.splice(-2)
    for (const id of others) await logIn(sandbox, env, { clock, member: id })
    let at = START
    const hours = async (count: number) => {
      const served: number[] = []
      for (let hour = 0; hour < count; hour++) {
        clock.set(new Date((at += HOUR_MS)))
        sandbox.world.advanceTo(clock.now())
        served.push(...(await member.sync('--no-migrate')).users.map(({ whoopUserId }) => whoopUserId))
      }
      return served
    }
    const budget = async () => {
      const { out } = await member.run('status --json')
      return (JSON.parse(out) as { budget: { spent: number; allowed: number; firstReadings: { members: number } } })
        .budget
    }
    await hours(48)
    const full = await budget()
    expect(full.firstReadings.members).toBe(0)
    expect(full.spent).toBeGreaterThan(full.allowed * 0.9)

    for (const id of newcomers) await logIn(sandbox, env, { clock, member: id })
    const served = await hours(40)
    expect(await budget()).toMatchObject({ firstReadings: { members: 0 } })
    for (const id of others) expect(served.filter((one) => one === id).length).toBeGreaterThan(4)
  },
  120_000,
)
