import { cpus, release, totalmem, type } from 'node:os'
import type { Figure } from './figure.ts'

export interface Report {
  date: string
  machine: string
  node: string
  postgres: string
  figures: Figure[]
  /** By version, what depends on it. */
  others: { node: string; figures: Figure[] }[]
}

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim().replace(/\s+/g, ' ') ?? 'unknown processor'
  return `${cpus().length} × ${model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release().split('.', 2).join('.')}`
}

/** Markdown, as docs/performance.md has it. */
export function draw({ date, machine, node, postgres, figures, others }: Report): string {
  const lines = [
    `Measured ${date} on ${machine}; Node ${node}, ${postgres}.`,
    '',
    ...table(
      ['figure', 'goal', 'measured', '', 'made of', 'bound by'],
      figures.map((figure) => [figure.name, goal(figure), written(figure), verdict(figure), figure.made, figure.bound]),
    ),
  ]
  if (others.length === 0) return lines.join('\n')
  const names = others[0]?.figures.map(({ name }) => name) ?? []
  const rows = names.map((name, index) => [name, ...others.map((other) => cell(other.figures[index]))])
  const head = ['what depends on Node', ...others.map((other) => `Node ${other.node}`)]
  return [...lines, '', ...table(head, rows)].join('\n')
}

function cell(figure: Figure | undefined): string {
  return figure ? `${written(figure)} (${figure.made})` : ''
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function goal({ goal, kind }: Figure): string {
  return `≤ ${goal}${UNITS[kind]}`
}

const UNITS = { ratio: '', count: '', ms: ' ms' }

function written({ measured, kind }: Figure): string {
  return `${measured.toFixed(kind === 'ratio' ? 2 : 0)}${UNITS[kind]}`
}

/** As it is written: 1.054 is 1.05. */
export function verdict(figure: Figure): string {
  const over = Number.parseFloat(written(figure)) - figure.goal
  return over <= 0 ? 'reached' : `missed by ${written({ ...figure, measured: over })}`
}
