import type { Env, Output } from '../world.ts'

/** Somebody is looking, with a terminal that can move its cursor. CI may have one, and nobody looks. */
export function isLive(output: Output, env: Env): boolean {
  return output.isTTY === true && !env['CI'] && env['TERM'] !== 'dumb'
}

const asIs = (text: string) => text
export const plain = {
  bold: asIs,
  dim: asIs,
  red: asIs,
  green: asIs,
  yellow: asIs,
  blue: asIs,
  magenta: asIs,
  cyan: asIs,
}
export type Style = Readonly<typeof plain>

/** Colours where they can be seen and are wanted: https://no-color.org. Elsewhere, chalk is not even loaded. */
export async function styleFor(output: Output, env: Env): Promise<Style> {
  if (!isLive(output, env) || env['NO_COLOR']) return plain
  const { Chalk } = await import('chalk')
  return new Chalk({ level: 1 })
}

export const DEFAULT_COLUMNS = 80
const FEWEST_COLUMNS = 20 // in fewer, no word is left of what is cut to fit: the terminal may wrap it

export function widthOf(output: Output): number {
  return Math.max(FEWEST_COLUMNS, output.columns || DEFAULT_COLUMNS) // some containers' terminals say 0
}

/** How long a line of text may be: whoever reads a pipe or a file wants all of it in one. */
export function lineWidthOf(output: Output): number {
  return output.isTTY ? widthOf(output) : Infinity
}
