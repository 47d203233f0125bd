import { CommanderError, Command, Help } from '@commander-js/extra-typings'
import { addArchive } from './commands/archive.ts'
import { addAuth } from './commands/auth.ts'
import { addCompletion } from './commands/completion.ts'
import { addDemo } from './commands/demo.ts'
import { addDoctor } from './commands/doctor.ts'
import { addExport } from './commands/export.ts'
import { addImport } from './commands/import.ts'
import { addListen } from './commands/listen.ts'
import { addMigrate } from './commands/migrate.ts'
import { addReprocess } from './commands/reprocess.ts'
import { addRestore } from './commands/restore.ts'
import { addRuns } from './commands/runs.ts'
import { addSandbox } from './commands/sandbox.ts'
import { addReport } from './commands/report.ts'
import { addSchedule } from './commands/schedule.ts'
import { addSql } from './commands/sql.ts'
import { addStats } from './commands/stats.ts'
import { addStatus } from './commands/status.ts'
import { addSync } from './commands/sync.ts'
import { addVerify } from './commands/verify.ts'
import type { Cli } from './commands/cli.ts'
import { readOneOf } from './commands/read.ts'
import { exitCodes, failure, Interruption, WhoopsterError, whyOf } from './errors.ts'
import { levels, type Level, type Log } from './log.ts'
import { createLog, logFormats, type LogFormat } from './terminal/log.ts'
import { DEFAULT_COLUMNS, lineWidthOf, widthOf } from './terminal/style.ts'
import { wrap, wrapLines } from './terminal/wrap.ts'
import { versionAndBuild } from './version.ts'
import type { Env, World } from './world.ts'

export { whyOf } // bin has its own to say: of .env, and of what could not be printed

/** Runs one command line; returns the exit code. What goes wrong and was not expected is caught here. */
export async function main(args: readonly string[], world: World): Promise<number> {
  let code = 0
  const cli: Cli = {
    world,
    log: logFor(args, world),
    quiet: asked(args, '--quiet', '-q'),
    run: main,
    exit: (other) => {
      code = other
    },
  }
  try {
    if (args.length === 0) {
      await warnOfNames(cli)
      await (await import('./commands/home.ts')).showHome(cli)
    } else {
      const program = createProgram(cli)
      await program.parseAsync(withHelp(program, args), { from: 'user' })
    }
    return code
  } catch (error) {
    return explain(error, cli.log, world, args)
  }
}

/** The command line as it is documented; README's help text is made from it. */
export function createProgram(cli: Cli): Command {
  const { stdout, stderr } = cli.world.terminal
  const program: Command = new Command('whoopster')
    .description('Copies your WHOOP data into your own PostgreSQL, completely, and keeps the copy true.')
    .version(versionAndBuild, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(wrapLines(text, lineWidthOf(stdout))),
      writeErr: (text) => stderr.write(wrapLines(text, lineWidthOf(stderr))),
      getOutHelpWidth: () => widthOf(stdout),
      getErrHelpWidth: () => widthOf(stderr),
    })
    .configureHelp({ minWidthToWrap: FEWEST_BESIDE, formatItem })
    .showSuggestionAfterError()
    .addHelpText('after', '\nWhere you stand, and what to type next:\n  $ whoopster')
  const commands = [
    addAuth,
    addSync,
    addStats,
    addStatus,
    addRuns,
    addMigrate,
    addVerify,
    addReprocess,
    addReport,
    addSql,
    addExport,
    addImport,
    addArchive,
    addRestore,
    addDoctor,
    addSchedule,
    addDemo,
    addListen,
    addSandbox,
    addCompletion,
  ]
  for (const add of commands) add(program, cli)
  program.hook('preAction', (_, command) => {
    return pathOf(command as Command)
      .split(' ')
      .some((name) => WITHOUT_SETTINGS.has(name))
      ? undefined
      : warnOfNames(cli)
  })
  for (const command of everyCommand(program)) {
    command.configureOutput({ outputError: (text) => sayUsage(cli.log, text, pathOf(command)) })
  }
  for (const command of everyCommand(program).slice(1)) {
    command.option(
      '--log-format <format>',
      `how to say on stderr what happens: ${logFormats.join(', ')} (default: text on a terminal, else json)`,
      readOneOf(logFormats),
    )
    refuseTwice(command)
    if (command.commands.length === 0) command.allowExcessArguments(false) // auth allows it, and they inherit
    command.option('-q, --quiet', 'print errors only').option('-v, --verbose', 'print what is asked and why it failed')
  }
  return program
}

const FEWEST_BESIDE = 24 // columns of words beside what they explain
const NARROW = 64

/** On a narrow terminal, what a command or an option does is said below it. */
function formatItem(term: string, termWidth: number, description: string, help: Help): string {
  const width = help.helpWidth ?? DEFAULT_COLUMNS
  if (width >= NARROW) return Help.prototype.formatItem.call(help, term, termWidth, description, help)
  return [`  ${term}`, ...wrap(description, width, '      ')].join('\n')
}

const WITHOUT_SETTINGS = new Set(['doctor', 'demo', 'sandbox', 'keygen', 'completion', 'schedule']) // doctor has its own words

/** A setting whose name has a slip in it would else be missing in silence. Others of our kind may be Kubernetes' doing. */
async function warnOfNames({ world: { env }, log }: Cli): Promise<void> {
  const { unknownSettings } = await import('./config.ts')
  for (const { name, meant } of unknownSettings(env)) {
    if (meant) log.warn(`${name} is set, and is no setting of whoopster`, { hint: `did you mean ${meant}?` })
  }
}

/** `help auth url` and `auth help` for `auth url --help` and `auth --help`: commander's own goes down one step only. */
function withHelp(program: Command, args: readonly string[]): string[] {
  const path: Command[] = [program]
  let isAsked = false
  for (const arg of args) {
    const child = path.at(-1)?.commands.find((one) => one.name() === arg)
    if (child) path.push(child as Command)
    else if (arg === 'help' && !isAsked && (path.at(-1)?.commands.length ?? 0) > 0) isAsked = true
    else return args.slice(isAsked && args[0] === 'help' ? 1 : 0) // it is for commander to say what that is
  }
  return isAsked ? [...path.slice(1).map((one) => one.name()), '--help'] : [...args]
}

/** Of two values, one would be dropped without a word. */
function refuseTwice(command: Command): void {
  for (const { long, variadic, required } of command.options) {
    if (!long || variadic || !required) continue
    let count = 0
    command.on(`option:${long.slice(2)}`, () => {
      if (++count > 1) command.error(`error: ${long} is given twice, and takes one value.`)
    })
  }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => everyCommand(child as Command))]
}

/** Commander's own words, `error: …` and perhaps `(Did you mean …?)`, in the one form that errors have. */
function sayUsage(log: Log, text: string, path: string): void {
  const [message = '', ...suggestions] = text.trim().split('\n')
  const near = suggestions.map((line) => line.replace(/^\((.*)\)$/, '$1'))
  log.error(inOurWords(message.replace(/^error: /, ''), path), {
    reason: 'usage',
    hint: [...near, `see: ${path} --help`].join(' '),
  })
}

function inOurWords(message: string, path: string): string {
  return message
    .replace(/^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. /, '$1 does not take $2. ')
    .replace(/^option '(?:-\w, )?(--[\w-]+) ([^']*)' argument missing$/, '$1 lacks its value: $2')
    .replace(/^command-argument value '(.*)' is invalid for argument '(.*)'\. /, '<$2> does not take $1. ')
    .replace(/^unknown (command|option) '(.*)'$/, 'There is no $1 $2.')
    .replace(/^missing required argument '(.*)'$/, 'An argument is missing: <$1>')
    .replace(/^too many arguments(?: for '.*')?\. Expected (\d+) arguments? but got \d+.*$/, (_, count: string) =>
      count === '0'
        ? `${path} takes no arguments, only options.`
        : `${path} takes ${count} argument${count === '1' ? '' : 's'} and no more: are there quotes missing?`,
    )
}

function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent as Command)} ${command.name()}` : command.name()
}

function explain(error: unknown, log: Log, world: World, args: readonly string[]): number {
  const verbose = asked(args, '--verbose', '-v')
  const { interrupted } = world
  if (interrupted.aborted || error instanceof Interruption) {
    if (world.terminal.stderr.isTTY) world.terminal.stderr.write('\n') // the terminal has put ^C there
    const { message, hint } =
      error instanceof Interruption
        ? error
        : new Interruption(args.some((arg) => WRITING.has(arg)) ? KEPT : 'interrupted')
    log.warn(message, hint === undefined ? {} : { hint })
    return typeof interrupted.reason === 'number' ? interrupted.reason : SIGINT
  }
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.usage
  const { reason, message, hint } = failure(error)
  log.error(message, hint === null ? { reason } : { reason, hint })
  const isBug = !(error instanceof WhoopsterError) || reason === 'bug'
  if ((verbose || isBug) && error instanceof Error) log.error('stack', { stack: stackOf(error) })
  return exitCodes[reason]
}

const SIGINT = 130
const KEPT = 'interrupted; everything committed is kept'
const WRITING = new Set(['sync', 'reprocess', 'migrate'])

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}

/** What is said on stderr: how much of it, and in which form, is known before the command line is read. */
export function logFor(args: readonly string[], { env, clock, terminal }: LogWorld): Log {
  return createLog(terminal.stderr, clock, threshold(args, env), formatOf(args, env))
}

interface LogWorld extends Pick<World, 'env'> {
  clock: Pick<World['clock'], 'now'>
  terminal: Pick<World['terminal'], 'stderr'>
}

/** Undefined, where it is for the terminal to decide. */
function formatOf(args: readonly string[], env: Env): LogFormat | undefined {
  const at = args.findLastIndex((arg) => arg === '--log-format' || arg.startsWith('--log-format='))
  const given = args[at]?.split('=')[1] ?? args[at + 1]
  return formatNamed(at < 0 ? undefined : given) ?? formatNamed(env['LOG_FORMAT']?.trim()) // others are refused later
}

function formatNamed(name: string | undefined): LogFormat | undefined {
  return logFormats.find((format) => format === name)
}

function threshold(args: readonly string[], env: Env): Level {
  if (asked(args, '--verbose', '-v')) return 'debug'
  if (asked(args, '--quiet', '-q')) return 'error'
  return levels.find((level) => level === env['LOG_LEVEL']) ?? 'info' // readConfig complains about others
}

function asked(args: readonly string[], ...names: string[]): boolean {
  return args.some((arg) => names.includes(arg))
}
