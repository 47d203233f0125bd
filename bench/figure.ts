import type { Stages } from './stage.ts'

/** One line of the table. Everything is better when it is smaller. */
export interface Figure {
  name: string
  goal: number
  measured: number
  /** How it is written: a ratio has decimals, the others have none. */
  kind: 'ratio' | 'count' | 'ms'
  /** What the ratio was made of, or what was counted. */
  made: string
  /** Why it cannot be much smaller, or what it waits for. */
  bound: string
}

/** A ratio of two measurements of one run, in their unit. */
export function ratio(
  [over, under]: readonly [number, number],
  unit: (value: number) => string,
  figure: Pick<Figure, 'name' | 'goal' | 'bound'>,
): Figure {
  return { ...figure, kind: 'ratio', measured: over / under, made: `${unit(over)} ÷ ${unit(under)}` }
}

/** How long and how often: a smoke test takes the small size. */
export interface Size {
  rounds: number
  /** Of what takes seconds. */
  longRounds: number
  monthDays: number
  yearsDays: number
  decadeDays: number
  /** How much faster than the world's the clock goes where waiting is measured. */
  hurry: number
  delayMs: number
  /** How long a program has to be silent to have nothing more to ask. */
  silenceMs: number
  /** The members who share a database, each with so many days. */
  crowd: { members: number; days: number }
  /** So many processes that share so many members; and how many an app has that asks for its whole day. */
  processes: { processes: number; members: number; rounds: number; delayMs: number; crowds: readonly number[] }
  /** Few and many members of so many days, and one who has stored much more. */
  scale: { few: number; many: number; days: number; decade: number }
}

export const sizes = {
  full: {
    rounds: 15,
    longRounds: 3,
    monthDays: 30,
    yearsDays: 1826,
    decadeDays: 3652,
    hurry: 4,
    delayMs: 50,
    silenceMs: 1000,
    crowd: { members: 1000, days: 1096 },
    processes: { processes: 8, members: 240, rounds: 2, delayMs: 150, crowds: [1000, 2000, 20_000] },
    scale: { few: 100, many: 2000, days: 30, decade: 3652 },
  },
  smoke: {
    rounds: 1,
    longRounds: 1,
    monthDays: 8,
    yearsDays: 60,
    decadeDays: 60,
    hurry: 600,
    delayMs: 2,
    silenceMs: 100,
    crowd: { members: 2, days: 8 },
    processes: { processes: 2, members: 4, rounds: 1, delayMs: 2, crowds: [100] },
    scale: { few: 2, many: 3, days: 8, decade: 20 },
  },
} as const satisfies Record<string, Size>

export interface Bench {
  size: Size
  stages: Stages
  /** Which Node runs what is measured. */
  node: string
  /** Where bench's own programs are, compiled. */
  programs: string
}

export function ms(value: number): string {
  return value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

export function mib(value: number): string {
  return `${value.toFixed(1)} MiB`
}
