import { databaseSettings, readConfig } from '../config.ts'
import type { Day, TypeStats } from '../db/stats.ts'
import type { Member } from '../db/tokens.ts'
import type { TypeName } from '../resources/names.ts'
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
  metrics: Metric[]
  days: Day[]
}

/** A number people look at every morning. */
interface Metric {
  name: string
  type: TypeName
  unit: string
  digits: number
  value(day: Day): number | null
}

const HOUR_MS = 3_600_000

const metrics: readonly Metric[] = [
  { name: 'recovery', type: 'recovery', unit: '%', digits: 0, value: (day) => day.recovery },
  { name: 'HRV', type: 'recovery', unit: 'ms', digits: 0, value: (day) => day.hrv },
  { name: 'resting HR', type: 'recovery', unit: 'bpm', digits: 0, value: (day) => day.restingHeartRate },
  { name: 'day strain', type: 'cycle', unit: '', digits: 1, value: (day) => day.strain },
  { name: 'asleep', type: 'sleep', unit: 'h', digits: 1, value: ({ asleepMs }) => asleepMs && asleepMs / HOUR_MS },
  { name: 'sleep score', type: 'sleep', unit: '%', digits: 0, value: (day) => day.sleepPerformance },
  { name: 'workouts', type: 'workout', unit: '/day', digits: 1, value: (day) => day.workouts },
]

async function load(cli: Cli, user: number | undefined, days: number | undefined): Promise<MemberStats[]> {
  const [{ withDatabase }, { requireSchema }, { requireMembers }, { loadDays, loadTypeStats }] = await Promise.all([
    import('../db/connect.ts'),
    import('../db/migrate.ts'),
    import('./open.ts'),
    import('../db/stats.ts'),
  ])
  const config = readConfig(cli.world.env, databaseSettings)
  return withDatabase(config, cli.world.env, async (database) => {
    await requireSchema(database.db)
    const members = await requireMembers(database, user)
    const stats: MemberStats[] = []
    for (const member of members) {
      const all = await loadDays(database.db, member)
      stats.push({
        member,
        types: await loadTypeStats(database.db, member),
        metrics: [...metrics],
        days: days ? all.slice(-days) : all,
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

function toJson({ member, types, metrics, days }: MemberStats) {
  return {
    whoopUserId: member.whoopUserId,
    firstDay: days[0]?.day ?? null,
    lastDay: days.at(-1)?.day ?? null,
    types,
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
  const known = days.map(value).filter((one) => one !== null)
  return known.length === 0 ? null : known.reduce((total, one) => total + one, 0) / known.length
}

const NOTHING = '–'
const NOTABLE = 0.03 // of the month's average

async function draw({ world }: Cli, { member, types, metrics, days }: MemberStats): Promise<string> {
  const [{ table }, { sparkline, squeeze }, { styleFor, widthOf }] = await Promise.all([
    import('../terminal/table.ts'),
    import('../terminal/sparkline.ts'),
    import('../terminal/style.ts'),
  ])
  const { stdout } = world.terminal
  const style = styleFor(stdout, world.env)
  const width = widthOf(stdout)
  const counts = table(
    [
      ['', 'records', 'first day', 'last day'].map((head) => style.dim(head)),
      ...Object.entries(types).map(([type, one]) => [
        type,
        one.records.toLocaleString('en'),
        one.firstDay ?? NOTHING,
        one.lastDay ?? NOTHING,
      ]),
    ],
    { right: [1], width },
  )
  const rows = metrics.map((metric) => {
    const spans = [days, days.slice(-90), days.slice(-30), days.slice(-7)].map((span) => average(metric, span))
    const cells = spans.map((value) => (value === null ? NOTHING : value.toFixed(metric.digits)))
    return [metric.name, metric.unit, ...cells, trend(spans[3] ?? null, spans[2] ?? null)]
  })
  const head = ['', '', 'all', '90 d', '30 d', '7 d', ''].map((one) => style.dim(one))
  const plain = table([head, ...rows], { right: [2, 3, 4, 5], width }).split('\n')
  const room = width - Math.max(...plain.map((line) => [...line].length)) - 2
  const lines = plain.map((line, index) => {
    const metric = metrics[index - 1]
    if (!metric || room < 10) return line
    const gap = ' '.repeat(Math.max(0, width - room - [...line].length))
    return `${line}${gap}${style.cyan(
      sparkline(
        squeeze(
          days.map((day) => metric.value(day)),
          room,
        ),
      ),
    )}`
  })
  return [style.bold(titleOf(member)), counts, '', ...lines, ''].join('\n')
}

function titleOf({ firstName, whoopUserId }: Member): string {
  return firstName ? `${firstName} (WHOOP user ${whoopUserId})` : `WHOOP user ${whoopUserId}`
}

/** The last week against the last month. */
function trend(week: number | null, month: number | null): string {
  if (week === null || month === null) return ' '
  if (Math.abs(week - month) <= Math.abs(month) * NOTABLE) return '→'
  return week > month ? '↑' : '↓'
}
