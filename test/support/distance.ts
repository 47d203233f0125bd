// Between a program and a PostgreSQL that is far away: counts the round trips that follow one another, or takes as long.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { createNames, createReader } from './proxy.ts'

export interface Distance {
  /** DATABASE_URL for the program. */
  url: string
  /**
   * The round trips in sequence, each with the statements that were sent without waiting for one of its answers: what the
   * program asks once it has heard the answers to one of them is the next. Those of a session's start have no statements.
   */
  trips: string[][]
  close(): Promise<void>
}

/** Each answer takes so many milliseconds longer. */
export function startDelayed(databaseUrl: string, roundTripMs: number): Promise<Distance> {
  const half = roundTripMs / 2
  const later = (work: () => void) => void setTimeout(work, half)
  let hasAnswered = true
  return start(databaseUrl, (trips) => ({
    asked: (sql, send) => {
      if (hasAnswered) trips.push([])
      hasAnswered = false
      if (sql !== undefined) trips.at(-1)?.push(sql)
      later(send)
    },
    answered: (deliver) =>
      later(() => {
        hasAnswered = true
        deliver()
      }),
  }))
}

/**
 * As far away as can be: an answer arrives when the program has nothing more to ask without it, which is when everything has
 * been answered and it has been silent for a while. So nobody's speed has a part in the count.
 */
export function startInStep(databaseUrl: string, silenceMs = 150): Promise<Distance> {
  const answers: (() => void)[] = []
  let isNew = true
  let unanswered = 0
  let silence: NodeJS.Timeout | undefined
  const deliver = () => {
    if (unanswered > 0) return wait()
    silence = undefined
    isNew ||= answers.length > 0
    for (const answer of answers.splice(0)) answer()
  }
  const wait = () => {
    clearTimeout(silence)
    silence = setTimeout(deliver, silenceMs)
  }
  return start(databaseUrl, (trips) => ({
    asked: (sql, send) => {
      if (isNew) trips.push([])
      isNew = false
      if (sql !== undefined) {
        unanswered++
        trips.at(-1)?.push(sql)
      }
      send()
      wait()
    },
    answered: (answer, isReady) => {
      if (isReady && unanswered > 0) unanswered--
      answers.push(answer)
      if (!silence) wait()
    },
    ended: () => (unanswered = 0),
  }))
}

const READY = 'Z'

interface Road {
  /** Something was asked; `sql` is that of a statement. */
  asked(sql: string | undefined, send: () => void): void
  /** Whether it ends what a statement is answered with. */
  answered(deliver: () => void, isReady: boolean): void
  /** A connection has been closed. */
  ended?(): void
}

async function start(databaseUrl: string, roadOf: (trips: string[][]) => Road): Promise<Distance> {
  const target = new URL(databaseUrl)
  const trips: string[][] = []
  const road = roadOf(trips)
  const sockets: Socket[] = []
  const listener = createServer({ noDelay: true }, (client) => {
    const server = connect({ port: Number(target.port) || 5432, host: target.hostname, noDelay: true })
    sockets.push(client, server)
    const sqlOf = createNames()
    let sql: string | undefined
    client.on(
      'data',
      createReader((type, message) => {
        sql = sqlOf(type, message) ?? sql
        const isStatement = type === 'Q' || type === 'S'
        const send = () => void (server.writable && server.write(message))
        if (type === 'X') send()
        else road.asked(isStatement ? sql : undefined, send)
      }),
    )
    const deliver = (message: Buffer) => () => void (client.writable && client.write(message))
    server.on(
      'data',
      createReader((type, message) => road.answered(deliver(message), type === READY), 'server'),
    )
    client.on('error', () => {}).on('close', () => server.destroy())
    server
      .on('error', () => {})
      .on('close', () => {
        road.ended?.()
        road.answered(() => client.destroy(), false)
      })
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((listener.address() as AddressInfo).port)
  url.searchParams.set('sslmode', 'disable')
  return {
    url: url.href,
    trips,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
