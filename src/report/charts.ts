// Charts as SVG that stretches: what is drawn has no fixed width, words keep their size, and colours are the page's classes.
// Nothing is measured, so a printer and a browser without scripts see the same.
import { scaleLinear, scaleUtc } from 'd3-scale'
import { area, line } from 'd3-shape'
import { escape } from './html.ts'
import { addDays } from '../time.ts'
import { figure } from './format.ts'

type Figure = number | null

const HEIGHT = 176 // CSS pixels; y is never stretched
const FEWEST_SLOTS = 14
const ROOM_ABOVE = 8
const BELOW = 22

/** The days of an axis; fewer than a fortnight stand at its right end. */
export interface Axis {
  days: readonly string[]
  slots: number
}

export function axisOf(days: readonly string[]): Axis {
  return { days, slots: Math.max(days.length, FEWEST_SLOTS) }
}

/** Something drawn over the days, of the lowest to the highest value that it needs. */
export interface Layer {
  values: readonly Figure[]
  draw(at: { x: (index: number) => number; y: (value: number) => number }): string
}

export function lineOf(values: readonly Figure[], className: string): Layer {
  return {
    values,
    draw: ({ x, y }) => {
      const path = line<Figure>()
        .defined((value) => value !== null)
        .x((_, index) => x(index) + 0.5)
        .y((value) => y(value ?? 0))
        .digits(2)
      return `<path class="line ${className}" d="${path(values) ?? ''}"/>`
    },
  }
}

/** Each day a stroke as wide as the day, for a level that is not between days. */
export function stepsOf(values: readonly Figure[], className: string): Layer {
  return {
    values,
    draw: ({ x, y }) => {
      const steps = values.map((value, index) => (value === null ? '' : `M${short(x(index))},${short(y(value))}h1`))
      return `<path class="line ${className}" d="${steps.join('')}"/>`
    },
  }
}

export function bandOf(low: readonly Figure[], high: readonly Figure[], className: string): Layer {
  return {
    values: [...low, ...high],
    draw: ({ x, y }) => {
      const path = area<Figure>()
        .defined((value, index) => value !== null && (high[index] ?? null) !== null)
        .x((_, index) => x(index) + 0.5)
        .y0((value) => y(value ?? 0))
        .y1((_, index) => y(high[index] ?? 0))
        .digits(2)
      return `<path class="${className}" d="${path(low) ?? ''}"/>`
    },
  }
}

/** Bars that stand on each other, the first at the bottom. */
export function barsOf(parts: readonly { values: readonly Figure[]; className: string }[], gap = 0.16): Layer {
  const count = parts[0]?.values.length ?? 0
  const below: number[] = Array.from({ length: count }, () => 0)
  const stacked = parts.map(({ values, className }) => ({
    className,
    bars: values.map((value, index) => {
      const from = below[index] ?? 0
      below[index] = from + (value ?? 0)
      return { from, to: from + (value ?? 0) }
    }),
  }))
  return {
    values: [0, ...below],
    draw: ({ x, y }) =>
      stacked
        .map(({ bars, className }) => {
          const path = bars.map(({ from, to }, index) => {
            if (to <= from) return ''
            const [top, bottom] = [y(to), y(from)]
            return `M${short(x(index) + gap / 2)},${short(bottom)}V${short(top)}h${short(1 - gap)}V${short(bottom)}z`
          })
          return `<path class="${className}" d="${path.join('')}"/>`
        })
        .join(''),
  }
}

/** One path for each class: bars in the colour of the band that their value is in. */
export function bandedBars(values: readonly Figure[], classOf: (value: number) => string): Layer {
  const classes = [...new Set(values.flatMap((value) => (value === null ? [] : [classOf(value)])))]
  const layers = classes.map((className) =>
    barsOf([
      { className, values: values.map((value) => (value !== null && classOf(value) === className ? value : null)) },
    ]),
  )
  return { values: [0, ...values], draw: (at) => layers.map((layer) => layer.draw(at)).join('') }
}

export interface ChartOptions {
  id: string
  /** What a screen reader says of it. */
  label: string
  axis: Axis
  layers: readonly Layer[]
  from?: number
  to?: number
  show?: (value: number) => string
}

export function timeChart({
  id,
  label,
  axis,
  layers,
  from,
  to,
  show = (value) => figure(value),
}: ChartOptions): string {
  const known = layers.flatMap(({ values }) => values.filter((value) => value !== null))
  const low = from ?? lowest(known)
  const high = Math.max(to ?? highest(known), low + 1)
  const scale = scaleLinear([low, high], [HEIGHT, ROOM_ABOVE])
  if (from === undefined && to === undefined) scale.nice(4)
  const offset = axis.slots - axis.days.length
  const at = { x: (index: number) => index + offset, y: (value: number) => Number(short(scale(value))) }
  const ticks = scale.ticks(4)
  const grid = ticks.map((tick) => `M0,${short(at.y(tick))}H${axis.slots}`).join('')
  const labels = ticks.map(
    (tick) => `<text x="30" y="${short(Math.max(10, at.y(tick) + 4))}">${escape(show(tick))}</text>`,
  )
  const marks = layers.map((layer) => layer.draw(at)).join('')
  return `<div class="chart" data-id="${id}" data-slots="${axis.slots}" data-count="${axis.days.length}" role="img" aria-label="${escape(label)}">
<svg class="ys" width="34" height="${HEIGHT + BELOW}" aria-hidden="true">${labels.join('')}</svg>
<svg class="plot" height="${HEIGHT + BELOW}" aria-hidden="true"><svg width="100%" height="${HEIGHT}" viewBox="0 0 ${axis.slots} ${HEIGHT}" preserveAspectRatio="none"><path class="grid" d="${grid}"/>${marks}</svg>${timeTicks(axis)}<line class="cursor" y1="0" y2="${HEIGHT}"/></svg>
</div>`
}

function lowest(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), values[0] ?? 0)
}

function highest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), values[0] ?? 1)
}

const YEAR = { year: 'numeric', timeZone: 'UTC' } as const
const MONTH = { month: 'short', timeZone: 'UTC' } as const
const DAY = { day: 'numeric', month: 'short', timeZone: 'UTC' } as const

function timeTicks({ days, slots }: Axis): string {
  const first = addDays(days.at(-1) ?? '', 1 - slots)
  const start = Date.parse(first)
  const end = Date.parse(addDays(first, slots))
  const ticks = scaleUtc([start, end], [0, 100]).ticks(5)
  const isLong = slots > 2.5 * 365
  const placed = ticks
    .filter((tick) => tick.getUTCHours() === 0)
    .map((tick) => ({ tick, share: (100 * (tick.getTime() - start)) / (end - start) }))
  const isCrowded = (placed[1]?.share ?? 100) - (placed[0]?.share ?? 0) < CROWDED
  return placed
    .filter(({ share }) => !isCrowded || (share >= EDGE && share <= 100 - EDGE))
    .map(({ tick, share }) => {
      const isJanuary = tick.getUTCMonth() === 0
      const options = isLong || (slots > 120 && isJanuary) ? YEAR : slots > 120 ? MONTH : DAY
      const anchor = share < EDGE ? 'start' : share > 100 - EDGE ? 'end' : 'middle'
      return `<text x="${short(share)}%" y="${HEIGHT + 16}" text-anchor="${anchor}">${tick.toLocaleDateString('en-GB', options)}</text>`
    })
    .join('')
}

const CROWDED = 22 // percent between two names, on a phone
const EDGE = 6

const WEEK = 7
const MOST_WEEKS = 53
const CELL = 10

/** A square for each day, a column for each week from Monday to Sunday; a year is a row of them. */
export function calendar(
  id: string,
  label: string,
  days: readonly string[],
  classes: readonly (string | undefined)[],
): string {
  const lead = (new Date(days[0] ?? '').getUTCDay() + 6) % WEEK
  const weeks = Math.ceil((lead + days.length) / WEEK)
  const columns = weeks > MOST_WEEKS ? MOST_WEEKS : weeks
  const rows = Math.ceil(weeks / columns)
  const drawn = Array.from({ length: rows }, (_, row) => {
    const firstWeek = weeks - (rows - row) * columns // the newest row is full
    const squares = new Map<string, string[]>()
    for (let cell = 0; cell < columns * WEEK; cell++) {
      const index = firstWeek * WEEK + cell - lead
      if (index < 0 || index >= days.length) continue
      const name = classes[index] ?? 'nothing'
      const square = `M${Math.floor(cell / WEEK) * CELL},${(cell % WEEK) * CELL}h8.6v8.6h-8.6z`
      squares.set(name, [...(squares.get(name) ?? []), square])
    }
    const paths = [...squares].map(([name, some]) => `<path class="${name}" d="${some.join('')}"/>`)
    const months = monthsOf(days, firstWeek, columns, lead)
    return `<svg class="months" height="16" aria-hidden="true">${months}</svg><svg class="squares" viewBox="0 0 ${columns * CELL - 1.4} ${WEEK * CELL - 1.4}" data-first="${firstWeek * WEEK - lead}" data-columns="${columns}" aria-hidden="true">${paths.join('')}<rect class="mark" width="8.6" height="8.6"/></svg>`
  })
  return `<div class="calendar" data-id="${id}" data-count="${days.length}" role="img" aria-label="${escape(label)}">${drawn.join('')}</div>`
}

/** A month stands above the first week that begins in it, where there is room for its name. */
function monthsOf(days: readonly string[], firstWeek: number, columns: number, lead: number): string {
  const names: string[] = []
  let last = -Infinity
  const step = columns > 30 ? 8 : columns > 10 ? 4 : 3
  for (let week = 0; week < columns - (columns > 30 ? 3 : 1); week++) {
    const monday = addDays(days[0] ?? '', (firstWeek + week) * WEEK - lead)
    if (Number(monday.slice(8)) > WEEK || week - last < step) continue
    last = week
    const isYear = columns > 30 && monday.slice(5, 7) === '01'
    const name = new Date(monday).toLocaleDateString('en-GB', isYear ? YEAR : MONTH)
    names.push(`<text x="${short((100 * week) / columns)}%" y="11">${name}</text>`)
  }
  return names.join('')
}

/** How much of a whole, as a ring. */
export function ring(share: Figure, className: string): string {
  const drawn = share === null ? 0 : Math.max(0, Math.min(1, share)) * 100
  const arc =
    drawn === 0
      ? ''
      : `<circle class="arc ${className}" cx="60" cy="60" r="52" pathLength="100" stroke-dasharray="${short(drawn)} 100" transform="rotate(-90 60 60)"/>`
  return `<svg class="ring" viewBox="0 0 120 120" aria-hidden="true"><circle class="track" cx="60" cy="60" r="52"/>${arc}</svg>`
}

/** A bar of a row, of which a whole would be as wide as its place. */
export function shareBar(share: number, className: string): string {
  return `<svg class="share" height="8" width="100%" aria-hidden="true"><rect class="${className}" width="${short(Math.max(0.5, share * 100))}%" height="8" rx="2"/></svg>`
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100)
}
