import { WhoopsterError } from '../errors.ts'
import { canAsk, type Cli } from './cli.ts'

/** Asks before what cannot be taken back; where nobody can answer, --yes has to have been given. */
export async function confirm(cli: Cli, what: string, yes: true | undefined): Promise<void> {
  if (yes) return
  if (!canAsk(cli.world)) {
    throw new WhoopsterError('usage', `${what} There is no terminal to ask at, and nothing was done.`, {
      hint: 'if it is meant, add: --yes',
    })
  }
  const { askOnce } = await import('../terminal/ask.ts')
  const answer = await askOnce(cli.world, `${what}\nType yes to go on: `)
  if (answer === undefined) cli.world.terminal.stderr.write('\n')
  if (answer?.toLowerCase() === 'yes' || answer?.toLowerCase() === 'y') return
  throw new WhoopsterError('usage', 'Nothing was done.')
}
