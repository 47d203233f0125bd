import { pathToFileURL } from 'node:url'
import { resolve } from 'node:path'
import type { Database } from '../db/connection/index.ts'
import type { Member } from '../db/members.ts'
import { WhoopsterError } from '../errors.ts'
import { print, type AddCommand, type Cli } from './cli.ts'
import { readCount, readUserId } from './read.ts'

const OUT = 'whoopster-report.html'
const MOST_CHANGES = 12

interface ReportOptions {
  days: number
  user?: number | undefined
  out: string
  open?: true | undefined
}

export const addReport: AddCommand = (program, cli) => {
  program
    .command('report')
    .summary('draw what is stored as one HTML file')
    .description(
      'Draw what is stored as one HTML file, for a browser, a phone or a printer: today against what is normal, ' +
        'recovery, sleep, load, workouts. The file fetches nothing from anywhere.',
    )
    .option('--days <n>', 'the last n days', readCount, 90)
    .option('--user <id>', 'this member (WHOOP user id), where there are several', readUserId)
    .option('--out <file>', 'where to write it; - is stdout', OUT)
    .option('--open', 'show it in the browser')
    .addHelpText('after', '\nExamples:\n  $ whoopster report --open\n  $ whoopster report --days 365 --out 2026.html')
    .action((options) => run(cli, options))
}

async function run(cli: Cli, { days, user, out, open }: ReportOptions): Promise<void> {
  const { world } = cli
  const [{ withStored }, { toOutput, writeFileWhole }] = await Promise.all([import('./open.ts'), import('../files.ts')])
  const html = await withStored(cli, (database) => draw(database, { days, user }, world.clock.now()))
  if (out === '-') return toOutput(world.terminal.stdout, world.interrupted).write(html)
  const file = resolve(world.machine.directory, out)
  await writeFileWhole(file, (sink) => sink.write(html))
  if (!cli.quiet) print(cli, file)
  if (open && !(await world.openBrowser(pathToFileURL(file).href))) {
    cli.log.warn('There is no browser to show it in.', { hint: `open the file yourself: ${file}` })
  }
}

async function draw(
  database: Database,
  { days: last, user }: Pick<ReportOptions, 'days' | 'user'>,
  madeAt: Date,
): Promise<string> {
  const [{ requireStored }, { renderReport }, stored, { withSnapshot }] = await Promise.all([
    import('./open.ts'),
    import('../report/index.ts'),
    import('../db/report.ts'),
    import('../db/snapshot.ts'),
  ])
  const member = onlyMember(await requireStored(database.db, user))
  return withSnapshot(database.db, async (tx) => {
    const days = await stored.loadTrends(tx, member, last)
    const since = days[0]?.day
    if (since === undefined) {
      throw new WhoopsterError('usage', 'No day is stored yet that a report could show.', {
        hint: 'run: whoopster sync',
      })
    }
    const { changes, count } = await stored.loadChanges(tx, member, since, MOST_CHANGES)
    return renderReport({
      name: member.firstName ?? '',
      days,
      workouts: await stored.loadWorkouts(tx, member, since),
      changes,
      changeCount: count,
      effects: await stored.loadEffects(tx, member),
      madeAt,
    })
  })
}

function onlyMember(members: readonly Member[]): Member {
  const [only, ...others] = members
  if (!only) {
    throw new WhoopsterError('login', 'Nobody is stored here yet.', { hint: 'run: whoopster auth' })
  }
  if (others.length > 0) {
    const ids = members.slice(0, 5).map(({ whoopUserId }) => whoopUserId)
    throw new WhoopsterError('usage', `A report is of one member, and there are ${members.length}.`, {
      hint: `name one: --user ${ids.join(', --user ')}${members.length > ids.length ? ', …' : ''}`,
    })
  }
  return only
}
