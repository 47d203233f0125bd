import type { Printed } from './json.ts'
import { typeNames, type TypeName } from '../resources/names.ts'
import type { MemberStats } from '../terminal/stats.ts'
import type { average as Average, Units } from '../stats.ts'
import { harmlessLines } from '../terminal/safe.ts'
import { printJsonList, type AddCommand, type Cli } from './cli.ts'
import { readCount, readOneOf, readSeveralOf, readUserId } from './read.ts'

const unitSystems = ['metric', 'imperial'] as const satisfies readonly Units[]

/** What can be looked at closely: what a sync brings, and what an import does. */
const subjects = [...typeNames, 'journal'] as const
type Subject = (typeof subjects)[number]

interface StatsOptions {
  type?: Subject[] | undefined
  user?: number | undefined
  days?: number | undefined
  units: Units
  json?: true | undefined
}

export const addStats: AddCommand = (program, cli) => {
  program
    .command('stats')
    .summary('sum up what is in the database')
    .description('Sum up what is in the database: how much, since when, averages, trends, the last twelve weeks.')
    .option('--type <type...>', `only these, and closer: ${subjects.join(', ')}`, readSeveralOf(subjects))
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--days <n>', 'only the last n days for averages and drawings', readCount)
    .option('--units <system>', unitSystems.join(' or '), readOneOf(unitSystems), 'metric')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ whoopster stats --days 90\n  $ whoopster stats --type sleep\n' +
        '  $ whoopster stats --type workout,body --units imperial\n  $ whoopster stats --type journal',
    )
    .action(async (options) => {
      const { stdout } = cli.world.terminal
      if (options.json) {
        const { average } = await import('../stats.ts')
        await printJsonList(cli, 'users', (add) => each(cli, options, (one) => add(toJson(one, average))))
      } else {
        const { drawStats } = await import('../terminal/stats.ts')
        const { toOutput } = await import('../files.ts')
        const sink = toOutput(stdout, cli.world.interrupted)
        await each(cli, options, async (one) => {
          await sink.write(`${harmlessLines(await drawStats(one, stdout, cli.world.env))}\n`)
        })
      }
    })
}

/** One member after the other: there may be thousands, and each is a decade of days. */
async function each(
  cli: Cli,
  { user, days: asked, type: types, units }: StatsOptions,
  work: (stats: MemberStats) => Promise<void>,
): Promise<void> {
  const [{ requireMembers, requireStored, withStored }, db, { loadQuestions }, { countHistory }, { metricsFor }] =
    await Promise.all([
      import('./open.ts'),
      import('../db/stats.ts'),
      import('../db/effects.ts'),
      import('../db/history.ts'),
      import('../stats.ts'),
    ])
  const isWanted = (type: TypeName) => types?.includes(type) ?? true
  await withStored(cli, async (database) => {
    const members = await requireStored(database.db, user)
    if (members.length === 0) await requireMembers(database) // says what to do
    for (const member of members) {
      const all = await db.loadDays(database.db, member)
      const days = asked ? all.slice(-asked) : all
      const counted = Object.entries(await db.loadTypeStats(database.db, member))
      await work({
        member,
        types: Object.fromEntries(counted.filter(([type]) => isWanted(type as TypeName))),
        history: await countHistory(database.db, member),
        metrics: metricsFor(units).filter(({ type, closer }) => isWanted(type) && (types !== undefined || !closer)),
        days,
        sports: isWanted('workout') ? await db.loadSports(database.db, member, days[0]?.day) : [],
        measurements: isWanted('body') ? await db.loadMeasurements(database.db, member) : [],
        questions: types?.includes('journal') ? await loadQuestions(database.db, member) : undefined,
        asked,
        closely: types !== undefined,
        units,
      })
      cli.world.interrupted.throwIfAborted()
    }
  })
}

function toJson(
  { member, types, metrics, days, history, sports, measurements, questions = [] }: MemberStats,
  average: typeof Average,
): Printed<'stats'>['users'][number] {
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
    sports,
    measurements,
    journal: questions,
  }
}
