import { createHash } from 'node:crypto'
import type { Change, Effect, LoggedWorkout, TrendDay } from '../db/report.ts'
import { mean, sportWords } from '../stats.ts'
import { dayOf, HOUR_MS, MINUTE_MS } from '../time.ts'
import * as charts from './charts.ts'
import { escape, foreign, htmlTable, json } from './html.ts'
import { zoneColours } from './palette.ts'
import { script } from './script.ts'
import * as says from './sentences.ts'
import { style } from './style.ts'
import { figure, hours, longDay, plainDay, plural, shortDay, signed, withUnit } from './format.ts'

/** All that a report shows of one member: rows of the views, and nothing computed anew. */
export interface ReportData {
  name: string
  /** Oldest first, none left out; at least one. */
  days: readonly TrendDay[]
  /** Newest first. */
  workouts: readonly LoggedWorkout[]
  changes: readonly Change[]
  changeCount: number
  effects: readonly Effect[]
  madeAt: Date
}

const MANY = 190 // days: more are drawn finer
const MOST_ROWS = 400 // of the table of days

/** One page that needs nothing but itself: its policy lets nothing be fetched, and nothing run but its own script. */
export function renderReport(data: ReportData): string {
  const { name, days, madeAt } = data
  const [first, last] = [days[0], days.at(-1)]
  if (!first || !last) throw new Error('a report needs a day')
  const parts = [today, calendars, heart, sleep, load, training, journal, corrections, figures]
  const texts: Readouts = {}
  const body = parts.map((part) => part(data, texts)).join('\n')
  const title = name === '' ? 'Your body, by your own data' : `${name}, by the body’s own data`
  const policy = `default-src 'none'; style-src '${hash(style)}'; script-src '${hash(script)}'; base-uri 'none'; form-action 'none'`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${escape(title)} · ${plainDay(last.day)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${name === '' ? 'Your days' : foreign(name)}</h1>
<p class="lead">${longDay(last.day)}${days.length > 1 ? `, and the days since ${plainDay(first.day)}` : ''}</p>
</header>
<main>
${body}
</main>
<footer>
<p>Days are those on which you woke up, by your own clock. Normal is the mean of the 30 days before, the band one standard deviation to each side; both need seven known nights, and leave out the time in which WHOOP was getting to know you.</p>
<p>Made by whoopster from your own database, ${plainDay(dayOf(madeAt))}, ${madeAt.toISOString().slice(11, 16)} UTC. This file fetches nothing and tells nobody. It is no medical advice.</p>
</footer>
<script type="application/json" id="figures">${json({ days: days.map(({ day }) => `${shortDay(day)} ${day.slice(0, 4)}`), charts: texts })}</script>
<script>${script}</script>
</body>
</html>
`
}

function hash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

/** Per chart, what is read off of each day. */
type Readouts = Record<string, string[]>
type Part = (data: ReportData, texts: Readouts) => string

function section(id: string, title: string, content: string): string {
  return `<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${content}</section>`
}

type Legend = readonly (readonly [className: string, name: string])[]

interface Panel {
  id: string
  title: string
  says: string
  chart: string
  legend?: Legend
}

/** `says` is HTML. */
function panel({ id, title, says: sentence, chart, legend = [] }: Panel): string {
  const keys = legend.map(
    ([className, name]) =>
      `<li><svg viewBox="0 0 12 12" aria-hidden="true"><rect class="${className}" width="12" height="12" rx="3"/></svg>${name}</li>`,
  )
  const list = keys.length > 0 ? `<ul class="legend">${keys.join('')}</ul>` : ''
  return `<figure class="card"><figcaption><h3>${title}</h3><p>${sentence}</p></figcaption><div class="readout" id="read-${id}"></div>${chart}${list}</figure>`
}

const bandOf = (recovery: number) => (recovery >= 67 ? 'good' : recovery >= 34 ? 'fair' : 'poor')
const sleepBandOf = (performance: number) => (performance >= 85 ? 'good' : performance >= 70 ? 'fair' : 'poor')
const strainBandOf = (strain: number) => (strain >= 14 ? 's4' : strain >= 10 ? 's3' : strain >= 6 ? 's2' : 's1')

function hero(title: string, arc: string, big: string, note: string): string {
  return `<div class="card hero">${arc}<div><h3>${title}</h3><p class="big">${big}</p><p class="note">${note}</p></div></div>`
}

function vital(title: string, value: number | null, unit: string, digits: number, note: string): string {
  return `<div><h3>${title}</h3><p class="value">${figure(value, digits)}<small>${unit}</small></p><p class="note">${note}</p></div>`
}

const today: Part = ({ days }) => {
  const day = days.findLast(({ recovery, asleep }) => recovery !== null || asleep !== null) ?? days.at(-1)
  if (!day) return ''
  const slept = day.asleep === null || !day.sleepNeed ? null : day.asleep / day.sleepNeed
  const usual = mean(days.slice(-31, -1).map(({ recovery }) => recovery))
  const heroes = [
    hero(
      'Recovery',
      charts.ring(day.recovery === null ? null : day.recovery / 100, bandOf(day.recovery ?? 0)),
      `${figure(day.recovery)}<small>%</small>`,
      usual === null ? 'no mean yet' : `the 30 days before: ${withUnit(usual, '%')}`,
    ),
    hero(
      'Sleep',
      charts.ring(slept, 'asleep'),
      hours(day.asleep),
      day.sleepNeed === null ? 'need unknown' : `of ${hours(day.sleepNeed)} needed`,
    ),
    hero(
      'Strain',
      charts.ring(day.strain === null ? null : day.strain / 21, 'strain'),
      figure(day.strain, 1),
      day.acuteStrain === null ? 'of 21' : `of 21; seven days: ${figure(day.acuteStrain, 1)}`,
    ),
  ]
  const vitals = [
    vital('HRV', day.hrv, 'ms', 0, says.normalRange(day.hrvBaseline, day.hrvSpread)),
    vital('Resting heart rate', day.resting, 'bpm', 0, says.normalRange(day.restingBaseline, day.restingSpread)),
    vital(
      'Respiratory rate',
      day.respiratory,
      '/min',
      1,
      says.normalRange(day.respiratoryBaseline, day.respiratorySpread, 1),
    ),
    vital('Skin temperature', day.skin, '°C', 1, says.normalRange(day.skinBaseline, day.skinSpread, 1)),
    vital('Blood oxygen', day.spo2, '%', 1, 'of the night'),
  ]
  const signs = day.signsOfIllness ?? 0
  const warning =
    signs >= 2
      ? `<p class="lead">${signs} of four vital signs were off normal in the direction of illness that night.</p>`
      : ''
  const when = day.day === days.at(-1)?.day ? 'Last night and today' : longDay(day.day)
  return section(
    'today',
    when,
    `${warning}<div class="today">${heroes.join('')}</div><div class="card vitals">${vitals.join('')}</div>`,
  )
}

function classesOf(values: readonly (number | null)[], classOf: (value: number) => string): (string | undefined)[] {
  return values.map((value) => (value === null ? undefined : classOf(value)))
}

function bandLegend(low: number, high: number): Legend {
  return [
    ['good', `${high}–100 %`],
    ['fair', `${low}–${high - 1} %`],
    ['poor', `below ${low} %`],
    ['nothing', 'no data'],
  ]
}

const calendars: Part = ({ days }, texts) => {
  const dates = days.map(({ day }) => day)
  texts['recovery'] = days.map(({ recovery }) => withUnit(recovery, '%'))
  texts['performance'] = days.map((day) => `${withUnit(day.sleepPerformance, '%')}, ${hours(day.asleep)} asleep`)
  texts['strain'] = days.map(({ strain }) => figure(strain, 1))
  const best = weekdayOf(days)
  const panels = [
    panel({
      id: 'recovery',
      title: 'Recovery',
      says: says.aboutRecovery(days),
      chart: charts.calendar(
        'recovery',
        'Calendar of recovery',
        dates,
        classesOf(
          days.map((day) => day.recovery),
          bandOf,
        ),
      ),
      legend: bandLegend(34, 67),
    }),
    panel({
      id: 'performance',
      title: 'Sleep performance',
      says: best,
      chart: charts.calendar(
        'performance',
        'Calendar of sleep performance',
        dates,
        classesOf(
          days.map((day) => day.sleepPerformance),
          sleepBandOf,
        ),
      ),
      legend: bandLegend(70, 85),
    }),
    panel({
      id: 'strain',
      title: 'Day strain',
      says: hardestOf(days),
      chart: charts.calendar(
        'strain',
        'Calendar of day strain',
        dates,
        classesOf(
          days.map((day) => day.strain),
          strainBandOf,
        ),
      ),
      legend: [
        ['s1', 'below 6'],
        ['s2', '6–10'],
        ['s3', '10–14'],
        ['s4', '14–21'],
        ['nothing', 'no data'],
      ],
    }),
  ]
  const isShort = days.length <= MANY
  return section('days', 'Day by day', `<div class="${isShort ? 'grid3' : 'stack'}">${panels.join('')}</div>`)
}

const WEEKDAYS = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays']

const ALIKE = 3 // percent: less is nothing to speak of

function weekdayOf(days: readonly TrendDay[]): string {
  const means = WEEKDAYS.map((weekday, number) => {
    const own = days.filter(({ day }) => new Date(day).getUTCDay() === number)
    const nights = own.filter(({ sleepPerformance }) => sleepPerformance !== null)
    return { weekday, value: nights.length < 3 ? null : mean(nights.map((day) => day.sleepPerformance)) }
  }).flatMap(({ weekday, value }) => (value === null ? [] : [{ weekday, value }]))
  const sorted = means.toSorted((one, other) => other.value - one.value)
  const [best, worst] = [sorted[0], sorted.at(-1)]
  if (!best || !worst || sorted.length < 7) return 'Weekdays can be compared after three weeks of nights.'
  if (best.value - worst.value < ALIKE) return 'You sleep about as well on every day of the week.'
  return `You sleep best into ${best.weekday} (${withUnit(best.value, '%')} on average) and worst into ${worst.weekday} (${withUnit(worst.value, '%')}).`
}

function hardestOf(days: readonly TrendDay[]): string {
  const known = days.filter((day): day is TrendDay & { strain: number } => day.strain !== null)
  const [first] = known
  if (!first) return 'There is no strain to be seen yet.'
  const hardest = known.reduce((most, day) => (day.strain > most.strain ? day : most), first)
  if (known.length < 3) return `Strain was ${figure(hardest.strain, 1)} on ${shortDay(hardest.day)}.`
  return `${shortDay(hardest.day)} was the hardest day, with a strain of ${figure(hardest.strain, 1)}; the mean is ${figure(mean(known.map(({ strain }) => strain)), 1)}.`
}

const around = (baseline: number | null, spread: number | null, sign: 1 | -1) =>
  baseline === null || spread === null ? null : baseline + sign * spread

const heart: Part = ({ days }, texts) => {
  const axis = charts.axisOf(days.map(({ day }) => day))
  texts['hrv'] = days.map((day) => `${withUnit(day.hrv, 'ms')} · ${says.normalRange(day.hrvBaseline, day.hrvSpread)}`)
  texts['resting'] = days.map(
    (day) => `${withUnit(day.resting, 'bpm')} · ${says.normalRange(day.restingBaseline, day.restingSpread)}`,
  )
  const chart = (
    id: string,
    label: string,
    value: (day: TrendDay) => number | null,
    normal: (day: TrendDay) => readonly [number | null, number | null],
    className: string,
    band: string,
  ) =>
    charts.timeChart({
      id,
      label,
      axis,
      layers: [
        charts.bandOf(
          days.map((day) => around(...normal(day), -1)),
          days.map((day) => around(...normal(day), 1)),
          band,
        ),
        charts.lineOf(
          days.map((day) => normal(day)[0]),
          'norm',
        ),
        charts.lineOf(days.map(value), days.length > MANY ? `${className} thin` : className),
      ],
    })
  const panels = [
    panel({
      id: 'hrv',
      title: 'Heart rate variability, ms',
      says: says.aboutHrv(days),
      chart: chart(
        'hrv',
        'Heart rate variability by day',
        (day) => day.hrv,
        (day) => [day.hrvBaseline, day.hrvSpread],
        'hrv',
        'band',
      ),
      legend: [
        ['hrv', 'each night'],
        ['band', 'your normal'],
      ],
    }),
    panel({
      id: 'resting',
      title: 'Resting heart rate, bpm',
      says: says.aboutResting(days),
      chart: chart(
        'resting',
        'Resting heart rate by day',
        (day) => day.resting,
        (day) => [day.restingBaseline, day.restingSpread],
        'resting',
        'band2',
      ),
      legend: [
        ['resting', 'each night'],
        ['band2', 'your normal'],
      ],
    }),
  ]
  return section('heart', 'The heart at night', `<div class="grid2">${panels.join('')}</div>`)
}

const inHours = (ms: number | null) => (ms === null ? null : ms / HOUR_MS)

const sleep: Part = ({ days }, texts) => {
  texts['sleep'] = days.map(
    (day) =>
      `${hours(day.asleep)} asleep of ${hours(day.sleepNeed)} · deep ${hours(day.deep)}, REM ${hours(day.rem)}, light ${hours(day.light)}, awake ${hours(day.awake)}`,
  )
  const part = (name: 'deep' | 'rem' | 'light') => ({ className: name, values: days.map((day) => inHours(day[name])) })
  const chart = charts.timeChart({
    id: 'sleep',
    label: 'Sleep stages by night, and the sleep needed',
    axis: charts.axisOf(days.map(({ day }) => day)),
    layers: [
      charts.barsOf([part('deep'), part('rem'), part('light')]),
      (days.length > MANY ? charts.lineOf : charts.stepsOf)(
        days.map((day) => inHours(day.sleepNeed)),
        'wanted',
      ),
    ],
    from: 0,
    show: (value) => `${value} h`,
  })
  const one = panel({
    id: 'sleep',
    title: 'Sleep stages against need, hours',
    says: says.aboutSleep(days),
    chart,
    legend: [
      ['deep', 'deep'],
      ['rem', 'REM'],
      ['light', 'light'],
      ['wanted', 'needed'],
    ],
  })
  return section('sleep', 'Sleep', one)
}

const load: Part = ({ days }, texts) => {
  texts['load'] = days.map(
    (day) =>
      `strain ${figure(day.strain, 1)} · seven days ${figure(day.acuteStrain, 1)}, four weeks ${figure(day.chronicStrain, 1)}`,
  )
  const chart = charts.timeChart({
    id: 'load',
    label: 'Strain by day, with its means of seven and of 28 days',
    axis: charts.axisOf(days.map(({ day }) => day)),
    layers: [
      charts.barsOf([{ className: 'faint', values: days.map((day) => day.strain) }]),
      charts.lineOf(
        days.map((day) => day.chronicStrain),
        'quiet',
      ),
      charts.lineOf(
        days.map((day) => day.acuteStrain),
        'energy',
      ),
    ],
    from: 0,
    to: 21,
  })
  const one = panel({
    id: 'load',
    title: 'Strain and load',
    says: says.aboutLoad(days),
    chart,
    legend: [
      ['faint', 'each day'],
      ['energy', 'seven days'],
      ['quiet', 'four weeks'],
    ],
  })
  return section('load', 'Load', one)
}

interface Sport {
  name: string
  count: number
  minutes: number
  strain: number | null
}

function sportsOf(workouts: readonly LoggedWorkout[]): Sport[] {
  const names = [...new Set(workouts.map(({ sport }) => sportWords(sport ?? 'unknown')))]
  const sports = names.map((name) => {
    const own = workouts.filter(({ sport }) => sportWords(sport ?? 'unknown') === name)
    const minutes = own.reduce((sum, one) => sum + (one.minutes ?? 0), 0)
    return { name, count: own.length, minutes, strain: mean(own.map(({ strain }) => strain)) }
  })
  return sports.toSorted((one, other) => other.count - one.count || other.minutes - one.minutes)
}

const MOST_SPORTS = 10

const training: Part = ({ days, workouts }, texts) => {
  const sports = sportsOf(workouts)
  const usual = foreign(sports[0]?.name.toLowerCase() ?? '')
  texts['zones'] = days.map((day) => {
    const zones = says.zonesOf(day)
    if (day.workouts === 0) return 'no workout'
    const minutes = zones.map((value, zone) => `zone ${zone}: ${figure(value)}`).slice(1)
    return `${plural(day.workouts, 'workout')}, ${hours(day.workoutDuration)} · minutes in ${minutes.join(', ')}`
  })
  const chart = charts.timeChart({
    id: 'zones',
    label: 'Minutes in the heart rate zones by day',
    axis: charts.axisOf(days.map(({ day }) => day)),
    layers: [
      charts.barsOf(
        zoneColours.map((_, zone) => ({
          className: `z${zone}`,
          values: days.map((day) => says.zonesOf(day)[zone] ?? 0),
        })),
      ),
    ],
    from: 0,
    show: (value) => `${value}`,
  })
  const zones = panel({
    id: 'zones',
    title: 'Heart rate zones, minutes a day',
    says: says.aboutWorkouts(days, workouts, usual),
    chart,
    legend: zoneColours.map((_, zone) => [`z${zone}`, `zone ${zone}`] as const),
  })
  if (sports.length === 0) return section('workouts', 'Workouts', zones)
  const most = sports.reduce((longest, { minutes }) => Math.max(longest, minutes), 1)
  const rows = sports.slice(0, MOST_SPORTS).map(({ name, count, minutes, strain }) => {
    return [
      foreign(name),
      figure(count),
      hours(minutes * MINUTE_MS),
      figure(strain, 1),
      charts.shareBar(minutes / most, 'strain'),
    ]
  })
  const more =
    sports.length > MOST_SPORTS ? `<p class="note">and ${plural(sports.length - MOST_SPORTS, 'other sport')}</p>` : ''
  const table = htmlTable(['Sport', 'Times', 'Hours', 'Strain', 'Time'], rows, 'Sports, the most frequent first')
  return section(
    'workouts',
    'Workouts',
    `<div class="grid2">${zones}<div class="card sports"><h3>Sports</h3>${table}${more}</div></div>`,
  )
}

const CLEAR = 0.05

const journal: Part = ({ effects }) => {
  if (effects.length === 0) return ''
  const rows = effects.map(({ question, daysYes, daysNo, difference, ciLow, ciHigh, qValue }) => [
    foreign(question),
    `${daysYes} / ${daysNo}`,
    difference === null ? '–' : signed(difference, 1),
    ciLow === null || ciHigh === null ? '–' : `${signed(ciLow, 1)} to ${signed(ciHigh, 1)}`,
    qValue !== null && qValue <= CLEAR ? 'clear' : 'not clear',
  ])
  const clear = effects.filter(({ qValue }) => qValue !== null && qValue <= CLEAR).length
  const sentence =
    clear === 0
      ? 'No habit of your journal clearly goes with a higher or lower recovery.'
      : `${plural(clear, 'habit')} of your journal clearly ${clear === 1 ? 'goes' : 'go'} with another recovery. That is no proof of a cause: weekdays, for one, go with both.`
  const table = htmlTable(
    ['Habit', 'Days yes / no', 'Recovery, points', '95 % interval', 'Verdict'],
    rows,
    'What goes with recovery',
  )
  return section('journal', 'The journal', `<div class="card wrap"><p class="note">${sentence}</p>${table}</div>`)
}

const corrections: Part = ({ changes, changeCount }) => {
  if (changes.length === 0) return ''
  const rows = changes.map(({ type, reason, seenUntil, began, before, after }) => [
    `${escape(type)}${began === null ? '' : `, ${plainDay(began)}`}`,
    plainDay(seenUntil),
    figure(before, type === 'cycle' || type === 'workout' ? 1 : 0),
    reason === 'deleted' ? 'deleted' : figure(after, type === 'cycle' || type === 'workout' ? 1 : 0),
  ])
  const shown = changeCount > changes.length ? ` The last ${changes.length}:` : ''
  const table = htmlTable(['Record', 'Noticed', 'Was', 'Is'], rows, 'Records that were replaced or deleted')
  return section(
    'changes',
    'What WHOOP changed afterwards',
    `<div class="card"><p class="note">${plural(changeCount, 'settled record was', 'settled records were')} replaced or deleted in these days; what was there before is kept.${shown}</p>${table}</div>`,
  )
}

/** Each chart's figures once more, as a table: for a screen reader, for print, for copying. */
const figures: Part = ({ days }) => {
  const some = days.slice(-MOST_ROWS).toReversed()
  const rows = some.map((day) => [
    plainDay(day.day),
    figure(day.recovery),
    figure(day.hrv),
    figure(day.resting),
    hours(day.asleep),
    hours(day.sleepNeed),
    figure(day.sleepPerformance),
    figure(day.strain, 1),
    figure(day.workouts),
    hours(day.workoutDuration),
  ])
  const head = [
    'Day',
    'Recovery, %',
    'HRV, ms',
    'Resting HR, bpm',
    'Asleep',
    'Needed',
    'Sleep, %',
    'Strain',
    'Workouts',
    'Training',
  ]
  const note =
    days.length > some.length
      ? `<p class="note">The last ${some.length} days; all of them: whoopster export --type daily</p>`
      : ''
  return `<details><summary>All figures, day by day</summary>${htmlTable(head, rows, 'All figures, day by day')}${note}</details>`
}
