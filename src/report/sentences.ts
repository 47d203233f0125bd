// A sentence above each chart: what is to be seen in these data, and nothing that is not in them.
import type { LoggedWorkout, TrendDay } from '../db/report.ts'
import { mean } from '../stats.ts'
import { MINUTE_MS } from '../time.ts'
import { figure, hours, NBSP, plural, signed, withUnit } from './format.ts'

type Figure = number | null

const FORTNIGHT = 14
const FEWEST = 3 // of fewer nights nothing is said

export function aboutRecovery(days: readonly TrendDay[]): string {
  const last = days.slice(-FORTNIGHT).flatMap(({ recovery }) => (recovery === null ? [] : [recovery]))
  if (last.length < FEWEST) return 'There are too few recoveries yet to say anything about them.'
  const green = last.filter((score) => score >= 67).length
  const red = last.filter((score) => score < 34).length
  const reds = red === 0 ? 'none was red' : `${red} ${red === 1 ? 'was' : 'were'} red`
  return `Of your last ${last.length} recoveries ${green === 0 ? 'none was' : `${green} ${green === 1 ? 'was' : 'were'}`} green and ${reds}. ${compared(days, 'recovery', '%', 'Recovery')}`
}

/** The last week against the whole range. */
function compared(
  days: readonly TrendDay[],
  name: 'recovery' | 'strain',
  unit: string,
  title: string,
  digits = 0,
): string {
  const week = mean(days.slice(-7).map((day) => day[name]))
  const all = mean(days.map((day) => day[name]))
  if (week === null || all === null || days.length < 28) return ''
  const off = Number((week - all).toFixed(digits))
  const said = `${title} averaged ${unit === '' ? figure(week, digits) : withUnit(week, unit, digits)} over the last seven days`
  if (off === 0) return `${said}, as over all ${days.length}.`
  return `${said}, ${figure(Math.abs(off), digits)} ${off > 0 ? 'above' : 'below'} the mean of all ${days.length}.`
}

export function aboutHrv(days: readonly TrendDay[]): string {
  const nights = days.map(({ hrv, hrvBaseline, hrvSpread }) => [hrv, hrvBaseline, hrvSpread] as const)
  return againstNormal('HRV', nights, 'above')
}

export function aboutResting(days: readonly TrendDay[]): string {
  const nights = days.map(
    ({ resting, restingBaseline, restingSpread }) => [resting, restingBaseline, restingSpread] as const,
  )
  return againstNormal('Resting heart rate', nights, 'below')
}

function againstNormal(
  name: string,
  nights: readonly (readonly [Figure, Figure, Figure])[],
  good: 'above' | 'below',
): string {
  const last = nights.slice(-FORTNIGHT).flatMap(([value, normal, spread]) => {
    return value === null || normal === null ? [] : [{ off: value - normal, spread: spread ?? 0 }]
  })
  if (last.length < FEWEST)
    return `What is normal for your ${name === 'HRV' ? name : name.toLowerCase()} shows after seven nights.`
  const [higher, lower] = [last.filter(({ off }) => off > 0).length, last.filter(({ off }) => off < 0).length]
  const isGood = good === 'above' ? higher >= lower : lower >= higher
  const side = (isGood ? good === 'above' : good !== 'above') ? 'above' : 'below'
  const count = side === 'above' ? higher : lower
  const outside = last.filter(({ off, spread }) => Math.abs(off) > spread).length
  const often = outside === 0 ? 'and never left the band' : `and left the band on ${outside}`
  return `${name} has been ${side} your normal on ${count} of the last ${last.length} nights, ${often}.`
}

export function aboutSleep(days: readonly TrendDay[]): string {
  const last = days.slice(-FORTNIGHT).filter(({ asleep }) => asleep !== null)
  if (last.length === 0) return 'There is no night to be seen yet.'
  const asleep = mean(last.map((day) => day.asleep))
  const needed = last.filter(({ sleepNeed }) => sleepNeed !== null)
  const lack = mean(needed.map((day) => (day.sleepNeed ?? 0) - (day.asleep ?? 0)))
  const met = needed.filter((day) => (day.asleep ?? 0) >= (day.sleepNeed ?? 0)).length
  const isOne = last.length === 1
  const said = `You slept ${hours(asleep)} ${isOne ? 'in the one night there is' : `a night over the last ${plural(last.length, 'night')}`}`
  if (lack === null) return `${said}.`
  const less =
    Math.abs(lack) < MINUTE_MS ? 'as much as' : `${hours(Math.abs(lack))} ${lack > 0 ? 'less than' : 'more than'}`
  const often = isOne ? '' : `; the need was met on ${met === 0 ? 'none' : met} of them`
  return `${said}, ${less} WHOOP says you needed${often}.`
}

export function aboutLoad(days: readonly TrendDay[]): string {
  const today = days.findLast(({ loadRatio }) => loadRatio !== null)
  if (!today?.loadRatio) return 'Load shows after two weeks of strain.'
  const ratio = today.loadRatio
  const word =
    ratio < 0.8 ? 'lighter than' : ratio < 1.3 ? 'about as hard as' : ratio < 1.5 ? 'harder than' : 'much harder than'
  return `Your last seven days were ${word} the last four weeks: strain ${figure(today.acuteStrain, 1)} against ${figure(today.chronicStrain, 1)}, a ratio of ${figure(ratio, 2)}.`
}

export function aboutWorkouts(days: readonly TrendDay[], workouts: readonly LoggedWorkout[], usual: string): string {
  if (workouts.length === 0) return 'No workout was recorded in these days.'
  const weekly = (workouts.length * 7) / days.length
  const zones = (from: number) =>
    days.reduce(
      (sum, day) =>
        sum +
        zonesOf(day)
          .slice(from)
          .reduce((a, b) => a + b, 0),
      0,
    )
  const hard = zones(0) > 0 ? ` ${figure((100 * zones(3)) / zones(0))}${NBSP}% of the time was in zones 3 to 5.` : ''
  const often = days.length < 7 ? plural(workouts.length, 'workout') : `${figure(weekly, 1)} workouts a week`
  return `${often}, most often ${usual}.${hard}`
}

export function zonesOf(day: TrendDay): number[] {
  return [day.zone0, day.zone1, day.zone2, day.zone3, day.zone4, day.zone5].map((minutes) => minutes ?? 0)
}

/** How a morning's figure stands to what is normal; nothing where that is not known. */
export function normalRange(baseline: Figure, spread: Figure, digits = 0): string {
  if (baseline === null || spread === null) return 'no normal yet'
  return `normal ${figure(baseline - spread, digits)} to ${figure(baseline + spread, digits)}`
}

export function offNormal(value: Figure, baseline: Figure, digits = 0): string {
  return value === null || baseline === null ? '' : signed(value - baseline, digits)
}
