// What a dashboard is drawn on, and with.
export type Row = Record<string, unknown>

/** What a panel's query has answered. */
export interface Answer {
  columns: string[]
  rows: Row[]
  /** PostgreSQL's type of each column, by its number. */
  types: number[]
}

export interface Theme {
  mode: 'dark' | 'light'
  page: string
  panel: string
  edge: string
  text: string
  faint: string
}

export const themes = {
  dark: { mode: 'dark', page: '#111217', panel: '#181b1f', edge: '#2c3036', text: '#d8d9dd', faint: '#8e9299' },
  light: { mode: 'light', page: '#f4f5f5', panel: '#ffffff', edge: '#e2e3e5', text: '#24292e', faint: '#6e7680' },
} satisfies Record<string, Theme>

export interface Canvas {
  theme: Theme
  width: number
  range: { from: Date; to: Date }
  /** Whether Grafana's own components draw what they can; ECharts draws the rest, and says so. */
  own: boolean
  /** As Grafana does below 769 pixels: one panel a line. */
  phone: boolean
}

/** The inside of one panel. */
export interface Box extends Canvas {
  height: number
}

/** PostgreSQL's bigint and numeric arrive as text. */
export function numeric(value: unknown): unknown {
  return isNumber(value) ? Number(value) : value
}

export function isNumber(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value))
}
