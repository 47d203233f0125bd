import type { WriteStream } from 'node:tty'
import type { Log, LogEvent } from '../log.ts'
import type { Env, Output } from '../world.ts'
import { isLive } from './style.ts'

export interface Spinner {
  /** What is being done, on a line or several; not even asked for where nobody looks. */
  say(draw: () => string): void
  stop(): void
  /** A log whose lines do not end up in the spinner's. */
  below(log: Log): Log
}

const still: Spinner = { say: () => {}, stop: () => {}, below: (log) => log }

/** Only where somebody is looking; ora is not even loaded elsewhere. */
export async function createSpinner(output: Output, env: Env, quiet: boolean): Promise<Spinner> {
  if (!isLive(output, env) || !isScreen(output) || quiet) return still
  const { default: ora } = await import('ora')
  // It neither owns the keyboard nor the signals: Ctrl-C must end the run in good order.
  const spinner = ora({ stream: output, isEnabled: true, discardStdin: false, hideCursor: false, color: false })
  const cleared =
    (event: LogEvent): LogEvent =>
    (message, fields) => {
      spinner.clear()
      event(message, fields)
    }
  let isOver = false
  const stop = () => {
    isOver = true
    output.off('resize', stopWithoutWidth)
    spinner.stop()
  }
  const stopWithoutWidth = () => {
    if (output.columns === 0) stop()
  }
  output.on('resize', stopWithoutWidth)
  return {
    say: (draw) => {
      if (isOver) return // its timer would keep the process alive
      spinner.text = draw()
      if (!spinner.isSpinning) spinner.start()
    },
    stop,
    below: ({ debug, info, warn, error }) => {
      return { debug: cleared(debug), info: cleared(info), warn: cleared(warn), error: cleared(error) }
    },
  }
}

/** Can be drawn on, and not only written to. Some terminals are 0 columns wide, and ora divides by that. */
function isScreen(output: Output): output is Output & WriteStream {
  return 'cursorTo' in output && output.columns !== 0
}
