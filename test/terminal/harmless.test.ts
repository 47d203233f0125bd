// What WHOOP sends may hold characters that steer a terminal, turn a line around, or run in a spreadsheet.
import { describe, expect, it } from 'vitest'
import { csvLine } from '../../src/export/format.ts'
import { harmless, harmlessJson, harmlessLines } from '../../src/terminal/safe.ts'
import { oneLine } from '../../src/whoop/wording.ts'
import { newMember, syncedMember } from '../support/member.ts'

const EVIL = 'Eve\u001B]0;owned\u0007\u009B31m\u202Egnp.\u2066\u200F\u0085\u2028\r\nMallory\u001B[8m'
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u
const ESC = '\u001B'
const OURS = new RegExp(`${ESC}\\[\\d{1,2}m|[\\n\\t]`, 'g') // colours of ours, and the ends of lines

describe('what is printed', () => {
  it.each([false, true])('holds nothing that steers a terminal, whatever WHOOP says (terminal: %s)', async (isTTY) => {
    const member = await newMember({ days: 30 })
    const { world } = member.sandbox
    for (const workout of world.list('workout')) {
      world.put('workout', { ...workout, sport_name: EVIL, [`field${EVIL}`]: 1 } as typeof workout)
    }
    const printed = [(await member.run('sync', { isTTY })).out]
    await member.database.sql`update users set first_name = ${EVIL}, last_name = ${EVIL}`
    await member.database.sql`
      insert into quarantined_records (user_id, data_type, record_key, raw, reason, first_seen, last_seen)
      select id, 'sleep', ${EVIL}, '{}', ${EVIL}, now(), now() from users`
    for (const line of ['', 'stats', 'stats --type workout', 'status', 'auth status', 'doctor']) {
      const { out, err } = await member.run(line, { isTTY })
      expect(out, line).not.toBe('')
      printed.push(out, err)
    }
    for (const text of printed) {
      expect(text.replace(OURS, '')).not.toMatch(STEERING)
      expect(text).not.toMatch(/^Mallory/m)
      expect(text).not.toContain('\u001B[8m')
    }
    expect(printed.join('')).toContain('Eve\uFFFD')
  })

  it('as JSON means what is stored, and is escaped', async () => {
    const member = await syncedMember({ days: 30 })
    await member.database.sql`update users set first_name = ${EVIL}`
    await member.database.sql`update workout_records set sport_name = ${EVIL}`
    const { out } = await member.run('stats --type workout --json')
    expect(out.replaceAll('\n', '')).not.toMatch(STEERING)
    expect(JSON.stringify(JSON.parse(out)).toLowerCase()).toContain(JSON.stringify(EVIL).toLowerCase()) // sports begin with a capital
  })
})

it('tables and exports keep every character', async () => {
  const member = await newMember({ days: 10 })
  const [workout] = member.sandbox.world.list('workout')
  if (!workout) throw new Error('the sandbox made no workout')
  member.sandbox.world.put('workout', { ...workout, sport_name: EVIL })
  await member.sync()
  expect(await member.database.sql`select 1 from workout_records where sport_name = ${EVIL}`).toHaveLength(1)
  const { out } = await member.run('export --type workout --format ndjson')
  expect(
    out.split('\n').map((line) => (line ? (JSON.parse(line) as { sport_name: string }).sport_name : '')),
  ).toContain(EVIL)
})

it.each([
  ['=HYPERLINK("https://example.com")', `"'=HYPERLINK(""https://example.com"")"`],
  ['@SUM(1)', "'@SUM(1)"],
  ['-2+3', "'-2+3"],
  ['\t=1', "'\t=1"],
  ['-2.5', '-2.5'],
  ['-1e-7', '-1e-7'],
  ['+05:30', '+05:30'],
  ['running', 'running'],
])('a CSV cell that a spreadsheet would run is text: %s', (cell, line) => {
  expect(csvLine([cell])).toBe(line)
})

it.each([
  [
    'a line of ours keeps its end, tabs and colours',
    harmlessLines('\u001B[32m✔\u001B[39m\ta\n'),
    '\u001B[32m✔\u001B[39m\ta\n',
  ],
  ['and loses the rest', harmlessLines('\u001B[2Ja\u009B1mb\u202Ec\u2028'), '\uFFFD[2Ja\uFFFD1mb\uFFFDc\uFFFD'],
  ['a name has neither lines nor colours', harmless('a\n\u001B[1mb'), 'a\uFFFD\uFFFD[1mb'],
  ['emoji and accents are left', harmless('👩‍👩‍👧 Jose\u0301 ü漢'), '👩‍👩‍👧 Jose\u0301 ü漢'],
  ['JSON is escaped', harmlessJson('{\n"a":"\u009B\u202E"}'), '{\n"a":"\\u009b\\u202e"}'],
  ['a message of WHOOP’s has one line, and one direction', oneLine('a\u202Eb\nc\u009B'), 'a b c'],
])('%s', (_, made, expected) => {
  expect(made).toBe(expected)
})
