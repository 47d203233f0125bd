// Random lives: whatever happens, in whatever order, and whenever a run comes, the tables end equal to WHOOP.
import { expect, it } from 'vitest'
import { between, chance, pick, random, whole, type Random } from '../../src/sandbox/random.ts'
import { kinds, newLife, type Life, type Trouble } from '../support/life.ts'
import { isLong } from '../support/long.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'
import { expectFaithful } from '../support/truth.ts'

const replayed = Number(process.env['SEED'] ?? 0)
const count = isLong ? 240 : 0
const once = [133, 190] // have found something
const seeds = replayed ? [replayed] : [...new Set([...Array.from({ length: count }, (_, index) => index + 1), ...once])]

it.each(seeds)('ends equal to WHOOP after the random history of seed %i', async (seed) => {
  const luck = random(seed, 4711)
  const life = await newLife({ seed: 1 + (seed % 3), days: pick([12, 45, 70], whole(luck, 0, 2)) })
  const { database, sandbox } = life.member
  try {
    await live(life, luck, whole(luck, 8, 12))
    await settleDown(life, luck)
    await expectFaithful(database, sandbox)
    expect(await database.sql`select record_key, reason from quarantined_records`).toEqual([])
    expect(await database.sql`select record_key from chased_records where reason = 'missing'`).toEqual([])
  } catch (error) {
    console.error(`to replay it: SEED=${seed} npx vitest run test/sync/histories.test.ts`)
    throw error
  }
})

async function live(life: Life, luck: Random, days: number): Promise<void> {
  const end = life.now() + days * DAY_MS
  await life.sync()
  while (life.now() < end) {
    life.pass(Math.round(between(luck, 1, pick([12, 48, 96], whole(luck, 0, 2))) * HOUR_MS))
    for (let things = whole(luck, 0, 6); things > 0; things--) happen(life, luck)
    const trouble = chance(luck, 0.2) ? troubled(luck) : undefined
    await life.sync(trouble ? { trouble } : {})
  }
}

/** A month without events, or a full sync. */
async function settleDown(life: Life, luck: Random): Promise<void> {
  life.pass(12 * DAY_MS) // what is under way comes to its end
  if (chance(luck, 0.5)) {
    await life.sync({ line: '--full' })
    life.pass(DAY_MS) // what is seen again then is believed
    for (let run = 0; run < 3; run++) {
      life.pass(HOUR_MS) // what only its list can tell of is believed by the second run
      await life.sync({ line: '--full' }) // twenty deletions in each
    }
  } else {
    for (let run = 0; run < 4; run++) {
      await life.sync()
      life.pass(9 * DAY_MS)
    }
    await life.sync()
  }
}

function troubled(luck: Random): Trouble {
  const paths = ['activity/sleep', 'recovery', 'activity/workout', 'cycle']
  const path = pick(paths, whole(luck, 0, 3))
  if (chance(luck, 0.5)) return { empty: path, times: whole(luck, 1, 3) }
  return { outage: chance(luck, 0.5) ? path : '' }
}

const happenings: ((life: Life, luck: Random) => void)[] = [
  (life, luck) => {
    const kind = anyKind(luck)
    life.rescore(kind, life.pick(kind, age(luck)))
  },
  (life, luck) => {
    const kind = anyKind(luck)
    life.withdraw(kind, life.pick(kind, age(luck)), between(luck, 0.2, 8))
  },
  (life, luck) => life.scoreLate(anyKind(luck), between(luck, 0.5, 5)),
  (life, luck) => {
    const kind = chance(luck, 0.5) ? 'sleep' : 'workout'
    const move = () => Math.round(between(luck, -3, 3) * HOUR_MS)
    life.move(kind, life.pick(kind, age(luck)), move(), move())
  },
  (life, luck) => life.move('workout', life.pick('workout', age(luck)), -whole(luck, 1, 40) * DAY_MS, 0),
  (life, luck) => void life.addWorkout(age(luck)),
  (life, luck) => {
    const ago = age(luck)
    for (let twins = whole(luck, 2, 30); twins > 0; twins--) life.addWorkout(ago)
  },
  (life, luck) => life.addNap(age(luck)),
  (life, luck) => {
    const kind = anyKind(luck)
    life.remove(kind, life.pick(kind, age(luck)), chance(luck, 0.4) ? between(luck, 0.2, 9) : undefined)
  },
  (life, luck) => life.recreateSleep(life.pick('sleep', age(luck))),
  (life, luck) => life.travel(whole(luck, 1, 6), pick(['Z', '+05:30', '-12:00'], whole(luck, 0, 2))),
  (life, luck) => {
    if (chance(luck, 0.2)) life.leaveStrapOff(whole(luck, 1, 10))
  },
]

function happen(life: Life, luck: Random): void {
  pick(happenings, whole(luck, 0, happenings.length - 1))(life, luck)
}

function anyKind(luck: Random) {
  return pick([...kinds], whole(luck, 0, 3))
}

/** Mostly young, sometimes older than everything. */
function age(luck: Random): number {
  return 0.05 + between(luck, 0, 1) ** 2 * 100
}
