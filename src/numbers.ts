/** With a comma between thousands, in every locale. */
export function number(value: number, digits = 0): string {
  // Counts are in what every run prints, and the first use of Intl loads ICU's tables: 25 ms.
  if (digits === 0 && Number.isSafeInteger(value)) return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** `1 day`, `1,204 days` */
export function amount(count: number, one: string, many = `${one}s`): string {
  return `${number(count)} ${count === 1 ? one : many}`
}
