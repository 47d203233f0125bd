import { expect, it } from 'vitest'
import { run } from '../support/world.ts'

const env = { DATABASE_URL: 'mysql://nowhere' }

it.each([
  ['json, without a terminal', 'stats', {}, false, /^\{"level":"error"/],
  ['text, on one', 'stats', {}, true, /^error: The settings/],
  ['text where it is asked for, as for cron’s mail', 'stats --log-format text', {}, false, /^error: The settings/],
  ['the same, with a sign', 'stats --log-format=text', {}, false, /^error: The settings/],
  ['json where it is asked for', 'stats --log-format json', {}, true, /^\{"level":"error"/],
  ['text by the setting', 'stats', { LOG_FORMAT: 'text' }, false, /^error: The settings/],
  ['json by the setting', 'stats', { LOG_FORMAT: 'json' }, true, /^\{"level":"error"/],
  ['as the option says, whatever the setting', 'stats --log-format json', { LOG_FORMAT: 'text' }, true, /^\{/],
])('what happens is told as %s', async (_, line, more, isTTY, form) => {
  const { code, err } = await run(line, { ...env, ...more }, { isTTY })
  expect(code).toBe(78)
  expect(err).toMatch(form)
})

it('a format that there is not is refused, and the nearest is named', async () => {
  const { code, err } = await run('stats --log-format txt', {}, { isTTY: true })
  expect({ code, err }).toMatchInlineSnapshot(`
    {
      "code": 64,
      "err": "error: --log-format does not take txt. It is one of text, json.
      → Did you mean text? see: whoopster stats --help
    ",
    }
  `)
  expect((await run('stats', { LOG_FORMAT: 'xml' }, { isTTY: true })).err).toContain('LOG_FORMAT is none of text, json')
})
