import type { Log, LogEvent } from '../log.ts'
import type { Env, Output } from '../world.ts'
import { isLive, widthOf } from './style.ts'
import { fit } from './table.ts'

export interface Spinner {
  /** What is being done, on a line or several. */
  say(text: string): void
  stop(): void
  /** A log whose lines do not end up in the spinner's. */
  below(log: Log): Log
}

const still: Spinner = { say: () => {}, stop: () => {}, below: (log) => log }

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 100
const ESC = '\u001B['

/** Where a frame is drawn by one write over the last one, nothing flickers; the cursor waits below it, and is never hidden. */
export function createSpinner(output: Output, env: Env, quiet: boolean): Spinner {
  if (!isLive(output, env) || quiet) return still
  let lines: string[] = []
  let drawn = 0
  let frame = 0
  const up = () => (drawn > 0 ? `${ESC}${drawn}A` : '')
  const clear = () => {
    if (drawn > 0) output.write(`${up()}\r${ESC}J`)
    drawn = 0
  }
  const draw = () => {
    const width = widthOf(output) - 1 // a terminal may wrap a line that is just full
    const spun = lines.map((line) => fit(line.replace(SPOT, FRAMES[frame % FRAMES.length] ?? ''), width))
    output.write(`${up()}\r${spun.map((line) => `${line}${ESC}K\n`).join('')}${ESC}J`)
    drawn = spun.length
    frame++
  }
  const timer = setInterval(() => lines.length > 0 && draw(), FRAME_MS)
  timer.unref()
  const cleared =
    (event: LogEvent): LogEvent =>
    (message, fields) => {
      clear()
      event(message, fields)
    }
  return {
    say: (text) => {
      const isFirst = lines.length === 0
      lines = text.split('\n')
      if (isFirst) draw()
    },
    stop: () => {
      clearInterval(timer)
      clear()
    },
    below: ({ debug, info, warn, error }) => {
      return { debug: cleared(debug), info: cleared(info), warn: cleared(warn), error: cleared(error) }
    },
  }
}

/** Where in a spinner's text the turning wheel goes. */
export const SPOT = '⟳'
