import { isSafeNumber, LosslessNumber, parse, stringify } from 'lossless-json'

/** Only a number that long, or with an exponent, can be more than a double holds. */
const MAY_BE_ROUNDED = /\d{16}|\d[eE][+-]?\d/

/** Parses JSON; a number that a double would round is kept as it was written, as a LosslessNumber. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text) // goes deeper than any other, and throws first
  if (!MAY_BE_ROUNDED.test(text)) return value
  try {
    return parse(text, undefined, { parseNumber: numberOf, onDuplicateKey: ({ newValue }) => newValue }) // as JSON.parse
  } catch {
    return value // nested too deeply to be stored, anyway
  }
}

/** JSON as WHOOP sent it, as far as numbers go. */
export function toJson(value: unknown): string {
  return stringify(value) ?? 'null'
}

function numberOf(text: string): number | LosslessNumber {
  return isSafeNumber(text) ? Number(text) : new LosslessNumber(text)
}

export { LosslessNumber }
