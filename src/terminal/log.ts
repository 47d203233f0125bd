import { levels, type Level, type Log } from '../log.ts'
import type { Clock, Output } from '../world.ts'
import { harmlessJson, harmlessLines } from './safe.ts'

/** For a person, sentences; without a terminal, one JSON object a line (`level`, `time`, `msg`, then fields). */
export function createLog(output: Output, clock: Clock, threshold: Level | 'silent'): Log {
  const lowest = threshold === 'silent' ? levels.length : levels.indexOf(threshold)
  const write = output.isTTY ? sentence : jsonLine
  const at =
    (level: Level) =>
    (message: string, fields: Record<string, unknown> = {}) => {
      if (levels.indexOf(level) >= lowest) output.write(write(level, clock.now(), message, fields))
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function jsonLine(level: Level, time: Date, msg: string, fields: Record<string, unknown>): string {
  const own = { level, time: time.toISOString(), msg }
  return `${harmlessJson(JSON.stringify({ ...own, ...fields, ...own }))}\n` // first in the line, and last in saying what they are
}

function sentence(level: Level, _time: Date, message: string, fields: Record<string, unknown>): string {
  const { hint, stack, ...rest } = fields
  const details = level === 'debug' && Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : ''
  const prefix = level === 'info' ? '' : `${level}: `
  const below = [
    ...(typeof stack === 'string' ? stack.split('\n').map((line) => `  ${line}`) : []),
    ...(typeof hint === 'string' ? [`  → ${hint}`] : []),
  ]
  return harmlessLines([`${prefix}${message}${details}`, ...below, ''].join('\n'))
}
