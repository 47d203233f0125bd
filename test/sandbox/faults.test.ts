import { expect, it } from 'vitest'
import { canned, startSandbox } from '../../src/sandbox/index.ts'
import { open } from './open.ts'

const CYCLES = '/developer/v2/cycle'

it('answers what it is told, as often as it is told, where it is told', async () => {
  const { get, sandbox } = await open()
  sandbox.world.faults.next.push({ path: CYCLES, times: 2, answer: canned.serverError })
  expect((await get('/v2/recovery')).status).toBe(200)
  expect((await get('/v2/cycle')).status).toBe(500)
  expect((await get('/v2/cycle')).status).toBe(500)
  expect((await get('/v2/cycle')).status).toBe(200)
})

it('can wait for a later request, and for a method', async () => {
  const { get, sandbox } = await open()
  sandbox.world.faults.next.push(
    { skip: 1, answer: canned.cloudflare502 },
    { method: 'POST', answer: canned.tooMany() },
  )
  expect((await get('/v2/cycle')).status).toBe(200)
  const broken = await get('/v2/cycle')
  expect([broken.status, broken.headers.get('content-type')]).toEqual([502, 'text/html'])
  expect((await get('/v2/cycle')).status).toBe(200)
})

it('asks to come back later, or does not', async () => {
  const { get, sandbox } = await open()
  sandbox.world.faults.next.push({ answer: canned.tooMany(7) }, { answer: canned.tooMany() })
  const [patient, silent] = [await get('/v2/cycle'), await get('/v2/cycle')]
  expect([patient.status, patient.headers.get('retry-after')]).toEqual([429, '7'])
  expect([silent.status, silent.headers.get('retry-after')]).toEqual([429, null])
})

it('breaks the connection', async () => {
  const { get, sandbox } = await open()
  sandbox.world.faults.next.push({ act: 'reset' })
  await expect(get('/v2/cycle')).rejects.toThrow('fetch failed')
  expect(sandbox.requests.at(-1)).toMatchObject({ path: CYCLES, status: 0 })
})

it('hangs until it is closed', async () => {
  const sandbox = await startSandbox({ days: 3 })
  const seen = new Promise<void>((resolve) => {
    sandbox.world.faults.onRequest = () => resolve()
  })
  sandbox.world.faults.next.push({ act: 'hang' })
  const hung = fetch(`${sandbox.url}${CYCLES}`)
  await seen
  await sandbox.close()
  await expect(hung).rejects.toThrow('fetch failed')
})

it('sends half a page, or something else entirely', async () => {
  const { get, sandbox } = await open()
  sandbox.world.faults.next.push({ act: 'truncate' }, { act: 'not-json' })
  const half = await (await get('/v2/cycle')).text()
  expect(half).toMatch(/^{"records":\[/)
  expect(() => JSON.parse(half) as unknown).toThrow('JSON')
  const other = await get('/v2/cycle')
  expect([other.status, await other.text()]).toEqual([200, expect.stringContaining('upstream')])
})

it('loses a page, or repeats the one before', async () => {
  const { page, sandbox } = await open()
  const first = await page('/v2/cycle')
  sandbox.world.faults.next.push({ act: 'repeat-page' }, { act: 'empty-page' })
  expect(await page('/v2/cycle', { nextToken: first.next_token ?? '' })).toEqual(first)
  expect(await page('/v2/cycle')).toEqual({ records: [], next_token: null })
})

it('answers late', async () => {
  const { get, sandbox } = await open()
  sandbox.world.faults.next.push({ delayMs: 30 })
  const before = performance.now()
  expect((await get('/v2/cycle')).status).toBe(200)
  expect(performance.now() - before).toBeGreaterThan(25)
})

it('lets the world change in the middle of a walk', async () => {
  const { page, sandbox } = await open()
  const [, second] = sandbox.world.list('workout')
  sandbox.world.faults.onRequest = ({ query }) => {
    if (query['nextToken']) sandbox.world.remove('workout', second?.id ?? '')
  }
  const first = await page('/v2/activity/workout', { limit: '3' })
  const skipped = sandbox.world.list('workout')[3]
  const next = await page('/v2/activity/workout', { limit: '3', nextToken: first.next_token ?? '' })
  expect(next.records).not.toContainEqual(skipped)
})

it('remembers every request, and no token', async () => {
  const { access, get, refresh, sandbox, token } = await open()
  await token({ grant_type: 'refresh_token', refresh_token: refresh })
  await get('/v2/cycle', { limit: '3', access_token: access })
  expect(sandbox.requests.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
    'GET /oauth/oauth2/auth 200',
    'POST /oauth/oauth2/consent 303',
    'POST /oauth/oauth2/token 200',
    'POST /oauth/oauth2/token 200',
    'GET /developer/v2/cycle 401',
  ])
  expect(sandbox.requests.at(-1)?.query).toEqual({ limit: '3' })
  const log = JSON.stringify(sandbox.requests)
  for (const secret of [access, refresh, sandbox.clientSecret]) expect(log).not.toContain(secret)
})

it('knows whose request it was', async () => {
  const { get, sandbox } = await open({ members: 2 }, { member: 10_002 })
  await get('/v2/cycle')
  expect(sandbox.requests.at(-1)).toMatchObject({ member: 10_002, status: 200 })
})
