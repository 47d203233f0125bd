import { ms, ratio, type Bench, type Figure } from '../figure.ts'
import { run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'

/** What every command pays before it does anything. */
export async function start({ size, node }: Bench): Promise<Figure[]> {
  const { nothing, version } = await interleaved(size.rounds, {
    nothing: async () => (await run(node, ['-e', '0'])).ms,
    version: async () => (await run(node, whoopster('--version'))).ms,
  })
  return [
    ratio([version, nothing], ms, {
      name: '`whoopster --version` ÷ `node -e 0`',
      goal: 1.5,
      bound: 'reading and running commander and the declaration of every command; the first write to stdout',
    }),
  ]
}
