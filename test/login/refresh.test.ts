// A refresh under every step of which something breaks: a login that can be kept is kept, one that cannot says so.
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Fault } from '../../src/sandbox/index.ts'
import { isLong } from '../support/long.ts'
import { newMember, syncedMember, type Member } from '../support/member.ts'
import { startProgram } from '../support/program.ts'
import { startProxy, type Aftermath, type Strike, type When } from '../support/proxy.ts'
import type { Fetch } from '../../src/world.ts'
import { builtInFetch, createClock, logIn, realClock, run, type Ran, type TestClock } from '../support/world.ts'

const TOKEN = '/oauth/oauth2/token'

/** Each statement of a refresh, by what it does and what was before. WHOOP is asked between `backend` and `store`. */
const isStep = {
  begin: ({ now }) => now === 'begin',
  look: ({ now }) => now.endsWith(' for update'),
  note: ({ now }) => NOTE.test(now),
  noted: ({ now, last }) => now === 'commit' && NOTE.test(last),
  again: ({ now, all }) => now === 'begin' && all.some((one) => NOTE.test(one)),
  lock: ({ now, all }) => now.endsWith(' for update') && all.some((one) => NOTE.test(one)),
  backend: ({ now }) => now.includes('pg_stat_activity'),
  store: ({ now }) => STORE.test(now),
  commit: ({ now, last }) => now === 'commit' && STORE.test(last),
} satisfies Record<string, (statements: { now: string; last: string; all: readonly string[] }) => boolean>

const NOTE = /^update "oauth_tokens" set "refreshing_since"/
const STORE = /^update "oauth_tokens" set [^;]*"access_token"/

type Step = keyof typeof isStep
const steps = Object.keys(isStep) as Step[]

/** WHOOP has acted by then, and nothing else than the dying process knows what it gave. */
function isSpent(step: Step, when: When): boolean {
  return step === 'store' || (step === 'commit' && when !== 'after')
}

describe('kill -9', () => {
  it.each(some(moments()))('%s %s', async (when, step) => {
    const member = await expired()
    const { code } = await strikeProcess(member, { when, step, signal: 'SIGKILL' })
    expect(code).toBe(null)
    const { code: next, err } = await syncNow(member)
    expect(next, err).toBe(isSpent(step, when) ? 77 : 0)
    if (isSpent(step, when)) expect(err).toContain('never ended: if WHOOP had acted on it, the new tokens went with it')
  })
})

describe('SIGTERM', () => {
  it.each(some(steps))('at %s: the refresh is finished first', async (step) => {
    const member = await expired()
    const { code } = await strikeProcess(member, { when: 'before', step, signal: 'SIGTERM', aftermath: 'on' })
    expect(code).toBe(143)
    const posts = postsOf(member)
    const { code: next, err } = await syncNow(member)
    expect(next, err).toBe(0)
    expect(postsOf(member)).toBe(posts)
  })

  it('while WHOOP is slow: the refresh is finished first', async () => {
    const member = await expired()
    member.sandbox.world.faults.token = { slowMs: 600 }
    const running = start(member, member.database.url)
    member.sandbox.world.faults.onRequest = ({ path }) => void (path === TOKEN && running.child.kill('SIGTERM'))
    expect((await running.ended).code).toBe(143)
    member.sandbox.world.faults.onRequest = undefined
    expect((await syncNow(member)).code).toBe(0)
    expect(postsOf(member)).toBe(2) // the login's and the refresh's
  })
})

describe('a connection that is cut', () => {
  it.each(
    some(moments().flatMap(([when, step]) => (['cut', 'half-open'] as const).map((how) => [when, step, how] as const))),
  )('%s %s (%s)', async (when, step, aftermath) => {
    const member = await expired()
    const isRescued = step === 'store' || step === 'commit'
    const { code, err } = await strikeRun(member, { when, step, aftermath })
    expect(code, err).toBe(isRescued ? 0 : 69)
    if (isRescued) expect(err).toContain('trying again for a minute')
    const next = syncNow(member)
    if (aftermath === 'half-open') await notice(member, next)
    const { code: nextCode, err: nextErr } = await next
    expect(nextCode, nextErr).toBe(0)
    expect(postsOf(member)).toBe(2)
  })

  /** PostgreSQL finds out about a connection that is no more, as by its keepalives, once another run waits for it. */
  async function notice({ database }: Member, waiting: Promise<unknown>): Promise<void> {
    const over = waiting.then(() => true)
    do {
      await database.sql`
        select pg_terminate_backend(blocking) from pg_stat_activity a, unnest(pg_blocking_pids(a.pid)) blocking
        where a.datname = current_database()`
    } while (!(await Promise.race([over, sleep(20, false)])))
  }
})

describe('a PostgreSQL that cannot store what WHOOP gave', () => {
  /** For new connections, such as those after a failover. */
  const readOnly = async (member: Member, value: 'on' | 'off') => {
    const name = new URL(member.database.url).pathname.slice(1)
    await member.database.sql.unsafe(`alter database "${name}" set default_transaction_read_only = ${value}`)
  }

  /** PostgreSQL was writable before WHOOP was asked, and is not when the tokens have come. */
  async function failover(clock: (member: Member) => TestClock) {
    const member = await expired()
    member.sandbox.world.faults.onRequest = ({ path }) => (path === TOKEN ? readOnly(member, 'on') : undefined)
    const result = await strikeRun(member, { when: 'before', step: 'store', aftermath: 'cut', clock: clock(member) })
    member.sandbox.world.faults.onRequest = undefined
    return { member, ...result }
  }

  it('for some seconds, after a failover to what is still a standby: the login is kept', async () => {
    const { member, code, err } = await failover((one) => mending(5, () => readOnly(one, 'off')))
    expect(code, err).toBe(0)
    expect((await syncNow(member)).code).toBe(0)
    expect(postsOf(member)).toBe(2)
  })

  it('for longer than a minute: 77, and what to do', async () => {
    const { member, code, err } = await failover(() => mending())
    expect(code).toBe(77)
    expect(err).toContain('the new tokens could not be stored')
    expect(err).toContain('mend the database, then run: whoopster auth')
    await readOnly(member, 'off')
    const next = await syncNow(member)
    expect(next.code).toBe(77)
    expect(next.err).toContain('never ended')
  })

  it('is found out by a commit before WHOOP is asked', async () => {
    const member = await expired()
    await readOnly(member, 'on')
    expect((await syncNow(member)).code).toBe(69)
    expect(postsOf(member)).toBe(1)
    await readOnly(member, 'off')
    expect((await syncNow(member)).code).toBe(0)
  })

  it.each([
    ['in', 0, ''],
    ['out', 77, 'Nobody is logged in'],
  ])('because somebody logged %s meanwhile: that counts', async (direction, expected, says) => {
    const { member, code, err } = await failover((one) =>
      mending(1, async () => {
        one.sandbox.world.faults.onRequest = undefined
        await readOnly(one, 'off')
        if (direction === 'in') await logIn(one.sandbox, one.env, { clock: realClock() })
        else await one.database.sql`delete from oauth_tokens`
      }),
    )
    expect(code, err).toBe(expected)
    expect(err).toContain(says)
    expect((await syncNow(member)).code).toBe(direction === 'in' ? 0 : 77)
  })
})

describe('WHOOP', () => {
  it.each<[string, Partial<Fault> | 'commit-then-502', { code: number; posts: number; next: number; says?: string }]>([
    ['breaks the connection before it acts', { act: 'reset' }, { code: 0, posts: 2, next: 0 }],
    ['is out of order for a moment', { answer: { status: 503, body: 'down' } }, { code: 0, posts: 2, next: 0 }],
    ['is out of order', { answer: { status: 503, body: 'down' }, times: 2 }, { code: 69, posts: 2, next: 0 }],
    ['asks for patience', { answer: { status: 429, body: 'Too Many Requests' } }, { code: 75, posts: 1, next: 0 }],
    ['answers something else', { answer: { status: 403, body: '<html></html>' } }, { code: 76, posts: 1, next: 0 }],
    [
      'acts, and answers 502',
      'commit-then-502',
      { code: 77, posts: 2, next: 77, says: 'the answer just before was lost' },
    ],
    ['acts, and its answer is cut off', { act: 'truncate' }, { code: 76, posts: 1, next: 77, says: 'never ended' }],
    ['acts, and its answer is no JSON', { act: 'not-json' }, { code: 76, posts: 1, next: 77, says: 'never ended' }],
  ])('%s', async (_, fault, { code, posts, next, says = '' }) => {
    const member = await expired()
    const { faults } = member.sandbox.world
    if (fault === 'commit-then-502') faults.token = fault
    else faults.next = [{ path: TOKEN, ...fault }]
    const before = postsOf(member)
    const first = await syncNow(member)
    expect(first.code, first.err).toBe(code)
    expect(postsOf(member) - before).toBe(posts)
    faults.token = 'normal'
    faults.next = []
    const second = await syncNow(member)
    expect(second.code, second.err).toBe(next)
    expect((first.err + second.err).toLowerCase()).toContain(says)
    const asked = postsOf(member)
    const third = await syncNow(member)
    expect(third.code).toBe(next)
    expect(postsOf(member)).toBe(asked) // a dead login is not asked about again, nor is a good one
  })

  it('may say no to the app first, and to the login later: only that is blamed', async () => {
    const member = await expired()
    const refusal = { status: 401, body: JSON.stringify({ error: 'invalid_client' }) }
    member.sandbox.world.faults.next = [{ path: TOKEN, answer: refusal }]
    expect((await syncNow(member)).code).toBe(78)
    member.sandbox.killGrant()
    const { code, err } = await syncNow(member)
    expect(code).toBe(77)
    expect(err).not.toContain('never ended')
  })

  it('may take longer than a minute, and is waited for', async () => {
    const member = await expired()
    const waits: number[] = []
    const clock: TestClock = {
      ...realClock(),
      timeout: (ms) => {
        waits.push(ms)
        return AbortSignal.timeout(ms)
      },
    }
    member.sandbox.world.faults.token = { slowMs: isLong ? 65_000 : 300 }
    expect((await syncNow(member, clock)).code).toBe(0)
    expect(waits[0]).toBe(90_000)
    expect(postsOf(member)).toBe(2)
  }, 100_000)
})

describe('many processes on one token', () => {
  const many = isLong ? 10 : 4

  it('that has expired: one POST, and all of them end well', async () => {
    const member = await expired()
    const runs = Array.from({ length: many }, () => start(member, member.database.url).ended)
    const ended = await Promise.all(runs)
    expect(ended.map(({ code }) => code)).toEqual(Array.from({ length: many }, () => 0))
    expect(postsOf(member)).toBe(2)
  })

  it('whose first one is killed while WHOOP is asked: the others go on, if WHOOP had not acted', async () => {
    const member = await expired()
    const { faults } = member.sandbox.world
    let holder: ChildProcess | undefined
    const runs = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const statement = (all: readonly string[]) => {
          if (isStep.backend({ now: all.at(-1) ?? '', last: '', all })) holder ??= running.child
          return false
        }
        const proxy = await startProxy(member.database.url, { statement, when: 'before', strike: () => {} })
        onTestFinished(() => proxy.close())
        const running = start(member, proxy.url)
        return running
      }),
    )
    faults.onRequest = ({ path }) => {
      if (path !== TOKEN || !holder?.kill('SIGKILL')) return
      faults.onRequest = undefined
      faults.next = [{ path: TOKEN, act: 'reset' }]
    }
    const codes = (await Promise.all(runs.map(({ ended }) => ended))).map(({ code }) => code)
    expect(codes.filter((code) => code === null)).toHaveLength(1)
    expect(codes.filter((code) => code === 0)).toHaveLength(3)
  })
})

describe('a pair that is on its way while its row is let go', () => {
  it('is stored over the verdict that another run has passed on its predecessor', async () => {
    const member = await expired()
    let second: Ran | undefined
    const fetch: Fetch = async (url, init) => {
      const answer = await builtInFetch(url, init)
      if (!url.endsWith(TOKEN) || second) return answer
      const text = await answer.text()
      await member.database.sql`
        select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and state = 'idle in transaction'`
      second = await run('sync --type sleep', member.env, { clock: realClock() })
      return { status: answer.status, headers: answer.headers, text: async () => text }
    }
    const first = await run('sync --type cycle', member.env, { clock: realClock(), fetch })
    expect(second?.code, second?.err).toBe(77)
    expect(first.code, first.err).toBe(0)
    expect((await syncNow(member)).code).toBe(0)
  })
})

describe('a refresh that is due until the full hour comes near', () => {
  it.each([0, 1, 2, 3])(
    'leaves no trace of a beginning, when the minute ends in the middle of it (%i)',
    async (phase) => {
      const member = await syncedMember({ days: 3 })
      member.clock.set('2026-11-22T10:57:59.000Z') // half of its hour is over
      const times = [0, 100, 200, 1_000].map((ms) => new Date(member.clock.now().getTime() + ms))
      let looks: number | undefined
      const now = () => times[looks === undefined ? 0 : looks++ % times.length] ?? new Date()
      const ofServer = (time: Date) => {
        looks = phase // from here on it ticks
        return member.clock.ofServer(time)
      }
      const { code } = await member.sync('--type cycle', { clock: { ...member.clock, now, ofServer } })
      expect(code).toBe(0)
      expect(await member.database.sql`select refreshing_since from oauth_tokens`).toEqual([{ refreshing_since: null }])
    },
  )
})

describe('a 401 from the API', () => {
  const refuse = (member: Member, times = 1_000) => {
    const answer = { status: 401, body: 'Authorization was not valid' }
    member.sandbox.world.faults.next = [{ path: '/developer/v2/cycle', times, answer }]
  }

  it('with a token that has not expired: one refresh, one more try', async () => {
    const member = await newMember({ days: 2 })
    refuse(member, 1)
    expect(await member.sync('--type cycle')).toMatchObject({ code: 0, tokenRefreshes: 1 })
  })

  it('for a missing scope costs one refresh, not one in every run, and the other types go on', async () => {
    const member = await newMember({ days: 2 })
    refuse(member)
    const before = postsOf(member)
    for (let count = 0; count < 4; count++) {
      const result = await member.sync()
      expect(result.code, result.err).toBe(77)
      expect(result.users[0]?.types).toMatchObject({ cycle: { outcome: 'failed' }, sleep: { outcome: 'ok' } })
      expect(result.err).toContain('run: whoopster auth, and grant read:cycles')
    }
    expect(postsOf(member) - before).toBe(1)
    const { out } = await member.run('auth status')
    expect(out).toContain('refused read:cycles')
  })

  it('is forgotten as soon as WHOOP permits it again', async () => {
    const member = await newMember({ days: 2 })
    refuse(member)
    expect(await member.sync('--type cycle')).toMatchObject({ code: 77 })
    member.sandbox.world.faults.next = []
    expect(await member.sync('--type cycle')).toMatchObject({ code: 0, tokenRefreshes: 0 })
    member.sandbox.revokeAccess()
    expect(await member.sync('--type cycle')).toMatchObject({ code: 0, tokenRefreshes: 1 })
  })

  it('is not mistaken for one when it is a 403: no refresh', async () => {
    const member = await newMember({ days: 2 })
    const answer = { status: 403, body: 'Forbidden' }
    member.sandbox.world.faults.next = [{ path: '/developer/v2/cycle', times: 9, answer }]
    expect(await member.sync('--type cycle')).toMatchObject({ code: 77, tokenRefreshes: 0 })
  })
})

describe('a week of runs every 15 minutes', () => {
  const days = isLong ? 7 : 1 / 6

  it(`(${days * 24} hours of it) keeps its login, though WHOOP loses every answer around the full hour`, async () => {
    const clock = createClock('2026-11-22T10:07:00Z')
    const member = await newMember({ days: 2, clock })
    const { faults } = member.sandbox.world
    faults.onRequest = () => {
      const minute = clock.now().getUTCMinutes()
      faults.token = minute >= 58 || minute < 5 ? 'commit-then-502' : 'normal'
    }
    const before = postsOf(member)
    let runs = 0
    for (const end = clock.now().getTime() + days * 86_400_000; clock.now().getTime() < end; runs++) {
      const { code, err } = await member.run('sync --type body')
      expect(code, err).toBe(0)
      clock.pass(15 * 60_000)
    }
    const posts = postsOf(member) - before
    console.log(`${runs} runs in ${days * 24} hours took ${posts} token requests`)
    expect(posts).toBeGreaterThanOrEqual(24 * days - 1)
    expect(posts).toBeLessThanOrEqual(2 * 24 * days)
  }, 300_000)
})

/** A member whose access token has just expired, by everybody's clock. */
async function expired(): Promise<Member> {
  const member = await newMember({ days: 2, clock: realClock() })
  await member.database.sql`update oauth_tokens set expires_at = now() - interval '1 hour'`
  return member
}

function syncNow(member: Member, clock: TestClock = realClock()) {
  return run('sync --type cycle', member.env, { clock })
}

function start(member: Member, url: string) {
  return startProgram(['sync', '--type', 'cycle'], { ...member.env, DATABASE_URL: url })
}

interface Blow {
  when: When
  step: Step
  aftermath?: Aftermath
}

/** A process that gets a signal at that moment of its refresh. */
async function strikeProcess(member: Member, { signal, ...blow }: Blow & { signal: NodeJS.Signals }) {
  let child: ChildProcess | undefined
  const proxy = await struck(member, blow, () => void child?.kill(signal))
  const running = start(member, proxy)
  child = running.child
  return running.ended
}

/** A run in this process whose connection is struck at that moment of its refresh. */
async function strikeRun(member: Member, { clock = realClock(), ...blow }: Blow & { clock?: TestClock }) {
  const url = await struck(member, blow, () => {})
  return run('sync --type cycle', { ...member.env, DATABASE_URL: url }, { clock })
}

async function struck(member: Member, { when, step, aftermath = 'over' }: Blow, strike: () => void): Promise<string> {
  const statement = (all: readonly string[]) =>
    isStep[step]({ now: all.at(-1)?.trim() ?? '', last: all.at(-2) ?? '', all })
  const blow: Strike = { statement, when, strike, aftermath }
  const proxy = await startProxy(member.database.url, blow)
  onTestFinished(() => proxy.close())
  return proxy.url
}

/** Real time, but sleep is short; what was broken is mended during the nth. */
function mending(nth = Infinity, mend?: () => PromiseLike<unknown>): TestClock {
  const clock = createClock(new Date())
  let sleeps = 0
  return {
    ...clock,
    sleep: async (ms) => {
      await clock.sleep(ms)
      if (++sleeps === nth) await mend?.()
    },
  }
}

function moments(): (readonly [When, Step])[] {
  return steps.flatMap((step) => (['before', 'torn', 'after'] as const).map((when) => [when, step] as const))
}

/** All of them when there is time; else every ninth, and every other one of what counts most: the pair's way into the row. */
function some<T extends Step | readonly unknown[]>(cases: readonly T[]): T[] {
  const isCrucial = (one: T) => ['store', 'commit'].includes(String(typeof one === 'string' ? one : one[1]))
  return cases.filter((one, index) => isLong || index % 9 === 0 || (isCrucial(one) && index % 2 === 0))
}

function postsOf({ sandbox }: Member): number {
  return sandbox.requests.filter(({ path }) => path === TOKEN).length
}
