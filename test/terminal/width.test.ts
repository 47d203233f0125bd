// Whatever the terminal's width: no line is longer, and no word is broken, but for what is longer than a line by itself.
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Question } from '../../src/db/effects.ts'
import { drawQuestions } from '../../src/terminal/journal.ts'
import { plain } from '../../src/terminal/style.ts'
import { length } from '../../src/terminal/table.ts'
import { newMember } from '../support/member.ts'
import { run } from '../support/world.ts'

const helps = ['--help', 'sync --help', 'auth complete --help', 'archive --help', 'schedule --help', 'sql --help']
const wrong = ['sync --type slep', 'sync --full --since 2026-01-01', 'stats nonsense', 'auth complete nonsense']
const shown = ['', 'stats', 'stats --type workout,body', 'stats --type sleep --units imperial', 'status --gaps', 'runs']
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
