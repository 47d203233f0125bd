import type { Finding, Verdict } from '../doctor/findings.ts'
import type { Printed } from './json.ts'
import { versionAndBuild } from '../version.ts'
import { print, printJson, type AddCommand, type Cli } from './cli.ts'

export const addDoctor: AddCommand = (program, cli) => {
  program
    .command('doctor')
    .summary('find out what is wrong, and what to do')
    .description(
      'Look at everything a sync needs, one thing at a time: settings, network, clock, disk, database, schema, key, ' +
        'logins, scopes, and when the last archive was made. Changes nothing. Exit code 0: all is well, 1: it is not.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  $ whoopster doctor\n  $ whoopster doctor --json | jq .checks')
    .action(async ({ json }) => {
      const { diagnose } = await import('../doctor/index.ts')
      const checks = await diagnose(cli.world, cli.log)
      const healthy = checks.every(({ verdict }) => verdict !== 'problem')
      const { runtime } = cli.world.machine
      if (json) printJson(cli, { healthy, version: versionAndBuild, runtime, checks } satisfies Printed<'doctor'>)
      else print(cli, await draw(cli, checks, healthy))
      cli.exit(healthy ? 0 : 1)
    })
}

async function draw({ world }: Cli, findings: readonly Finding[], healthy: boolean): Promise<string> {
  const [{ lineWidthOf, styleFor }, { wrap }] = await Promise.all([
    import('../terminal/style.ts'),
    import('../terminal/wrap.ts'),
  ])
  const { stdout } = world.terminal
  const style = await styleFor(stdout, world.env)
  const width = lineWidthOf(stdout)
  const marks: Record<Verdict, string> = {
    ok: style.green('✔'),
    warning: style.yellow('!'),
    problem: style.red('✘'),
    skipped: style.dim('–'),
  }
  const lines = findings.flatMap(({ check, verdict, message, hint }) => {
    const [first = '', ...rest] = wrap(message, width, INDENT)
    const head = `${marks[verdict]} ${check.padEnd(INDENT.length - 2)}`
    const below = hint === null ? [] : wrap(`→ ${hint}`, width, INDENT, `${INDENT}  `)
    return [head + first.slice(INDENT.length), ...rest, ...below]
  })
  return [
    `whoopster ${versionAndBuild}, ${world.machine.runtime}`,
    '',
    ...lines,
    '',
    ...wrap(verdictOf(findings, healthy), width),
    ...wrap(
      "This may go into a bug report: no token, secret, name or member id is in it. The database's host is.",
      width,
    ).map((line) => style.dim(line)),
  ].join('\n')
}

function verdictOf(findings: readonly Finding[], healthy: boolean): string {
  if (!healthy) return 'Begin with the first ✘.'
  const isLoggedIn = findings.some(({ check, verdict }) => check === 'logins' && verdict === 'ok')
  if (!isLoggedIn) return 'Nothing is wrong so far, and nobody is logged in yet. Next: whoopster auth'
  return 'All is well. To see whether the data is fresh, run: whoopster status'
}

const INDENT = ' '.repeat(12)
