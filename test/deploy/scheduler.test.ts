// docker/schedule.sh, which takes cron's place in the image: when it starts what, and whom a signal reaches.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { newMember, type Member } from '../support/member.ts'
import { surroundings } from '../support/surroundings.ts'
import { expectFaithful } from '../support/truth.ts'
import { realClock } from '../support/world.ts'
import { makeImage, root } from './image.ts'

const TOKEN = '/oauth/oauth2/token'
const script = join(root, 'docker/schedule.sh')

describe.skipIf(process.platform === 'win32')('at the times of 15 7', () => {
  it.each<[what: string, start: string, runs: string[]]>([
    ['the next one is waited for', '12:00:00', ['12:07', '12:22', '12:37', '12:52', '13:07']],
    ['one that is just over is not made up for', '12:07:01', ['12:22', '12:37']],
    ['midnight is no border', '23:51:00', ['23:52', '00:07', '00:22']],
  ])('%s', async (_, start, runs) => {
    expect(await simulate({ start, times: runs.length, command: 'true' })).toEqual(runs)
  })

  it('one runs after the other, and what went by meanwhile is not made up for', async () => {
    expect(await simulate({ start: '12:00:00', times: 3, command: 'sleep 1200' })).toEqual(['12:07', '12:37', '13:07'])
  })

  it('a machine that was asleep goes on within a minute, once', async () => {
    const waking = 'if [ $1 = 60 ] && [ ! -e slept ]; then touch slept; set -- 10800; fi'
    expect(await simulate({ start: '12:00:00', times: 2, command: 'true', asleep: waking })).toEqual(['15:00', '15:07'])
  })

  it('a command that fails is started again next time', async () => {
    expect(await simulate({ start: '12:00:00', times: 2, command: 'false' })).toEqual(['12:07', '12:22'])
  })
})

describe.skipIf(process.platform === 'win32')('a signal', () => {
  it('ends the waiting at once', async () => {
    const { PATH } = await fakeClock({ start: '12:00:00', asleep: 'echo asleep; exec /bin/sleep 60' })
    const { child, ended } = start(['15', '7', 'true'], { PATH })
    child.stdout.on('data', (text) => String(text).includes('asleep') && child.kill('SIGTERM'))
    expect(await ended).toBe(0)
  })

  it('reaches a sync whose login is being renewed: its new tokens are stored first', async () => {
    const member = await newMember({ days: 2, clock: realClock() })
    await member.database.sql`update oauth_tokens set expires_at = now() - interval '1 hour'`
    member.sandbox.world.faults.token = { slowMs: 600 }
    expect(await stopDuringSync(member, (path) => path === TOKEN)).toBe(0)
    expect(member.requests()).toEqual({ [TOKEN]: 1 }) // it went no further
    expect(await member.run('sync')).toMatchObject({ code: 0 })
    expect(member.requests()).not.toHaveProperty(TOKEN) // or else the first answer was lost
  })

  it('reaches a long first sync: it ends in the middle, and what it had is kept', async () => {
    const member = await newMember({ days: 400, clock: realClock() })
    member.requests()
    expect(await stopDuringSync(member, (path) => path.endsWith('/cycle'))).toBe(0)
    const runs = await member.database.sql`select outcome from sync_runs`
    expect(runs.map(({ outcome }) => outcome as string)).not.toContain('ok')
    expect(await member.run('sync')).toMatchObject({ code: 0 })
    await expectFaithful(member.database, member.sandbox)
  })
})

/** The scheduler in the image, with a tick due; stopped as soon as its sync asks WHOOP for this path. */
async function stopDuringSync(member: Member, isTime: (path: string) => boolean): Promise<number | null> {
  const image = await makeImage('whoopster')
  const { dir } = await fakeClock({ start: '12:06:59' })
  const env = { ...member.env, PATH: [dir, image.path].join(delimiter) }
  const stop = image.start(['15', '7', 'whoopster', 'sync', '--no-migrate'], env, ['whoopster-schedule'])
  return new Promise((resolve) => {
    member.sandbox.world.faults.onRequest = ({ path }) => {
      if (!isTime(path)) return
      member.sandbox.world.faults.onRequest = undefined
      resolve(stop())
    }
  })
}

/** When it starts the command, by a clock that only `sleep` moves; the last run ends it. */
async function simulate(day: { start: string; times: number; command: string; asleep?: string }): Promise<string[]> {
  const { times, command } = day
  const { dir, PATH } = await fakeClock(day)
  const stopping = `[ $(grep -c . runs) -lt ${times} ] || kill -TERM $PPID`
  await writeScript(join(dir, 'run'), `echo $(cat now) >> runs\n${stopping}\n${command}`)
  const { ended } = start(['15', '7', 'run'], { PATH }, dir)
  expect(await ended).toBe(0)
  const runs = (await readFile(join(dir, 'runs'), 'utf8')).trim().split('\n')
  return runs.map((seconds) => new Date(Number(seconds) * 1_000).toISOString().slice(11, 16))
}

/** A folder to stand first in PATH, where `date` is what `sleep` has made of it; anybody may work in it. */
async function fakeClock({ start: from, asleep = '' }: { start: string; asleep?: string }) {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-scheduler-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await chmod(dir, 0o777)
  const now = join(dir, 'now')
  await writeFile(now, String(Date.parse(`2026-01-01T${from}Z`) / 1_000))
  await chmod(now, 0o666)
  await writeScript(join(dir, 'date'), `[ "$*" = +%s ] && exec cat '${now}'\necho now`)
  await writeScript(join(dir, 'sleep'), `${asleep}\necho $(($(cat '${now}') + $1)) > '${now}'`)
  return { dir, PATH: [dir, surroundings['PATH']].join(delimiter) }
}

async function writeScript(path: string, lines: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${lines}\n`)
  await chmod(path, 0o755)
}

function start(args: readonly string[], env: Record<string, string> = {}, cwd = tmpdir()) {
  const child = spawn(script, args, { cwd, env: { ...surroundings, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdout.resume()
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return { child, ended }
}
