import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { Interruption } from '../errors.ts'
import type { Terminal, World } from '../world.ts'
import { widthOf } from './style.ts'
import { wrapLines } from './wrap.ts'

/** What else may be wished of a question. */
interface Asking {
  accept?: (line: string) => boolean
  /** The keyboard was closed (Ctrl-D): no line will come any more. */
  closed?: () => void
}

/**
 * The first line typed or pasted at a prompt that is accepted; the others are asked for again. When the signal ends the
 * question, or the keyboard is closed, it stays unanswered for good.
 */
export function ask(
  { stdin, stderr }: Terminal,
  question: string,
  done: AbortSignal,
  { accept = (line) => line.trim() !== '', closed = () => {} }: Asking = {},
): Promise<string> {
  const prompt = createInterface({ input: stdin, output: stderr as unknown as Writable, terminal: false })
  if (done.aborted) prompt.close()
  else done.addEventListener('abort', () => prompt.close(), { once: true })
  const put = () => stderr.write(wrapLines(question, widthOf(stderr)))
  put()
  return new Promise((resolve) => {
    let answered = false
    prompt.on('line', (line) => {
      if (line.trim() && accept(line)) {
        answered = true
        resolve(line)
      } else put()
    })
    prompt.on('close', () => {
      if (!answered && !done.aborted) closed()
    })
  })
}

/** One line, and the keyboard is free again; undefined when it was closed. A secret is not shown while it is typed. */
export async function askOnce(
  { terminal: { stdin, stderr }, interrupted }: Pick<World, 'terminal' | 'interrupted'>,
  question: string,
  { hidden = false } = {},
): Promise<string | undefined> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const output = hidden ? nowhere : (stderr as unknown as Writable)
  const prompt = createInterface({ input: stdin, output, terminal: hidden }) // its own echo goes nowhere
  stderr.write(wrapLines(question, widthOf(stderr)))
  try {
    const answer = await new Promise<string | undefined>((resolve, reject) => {
      const interrupt = () => reject(new Interruption('interrupted'))
      prompt.once('line', (line) => resolve(line.trim()))
      prompt.once('close', () => resolve(undefined))
      prompt.once('SIGINT', interrupt) // with the echo off it comes as a key
      interrupted.addEventListener('abort', interrupt, { once: true })
    })
    if (answer === undefined && !hidden) stderr.write('\n') // nobody has typed one
    return answer
  } finally {
    prompt.close()
    if (hidden) stderr.write('\n')
  }
}
