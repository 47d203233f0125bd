import { ms, ratio, type Bench, type Figure } from '../figure.ts'
import { run, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'
import type { Stage } from '../stage.ts'
import { fillYears } from '../years.ts'

/** What it costs a member, and whoever looks after all of them, that many share the database. */
export async function crowd({ size, stages, node }: Bench): Promise<Figure[]> {
  const { members, days } = size.crowd
  return stages.with({ days }, (alone) =>
    stages.with({ days }, async (shared) => {
      await fillYears(shared.sql, size.crowd)
      const wall = await interleaved(size.rounds, {
        alone: () => quiet(node, alone),
        shared: () => quiet(node, shared),
        status: async () => (await run(node, whoopster('status'), shared.env)).ms,
      })
      return [
        ratio([wall.shared, wall.alone], ms, {
          name: `a quiet sync of one of ${members.toLocaleString('en')} members with ${days} days each ÷ of the only one`,
          goal: 1.1,
          bound: 'the levels of larger indexes; one run in a quarter of an hour counts all members',
        }),
        {
          name: '`whoopster status` there',
          goal: 1000,
          measured: wall.status,
          kind: 'ms',
          made: 'one line for each member and type',
          bound: '',
        },
      ]
    }),
  )
}

async function quiet(node: string, { env, sandbox }: Stage): Promise<number> {
  const [member] = sandbox.world.members()
  return (await run(node, whoopster(`sync --user ${member?.user_id}`), env)).ms
}
