// What Grafana makes of a query before PostgreSQL sees it: first the variables, in the browser, then the macros of its
// PostgreSQL data source, on the server. Written from their documented behaviour; expand.test.ts pins it down.

export interface VariableValue {
  value: string | readonly string[]
  text?: string
  /** Several values may be chosen, or all. */
  multi?: boolean
}

export interface Scope {
  from: Date
  to: Date
  intervalMs: number
  variables: Record<string, VariableValue>
}

export function expand(sql: string, scope: Scope): string {
  return expandMacros(expandIntervals(expandVariables(sql, scope), scope), scope)
}

const VARIABLE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?::([^}]+))?\}/g

function expandVariables(sql: string, { variables, from, to }: Scope): string {
  const known: Record<string, VariableValue> = {
    ...variables,
    __from: { value: String(from.getTime()) },
    __to: { value: String(to.getTime()) },
  }
  return sql.replace(
    VARIABLE,
    (whole, plain: string, old: string, oldFormat: string, braced: string, format: string) => {
      const variable = known[plain ?? old ?? braced]
      return variable ? formatValue(variable, format ?? oldFormat) : whole
    },
  )
}

const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`

const formats: Record<string, (values: readonly string[], variable: VariableValue) => string> = {
  raw: (values) => values.join(','),
  csv: (values) => values.join(','),
  pipe: (values) => values.join('|'),
  glob: (values) => (values.length > 1 ? `{${values.join(',')}}` : values.join('')),
  json: (_, { value }) => JSON.stringify(value),
  text: (values, { text }) => text ?? values.join(' + '),
  sqlstring: (values) => values.map(quoted).join(','),
  singlequote: (values) => values.map((value) => `'${value.replaceAll("'", String.raw`\'`)}'`).join(','),
  doublequote: (values) => values.map((value) => `"${value.replaceAll('"', String.raw`\"`)}"`).join(','),
  percentencode: (values) => encodeURIComponent(values.length > 1 ? `{${values.join(',')}}` : values.join('')),
}

function formatValue(variable: VariableValue, format: string | undefined): string {
  const values = typeof variable.value === 'string' ? [variable.value] : variable.value
  if (format) {
    const how = formats[format]
    if (!how) throw new Error(`unknown variable format ${format}`)
    return how(values, variable)
  }
  // the data source's own way
  if (typeof variable.value !== 'string' || variable.multi) return values.map(quoted).join(',')
  return variable.value.replaceAll("'", "''")
}

function expandIntervals(sql: string, { intervalMs, from, to }: Scope): string {
  return sql
    .replaceAll('$__interval_ms', String(intervalMs))
    .replaceAll('$__interval', interval(intervalMs))
    .replaceAll('$__unixEpochFrom()', String(seconds(from)))
    .replaceAll('$__unixEpochTo()', String(seconds(to)))
}

const seconds = (time: Date) => Math.floor(time.getTime() / 1000)
const nanoseconds = (time: Date) => String(BigInt(time.getTime()) * 1_000_000n)

const UNITS: [name: string, ms: number][] = [
  ['y', 31_536_000_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]

function interval(ms: number): string {
  const [name, size] = UNITS.find(([, size]) => ms >= size) ?? ['ms', 1]
  return `${Math.floor(ms / size)}${name}`
}

function intervalSeconds(text: string): number {
  const [, count = '', unit = ''] = /^'?(\d+)([a-zA-Z]+)'?$/.exec(text) ?? []
  const size = {
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
    w: 604_800_000,
    M: 2_592_000_000,
    y: 31_536_000_000,
  }[unit]
  if (!size) throw new Error(`error parsing interval ${text}`)
  return (Number(count) * size) / 1000
}

// Arguments end at the first closing parenthesis, as they do in Grafana.
const MACRO = /\$([_a-zA-Z0-9]+)\(([^)]*)\)/g

function expandMacros(sql: string, scope: Scope): string {
  return sql.replace(MACRO, (whole, name: string, list: string, at: number) => {
    const old = name === '__timeGroup' && sql[at + whole.length] === ','
    const macro = macros[old ? '__timeGroupAlias' : name]
    if (!macro) throw new Error(`unknown macro ${name}`)
    const args = list.split(',').map((one) => one.trim())
    return macro(scope, ...args)
  })
}

const iso = (time: Date) => `'${time.toISOString().replace('.000Z', 'Z')}'`

type Macro = (scope: Scope, first?: string, second?: string, fill?: string) => string

const group = (column: string, size: number) => `floor(${column}/${size})*${size}`
const aliased =
  (name: string): Macro =>
  (...args) =>
    `${macros[name]?.(...args)} AS "time"`

const macros: Record<string, Macro> = {
  __time: (_, column) => `${column} AS "time"`,
  __timeEpoch: (_, column) => `extract(epoch from ${column}) as "time"`,
  __timeFilter: ({ from, to }, column) => `${column} BETWEEN ${iso(from)} AND ${iso(to)}`,
  __timeFrom: ({ from }) => iso(from),
  __timeTo: ({ to }) => iso(to),
  __timeGroup: (_, column, size = '') => group(`extract(epoch from ${column})`, intervalSeconds(size)),
  __timeGroupAlias: aliased('__timeGroup'),
  __unixEpochFilter: ({ from, to }, column) => `${column} >= ${seconds(from)} AND ${column} <= ${seconds(to)}`,
  __unixEpochNanoFilter: ({ from, to }, column) =>
    `${column} >= ${nanoseconds(from)} AND ${column} <= ${nanoseconds(to)}`,
  __unixEpochNanoFrom: ({ from }) => nanoseconds(from),
  __unixEpochNanoTo: ({ to }) => nanoseconds(to),
  __unixEpochGroup: (_, column, size = '') => group(`(${column})`, intervalSeconds(size)),
  __unixEpochGroupAlias: aliased('__unixEpochGroup'),
}
