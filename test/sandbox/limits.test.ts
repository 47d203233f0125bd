import { expect, it } from 'vitest'
import { NOW, open } from './open.ts'

const shown = (answer: Response) =>
  ['limit', 'remaining', 'reset'].map((name) => answer.headers.get(`x-ratelimit-${name}`)).join(' | ')

it('tells the nearest limit first, and how many seconds until it eases', async () => {
  let now = NOW
  const { get } = await open({ now: () => now, limits: { perMinute: 100, perDay: 10_000 } })
  expect(shown(await get('/v2/cycle'))).toBe('100, 100;window=60, 10000;window=86400 | 99 | 60')
  now = new Date(NOW.getTime() + 20_500)
  expect(shown(await get('/v2/nothing'))).toBe('100, 100;window=60, 10000;window=86400 | 98 | 40')
})

it('refuses in plain text and without Retry-After, until the window has slid on', async () => {
  let now = NOW
  const { get } = await open({ now: () => now, limits: { perMinute: 2, perDay: 100 } })
  await get('/v2/cycle')
  now = new Date(NOW.getTime() + 30_000)
  expect((await get('/v2/cycle')).status).toBe(200)
  const refused = await get('/v2/cycle')
  expect([refused.status, await refused.text()]).toEqual([429, 'Too Many Requests'])
  expect(refused.headers.get('retry-after')).toBeNull()
  expect(shown(refused)).toBe('2, 2;window=60, 100;window=86400 | 0 | 30')
  now = new Date(NOW.getTime() + 60_000)
  expect((await get('/v2/cycle')).status).toBe(200)
  expect((await get('/v2/cycle')).status).toBe(429)
})

it('counts the day as well', async () => {
  let now = NOW
  const { get } = await open({ now: () => now, limits: { perMinute: 2, perDay: 3 } })
  await get('/v2/cycle')
  await get('/v2/cycle')
  now = new Date(NOW.getTime() + 120_000)
  await get('/v2/cycle')
  const refused = await get('/v2/cycle')
  expect(refused.status).toBe(429)
  expect(shown(refused)).toBe('3, 2;window=60, 3;window=86400 | 0 | 86280')
})

it('is one budget for all members of the app, and not spent on logins', async () => {
  const { access, sandbox } = await open({ members: 2, limits: { perMinute: 2, perDay: 100 } })
  const other = await sandbox.login({ member: 10_002 })
  const status = async (token: string) =>
    (await fetch(`${sandbox.url}/developer/v2/cycle`, { headers: { authorization: `Bearer ${token}` } })).status
  expect([await status(access), await status(other.access_token), await status(access)]).toEqual([200, 200, 429])
})
