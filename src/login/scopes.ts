import type { WhoopConfig } from '../config.ts'
import { failure, WhoopsterError, type Failure } from '../errors.ts'
import type { Log } from '../log.ts'
import { body, resources } from '../resources/index.ts'
import type { TypeName } from '../resources/names.ts'
import { staticToken, createWhoop, type Whoop } from '../whoop/client.ts'
import { createRateLimiter } from '../whoop/limiter.ts'
import type { World } from '../world.ts'

/** A client for one access token, which nobody renews. */
export function clientWith(
  access: string,
  { world, log, config }: { world: Pick<World, 'fetch' | 'clock' | 'interrupted'>; log: Log; config: WhoopConfig },
): Whoop {
  return createWhoop({
    ...world,
    log,
    baseUrl: config.WHOOP_API_BASE_URL,
    limiter: createRateLimiter(world.clock, config.MAX_REQUESTS_PER_MINUTE),
    tokens: staticToken(access),
  })
}

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
      await whoop.find(path, scope, name === 'body' ? {} : { limit: '1' })
    } catch (error) {
      if (!(error instanceof WhoopsterError)) throw error
      refused.push({ type: name, error: failure(error) })
      if (error.reason === 'unavailable' || error.reason === 'later') break // the others would only wait for the same
    }
  }
  return refused
}
