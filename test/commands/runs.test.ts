import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { newMember } from '../support/member.ts'
import { logIn } from '../support/world.ts'

interface Runs {
  runs: {
    whoopUserId: number
    startedAt: string
    outcome: string
    error: { reason: string; message: string } | null
    requests: number
    types: Record<string, { inserted: number; outcome: string }>
  }[]
}

type Results = Record<string, Record<string, unknown>>

describe('whoopster runs', () => {
  it('lists the last runs and what each did, the newest first', async () => {
    const member = await newMember({ days: 30 })
    expect((await member.run('runs')).out).toBe('No run has ended here yet.\n→ run: whoopster sync\n')
    await member.sync()
    member.clock.pass(85 * 60_000)
    await member.sync('--type workout')
    member.sandbox.world.faults.next = [{ times: 99, answer: { status: 503 } }]
    member.clock.pass(3 * 60_000)
    await member.sync('--type cycle')
    member.sandbox.world.faults.next = []
    member.clock.pass(60_000)
    const { code, out } = await member.run('runs', { isTTY: true, columns: 120 })
    expect(code).toBe(0)
    const shown = stripVTControlCharacters(out).replace(/(failed +)\d\.\d s/, '$1N.N s') // it waits at random
    expect(`\n${shown}`).toMatchInlineSnapshot(`
      "
      began                    took  requests  what it did
      1 min ago       failed  N.N s         4  3 retries; WHOOP answered 503: (nothing)
      4 min ago       ok      0.0 s         1  nothing new
      1 h 29 min ago  ok      0.0 s         9  31 sleep, 30 recovery, 24 workout, 30 cycle, 1 body new
      "
    `)
  })

  it('gives programs absolute times and every count, as many runs as are asked for', async () => {
    const member = await newMember({ days: 10, members: 2 })
    await logIn(member.sandbox, member.env, { clock: member.clock, member: 10_002 })
    await member.sync()
    member.clock.pass(900_000)
    await member.sync('--user 10002')
    const read = async (line: string) => (JSON.parse((await member.run(`runs --json ${line}`)).out) as Runs).runs
    const all = await read('')
    expect(all.filter(({ whoopUserId }) => whoopUserId === 10_002)).toHaveLength(2)
    expect(all).toHaveLength(3)
    expect(all[0]).toMatchObject({
      whoopUserId: 10_002,
      startedAt: '2026-11-22T10:35:00.000Z',
      outcome: 'ok',
      error: null,
    })
    expect(all.at(-1)?.types['sleep']).toMatchObject({ outcome: 'ok', inserted: expect.any(Number) as number })
    expect(await read('--limit 1')).toEqual(all.slice(0, 1))
    expect(await read('--user 10001')).toHaveLength(1)
    const { code, err } = await member.run('runs --user 999')
    expect({ code, err }).toMatchObject({
      code: 64,
      err: expect.stringContaining('Nothing is stored of WHOOP user 999') as string,
    })
    expect((await member.run('runs', { isTTY: true })).out).toContain('member')
  })

  it('never tells a count that was not stored', async () => {
    const member = await newMember({ days: 40 })
    const lines = ['', '', '--full', '--type sleep', '--type body']
    const printed = []
    for (const line of lines) {
      const { users, code } = await member.sync(line)
      expect(code).toBe(0)
      printed.unshift(users[0]?.types)
      member.clock.pass(300_000)
    }
    member.sandbox.world.faults.next = [{ times: 99, answer: { status: 503 } }]
    printed.unshift((await member.sync('--type cycle')).users[0]?.types)
    const { runs } = JSON.parse((await member.run('runs --json')).out) as { runs: { types: Results }[] }
    expect(runs).toHaveLength(6)
    for (const [index, { types }] of runs.entries()) {
      const told = Object.entries(types).map(([type, result]) => {
        return [type, Object.fromEntries(Object.entries(result).filter(([, figure]) => figure !== null))] as const
      })
      for (const [type, result] of told) expect(printed[index]).toMatchObject({ [type]: result })
    }
    expect(runs[4]?.types['sleep']).toMatchObject({ inserted: 0, requests: null, fetched: null, unchanged: null })
    expect(runs[5]?.types['sleep']).toMatchObject({ requests: 2, fetched: 42, unchanged: 1 })
  })

  it.each([40, 80, 120])('breaks no word at %i columns', async (columns) => {
    const member = await newMember({ days: 30 })
    await member.sync()
    const { out } = await member.run('runs', { isTTY: true, columns })
    expect(
      stripVTControlCharacters(out)
        .split('\n')
        .filter((line) => line.length > columns),
    ).toEqual([])
    expect(stripVTControlCharacters(out).replaceAll(/\s+/g, ' ')).toContain('1 body new')
  })
})
