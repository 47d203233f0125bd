// A day on which WHOOP loses events, sends them twice, late and out of order, with a sync every hour as before.
import { expect, it } from 'vitest'
import { createWebhooks } from '../../src/sandbox/webhooks.ts'
import { chance, random, whole } from '../../src/sandbox/random.ts'
import type { Change } from '../../src/sandbox/index.ts'
import { isLong } from '../support/long.ts'
import { newMember } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { HOUR_MS, MINUTE_MS } from '../support/time.ts'
import { startListener } from './listener.ts'

const HOURS = isLong ? 24 : 5
const EDITS = isLong ? 8 : 4 // an hour

it(
  `${HOURS} hours of events that err: the tables equal WHOOP after each sync, and most of the time at once`,
  { timeout: 300_000 },
  async () => {
    const member = await newMember({ days: 90 })
    const { clock, sandbox, database } = member
    const { world } = sandbox
    expect((await member.sync()).code).toBe(0)
    const listener = await startListener(member)
    const luck = random(1, 19)
    const webhooks = createWebhooks({
      url: `http://127.0.0.1:${listener.port}/webhook`,
      secret: sandbox.clientSecret,
      now: clock.now,
      lost: 0.1,
      twice: 0.2,
    })
    const late: Change[] = []
    const told: Change[] = []
    world.watch((change) => (chance(luck, 0.1) ? late : told).push(change))
    const tell = async () => {
      while (told.length > 0)
        for (const change of told.splice(whole(luck, 0, told.length - 1), 1)) webhooks.tell(change)
      await webhooks.close()
      await expect
        .poll(
          () =>
            database.sql`select from chased_records where reason = 'event' or asked_at is null and reason = 'missing'`,
          { timeout: 20_000 },
        )
        .toEqual([])
    }
    const isStored = async (id: string, strain: number) => {
      const rows = await database.sql`select from workout_records where id = ${id} and strain_score = ${strain}`
      return rows.length > 0
    }
    const ages: number[] = []
    for (let hour = 0; hour < HOURS; hour++) {
      const edits: { id: string; strain: number; at: number }[] = []
      for (let edit = 0; edit < EDITS; edit++) {
        clock.pass(HOUR_MS / EDITS - MINUTE_MS)
        world.advanceTo(clock.now())
        const workouts = world
          .list('workout')
          .slice(0, 20)
          .filter(({ score }) => score) // what a quiet sync looks at
        const one = workouts[whole(luck, 0, workouts.length - 1)]
        if (!one?.score) throw new Error('the sandbox made no workout')
        const strain = Math.round(luck() * 210) / 10
        const at = clock.now().getTime()
        world.put('workout', { ...one, score: { ...one.score, strain } })
        if (chance(luck, 0.15)) world.remove('workout', workouts[whole(luck, 0, 9)]?.id ?? '')
        told.push(...late.splice(0))
        await tell()
        edits.push({ id: one.id, strain, at })
        for (const open of edits.splice(0)) {
          if (await isStored(open.id, open.strain)) ages.push(clock.now().getTime() - open.at)
          else if (world.get('workout', open.id)?.score?.strain === open.strain) edits.push(open)
        }
      }
      expect((await member.sync()).code).toBe(0)
      await expectFaithful(database, sandbox)
      for (const open of edits) ages.push(clock.now().getTime() - open.at)
    }
    const median = ages.toSorted((a, b) => a - b)[Math.floor(ages.length / 2)]
    console.log(`${ages.length} edits, the median ${median} ms old when it was stored`)
    expect(median).toBeLessThan(10_000)
    expect(ages.length).toBeGreaterThan(HOURS * EDITS * 0.6)
  },
)
