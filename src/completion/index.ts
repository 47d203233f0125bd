import type { Command } from '@commander-js/extra-typings'
import { bash } from './bash.ts'
import { fish } from './fish.ts'
import type { Shell } from './shells.ts'
import { zsh } from './zsh.ts'

/** What may be typed at one place of the command line. */
export interface Place {
  /** The commands down to here: `whoopster auth url`. */
  path: string
  commands: { name: string; summary: string }[]
  options: Flag[]
  argument: Value | undefined
}

export interface Flag {
  short: string | undefined
  long: string
  summary: string
  /** Undefined: it takes none. */
  value: Value | undefined
}

export interface Value {
  /** What help calls it. */
  name: string
  names: readonly string[]
  /** `sleep,recovery` */
  isList: boolean
  isPath: boolean
}

const scripts: Readonly<Record<Shell, (places: readonly Place[]) => string>> = { bash, zsh, fish }

/** What a shell has to know to complete command lines, as the program itself has declared them. */
export function completionFor(shell: Shell, program: Command): string {
  return scripts[shell](placesOf(program, program.name()))
}

function placesOf(command: Command, path: string): Place[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command).filter((child) => child.name() !== 'help')
  const place = {
    path,
    commands: commands.map((child) => ({ name: child.name(), summary: help.subcommandDescription(child) })),
    options: help.visibleOptions(command).map((option) => ({
      short: option.short,
      long: option.long ?? '',
      summary: option.description,
      value:
        option.required || option.optional ? valueOf(option.attributeName(), option.flags, option.parseArg) : undefined,
    })),
    argument: command.registeredArguments.map((one) => valueOf(one.name(), `<${one.name()}>`, one.parseArg))[0],
  }
  return [place, ...commands.flatMap((child) => placesOf(child as Command, `${path} ${child.name()}`))]
}

const PATHS = /<(file|folder)/

/** Readers of a few names bear them. */
function valueOf(name: string, flags: string, reader: unknown): Value {
  const { names = [], isList = false } = (reader ?? {}) as Partial<Pick<Value, 'names' | 'isList'>>
  return { name, names, isList, isPath: PATHS.test(flags) }
}
