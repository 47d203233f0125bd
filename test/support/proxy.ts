// Between a program and PostgreSQL: numbers the program's statements, and lets somebody strike at one of them.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** How much of the statement PostgreSQL gets to see. */
export type When = 'before' | 'torn' | 'after'

/**
 * What becomes of the connections: nothing is forwarded any more; this one is cut; this one is cut, and PostgreSQL does not
 * notice; all go on, with the statement.
 */
export type Aftermath = 'over' | 'cut' | 'half-open' | 'on'

export interface Strike {
  /** Its number, or how it is recognised as the last one of those so far. */
  statement: number | ((statements: readonly string[]) => boolean)
  when: When
  strike: () => void
  aftermath?: Aftermath
}

export interface Proxy {
  /** DATABASE_URL for the program. */
  url: string
  /** The SQL of every statement so far, in the order in which they were sent. */
  statements: string[]
  close(): Promise<void>
}

interface Pair {
  client: Socket
  server: Socket
  /** The server's side stays open when the client's is gone. */
  isKept: boolean
}

/** What ends a statement: a simple query, or the Sync after Bind and Execute. */
const ENDS = new Set(['Q', 'S'])
/** What is passed on at once: the start of a connection, its end, and a Flush, which only asks what a query takes. */
const APART = new Set(['', 'p', 'X', 'H'])

/** Forwards all there is, until it strikes; PostgreSQL still reads what it was sent before. */
export async function startProxy(databaseUrl: string, struck?: Strike): Promise<Proxy> {
  const target = new URL(databaseUrl)
  const statements: string[] = []
  const pairs: Pair[] = []
  let hasStruck = false
  let isOver = false

  const forward = (pair: Pair, step: Buffer, sql: string) => {
    statements.push(sql)
    if (hasStruck || !struck || !isStruck(struck, statements)) {
      pair.server.write(step)
      return
    }
    hasStruck = true
    const { when, strike, aftermath = 'over' } = struck
    isOver = aftermath === 'over'
    if (when === 'after' || aftermath === 'on') pair.server.write(step)
    else if (when === 'torn') pair.server.write(step.subarray(0, Math.ceil(step.length / 2)))
    strike()
    if (aftermath === 'on') return
    pair.isKept = aftermath === 'half-open'
    for (const { client, server, isKept } of isOver ? pairs : [pair]) {
      client.destroy()
      if (!isKept) server.end()
    }
  }

  const listener = createServer((client) => {
    const server = connect(Number(target.port) || 5432, target.hostname)
    const pair: Pair = { client, server, isKept: false }
    pairs.push(pair)
    server.on('data', (chunk) => void (isOver || client.write(chunk)))
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {})
      one.on('close', () => void (pair.isKept || other.end()))
    }
    const sqlOf = createNames()
    let held: Buffer = Buffer.alloc(0)
    let sql = ''
    const read = createReader((type, message) => {
      if (isOver) return
      sql = sqlOf(type, message) ?? sql
      held = Buffer.concat([held, message])
      if (ENDS.has(type)) forward(pair, held, sql)
      else if (APART.has(type)) server.write(held)
      else return
      held = Buffer.alloc(0)
    })
    client.on('data', read)
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((listener.address() as AddressInfo).port)
  url.searchParams.set('sslmode', 'disable')
  return {
    url: url.href,
    statements,
    close: async () => {
      for (const { client, server } of pairs) for (const socket of [client, server]) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}

function isStruck({ statement }: Strike, statements: readonly string[]): boolean {
  return typeof statement === 'number' ? statements.length === statement : statement(statements)
}

/** Cuts a connection's bytes into messages, each with its type: none for the first, if that is the program's. */
export function createReader(
  on: (type: string, message: Buffer) => void,
  from: 'program' | 'server' = 'program',
): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let typed = from === 'server' ? 1 : 0
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= typed + 4 && rest.length >= typed + rest.readUInt32BE(typed)) {
      const length = typed + rest.readUInt32BE(typed)
      const message = rest.subarray(0, length)
      rest = rest.subarray(length)
      on(typed ? String.fromCharCode(message[0] ?? 0) : '', message)
      typed = 1
    }
  }
}

/** The SQL that a message speaks of: a simple query's own, or that of the prepared one which is made or used. */
export function createNames(): (type: string, message: Buffer) => string | undefined {
  const prepared = new Map<string, string>()
  return (type, message) => {
    const [first = '', second = ''] = message.subarray(5).toString('utf8').split('\0', 2)
    if (type === 'Q') return first
    if (type === 'P') prepared.set(first, second)
    return type === 'P' || type === 'B' ? prepared.get(type === 'P' ? first : second) : undefined
  }
}
