// WHOOP prints the floats of a Java server: shortest decimal that is the same float32, and 70.0 for a whole number.

const FLOATS = new Set([
  'strain',
  'kilojoule',
  'percent_recorded',
  'distance_meter',
  'altitude_gain_meter',
  'altitude_change_meter',
  'recovery_score',
  'resting_heart_rate',
  'hrv_rmssd_milli',
  'spo2_percentage',
  'skin_temp_celsius',
  'respiratory_rate',
  'sleep_performance_percentage',
  'sleep_consistency_percentage',
  'sleep_efficiency_percentage',
  'height_meter',
  'weight_kilogram',
])

// The number a reader of WHOOP's JSON ends up with.
export function float32(value: number): number {
  const single = Math.fround(value)
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(single.toPrecision(digits))
    if (Math.fround(short) === single) return short
  }
  return Number(single.toPrecision(9))
}

export function toJson(value: unknown, { omitNulls = false } = {}): string {
  return print(value, omitNulls, false)
}

function print(value: unknown, omitNulls: boolean, float: boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => print(item, omitNulls, false)).join(',')}]`
  if (typeof value === 'number' && float && Number.isInteger(value)) return `${value}.0`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined && !(omitNulls && member === null))
    .map(([key, member]) => `${JSON.stringify(key)}:${print(member, omitNulls, FLOATS.has(key))}`)
  return `{${members.join(',')}}`
}
