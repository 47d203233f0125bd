import type { Writable } from 'node:stream'
import type { Output } from '../world.ts'

export interface Spinner {
  say(text: string): void
  stop(): void
}

const still: Spinner = { say: () => {}, stop: () => {} }

/** Only on a terminal; ora is not even loaded without one. */
export async function createSpinner(output: Output, quiet: boolean): Promise<Spinner> {
  if (!output.isTTY || quiet) return still
  const { default: ora } = await import('ora')
  // It neither owns the keyboard nor the signals: Ctrl-C must end the run in good order.
  const spinner = ora({ stream: output as unknown as Writable, discardStdin: false }).start()
  return {
    say: (text) => {
      spinner.text = text
    },
    stop: () => {
      spinner.stop()
    },
  }
}
