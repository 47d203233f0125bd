import { failure, WhoopsterError, type Failure } from './errors.ts'
import { body, resources } from './resources/index.ts'
import type { TypeName } from './resources/names.ts'
import type { Whoop } from './whoop/client.ts'

export interface Refused {
  type: TypeName
  error: Failure
}

/** One request for each type that was granted: what WHOOP does not give is seen now, and not in the next sync. */
export async function probe(whoop: Whoop, scopes: readonly string[]): Promise<Refused[]> {
  const refused: Refused[] = []
  for (const { name, path, scope } of [...resources, body]) {
    if (!scopes.includes(scope)) continue
    try {
      await whoop.get(path, scope, name === 'body' ? {} : { limit: '1' })
    } catch (error) {
      if (!(error instanceof WhoopsterError)) throw error
      refused.push({ type: name, error: failure(error) })
      if (error.reason === 'unavailable' || error.reason === 'later') break // the others would only wait for the same
    }
  }
  return refused
}
