import type { Effect, Question } from '../db/effects.ts'
import type { Style } from './style.ts'
import { fit, length, table } from './table.ts'
import { wrap } from './wrap.ts'

interface Figure {
  metric: string
  title: string
  digits: number
}

const figures: readonly Figure[] = [
  { metric: 'recovery_score', title: 'recovery, %', digits: 0 },
  { metric: 'hrv_rmssd', title: 'HRV, ms', digits: 1 },
  { metric: 'resting_heart_rate', title: 'resting HR, bpm', digits: 1 },
  { metric: 'sleep_performance_percentage', title: 'sleep score, %', digits: 0 },
]

const WHAT_IT_MEANS =
  'An answer is held against the night after what it tells of: its own cycle’s main sleep, and the recovery from it. In ' +
  'brackets: days. Between: where the difference lies, at 95 %, for nights and habits that resemble the day before. Clear: q is ' +
  'at most 0.05 among all questions. None of it proves a cause: weekdays, for one, go with both.'

const SHORTEST_QUESTION = 12
const VERDICT = 'not clear'.length + 2

/** What each answer goes with, figure by figure; the clearest first. */
export function drawQuestions(questions: readonly Question[], paper: { style: Style; width: number }): string[] {
  const { style, width } = paper
  const rare = questions.filter(({ effects }) => effects.length === 0)
  const left =
    rare.length > 0 ? [`Fewer than five yes or five no: ${rare.map(({ question }) => question).join(' ')}`] : []
  return [
    ...figures.flatMap((figure) => drawFigure(questions, figure, paper)),
    ...[...left, WHAT_IT_MEANS].flatMap((text) => [...wrap(text, width).map((line) => style.dim(line)), '']),
  ].slice(0, -1)
}

function drawFigure(
  questions: readonly Question[],
  { metric, title, digits }: Figure,
  { style, width }: { style: Style; width: number },
): string[] {
  const effects = questions
    .flatMap(({ question, effects }) => effects.map((effect) => ({ ...effect, question })))
    .filter((effect) => effect.metric === metric)
    .toSorted((a, b) => a.qValue - b.qValue || (a.question < b.question ? -1 : 1))
  if (effects.length === 0) return []
  const figuresOnly = [['yes', 'no', 'diff', 'between', ''], ...effects.map((effect) => cellsOf(effect, digits))]
  const right = [0, 1, 2, 3]
  const taken = Math.max(...table(figuresOnly, { right, width: Infinity }).split('\n').map(length))
  const beside = width - taken - 2
  const isListed = beside < SHORTEST_QUESTION
  const room = isListed ? width - VERDICT : beside
  const rows = figuresOnly.map((cells, index) => {
    const effect = effects[index - 1]
    const name = fit(effect?.question ?? title, room)
    if (!effect) return [name, ...cells].map((cell) => style.dim(cell))
    return effect.clear ? [style.bold(name), ...cells.slice(0, -1), style.bold('clear')] : [name, ...cells]
  })
  const drawn = table(rows, { right: right.map((column) => column + 1), width, titled: true })
  return [...(isListed ? [style.dim(title)] : []), ...drawn.split('\n'), '']
}

function cellsOf(
  { daysYes, daysNo, meanYes, meanNo, difference, ciLow, ciHigh, clear }: Effect,
  digits: number,
): string[] {
  return [
    `${meanYes.toFixed(digits)} (${daysYes})`,
    `${meanNo.toFixed(digits)} (${daysNo})`,
    signed(difference, digits),
    ciLow === null || ciHigh === null ? '' : `${signed(ciLow, digits)} … ${signed(ciHigh, digits)}`,
    clear ? 'clear' : 'not clear',
  ]
}

function signed(value: number, digits: number): string {
  const text = Math.abs(value).toFixed(digits)
  return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`
}
