import { Chalk, type ChalkInstance } from 'chalk'
import type { Env, Output } from '../world.ts'

/** Colours where they can be seen and are wanted: https://no-color.org */
export function styleFor(output: Output, env: Env): ChalkInstance {
  const wanted = output.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  return new Chalk({ level: wanted ? (env['COLORTERM'] ? 3 : 2) : 0 })
}

const DEFAULT_COLUMNS = 80

export function widthOf(output: Output): number {
  return output.columns || DEFAULT_COLUMNS // some containers' terminals say 0
}
