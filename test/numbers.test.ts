import { expect, it } from 'vitest'
import { amount, number } from '../src/numbers.ts'

it.each([
  0,
  7,
  -7,
  999,
  1_000,
  -1_000,
  12_345,
  123_456,
  1_234_567,
  -9_876_543_210,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  0.5,
  2.5,
  Number.NaN,
])('%d is written as in English, and never as the locale has it', (value) =>
  expect(number(value)).toBe(value.toLocaleString('en', { maximumFractionDigits: 0 })),
)

it('has as many decimals as are asked for', () => {
  expect([number(1_234.25, 1), number(3, 2)]).toEqual(['1,234.3', '3.00'])
})

it('names one thing and many', () => {
  expect([amount(1, 'day'), amount(1_204, 'day'), amount(2, 'body', 'bodies')]).toEqual([
    '1 day',
    '1,204 days',
    '2 bodies',
  ])
})
