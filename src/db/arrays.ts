type Cell = string | number | boolean | null | undefined

/** An array's text, of which PostgreSQL makes the array: that is several times as fast as JSON. */
export function arrayOf(values: readonly Cell[]): string {
  return `{${values.map((value) => (typeof value === 'string' ? quoted(value) : (value ?? 'NULL'))).join()}}`
}

/** Of what has no comma, brace, quote or space at an end, such as numbers and instants. */
export function plainArrayOf(values: readonly Cell[]): string {
  return `{${values.map((value) => value ?? 'NULL').join()}}`
}

function quoted(value: string): string {
  const escaped = value.includes('"') || value.includes('\\') ? value.replaceAll(/["\\]/g, '\\$&') : value
  return `"${escaped}"`
}
