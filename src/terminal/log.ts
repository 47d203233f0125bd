import { levels, type Level, type Log } from '../log.ts'
import type { Clock, Output } from '../world.ts'
import { harmlessJson, harmlessLines } from './safe.ts'
import { lineWidthOf } from './style.ts'
import { wrapLines } from './wrap.ts'

/** For a person, sentences; for a program, one JSON object a line (`level`, `time`, `msg`, then fields). */
export const logFormats = ['text', 'json'] as const
export type LogFormat = (typeof logFormats)[number]

/** Where no format is asked for, it is a person who sits at a terminal. */
export function createLog(
  output: Output,
  clock: Pick<Clock, 'now'>,
  threshold: Level | 'silent',
  format: LogFormat = output.isTTY ? 'text' : 'json',
): Log {
  const lowest = threshold === 'silent' ? levels.length : levels.indexOf(threshold)
  const write = format === 'json' ? jsonLine : sentenceWithin(() => lineWidthOf(output))
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

const sentenceWithin =
  (width: () => number) =>
  (level: Level, _time: Date, message: string, fields: Record<string, unknown>): string => {
    const { hint, stack, ...rest } = fields
    const details = level === 'debug' && Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : ''
    const prefix = level === 'info' ? '' : `${level}: `
    const lines = [
      wrapLines(`${prefix}${message}${details}`, width()),
      ...(typeof stack === 'string' ? stack.split('\n').map((line) => `  ${line}`) : []),
      ...(typeof hint === 'string' ? [wrapLines(`  → ${hint}`, width())] : []),
      '',
    ]
    return harmlessLines(lines.join('\n'))
  }
