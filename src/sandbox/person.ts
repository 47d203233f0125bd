import { between, chance, clamp, normal, pick, random, whole, type Random } from './random.ts'
import type { Zone } from './calendar.ts'
import { SPORTS, type Session, type Sport } from './sports.ts'

export interface Person {
  seed: number
  index: number
  id: number
  firstName: string
  lastName: string
  email: string
  zone: Zone
  height: number // m
  weight: number // kg
  maxHeartRate: number
  restingHeartRate: number
  hrv: number // ms
  respiratoryRate: number
  skinTemperature: number // °C
  sleepNeed: number // hours
  efficiency: number // share of the time in bed that is slept
  alarm: number // minutes after midnight
  drinks: number // probability of a bad Saturday night
  restless: number // how busy the days are apart from sport
  oldStrap: boolean // measures neither oxygen nor skin temperature
  week: (Session | undefined)[] // Sunday first
  extras: { session: Session; probability: number }[]
}

const FIRST_MEMBER = 10_001

const ZONES: Zone[] = [
  { offset: 60, summer: 'eu' },
  { offset: 330, summer: 'none' },
  { offset: -300, summer: 'us' },
  { offset: 0, summer: 'eu' },
  { offset: 540, summer: 'none' },
  { offset: -480, summer: 'us' },
]

const FIRST_NAMES =
  'Mara Arjun Joan Elif Tomas Noor Kenji Ines Owen Lucia Piotr Amara Sanne Rafael Hana Milo Greta Idris Yuki'.split(' ')
const LAST_NAMES =
  'Lindqvist Rao Whitfield Aydin Kral Haddad Mori Duarte Price Serra Nowak Obi Bakker Moreau Falk Okafor Ferri'.split(
    ' ',
  )

export function createPerson(seed: number, index: number): Person {
  const luck = random(seed, index, 77)
  const names = whole(random(seed, 76), 0, 999)
  const firstName = pick(FIRST_NAMES, names + index * 7)
  const lastName = pick(LAST_NAMES, names * 3 + index * 5)
  const id = FIRST_MEMBER + index
  return {
    seed,
    index,
    id,
    firstName,
    lastName,
    zone: pick(ZONES, index),
    email: `${firstName}.${lastName}.${id}@example.com`.toLowerCase(),
    ...body(luck),
    ...habits(luck),
    oldStrap: index % 5 === 3,
    ...pick(ARCHETYPES, index),
  }
}

function body(luck: Random) {
  const age = whole(luck, 22, 58)
  const fitness = normal(luck)
  const height = Math.round(between(luck, 1.56, 1.94) * 100) / 100
  return {
    height,
    weight: Math.round(between(luck, 20.5, 26.5) * height * height * 10) / 10,
    maxHeartRate: Math.round(208 - 0.7 * age + normal(luck) * 5),
    restingHeartRate: clamp(57 - fitness * 5 + normal(luck) * 3, 42, 72),
    hrv: clamp(112 - age * 1.35 + fitness * 14 + normal(luck) * 9, 26, 125),
    respiratoryRate: between(luck, 12.8, 17),
    skinTemperature: between(luck, 33.4, 34.9),
  }
}

function habits(luck: Random) {
  return {
    sleepNeed: between(luck, 7.3, 8.1),
    efficiency: between(luck, 0.9, 0.95),
    alarm: whole(luck, 350, 450),
    drinks: chance(luck, 0.25) ? 0.04 : between(luck, 0.15, 0.45),
    restless: between(luck, 0.26, 0.44),
  }
}

const go = (sport: Sport, minutes: number, hour: number, hard = 0): Session => ({ sport, minutes, at: hour * 60, hard })
const extra = (session: Session, probability: number) => ({ session, probability })

type Archetype = Pick<Person, 'week' | 'extras'>
const S = SPORTS
const rest = undefined

const ARCHETYPES: Archetype[] = [
  {
    week: [
      go(S.running, 95, 9.5),
      rest,
      go(S.running, 52, 18, 0.12),
      go(S.weightlifting, 50, 18.2),
      go(S.running, 44, 7.6),
      rest,
      go(S.cycling, 80, 10.5),
    ],
    extras: [
      extra(go(S.sauna, 18, 19.6), 0.12),
      extra(go(S.walking, 40, 12.6), 0.12),
      extra(go(S.activity, 35, 15), 0.05),
    ],
  },
  {
    week: [
      go(S.walking, 55, 8),
      go(S.weightlifting, 62, 18.4),
      go(S.badminton, 60, 18.6),
      go(S.weightlifting, 58, 18.4),
      rest,
      go(S.functional, 45, 18.2, 0.05),
      go(S.running, 38, 8.4),
    ],
    extras: [extra(go(S.meditation, 15, 13), 0.14), extra(go(S.tableTennis, 40, 17), 0.06)],
  },
  {
    week: [
      go(S.cycling, 165, 9.6),
      rest,
      go(S.cycling, 70, 17.8, 0.1),
      go(S.pilates, 45, 18.3),
      go(S.cycling, 62, 17.8, 0.16),
      rest,
      go(S.mountainBiking, 105, 10.5),
    ],
    extras: [extra(go(S.hiking, 120, 14.5), 0.05), extra(go(S.sauna, 20, 19.5), 0.1)],
  },
  {
    week: [
      go(S.tennis, 85, 10.5),
      go(S.swimming, 42, 7.5),
      rest,
      go(S.tennis, 75, 18.3),
      go(S.swimming, 40, 7.5),
      rest,
      go(S.hiking, 130, 10.6),
    ],
    extras: [extra(go(S.walking, 35, 13), 0.18), extra(go(S.activity, 30, 17), 0.06)],
  },
  {
    week: [
      go(S.yoga, 50, 10.5),
      go(S.rowing, 40, 18.2),
      rest,
      go(S.functional, 48, 18.2),
      go(S.yoga, 45, 18.5),
      go(S.rowing, 36, 18, 0.12),
      go(S.running, 45, 10.6),
    ],
    extras: [extra(go(S.sauna, 22, 19.6), 0.16), extra(go(S.meditation, 20, 12.8), 0.1)],
  },
]
