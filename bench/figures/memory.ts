import { mib, ratio, type Bench, type Figure } from '../figure.ts'
import { peakOf, whoopster } from '../program.ts'
import { interleaved } from '../rounds.ts'

/** A first sync of ten years must not need more memory than one of a month. */
export async function memory({ size, stages, node }: Bench): Promise<Figure[]> {
  return stages.with({ days: size.decadeDays }, (old) =>
    stages.with({ days: size.monthDays }, async (young) => {
      const peak = await interleaved(
        size.longRounds,
        {
          month: async () => {
            await young.empty()
            return peakOf(node, whoopster('sync'), young.env)
          },
          decade: async () => {
            await old.empty()
            return peakOf(node, whoopster('sync'), old.env)
          },
        },
        { warm: false },
      )
      return [
        ratio([peak.decade, peak.month], mib, {
          name: 'peak memory of a first sync, ten years ÷ one month',
          goal: 1.15,
          bound:
            'no page is kept; but V8 collects the old generation no sooner than 8 MiB after the last time, and a month ends before',
        }),
      ]
    }),
  )
}
