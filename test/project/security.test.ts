// SECURITY.md promises a test for each line: it is in the file that is named.
import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

const text = await readFile(new URL('../../SECURITY.md', import.meta.url), 'utf8')
const lines = text.split('\n').filter((line) => line.startsWith('| ') && line.includes('`test/'))
const promises = lines.map((line) => {
  const [, what = '', , shown = ''] = line.split('|')
  const [, file = '', name = ''] = /`(test\/[^`]+)` (.+)/.exec(shown.trim()) ?? []
  return { what: what.trim(), file, name }
})

it('SECURITY.md names a test for each line', () => {
  expect(promises.length).toBeGreaterThan(20)
  for (const { file, name } of promises) expect(file && name).not.toBe('')
})

it.each(promises)('$what: $file holds “$name”', async ({ file, name }) => {
  expect(await readFile(new URL(`../../${file}`, import.meta.url), 'utf8')).toContain(name)
})
