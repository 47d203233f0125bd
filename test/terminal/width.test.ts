// Whatever the terminal's width: no line is longer, and no word is broken, but for what is longer than a line by itself.
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Question } from '../../src/db/effects.ts'
import { allScopes } from '../../src/resources/index.ts'
import { newTally, skipped, type TypeResult } from '../../src/db/runs.ts'
import { emptyRun } from '../../src/sync/result.ts'
import { drawRun } from '../../src/terminal/run.ts'
import { drawQuestions } from '../../src/terminal/journal.ts'
import { plain } from '../../src/terminal/style.ts'
import { length } from '../../src/terminal/table.ts'
import { newMember } from '../support/member.ts'
import { run } from '../support/world.ts'

const helps = ['--help', 'sync --help', 'auth complete --help', 'archive --help', 'schedule --help', 'sql --help']
const wrong = ['sync --type slep', 'sync --full --since 2026-01-01', 'stats nonsense', 'auth complete nonsense']
const shown = [
  '',
  'stats',
  'stats --type journal',
  'stats --type workout,body',
  'stats --type sleep --units imperial',
  'status --gaps',
  'runs',
]
const looked = ['auth status', 'doctor', 'verify', 'reprocess', 'sync', 'sql', 'export --type nothing']

/** Lines that are too long though they have a space to be broken at, behind what begins them. */
function tooLong(text: string, columns: number): string[] {
  return stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => length(line) > columns && /\S\s+\S/.test(line.replace(/^\s*(→ )?/, '')))
}

describe.each([40, 80, 120])('at %i columns', (columns) => {
  it('no line of help or of an error is longer', async () => {
    for (const line of [...helps, ...wrong]) {
      const { out, err } = await run(line, {}, { isTTY: true, columns })
      expect(tooLong(out + err, columns), line).toEqual([])
    }
  })

  it('no figure of the journal is lost', () => {
    const effect = {
      metric: 'hrv_rmssd',
      daysYes: 156,
      daysNo: 172,
      meanYes: 56.24,
      meanNo: 62.91,
      difference: -6.67,
      ciLow: -8.3,
      ciHigh: -5,
      qValue: 0.01,
      clear: true,
    }
    const question = { question: 'Read (non-screened device) while in bed?', effects: [effect] } as unknown as Question
    const text = drawQuestions([question], { style: plain, width: columns }).join('\n')
    expect(tooLong(text, columns)).toEqual([])
    for (const figure of ['HRV, ms', '56.2 (156)', '62.9 (172)', '−6.7', '−8.3 … −5.0', 'clear'])
      expect(text).toContain(figure)
  })

  it('how to register an app keeps every scope whole, and what it is for beside it', async () => {
    const { err } = await run('auth', {}, { isTTY: true, columns })
    expect(err.split('\n').filter((line) => length(line) > columns)).toEqual([])
    for (const scope of [...allScopes, 'http://localhost:8000/callback']) expect(err).toContain(scope)
  })

  it('the summary of a sync says how every type ended', async () => {
    const read = (counts: Partial<TypeResult>): TypeResult => ({
      ...newTally(),
      outcome: 'ok',
      requests: 1,
      complete: true,
      error: null,
      ...counts,
    })
    const types = {
      sleep: read({ fetched: 1075, inserted: 1008 }),
      recovery: read({ fetched: 12_345, inserted: 12_000, updated: 1 }),
      workout: skipped(),
      cycle: read({ fetched: 25, outcome: 'failed' }),
      body: read({}),
    }
    const user = { whoopUserId: 10_001, outcome: 'partial' as const, error: null, types }
    const result = { ...emptyRun(new Date(), undefined), users: [user] }
    const output = { write: () => true, isTTY: true, columns }
    const text = await drawRun(result, new Map(), output, { NO_COLOR: '1' })
    expect(tooLong(text, columns)).toEqual([])
    for (const words of [
      /sleep .*1,075 read/,
      /12,000 new/,
      /1 changed/,
      /workout .*skipped/,
      /cycle .*failed/,
      /body/,
    ])
      expect(text).toMatch(words)
    expect(text).not.toContain('…')
  })

  it('no line of what is shown is longer', async () => {
    const member = await newMember({ days: 30 })
    await member.sync()
    for (const line of [...shown, ...looked]) {
      const { out, err } = await member.run(line, { isTTY: true, columns })
      expect(tooLong(out + err, columns), line).toEqual([])
    }
  })
})

it('help says below what does not fit beside', async () => {
  const { out } = await run('reprocess --help', {}, { isTTY: true, columns: 40 })
  expect(out).toMatchInlineSnapshot(`
    "Usage: whoopster reprocess [options]

    Build the columns again from the raw
    data that is stored, without asking
    WHOOP: for the day a column is added.

    Options:
      --type <type...>
          only these: sleep, recovery,
          workout, cycle
      --log-format <format>
          how to say on stderr what happens:
          text, json (default: text on a
          terminal, else json)
      -q, --quiet
          print errors only
      -v, --verbose
          print what is asked and why it
          failed
      -h, --help
          print help

    Example:
      $ whoopster reprocess --type workout
    "
  `)
})
