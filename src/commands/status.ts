import type { BudgetReport, Problem, Report } from '../status.ts'
import { DAY_MS } from '../time.ts'
import type { Printed } from './json.ts'
import { print, printJsonList, type AddCommand } from './cli.ts'
import { readDuration, readUserId } from './read.ts'

export const addStatus: AddCommand = (program, cli) => {
  program
    .command('status')
    .summary('tell whether everything is healthy')
    .description('Tell whether everything is healthy: database, schema, logins, freshness. Exit code 0: yes, 1: no.')
    .option(
      '--max-age <duration>',
      'unhealthy when a type was synced longer ago than 90m, 24h, 2d … (default: 24h)',
      readDuration,
    )
    .option('--user <id>', 'only this member (WHOOP user id)', readUserId)
    .option('--gaps', 'list the ranges that are not stored completely')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ whoopster status --max-age 2h || echo "look after whoopster"')
    .action(async ({ maxAge = DAY_MS, user, gaps, json }) => {
      const { env, terminal } = cli.world
      const { adviceOf, budgetOf, loadReport, only, problemsOf, stateOf } = await import('../status.ts')
      const all = await loadReport(cli.world)
      const report = user === undefined ? all : only(all, user)
      const asked = { gaps: gaps === true, maxAge }
      const problems = problemsOf(report, maxAge)
      if (json) {
        const head = toJson(report, problems, adviceOf(report), { ...asked, budget: budgetOf(report) })
        const each = async (add: (user: User) => Promise<void>) => {
          for (const member of report.members) await add(userOf(member, stateOf(member.login, report.at)))
        }
        await printJsonList(cli, 'users', each, head)
      } else {
        const { drawStatus } = await import('../terminal/status.ts')
        print(cli, await drawStatus(report, problems, adviceOf(report), asked, terminal.stdout, env))
      }
      cli.exit(problems.length === 0 ? 0 : 1)
    })
}

function toJson(
  report: Report,
  problems: readonly Problem[],
  advice: readonly Problem[],
  { gaps, budget }: { gaps: boolean; budget: BudgetReport | null },
): Omit<Printed<'status'>, 'users'> {
  const { whoop } = report
  return {
    healthy: problems.length === 0,
    problems,
    advice,
    database: {
      reachable: report.serverVersion !== '',
      where: report.where,
      version: report.serverVersion || null,
      error: report.failure?.message ?? null,
    },
    schema: report.schema,
    whoop: { ...whoop, at: whoop.at?.toISOString() ?? null },
    budget,
    quarantined: report.quarantined,
    ...(gaps ? { gaps: report.gaps } : {}),
  }
}

type User = Printed<'status'>['users'][number]

function userOf({ login, types, unknownFields }: Report['members'][number], state: User['login']): User {
  return { whoopUserId: login.whoopUserId, login: state, scopes: login.scopes, types, unknownFields }
}
