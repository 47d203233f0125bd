// Chromium without a window, by its own protocol over a pipe: https://chromedevtools.github.io/devtools-protocol/.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { surroundings } from './surroundings.ts'

/** Debian's, or the one that CHROMIUM names; undefined: there is none here. */
export const chromium = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path))

type Result = Record<string, unknown>
interface Message {
  id?: number
  sessionId?: string
  method?: string
  params?: Result
  result?: Result
  error?: { message: string }
}

export interface Page {
  send(method: string, params?: Result): Promise<Result>
  /** What JavaScript of the test's own says in the page; a promise is waited for. */
  evaluate<T>(expression: string): Promise<T>
  /** Opens an address and waits until it has loaded. */
  open(url: string): Promise<void>
  resize(width: number, height: number): Promise<void>
  scheme(scheme: 'dark' | 'light'): Promise<void>
  /** As much of it as is so high. */
  png(height?: number): Promise<Buffer>
  pdf(): Promise<Buffer>
  /** Addresses that were asked for, and whatever was complained of, since the page was made. */
  requests: string[]
  complaints: string[]
}

export interface Browser {
  newPage(): Promise<Page>
  close(): Promise<void>
}

export async function startBrowser(program: string): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'whoopster-chromium-'))
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars']
  const args = [...flags, `--user-data-dir=${profile}`, '--no-first-run', '--remote-debugging-pipe', 'about:blank']
  const child = spawn(program, args, {
    env: { ...surroundings, HOME: profile },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  })
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable]
  const waiting = new Map<number, { resolve: (result: Result) => void; reject: (error: Error) => void }>()
  const listeners = new Set<(message: Message) => void>()
  let count = 0
  let rest = ''
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const messages = (rest + chunk).split('\0')
    rest = messages.pop() ?? ''
    for (const text of messages) {
      const message = JSON.parse(text) as Message
      const asked = message.id === undefined ? undefined : waiting.get(message.id)
      if (!asked) for (const listener of listeners) listener(message)
      else if (message.error) asked.reject(new Error(message.error.message))
      else asked.resolve(message.result ?? {})
    }
  })
  child.once('exit', () => waiting.forEach(({ reject }) => reject(new Error('Chromium has ended'))))

  const send = (method: string, params: Result = {}, sessionId?: string) =>
    new Promise<Result>((resolve, reject) => {
      const id = ++count
      waiting.set(id, { resolve, reject })
      input.write(`${JSON.stringify({ id, method, params, ...(sessionId ? { sessionId } : {}) })}\0`)
    })

  const newPage = async (): Promise<Page> => {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = (await send('Target.attachToTarget', { targetId, flatten: true })) as { sessionId: string }
    const ask = (method: string, params?: Result) => send(method, params, sessionId)
    const [requests, complaints]: [string[], string[]] = [[], []]
    let loaded: (() => void) | undefined
    listeners.add((message) => {
      if (message.sessionId !== sessionId) return
      const { method, params = {} } = message
      if (method === 'Page.loadEventFired') loaded?.()
      if (method === 'Network.requestWillBeSent') requests.push((params['request'] as { url: string }).url)
      if (method === 'Log.entryAdded') complaints.push((params['entry'] as { text: string }).text)
      if (method === 'Runtime.exceptionThrown') complaints.push(JSON.stringify(params['exceptionDetails']))
      if (method === 'Runtime.consoleAPICalled') complaints.push(JSON.stringify(params['args']))
    })
    for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await ask(`${domain}.enable`)
    const evaluate = async <T>(expression: string) => {
      const { result, exceptionDetails } = await ask('Runtime.evaluate', {
        expression,
        awaitPromise: true,
        returnByValue: true,
      })
      if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails))
      return (result as { value: T }).value
    }
    return {
      send: ask,
      requests,
      complaints,
      evaluate,
      open: async (url) => {
        const done = new Promise<void>((resolve) => (loaded = resolve))
        await ask('Page.navigate', { url })
        await done
      },
      resize: async (width, height) => {
        await ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 })
      },
      scheme: async (value) => {
        await ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value }] })
      },
      png: async (height) => {
        const width = await evaluate<number>('innerWidth')
        const clip = height === undefined ? {} : { clip: { x: 0, y: 0, width, height, scale: 1 } }
        const { data } = await ask('Page.captureScreenshot', { captureBeyondViewport: true, ...clip })
        return Buffer.from(data as string, 'base64')
      },
      pdf: async () => {
        const { data } = await ask('Page.printToPDF', { printBackground: false, preferCSSPageSize: true })
        return Buffer.from(data as string, 'base64')
      },
    }
  }
  return {
    newPage,
    close: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL')
        await ended
      }
      await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
    },
  }
}
