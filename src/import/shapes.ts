import type { StagedEntry, StagedWitness } from '../db/journal.ts'
import { MINUTE_MS } from '../time.ts'
import type { Line } from './csv.ts'
import { amount } from '../numbers.ts'

// WHOOP's export comes in the account's language, file names and headings alike: a file is known by what its columns hold.

export const shapeNames = ['cycles', 'sleeps', 'workouts', 'journal'] as const
export type ShapeName = (typeof shapeNames)[number]

type Kind = 'time' | 'time?' | 'zone' | 'number?' | 'answer?' | 'text' | 'any'

export interface Shape {
  name: ShapeName
  kinds: readonly Kind[]
}

const times = (count: number, kind: Kind) => Array.from({ length: count }, () => kind)
const CYCLE: readonly Kind[] = ['time', 'time?', 'zone']
const WORKOUT: readonly Kind[] = ['time', 'time?', 'number?', 'text', ...times(9, 'number?'), 'answer?']

const shapes: readonly Shape[] = [
  { name: 'cycles', kinds: [...CYCLE, ...times(9, 'number?'), 'time?', 'time?', ...times(12, 'number?')] },
  { name: 'sleeps', kinds: [...CYCLE, 'time', 'time?', ...times(12, 'number?'), 'answer?'] },
  // with the zone of its cycle, and in other exports without; with the way that GPS has measured, or without
  { name: 'workouts', kinds: [...CYCLE, ...WORKOUT, ...times(3, 'number?')] },
  { name: 'workouts', kinds: [...CYCLE, ...WORKOUT] },
  { name: 'workouts', kinds: ['time', ...WORKOUT, ...times(3, 'number?')] },
  { name: 'workouts', kinds: ['time', ...WORKOUT] },
  { name: 'journal', kinds: [...CYCLE, 'text', 'answer?', 'any'] },
]

const LIKE_A_TIME = /^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[ T]\d{1,2}:\d\d/
const LIKE_A_ZONE = /^(UTC|GMT|Z|[+-]\d)/i
const LIKE_A_NUMBER = /^[+-]?\d+([.,]\d+)?$/

const looks: Readonly<Record<Kind, (cell: string) => boolean>> = {
  time: (cell) => LIKE_A_TIME.test(cell),
  'time?': (cell) => cell === '' || LIKE_A_TIME.test(cell),
  zone: (cell) => LIKE_A_ZONE.test(cell),
  'number?': (cell) => cell === '' || LIKE_A_NUMBER.test(cell),
  'answer?': (cell) => cell === '' || readAnswer(cell) !== undefined,
  text: (cell) => cell !== '' && !LIKE_A_NUMBER.test(cell) && !LIKE_A_TIME.test(cell),
  any: () => true,
}

/** Which of WHOOP's files begins so; one cell of a line may be amiss, and half of the lines. */
export function shapeOf(lines: readonly Line[]): Shape | undefined {
  const rows = lines.map(({ cells }) => cells.map((cell) => cell.trim())).filter((cells) => cells.length > 1)
  if (rows.length === 0) return undefined
  return shapes.find(({ kinds }) => rows.filter((row) => fits(row, kinds)).length * 2 >= rows.length)
}

function fits(row: readonly string[], kinds: readonly Kind[]): boolean {
  if (row.length < kinds.length) return false
  return kinds.filter((kind, column) => !looks[kind](row[column] ?? '')).length <= 1
}

/** Of a file without a line of data only the number of its columns is known. */
export function emptyShapeOf(headings: readonly string[]): Shape | undefined {
  return shapes.find(({ kinds }) => kinds.length === headings.length)
}

const YES = ['true', 'yes', 'y', 't', '1', 'ja', 'j', 'wahr', 'sí', 'si', 's', 'verdadero', 'oui', 'o', 'vrai', 'sim']
const NO = ['false', 'no', 'n', 'f', '0', 'nein', 'falsch', 'falso', 'non', 'faux', 'não', 'nao']
const answers: ReadonlyMap<string, boolean> = new Map([
  ...[...YES, 'verdadeiro', 'vero', 'sì', 'x'].map((word) => [word, true] as const),
  ...NO.map((word) => [word, false] as const),
])

/** Yes or no, as WHOOP writes it (`true`), a spreadsheet (`TRUE`, `WAHR`) or a hand; undefined for anything else. */
export function readAnswer(cell: string): boolean | undefined {
  return answers.get(cell) ?? answers.get(cell.normalize('NFC').trim().toLowerCase())
}

/** A cell that cannot be read, and why. */
export class Unreadable extends Error {}

const LOCAL = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d+)?$/
const [EARLIEST, LATEST] = [Date.UTC(2010, 0), Date.UTC(2100, 0)]

/** `2026-01-31 23:05:12`, by a clock that the zone tells of, as milliseconds. */
export function readLocal(cell: string): number {
  const [, year, month, day, hour, minute, second] = LOCAL.exec(cell) ?? []
  if (year === undefined) throw new Unreadable(`${shown(cell)} is not a time as WHOOP writes it, 2026-01-31 23:05:12`)
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const ms = Date.UTC(y, mo - 1, d, h, mi, s)
  if (new Date(ms).getUTCDate() !== d || mo > 12 || mo < 1 || h > 23 || mi > 59 || s > 59) {
    throw new Unreadable(`${shown(cell)} does not exist`)
  }
  if (ms < EARLIEST || ms >= LATEST) throw new Unreadable(`${shown(cell)} is not between 2010 and 2100`)
  return ms
}

export interface Zone {
  /** As WHOOP's API writes it: `+02:00`, `Z`. */
  text: string
  ms: number
}

const ZONE = /^(?:UTC|GMT)?\s*(?:(Z)|([+\-−])(\d{1,2})(?::?(\d\d))?)?$/i

/** `UTC+02:00`, `UTC-06:00`, `UTCZ`, also `GMT-5`. */
export function readZone(cell: string): Zone {
  const match = cell === '' ? null : ZONE.exec(cell)
  if (!match) throw new Unreadable(`the zone ${shown(cell)} is unknown`)
  const [, , sign, hours, minutes = '00'] = match
  if (hours === undefined) return { text: 'Z', ms: 0 }
  const size = Number(hours) * 60 + Number(minutes)
  if (Number(hours) > 15 || Number(minutes) > 59) throw new Unreadable(`the zone ${shown(cell)} is unknown`)
  if (size === 0) return { text: 'Z', ms: 0 }
  const isWest = sign !== '+'
  return {
    text: `${isWest ? '-' : '+'}${hours.padStart(2, '0')}:${minutes}`,
    ms: (isWest ? -1 : 1) * size * MINUTE_MS,
  }
}

export function readNumber(cell: string): number | null {
  if (cell === '') return null
  const value = Number(cell.replace(',', '.'))
  if (!Number.isFinite(value)) throw new Unreadable(`${shown(cell)} is not a number`)
  return value
}

function shown(cell: string): string {
  return cell === '' ? 'an empty cell' : `“${cell.length > 40 ? `${cell.slice(0, 40)}…` : cell}”`
}

/** A row that cannot be stored, as far as it says which one it would have been. */
export interface BadRow {
  line: number
  problem: string
  cycleStart: string | null
  question: string | null
}

const LONGEST_QUESTION = 500

/** Reads the journal's rows. Those of a cycle follow each other, so a time or a zone is read once, and a question is always the same. */
export function createEntryReader(): (line: Line) => StagedEntry | BadRow {
  const localOf = once(readLocal)
  const endOf = once(readLocal)
  const zoneOf = once(readZone)
  const isoOf = once((ms: number) => new Date(ms).toISOString())
  const isoOfEnd = once((ms: number) => new Date(ms).toISOString())
  const questionOf = remembered(readQuestion)
  return ({ line, cells, problem }) => {
    if (problem !== undefined) return { line, problem, cycleStart: null, question: null }
    const [start = '', end = '', zone = '', text = '', answer = '', notes = ''] = cells
    const isTorn = cells.length < 6 || cells.slice(6).some((cell) => cell !== '')
    // which answer it is: the one that is stored is kept if the rest cannot be read
    const key = {
      start: () => isoOf(localOf(start.trim()) - zoneOf(zone.trim()).ms),
      question: () => questionOf(text),
    }
    try {
      if (isTorn) throw new Unreadable(`has ${amount(cells.length, 'column')} instead of 6`)
      const cycleStart = key.start()
      const question = key.question()
      const offset = zoneOf(zone.trim())
      const cycleEnd = end.trim() === '' ? null : isoOfEnd(endOf(end.trim()) - offset.ms)
      const answered = answer.trim() === '' ? null : (readAnswer(answer) ?? null)
      if (answered === null && answer.trim() !== '') throw new Unreadable(`${shown(answer)} is neither yes nor no`)
      if (notes.includes('\0')) throw new Unreadable('has a NUL in its notes')
      return {
        line,
        cycleStart,
        cycleEnd,
        timezoneOffset: offset.text,
        question,
        answered,
        notes: notes.trim() === '' ? null : notes,
        cells,
      }
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error
      const known = (read: () => string) => (isTorn ? null : orNull(read))
      return { line, problem: error.message, cycleStart: known(key.start), question: known(key.question) }
    }
  }
}

export function isBad(row: StagedEntry | Witness | BadRow): row is BadRow {
  return 'problem' in row
}

function orNull(read: () => string): string | null {
  try {
    return read()
  } catch {
    return null
  }
}

/** A spreadsheet puts spaces at its end, and it stays the same question. */
function readQuestion(cell: string): string {
  const question = cell.normalize('NFC').replaceAll(/\s+/g, ' ').trim()
  if (question === '') throw new Unreadable('has no question')
  if (question.length > LONGEST_QUESTION) throw new Unreadable(`has a question of ${question.length} characters`)
  if (question.includes('\uFFFD')) throw new Unreadable('is not UTF-8: save the file in that encoding')
  if (question.includes('\0')) throw new Unreadable('has a NUL in its question')
  return question
}

function once<In, Out>(read: (input: In) => Out): (input: In) => Out {
  let last: { input: In; output: Out } | undefined
  return (input) => {
    if (last?.input !== input) last = { input, output: read(input) }
    return last.output
  }
}

const MOST_REMEMBERED = 1000

/** For what comes again and again, in any order. */
function remembered<In, Out>(read: (input: In) => Out): (input: In) => Out {
  const known = new Map<In, Out>()
  return (input) => {
    const before = known.get(input)
    if (before !== undefined) return before
    const output = read(input)
    if (known.size < MOST_REMEMBERED) known.set(input, output)
    return output
  }
}

/** A cycle, a sleep or a workout of the export, to be held against the tables. Local times are ISO 8601 without a zone. */
export interface Witness extends StagedWitness {
  line: number
}

/** Reads a row of a file that is only compared. */
export function readWitness({ name, kinds }: Shape, { line, cells: raw, problem }: Line): Witness | BadRow {
  if (problem !== undefined) return { line, problem, cycleStart: null, question: null }
  try {
    const cells = raw.map((cell) => cell.trim())
    if (cells.length < kinds.length)
      throw new Unreadable(`has ${amount(cells.length, 'column')} instead of ${kinds.length}`)
    const hasZone = kinds[2] === 'zone'
    const first = hasZone ? 3 : 1 // where what is its own begins
    const at = (column: number) => localText(readLocal(cells[column] ?? ''))
    const numbers = (from: number, to: number) => cells.slice(from, to).map(readNumber)
    return {
      line,
      cycleStart: at(0),
      start: name === 'cycles' ? at(0) : at(first),
      offset: hasZone ? readZone(cells[2] ?? '').text : null,
      ended: (name === 'cycles' ? cells[1] : cells[first + 1]) !== '',
      figures:
        name === 'cycles'
          ? numbers(3, 12)
          : name === 'sleeps'
            ? numbers(5, 17)
            : [
                ...numbers(first + 2, first + 3),
                ...numbers(first + 4, first + 8),
                ...ways(numbers(first + 14, first + 17)),
              ],
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error
    return { line, problem: error.message, cycleStart: null, question: null }
  }
}

function ways(numbers: readonly (number | null)[]): (number | null)[] {
  return [0, 1, 2].map((column) => numbers[column] ?? null)
}

function localText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19)
}
