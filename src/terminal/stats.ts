import type { Question } from '../db/effects.ts'
import type { Day, Measurement, Sport, TypeStats } from '../db/stats.ts'
import type { Member } from '../db/members.ts'
import { average, clock, feetAndInches, mean, measures, sportWords, type Metric, type Units } from '../stats.ts'
import type { TypeName } from '../resources/names.ts'
import { HOUR_MS, weekdayOf } from '../time.ts'
import type { Env, Output } from '../world.ts'
import { bar, key, stackedBar, type Part } from './bars.ts'
import { calendar, legend, WEEKDAYS } from './calendar.ts'
import { drawQuestions } from './journal.ts'
import { amount, number } from '../numbers.ts'
import { sparkline, squeeze } from './sparkline.ts'
import { harmless, nameOf } from './safe.ts'
import { styleFor, widthOf, type Style } from './style.ts'
import { fit, flow, length, table } from './table.ts'
import { wrap } from './wrap.ts'

export interface MemberStats {
  member: Member
  types: Partial<Record<TypeName, TypeStats>>
  metrics: readonly Metric[]
  days: readonly Day[]
  sports: readonly Sport[]
  measurements: readonly Measurement[]
  /** The journal; undefined where it was not asked for. */
  questions: readonly Question[] | undefined
  /** What WHOOP has done to settled records since they were stored. */
  history: { changed: number; deleted: number }
  /** How many days were asked for; undefined: all. */
  asked: number | undefined
  /** The types were named: they are looked at closely. */
  closely: boolean
  units: Units
}

interface Paper {
  style: Style
  width: number
}

const NOTHING = '–'
const NOTABLE = 0.03 // of the month's average
const NARROW = 48 // columns
const SHORTEST_LINE = 10
const LONG_TITLE = 16
const WEEKS = 12

/** All of one member's. Every drawing says the same in one colour, and fits the width. */
export async function drawStats(stats: MemberStats, output: Output, env: Env): Promise<string> {
  const paper = { style: await styleFor(output, env), width: widthOf(output) }
  const { style, width } = paper
  const [head = [], ...types] = typeRows(stats)
  const dim = (row: string[]) => row.map((cell) => style.dim(cell))
  const first = [style.bold(fit(nameOf(stats.member), width)), table([dim(head), ...types], { right: [1], width })]
  if (stats.days.length === 0 && !stats.questions?.length)
    return [...first, '', 'Nothing is stored yet.', '→ run: whoopster sync', ''].join('\n')
  const sections = [
    [...first, ...historyLines(stats).flatMap((line) => wrap(line, width))],
    averages(stats, paper),
    has(stats, 'sleep') ? stages(stats, paper) : [],
    has(stats, 'recovery')
      ? weeks(stats, paper)
      : stats.closely && stats.metrics.length > 0
        ? weekdays(stats, paper)
        : [],
    stats.closely && has(stats, 'workout') ? sports(stats, paper) : [],
    stats.closely && has(stats, 'body') ? measured(stats, paper) : [],
    stats.questions ? journal(stats.questions, paper) : [],
  ]
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => `${lines.join('\n')}\n`)
    .join('\n')
}

function has({ types }: MemberStats, type: TypeName): boolean {
  return (types[type]?.records ?? 0) > 0
}

function typeRows({ types, questions }: MemberStats): string[][] {
  const all = questions ? { ...types, journal: daysOf(questions) } : types
  const rows = Object.entries(all).map(([type, { records, firstDay, lastDay }]) => {
    return [type, records.toLocaleString('en'), firstDay ?? NOTHING, lastDay ?? NOTHING]
  })
  return [['', 'stored', 'first day', 'last day'], ...rows]
}

function daysOf(questions: readonly Question[]): Pick<TypeStats, 'records' | 'firstDay' | 'lastDay'> {
  return {
    records: questions.reduce((sum, { answers }) => sum + answers, 0),
    firstDay: questions.map(({ firstDay }) => firstDay).toSorted()[0] ?? null,
    lastDay:
      questions
        .map(({ lastDay }) => lastDay)
        .toSorted()
        .at(-1) ?? null,
  }
}

function journal(questions: readonly Question[], paper: Paper): string[] {
  if (questions.length > 0) return drawQuestions(questions, paper)
  return [
    ...wrap('No journal is stored: WHOOP gives it in its export only, not to apps.', paper.width),
    ...wrap('→ run: whoopster import my_whoop_data.zip', paper.width, '', '  '),
  ]
}

function historyLines({ history: { changed, deleted } }: MemberStats): string[] {
  if (changed + deleted === 0) return []
  return [
    `since they were stored, WHOOP changed ${amount(changed, 'final record')} and deleted ${number(deleted)}: see record_history`,
  ]
}

interface Span {
  title: string
  days: readonly Day[]
}

function spansOf({ days, asked }: MemberStats, width: number): Span[] {
  const shorter = (width < NARROW ? [30, 7] : [90, 30, 7]).filter((count) => count < (asked ?? Infinity))
  return [
    { title: asked ? `${asked} d` : 'all', days },
    ...shorter.map((count) => ({ title: `${count} d`, days: days.slice(-count) })),
  ]
}

function averages(stats: MemberStats, { style, width }: Paper): string[] {
  const { metrics, days } = stats
  if (metrics.length === 0) return []
  const spans = spansOf(stats, width)
  const right = spans.map((_, index) => index + 2)
  const rows = metricRows(stats, spans)
  const room = width - widest(table(rows, { right, width })) - 2
  const drawn = rows.map((row, index) => {
    const metric = metrics[index - 1]
    const dim = (cells: string[]) => cells.map((cell) => style.dim(cell))
    if (room < SHORTEST_LINE) return metric ? row : dim(row)
    if (!metric)
      return dim([
        ...row,
        room < LONG_TITLE ? '' : days.length === 1 ? 'the one day' : `the ${amount(days.length, 'day')}`,
      ])
    return [...row, style.cyan(sparkline(squeeze(days.map(metric.value), room)))]
  })
  return table(drawn, { right, width }).split('\n')
}

function metricRows({ metrics, days }: MemberStats, spans: readonly Span[]): string[][] {
  const rows = metrics.map((metric) => {
    const values = spans.map((span) => average(metric, span.days))
    const cells = values.map((value) => (value === null ? NOTHING : metric.show(value)))
    return [metric.name, metric.unit, ...cells, trend(metric, days)]
  })
  return [['average', '', ...spans.map(({ title }) => title), ''], ...rows]
}

/** The last week against the last month. */
function trend(metric: Metric, days: readonly Day[]): string {
  const [week, month] = [average(metric, days.slice(-7)), average(metric, days.slice(-30))]
  if (week === null || month === null || days.length <= 7) return ' '
  if (Math.abs(week - month) <= Math.abs(month) * NOTABLE) return '→'
  return week > month ? '↑' : '↓'
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map(length))
}

const MOST_BAR = 64

/** What a night of the last month is made of. */
function stages({ days }: MemberStats, { style, width }: Paper): string[] {
  const month = days.slice(-30)
  const part = (name: string, of: (day: Day) => number | null, fill: string, colour: Part['colour']): Part => {
    const value = mean(month.map(of)) ?? 0
    return { name, value, fill, colour, shown: clock(value / HOUR_MS) }
  }
  const parts = [
    part('deep', (day) => day.deepMs, '█', 'magenta'),
    part('REM', (day) => day.remMs, '▓', 'cyan'),
    part('light', (day) => day.lightMs, '▒', 'blue'),
    part('awake', (day) => day.awakeMs, '░', 'dim'),
  ]
  const drawn = stackedBar(parts, Math.min(width, MOST_BAR), style)
  if (drawn === '') return []
  return [
    style.dim(
      fit(month.length === 1 ? 'the last night' : `an average night of the last ${amount(month.length, 'day')}`, width),
    ),
    drawn,
    ...flow(key(parts, style), width),
  ]
}

/** The recovery calendar, and beside it what is usual on each weekday. */
function weeks(stats: MemberStats, { style, width }: Paper): string[] {
  const { days } = stats
  const marks = calendar(days, WEEKS, style)
  const usual = weekdayRows(stats)
  const rows = WEEKDAYS.map((name, index) => [name, marks[index] ?? '', ...(usual.rows[index] ?? [])])
  const head = ['', `recovery, ${WEEKS} weeks`, ...usual.head].map((cell) => style.dim(cell))
  const right = usual.head.map((_, index) => index + 2)
  const wide = table([head, ...rows], { right, width: Infinity })
  const fits = widest(wide) <= width
  const drawn = fits ? wide : table([head.slice(0, 2), ...rows.map((row) => row.slice(0, 2))], { width })
  return [...drawn.split('\n'), ...flow(legend(style).split('  '), width).map((line) => `     ${line}`)]
}

function weekdays(stats: MemberStats, { style, width }: Paper): string[] {
  const usual = weekdayRows(stats)
  if (usual.head.length === 0) return []
  const head = ['', ...usual.head].map((cell) => style.dim(cell))
  const rows = WEEKDAYS.map((name, index) => [name, ...(usual.rows[index] ?? [])])
  return table([head, ...rows], { right: usual.head.map((_, index) => index + 1), width }).split('\n')
}

/** What differs between the days of a week. */
const USUAL = new Set(['recovery', 'day strain', 'asleep', 'sleep score'])

/** Means of each weekday, of the metrics that are not for a closer look. */
function weekdayRows({ metrics, days }: MemberStats): { head: string[]; rows: string[][] } {
  const shown = metrics.filter(({ closer, name }) => !closer && USUAL.has(name))
  const rows = WEEKDAYS.map((_, weekday) => {
    const those = days.filter(({ day }) => weekdayOf(day) === weekday)
    return shown.map((metric) => {
      const value = average(metric, those)
      return value === null ? NOTHING : metric.show(value)
    })
  })
  return { head: shown.map(({ name }) => name), rows }
}

const ZONE_COLOURS: readonly Part['colour'][] = ['dim', 'blue', 'cyan', 'green', 'yellow', 'red']
const ZONE_FILLS = ['·', '░', '▒', '▓', '█', '█']

function sports({ sports: all, units, days }: MemberStats, { style, width }: Paper): string[] {
  const { distance, energy } = measures[units]
  const most = Math.max(...all.map(({ workouts }) => workouts))
  const head = ['sport', '', 'workouts', 'hours', 'strain', energy.unit, distance.unit]
  const rows = all.map((sport) => [
    harmless(sportWords(sport.name)),
    style.cyan(bar(sport.workouts, most, 10)),
    number(sport.workouts),
    clock(sport.durationMs / HOUR_MS),
    known(sport.strain, 1),
    known(energy.from(sport.kilojoules), 0),
    known(distance.from(sport.distanceMeters), 1),
  ])
  const zones = ZONE_FILLS.map((fill, zone): Part => {
    const value = all.reduce((sum, { zonesMs }) => sum + (zonesMs[zone] ?? 0), 0)
    return {
      name: `zone ${zone}`,
      value,
      fill,
      colour: ZONE_COLOURS[zone] ?? 'dim',
      shown: clock(value / HOUR_MS),
    }
  })
  const drawn = stackedBar(zones, Math.min(width, MOST_BAR), style)
  return [
    ...table([head.map((cell) => style.dim(cell)), ...rows], { right: [2, 3, 4, 5, 6], width, titled: true }).split(
      '\n',
    ),
    ...(drawn === ''
      ? []
      : [
          '',
          style.dim(fit(`hours in heart rate zones, of ${amount(days.length, 'day')}`, width)),
          drawn,
          ...flow(key(zones, style), width),
        ]),
  ]
}

const MOST_MEASUREMENTS = 12

function measured({ measurements, units }: MemberStats, { style, width }: Paper): string[] {
  const { weight } = measures[units]
  const head = ['since', `weight ${weight.unit}`, units === 'imperial' ? 'height' : 'height m', 'max HR bpm'].map(
    (cell) => style.dim(cell),
  )
  const rows = measurements
    .slice(-MOST_MEASUREMENTS)
    .map(({ day, weightKilogram, heightMeter, maxHeartRate }) => [
      day,
      known(weightKilogram && weight.from(weightKilogram), 1),
      heightMeter !== null && units === 'imperial' ? feetAndInches(heightMeter) : known(heightMeter, 2),
      known(maxHeartRate, 0),
    ])
  return table([head, ...rows], { right: [1, 2, 3], width, titled: true }).split('\n')
}

function known(value: number | null, digits: number): string {
  return value === null ? NOTHING : number(value, digits)
}
