import type { Command } from '@commander-js/extra-typings'
import type { Log } from '../log.ts'
import { harmlessJson, harmlessLines } from '../terminal/safe.ts'
import { lineWidthOf } from '../terminal/style.ts'
import { wrapLines } from '../terminal/wrap.ts'
import type { World } from '../world.ts'

/** What every command gets: the world, where to say things, and how to end otherwise than with 0. */
export interface Cli {
  world: World
  log: Log
  quiet: boolean
  /** Runs another command line, in a world of its own. */
  run(args: readonly string[], world: World): Promise<number>
  exit(code: number): void
}

/** Nothing is asked where nobody can answer. */
export function canAsk({ terminal, env }: World): boolean {
  return terminal.stdin.isTTY === true && terminal.stderr.isTTY === true && !env['CI']
}

/** Commander speaks of too many arguments where a command with sub-commands has an action of its own, too. */
export function refuseCommand(command: unknown): never {
  return (command as { unknownCommand: () => never }).unknownCommand() // is not in its types; a test holds it to its word
}

export type AddCommand = (program: Command, cli: Cli) => void

export function print({ world: { terminal } }: Cli, text: string): void {
  terminal.stdout.write(`${wrapLines(harmlessLines(text), lineWidthOf(terminal.stdout))}\n`)
}

/** For who sits at the terminal, beside the log. */
export function tell({ terminal }: Pick<World, 'terminal'>, text: string): void {
  terminal.stderr.write(wrapLines(harmlessLines(text), lineWidthOf(terminal.stderr)))
}

/** `{ …, "name": [ … ] }` as printJson would print it, an item at a time, not faster than they can be taken. */
export async function printJsonList(
  { world }: Cli,
  name: string,
  work: (add: (item: unknown) => Promise<void>) => Promise<void>,
  head: object = {},
): Promise<void> {
  const { toOutput } = await import('../files.ts')
  const sink = toOutput(world.terminal.stdout, world.interrupted)
  const first = Object.keys(head).length === 0 ? '{' : `${indented(head).slice(0, -'\n}'.length)},`
  let before = `${first}\n  ${JSON.stringify(name)}: [`
  await work(async (item) => {
    await sink.write(`${before}\n    ${indented(item).replaceAll('\n', '\n    ')}`)
    before = ','
  })
  await sink.write(before === ',' ? '\n  ]\n}\n' : `${before}]\n}\n`)
}

function indented(value: unknown): string {
  return harmlessJson(JSON.stringify(value, null, 2))
}

export function printJson({ world }: Cli, value: unknown): void {
  world.terminal.stdout.write(`${indented(value)}\n`)
}
