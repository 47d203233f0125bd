import { databaseSettings, readConfig } from '../config.ts'
import type { Day, TypeStats } from '../db/stats.ts'
import type { Member } from '../db/tokens.ts'
import type { TypeName } from '../resources/names.ts'
import { mean } from '../terminal/sparkline.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'
import { readCount, readTypes, readUserId } from './read.ts'

export const addStats: AddCommand = (program, cli) => {
  program
    .command('stats')
    .summary('sum up what is in the database')
    .description('Sum up what is in the database: how much, since when, averages and trends.')
    .option('--type <type...>', 'only these: sleep, recovery, workout, cycle, body', readTypes)
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--days <n>', 'only the last n days for averages and sparklines', readCount)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ whoopster stats --days 90')
    .action(async (options) => {
      const stats = await load(cli, options.user, options.days)
      const shown = stats.map((one) => narrow(one, options.type))
      if (options.json) printJson(cli, { users: shown.map(toJson) })
      else for (const one of shown) print(cli, await draw(cli, one))
    })
}

interface MemberStats {
  member: Member
  types: Partial<Record<TypeName, TypeStats>>
  metrics: readonly Metric[]
  days: readonly Day[]
  /** What WHOOP has done to settled records since they were stored. */
  history: { changed: number; deleted: number }
  /** How many days were asked for; undefined: all. */
  asked: number | undefined
}

/** A number people look at every morning. */
interface Metric {
  name: string
  type: TypeName
  unit: string
  value: (day: Day) => number | null
  show: (average: number) => string
}

const HOUR_MS = 3_600_000

const whole = (value: number) => value.toFixed(0)
const tenths = (value: number) => value.toFixed(1)

const metrics: readonly Metric[] = [
  { name: 'recovery', type: 'recovery', unit: '%', value: (day) => day.recovery, show: whole },
  { name: 'HRV', type: 'recovery', unit: 'ms', value: (day) => day.hrv, show: whole },
  { name: 'resting HR', type: 'recovery', unit: 'bpm', value: (day) => day.restingHeartRate, show: whole },
  { name: 'day strain', type: 'cycle', unit: '0–21', value: (day) => day.strain, show: tenths },
  { name: 'asleep', type: 'sleep', unit: 'h', value: ({ asleepMs }) => asleepMs && asleepMs / HOUR_MS, show: clock },
  { name: 'sleep score', type: 'sleep', unit: '%', value: (day) => day.sleepPerformance, show: whole },
  { name: 'workouts', type: 'workout', unit: '/week', value: (day) => day.workouts * 7, show: tenths },
]

/** 7:24, for hours and minutes. */
function clock(hours: number): string {
  const minutes = Math.round(hours * 60)
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`
}

async function load(cli: Cli, user: number | undefined, days: number | undefined): Promise<MemberStats[]> {
  const [
    { withDatabase },
    { requireSchema },
    { requireMembers },
    { loadDays, loadTypeStats },
    { countHistory },
    { loadEverybody },
  ] = await Promise.all([
    import('../db/connect.ts'),
    import('../db/migrate.ts'),
    import('./open.ts'),
    import('../db/stats.ts'),
    import('../db/history.ts'),
    import('../db/tokens.ts'),
  ])
  const config = readConfig(cli.world.env, databaseSettings)
  return withDatabase(config, cli.world.env, async (database) => {
    await requireSchema(database.db)
    const members = await loadEverybody(database.db, user)
    if (members.length === 0) await requireMembers(database, user) // says what to do
    const stats: MemberStats[] = []
    for (const member of members) {
      const all = await loadDays(database.db, member)
      stats.push({
        member,
        types: await loadTypeStats(database.db, member),
        history: await countHistory(database.db, member),
        metrics,
        days: days ? all.slice(-days) : all,
        asked: days,
      })
    }
    return stats
  })
}

function narrow(stats: MemberStats, types: readonly TypeName[] | undefined): MemberStats {
  if (!types) return stats
  return {
    ...stats,
    types: Object.fromEntries(Object.entries(stats.types).filter(([type]) => types.includes(type as TypeName))),
    metrics: stats.metrics.filter(({ type }) => types.includes(type)),
  }
}

function toJson({ member, types, metrics, days, history }: MemberStats) {
  return {
    whoopUserId: member.whoopUserId,
    firstDay: days[0]?.day ?? null,
    lastDay: days.at(-1)?.day ?? null,
    types,
    settledRecords: history,
    metrics: metrics.map((metric) => ({
      name: metric.name,
      unit: metric.unit,
      average: average(metric, days),
      last90Days: average(metric, days.slice(-90)),
      last30Days: average(metric, days.slice(-30)),
      last7Days: average(metric, days.slice(-7)),
    })),
  }
}

/** Over calendar days: a week is seven days, however many of them have a value. */
function average({ value }: Metric, days: readonly Day[]): number | null {
  return mean(days.map(value))
}

async function draw({ world }: Cli, stats: MemberStats): Promise<string> {
  const [{ fit, table }, { sparkline, squeeze }, { styleFor, widthOf }] = await Promise.all([
    import('../terminal/table.ts'),
    import('../terminal/sparkline.ts'),
    import('../terminal/style.ts'),
  ])
  const { stdout } = world.terminal
  const style = styleFor(stdout, world.env)
  const width = widthOf(stdout)
  const dim = (row: string[]) => row.map((cell) => style.dim(cell))
  const [head = [], ...types] = typeRows(stats)
  const lines = [style.bold(fit(titleOf(stats.member), width)), table([dim(head), ...types], { right: [1], width })]
  if (stats.days.length === 0) return [...lines, '', 'Nothing is stored yet.', '→ run: whoopster sync', ''].join('\n')
  lines.push(...historyLines(stats).map((line) => fit(line, width)))
  if (stats.metrics.length === 0) return [...lines, ''].join('\n')

  const spans = spansOf(stats, width)
  const right = spans.map((_, index) => index + 2)
  const rows = metricRows(stats, spans)
  const room = width - widest(table(rows, { right, width })) - 2
  const drawn = rows.map((row, index) => {
    const metric = stats.metrics[index - 1]
    if (room < SHORTEST_LINE) return metric ? row : dim(row)
    if (!metric) return dim([...row, room < LONG_TITLE ? '' : `the ${stats.days.length.toLocaleString('en')} days`])
    return [...row, style.cyan(sparkline(squeeze(stats.days.map(metric.value), room)))]
  })
  return [...lines, '', table(drawn, { right, width }), ''].join('\n')
}

function historyLines({ history: { changed, deleted } }: MemberStats): string[] {
  if (changed + deleted === 0) return []
  return [`since stored, WHOOP changed ${changed} settled and deleted ${deleted}: see record_history`]
}

const NOTHING = '–'
const NOTABLE = 0.03 // of the month's average
const NARROW = 48 // columns
const SHORTEST_LINE = 10
const LONG_TITLE = 16

function titleOf({ firstName, whoopUserId }: Member): string {
  return firstName ? `${firstName} (WHOOP user ${whoopUserId})` : `WHOOP user ${whoopUserId}`
}

function typeRows({ types }: MemberStats): string[][] {
  const rows = Object.entries(types).map(([type, { records, firstDay, lastDay }]) => {
    return [type, records.toLocaleString('en'), firstDay ?? NOTHING, lastDay ?? NOTHING]
  })
  return [['', 'stored', 'first day', 'last day'], ...rows]
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

function metricRows({ metrics, days }: MemberStats, spans: readonly Span[]): string[][] {
  const rows = metrics.map((metric) => {
    const averages = spans.map((span) => average(metric, span.days))
    const cells = averages.map((value) => (value === null ? NOTHING : metric.show(value)))
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
  return Math.max(...text.split('\n').map((line) => line.length))
}
