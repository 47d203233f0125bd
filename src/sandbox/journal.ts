import { EPOCH_DAY } from './calendar.ts'
import type { Day } from './day.ts'
import type { Person } from './person.ts'
import { between, chance, pick, random, whole } from './random.ts'

// What members tell WHOOP of themselves in the morning. Some of it is why their night was as it was; the rest has nothing to
// do with anything, and comes in runs, as habits do. docs/journal.md has the list.

export const behaviours = [
  // with an effect: they follow from the life itself, see recover() in life.ts
  'alcohol',
  'sick',
  'jetLag',
  'training',
  // without any
  'caffeine',
  'magnesium',
  'reading',
  'lateMeal',
  'device',
  'sharedBed',
  'meditation',
  'vegetables',
] as const
export type Behaviour = (typeof behaviours)[number]

export interface Answer {
  behaviour: Behaviour
  yes: boolean
}

export interface JournalDay {
  answers: readonly Answer[]
  note: string | undefined // the same beside each answer of the day
}

interface Habit {
  often: number // how many of the days
  runs: number // its autocorrelation from one day to the next
}

const HABITS: Readonly<Partial<Record<Behaviour, Habit>>> = {
  caffeine: { often: 0.7, runs: 0.5 },
  magnesium: { often: 0.45, runs: 0.8 },
  reading: { often: 0.4, runs: 0.6 },
  lateMeal: { often: 0.25, runs: 0.3 },
  device: { often: 0.65, runs: 0.6 },
  sharedBed: { often: 0.5, runs: 0.7 },
  meditation: { often: 0.15, runs: 0.7 },
  vegetables: { often: 0.55, runs: 0.4 },
}

const NOTES = [
  'late dinner, "just one" dessert',
  'Felt rested.\nWoke up once, went back to sleep.',
  'long day, little water',
  'window open; 17 °C',
]

const [HABIT, ANSWERED, NOTE] = [24, 22, 23]
const HARD = 0.9 // load, a fairly hard day
const LONGEST_RUN = 400

// What is told of the time before the night with which `day` begins; undefined on mornings when nobody feels like it.
export function journalOf(person: Person, before: Day, day: Day): JournalDay | undefined {
  const luck = random(person.seed, person.index, ANSWERED, day.number)
  if (chance(luck, 0.08)) return undefined
  const note = random(person.seed, person.index, NOTE, day.number)
  return {
    answers: behaviours.map((behaviour) => ({ behaviour, yes: isYes(person, behaviour, before, day) })),
    note: chance(note, 0.06) ? pick(NOTES, whole(note, 0, NOTES.length - 1)) : undefined,
  }
}

function isYes(person: Person, behaviour: Behaviour, before: Day, day: Day): boolean {
  if (behaviour === 'alcohol') return day.drunk > 0
  if (behaviour === 'sick') return day.cold > 0
  if (behaviour === 'jetLag') return day.jetLag > 0
  if (behaviour === 'training') return loadOf(before) > HARD
  return keeps(person, behaviour, day.number)
}

function loadOf({ exercises, busyness }: Day): number {
  return exercises.reduce((sum, { load }) => sum + load, busyness)
}

// A habit is chosen anew now and then, and kept until then: that is what makes runs.
function keeps({ seed, index }: Person, behaviour: Behaviour, number: number): boolean {
  const { often, runs } = HABITS[behaviour] ?? { often: 0.5, runs: 0 }
  const own = behaviours.indexOf(behaviour)
  const share = often + between(random(seed, index, HABIT, own), -0.1, 0.1)
  let day = number
  while (day > EPOCH_DAY && day > number - LONGEST_RUN && chance(random(seed, index, HABIT, own, day), runs)) day--
  const luck = random(seed, index, HABIT, own, day)
  luck() // which has decided that this is the day
  return chance(luck, share)
}
