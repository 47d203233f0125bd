import { Chalk, type ChalkInstance } from 'chalk'
import type { Env, Output } from '../world.ts'

/** Somebody is looking, with a terminal that can move its cursor. CI may have one, and nobody looks. */
export function isLive(output: Output, env: Env): boolean {
  return output.isTTY === true && !env['CI'] && env['TERM'] !== 'dumb'
}

/** Colours where they can be seen and are wanted: https://no-color.org */
export function styleFor(output: Output, env: Env): ChalkInstance {
  const wanted = isLive(output, env) && !env['NO_COLOR']
  return new Chalk({ level: wanted ? (env['COLORTERM'] ? 3 : 2) : 0 })
}

const DEFAULT_COLUMNS = 80

export function widthOf(output: Output): number {
  return output.columns || DEFAULT_COLUMNS // some containers' terminals say 0
}
