import type { Writable } from 'node:stream'
import type { Log, LogEvent } from '../log.ts'
import type { Output } from '../world.ts'

export interface Spinner {
  say(text: string): void
  stop(): void
  /** A log whose lines do not end up in the spinner's. */
  below(log: Log): Log
}

const still: Spinner = { say: () => {}, stop: () => {}, below: (log) => log }

/** Only on a terminal; ora is not even loaded without one. */
export async function createSpinner(output: Output, quiet: boolean): Promise<Spinner> {
  if (!output.isTTY || quiet) return still
  const { default: ora } = await import('ora')
  // It neither owns the keyboard nor the signals: Ctrl-C must end the run in good order.
  const spinner = ora({ stream: output as unknown as Writable, discardStdin: false }).start()
  const cleared =
    (event: LogEvent): LogEvent =>
    (message, fields) => {
      spinner.clear()
      event(message, fields)
    }
  return {
    say: (text) => {
      spinner.text = text
    },
    stop: () => {
      spinner.stop()
    },
    below: ({ debug, info, warn, error }) => {
      return { debug: cleared(debug), info: cleared(info), warn: cleared(warn), error: cleared(error) }
    },
  }
}
