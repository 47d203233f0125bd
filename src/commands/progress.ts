import type { TypeName } from '../resources/names.ts'
import { createProgress, type ListProgress } from '../terminal/progress.ts'
import { createSpinner } from '../terminal/spinner.ts'
import { widthOf } from '../terminal/style.ts'
import type { Cli } from './cli.ts'
import type { Opened } from './open.ts'

export interface RunProgress extends Pick<ListProgress, 'report' | 'waiting' | 'kept'>, Pick<Cli, 'log'> {
  /** The world's, with an ear to what WHOOP says. */
  fetch: Opened['world']['fetch']
  stop: () => void
}

/** How far a command is that reads WHOOP's lists, while it lasts; its log is written above that. */
export async function openProgress(
  cli: Cli,
  { config, world }: Pick<Opened, 'config' | 'world'>,
  what: { since: string | undefined; types: readonly TypeName[]; doing: string },
): Promise<RunProgress> {
  const { stderr } = world.terminal
  const spinner = await createSpinner(stderr, world.env, cli.quiet)
  const wanted = { ...what, perMinute: config.MAX_REQUESTS_PER_MINUTE, width: () => widthOf(stderr) }
  const progress = createProgress(world.clock, wanted, (draw) => spinner.say(draw))
  return {
    ...progress,
    fetch: progress.overhearing(world.fetch),
    log: spinner.below(cli.log),
    stop: () => spinner.stop(),
  }
}
