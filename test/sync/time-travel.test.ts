// Two months of one member's life with everything that WHOOP is known to do to old records, then a quiet one. Without time for
// that it is the first nine days of it; what comes later is what the random histories do, too.
import { expect, it } from 'vitest'
import { newLife, type Life, type Ran, type Trouble } from '../support/life.ts'
import { isLong } from '../support/long.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'
import { expectFaithful } from '../support/truth.ts'

const STEP_MS = (isLong ? 6 : 12) * HOUR_MS
const DAYS = isLong ? 60 : 9
const WAIT_DAYS = isLong ? 2 : 9 // from run to run while a test waits
const QUIET_DAYS = isLong ? 1 : 4

/** What happens on which day; several things on one day happen one run after the other. */
const plan: [day: number, happens: (life: Life) => void][] = [
  [1, (life) => life.rescore('sleep', life.pick('sleep', 2))],
  [1, (life) => life.addWorkout(40)],
  [2, (life) => life.scoreLate('workout', 3)],
  [3, (life) => life.scoreLate('sleep', 2)],
  [3, (life) => life.scoreLate('recovery', 2)],
  [4, (life) => life.addNap(0.2)],
  [4, (life) => life.rescore('recovery', life.pick('recovery', 55))],
  [5, (life) => life.remove('workout', life.pick('workout', 3))],
  [6, (life) => life.remove('sleep', life.pick('sleep', 12))],
  [6, (life) => life.move('sleep', life.pick('sleep', 5), -HOUR_MS, HOUR_MS / 2)],
  [7, (life) => life.travel(6, '-08:00')],
  [8, (life) => life.withdraw('recovery', life.pick('recovery', 1), 4)],
  [8, (life) => life.withdraw('workout', life.pick('workout', 29), 12)],
  [9, (life) => life.withdraw('cycle', life.pick('cycle', 80), 45)],
  [10, (life) => life.addWorkout(400)],
  [11, (life) => life.addNap(20)],
  [12, (life) => life.remove('workout', life.pick('workout', 60))],
  [12, (life) => life.remove('sleep', life.pick('sleep', 45))],
  [13, (life) => life.remove('workout', life.pick('workout', 8), 3)],
  [13, (life) => life.remove('cycle', life.pick('cycle', 50), 20)],
  [14, (life) => life.move('workout', life.pick('workout', 10), -35 * DAY_MS, -35 * DAY_MS)],
  [15, (life) => life.recreateSleep(life.pick('sleep', 3))],
  [15, (life) => life.rescore('cycle', life.pick('cycle', 88))],
  [16, (life) => life.leaveStrapOff(21)],
  [20, (life) => life.rescore('workout', life.pick('workout', 30))],
  [24, (life) => life.remove('recovery', life.pick('recovery', 14))],
  [28, (life) => life.addWorkout(26)],
  [38, (life) => life.rescore('sleep', life.pick('sleep', 9))],
  [39, (life) => life.remove('sleep', life.pick('sleep', 18))],
  [40, (life) => life.withdraw('sleep', life.pick('sleep', 28), 6)],
  [42, (life) => life.remove('recovery', life.pick('recovery', 4))],
  [44, (life) => life.remove('workout', life.pick('workout', 400))],
  [46, (life) => Array.from({ length: 30 }, () => life.addWorkout(3))],
  [47, (life) => life.scoreLate('cycle', 3)],
  [50, (life) => life.move('workout', life.pick('workout', 70), 20 * DAY_MS, 20 * DAY_MS)],
  [52, (life) => life.remove('cycle', life.pick('cycle', 6))],
  [54, (life) => life.rescore('sleep', life.pick('sleep', 100))],
  [57, (life) => life.remove('sleep', life.pick('sleep', 38))],
  [59, (life) => life.rescore('workout', life.pick('workout', 120))],
]

const troubles: [day: number, trouble: Trouble][] = [
  [2.5, { outage: 'cycle' }],
  [5.5, { empty: 'activity/workout', times: 1 }],
  [9.5, { outage: '' }],
  [10, { outage: '' }],
  [18.5, { empty: 'recovery', times: 2 }],
  [37.2, { outage: 'activity/sleep' }], // just when three weeks arrive at once
  [41.5, { empty: 'activity/sleep', times: 3 }],
  [48.5, { outage: 'activity/workout' }],
  [53.5, { empty: 'cycle', times: 2 }],
]

it(`keeps what it promises for ${DAYS} days of edits, deletions, outages and lies, and ends equal after a quiet month`, async () => {
  const life = await newLife({ days: 90 })
  await life.sync()
  const runs = await live(life)
  for (let day = 0; day < 36; day += QUIET_DAYS) {
    life.pass(QUIET_DAYS * DAY_MS)
    runs.push({ ...(await life.sync()), troubled: false })
  }
  const { database, sandbox } = life.member
  await expectFaithful(database, sandbox)
  expect(await database.sql`select record_key, reason from quarantined_records`).toEqual([])
  expect(await database.sql`select record_key from chased_records where reason = 'missing'`).toEqual([])
  expectCheap(runs)
}, 600_000)

it('takes the recovery with a deleted sleep though both had been delivered three weeks late', async () => {
  const life = await newLife({ days: 30 })
  await life.sync()
  const wait = async (days: number) => {
    for (let day = 0; day < days; day += WAIT_DAYS) {
      life.pass(WAIT_DAYS * DAY_MS)
      await life.sync()
    }
  }
  life.leaveStrapOff(21)
  await wait(50)
  for (let day = 50; day < 70; day += 4) {
    life.remove('sleep', life.pick('sleep', day - 10 + (day % 7)))
    await wait(4)
  }
  await wait(36)
  await expectFaithful(life.member.database, life.member.sandbox)
  const gone = await life.member.database.sql`select data_type as type from record_history where reason = 'deleted'`
  expect(gone.filter(({ type }) => type === 'recovery').length).toBeGreaterThan(2)
}, 600_000)

/** One request for each collection, and a few more when something is due. */
function expectCheap(runs: readonly Lived[]): void {
  const calm = runs.filter(({ troubled }) => !troubled)
  expect(calm.map(({ code }) => code)).toEqual(calm.map(() => 0))
  // Its newest page; two for the last 30 days; three for a slice or for what came unexpectedly; the edge of each.
  for (const { pages } of calm) expect(pages).toBeLessThanOrEqual(8)
  for (const { ids } of calm) expect(ids).toBeLessThanOrEqual(5) // so many are unsettled or gone at one time
  for (const { requests } of calm) expect(requests).toBeLessThanOrEqual(24)
  // What is due once a day is due in every second run at twelve hours; at six, a list in doubt is looked at for a day.
  const quiet = calm.filter(({ requests }) => requests <= 4 + 1)
  if (isLong) expect(quiet.length).toBeGreaterThan(calm.length * 0.45)
}

interface Lived extends Ran {
  troubled: boolean
}

async function live(life: Life): Promise<Lived[]> {
  const start = life.now()
  const isPlanned = ([day]: [number, unknown]) => day < DAYS
  const [happenings, ahead] = [plan.filter(isPlanned), troubles.filter(isPlanned)]
  const isDue = ([day]: [number, unknown] | undefined[]) => day !== undefined && start + day * DAY_MS <= life.now()
  const runs: Lived[] = []
  while (life.now() < start + DAYS * DAY_MS) {
    life.pass(STEP_MS)
    if (happenings[0] && isDue(happenings[0])) happenings.shift()?.[1](life)
    const trouble = ahead[0] && isDue(ahead[0]) ? ahead.shift()?.[1] : undefined
    const ran = await life.sync(trouble ? { trouble } : {})
    runs.push({ ...ran, troubled: trouble !== undefined })
  }
  expect([happenings, ahead]).toEqual([[], []])
  return runs
}
