import { createInterface } from 'node:readline/promises'
import type { Writable } from 'node:stream'
import type { Terminal } from '../world.ts'

/**
 * The first line typed or pasted at a prompt that is accepted; the others are asked for again. When the signal ends the
 * question, or the keyboard is closed, it stays unanswered for good.
 */
export function ask(
  { stdin, stderr }: Terminal,
  question: string,
  done: AbortSignal,
  accept: (line: string) => boolean = (line) => line.trim() !== '',
): Promise<string> {
  const prompt = createInterface({ input: stdin, output: stderr as unknown as Writable, terminal: false })
  if (done.aborted) prompt.close()
  else done.addEventListener('abort', () => prompt.close(), { once: true })
  stderr.write(question)
  return new Promise((resolve) => {
    prompt.on('line', (line) => {
      if (line.trim() && accept(line)) resolve(line)
      else stderr.write(question)
    })
  })
}
