// `whoopster report`: what is in the file, and what a browser makes of it.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { colour } from '../../grafana/src/palette.ts'
import type { LoggedWorkout, TrendDay } from '../../src/db/report.ts'
import { renderReport, type ReportData } from '../../src/report/index.ts'
import { escape } from '../../src/report/html.ts'
import { palette, zoneColours } from '../../src/report/palette.ts'
import { addDays } from '../../src/time.ts'
import { exportZip, startSandbox } from '../../src/sandbox/index.ts'
import type { Env } from '../../src/world.ts'
import { chromium, startBrowser, type Browser, type Page } from '../support/browser.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { createClock, envFor, logIn, run } from '../support/world.ts'
import { HOUR_MS } from '../support/time.ts'

const misplaced = await readFile(new URL('../support/misplaced.js', import.meta.url), 'utf8')
const HOSTILE = `<script>alert(1)</script>"'&\u202Egnirts</p><img src=x onerror=alert(2)>`

/** A believable day: the same for the same number. */
function dayOf(index: number, more: Partial<TrendDay> = {}): TrendDay {
  const wave = Math.sin(index / 3) + Math.sin(index / 11)
  return {
    day: addDays('2026-11-22', index),
    recovery: Math.round(55 + 20 * wave),
    recoveryWeek: 55,
    hrv: 60 + 8 * wave,
    hrvBaseline: 60,
    hrvSpread: 7,
    resting: 55 - 2 * wave,
    restingBaseline: 55,
    restingSpread: 1.5,
    respiratory: 14.2,
    respiratoryBaseline: 14.1,
    respiratorySpread: 0.3,
    skin: 33.4,
    skinBaseline: 33.2,
    skinSpread: 0.4,
    spo2: 96,
    signsOfIllness: 0,
    strain: 10 + 4 * Math.sin(index),
    acuteStrain: 10,
    chronicStrain: 9,
    loadRatio: 1.11,
    asleep: (7 + wave / 2) * HOUR_MS,
    light: 4 * HOUR_MS,
    deep: 1.2 * HOUR_MS,
    rem: (1.8 + wave / 2) * HOUR_MS,
    awake: 0.5 * HOUR_MS,
    sleepNeed: 7.8 * HOUR_MS,
    sleepPerformance: Math.round(85 + 8 * wave),
    workouts: index % 2 === 0 ? 1 : 0,
    workoutDuration: index % 2 === 0 ? HOUR_MS : null,
    zone0: 3,
    zone1: 12,
    zone2: 20,
    zone3: 15,
    zone4: 6,
    zone5: 1,
    ...more,
  }
}

const nothing = Object.fromEntries(
  Object.keys(dayOf(0))
    .filter((name) => name !== 'day')
    .map((name) => [name, name === 'workouts' ? 0 : null]),
) as Partial<TrendDay>

function dataOf(days: TrendDay[], more: Partial<ReportData> = {}): ReportData {
  const workouts = days.flatMap(({ day, workouts: count }, index): LoggedWorkout[] =>
    count === 0
      ? []
      : [{ day, sport: index % 3 === 0 ? 'Cycling' : 'Running', minutes: 60, strain: 9, averageHeartRate: 140 }],
  )
  const rest = { name: 'Milo', changes: [], changeCount: 0, effects: [], madeAt: new Date('2026-11-22T10:20:00Z') }
  return { days, workouts, ...rest, ...more }
}

const daysBack = (count: number) => Array.from({ length: count }, (_, index) => dayOf(index - count + 1))
const quarter = daysBack(90)

const members: Record<string, ReportData> = {
  'a quarter': dataOf(quarter),
  'a year': dataOf(daysBack(365)),
  'one day': dataOf(daysBack(1)),
  'one empty day': dataOf([dayOf(0, nothing)], { name: '' }),
  'two weeks': dataOf(daysBack(14)),
  gaps: dataOf(
    quarter.map((day, index) => (index % 9 < 3 || index === 89 ? { ...dayOf(0, nothing), day: day.day } : day)),
  ),
  'no workouts': dataOf(quarter.map((day) => ({ ...day, workouts: 0, zone1: null, zone2: null })), { workouts: [] }), // prettier-ignore
  'ten years': dataOf(daysBack(3653)),
  'a hostile name and sport': dataOf(quarter, {
    name: HOSTILE,
    workouts: [{ day: '2026-11-22', sport: HOSTILE, minutes: 60, strain: 9, averageHeartRate: 140 }],
    changes: [
      { type: 'recovery', reason: 'changed', seenUntil: '2026-11-20', began: '2026-11-18', before: 54, after: 61 },
      { type: 'workout', reason: 'deleted', seenUntil: '2026-11-20', began: null, before: 9.1, after: null },
    ],
    changeCount: 40,
    effects: [
      { question: HOSTILE, metric: 'recovery_score', daysYes: 12, daysNo: 60, difference: -6.1, ciLow: -10, ciHigh: -2, qValue: 0.01 },
      { question: 'Read in bed', metric: 'recovery_score', daysYes: 9, daysNo: 63, difference: 1, ciLow: -4, ciHigh: 6, qValue: 0.7 },
    ], // prettier-ignore
  }),
}

describe('the file', () => {
  it.each(Object.entries(members))('of %s holds no undefined, no NaN, and stays small', (_, data) => {
    const html = renderReport(data)
    expect(html.replace(/<script>[^]*/, '')).not.toMatch(/NaN|undefined|Infinity|\bnull\b/)
    expect(html.length).toBeLessThan(data.days.length > 400 ? 3_500_000 : 1_500_000)
  })

  it('lets nothing in, and runs nothing but its own script', () => {
    const html = renderReport(dataOf(quarter))
    expect(html).toContain(`content="default-src 'none'; style-src 'sha256-`)
    expect(html).not.toMatch(/unsafe-|https?:|url\(|@import|\sstyle=|\son\w+=/)
  })

  it('keeps what a stranger wrote as text', () => {
    const html = renderReport(members['a hostile name and sport'] ?? dataOf([]))
    expect(html).not.toMatch(/<script>alert|<img|\u202E/)
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\uFFFDgnirts')
  })

  it('has the colours of the dashboards', () => {
    expect(colour).toMatchObject(palette)
    expect(colour.zones).toEqual(zoneColours)
  })

  it('says what is to be seen in the data', () => {
    const above = quarter.map((day, index) => ({ ...day, hrv: index % 14 < 9 ? 61 : 59, asleep: 7 * HOUR_MS }))
    const sentences = [...renderReport(dataOf(above)).matchAll(/<figcaption><h3>.*?<\/h3><p>(.*?)<\/p>/g)].map(
      ([, text]) => text?.replaceAll('\u00A0', ' '),
    )
    expect(sentences).toMatchInlineSnapshot(`
      [
        "Of your last 14 recoveries none was green and 6 were red. Recovery averaged 36 % over the last seven days, 15 below the mean of all 90.",
        "You sleep about as well on every day of the week.",
        "Wed 11 Nov was the hardest day, with a strain of 14.0; the mean is 10.0.",
        "HRV has been above your normal on 9 of the last 14 nights, and never left the band.",
        "Resting heart rate has been above your normal on 12 of the last 14 nights, and left the band on 8.",
        "You slept 7:00 a night over the last 14 nights, 0:48 less than WHOOP says you needed; the need was met on none of them.",
        "Your last seven days were about as hard as the last four weeks: strain 10.0 against 9.0, a ratio of 1.11.",
        "3.5 workouts a week, most often <bdi>running</bdi>. 39 % of the time was in zones 3 to 5.",
      ]
    `)
    const alone = [...renderReport(dataOf(daysBack(1))).matchAll(/<figcaption><h3>.*?<\/h3><p>(.*?)<\/p>/g)]
    expect(alone.map(([, text]) => text?.replaceAll('\u00A0', ' '))).toMatchInlineSnapshot(`
      [
        "There are too few recoveries yet to say anything about them.",
        "Weekdays can be compared after three weeks of nights.",
        "Strain was 10.0 on Sun 22 Nov.",
        "What is normal for your HRV shows after seven nights.",
        "What is normal for your resting heart rate shows after seven nights.",
        "You slept 7:00 in the one night there is, 0:48 less than WHOOP says you needed.",
        "Your last seven days were about as hard as the last four weeks: strain 10.0 against 9.0, a ratio of 1.11.",
        "1 workout, most often <bdi>cycling</bdi>. 39 % of the time was in zones 3 to 5.",
      ]
    `)
  })
})

describe('report', () => {
  let database: TestDatabase
  let env: Env
  let folder: string
  const clock = createClock()
  const [FIRST, SECOND] = [10_001, 10_002]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'whoopster-report-'))
    database = await createDatabase()
    const sandbox = await startSandbox({ days: 60, members: 2, now: clock.now, limits: 'none' })
    env = envFor(sandbox, database.url)
    for (const member of [FIRST, SECOND]) await logIn(sandbox, env, { clock, member })
    const { code, err } = await run('sync', env, { clock })
    if (code !== 0) throw new Error(err)
    await writeFile(join(folder, 'export.zip'), exportZip(sandbox.world.export(FIRST)))
    await sandbox.close()
    await database.sql`update users set first_name = 'Ann' where whoop_user_id = ${FIRST}`
    await database.sql`update users set first_name = 'Bob' where whoop_user_id = ${SECOND}`
  }, 120_000)
  afterAll(async () => {
    await database.drop()
    await rm(folder, { recursive: true })
  })

  it('is of one member, and asks which', async () => {
    expect(await run('report', env, { isTTY: true })).toMatchObject({
      code: 64,
      err: 'error: A report is of one member, and there are 2.\n  → name one: --user 10001, --user 10002\n',
    })
    const { code, out } = await run(`report --out - --user ${SECOND}`, env, { clock })
    expect(code).toBe(0)
    expect(out).toContain('<bdi>Bob</bdi>')
    expect(out).not.toContain('Ann')
    expect(await run('report --user 7', env)).toMatchObject({ code: 64 })
  })

  it('shows the figures of the views', async () => {
    const { out } = await run(`report --out - --user ${FIRST} --days 30`, env, { clock })
    const rows = await database.sql<{ hrv: number; strain: number; day: string }[]>`
      select hrv_rmssd as hrv, strain_score as strain, to_char(day, 'FMDD Mon YYYY') as day from daily_trends t
      join users u on u.id = t.user_id where whoop_user_id = ${FIRST} and hrv_rmssd is not null and strain_score is not null
      order by t.day desc limit 20`
    expect(rows.length).toBeGreaterThan(10)
    for (const { day, hrv, strain } of rows) {
      const row = new RegExp(`<th scope="row">${day.replace('Sep', 'Sept')}</th>(.*?)</tr>`).exec(out)?.[1] ?? ''
      expect(row).toContain(`<td>${hrv.toFixed(0)}</td>`)
      expect(row).toContain(`<td>${strain.toFixed(1)}</td>`)
    }
    expect(out.match(/<th scope="row">\d/g)).toHaveLength(30)
  })

  it('shows what the journal’s view says of recovery, with n and interval, and nothing of another member’s', async () => {
    const imported = await run(['import', join(folder, 'export.zip'), '--user', `${FIRST}`], env, { clock })
    expect(imported).toMatchObject({ code: 0 })
    const effects = await database.sql<
      Record<'question' | 'difference' | 'low' | 'high' | 'yes' | 'no' | 'q', string>[]
    >`
      select question, difference::float8::text as difference, ci_low::float8::text as low, ci_high::float8::text as high,
        days_yes as yes, days_no as no, q_value as q
      from behaviour_effects e join users u on u.id = e.user_id
      where whoop_user_id = ${FIRST} and metric = 'recovery_score' order by q_value nulls last, abs(difference) desc`
    expect(effects.length).toBeGreaterThan(3)
    const { out } = await run(`report --out - --user ${FIRST}`, env, { clock })
    for (const { question, difference, low, high, yes, no, q } of effects.slice(0, 12)) {
      const [row = ''] = out.slice(out.indexOf(escape(question))).split('</tr>')
      expect(row).toContain(`${yes} / ${no}`)
      for (const figure of [difference, low, high]) expect(row).toContain(Math.abs(Number(figure)).toFixed(1))
      expect(row.includes('not clear'), question).toBe(q === null || Number(q) > 0.05)
    }
    const other = await run(`report --out - --user ${SECOND}`, env, { clock })
    expect(other.out).not.toContain(escape(effects[0]?.question ?? ''))
  })

  it('tells what WHOOP changed afterwards', async () => {
    await database.sql`
      insert into record_history (user_id, data_type, record_key, raw_data, seen_from, seen_until, reason)
      select user_id, 'recovery', id::text, jsonb_set(raw_data, '{score,recovery_score}', '1'), now(), ${clock.now()}::timestamptz, 'changed'
      from recovery_records where recovery_score > 40 order by created_at_whoop desc limit 1`
    const { out } = await run(`report --out - --user ${FIRST}`, env, { clock })
    const other = await run(`report --out - --user ${SECOND}`, env, { clock })
    const both = [out, other.out].filter((html) => html.includes('What WHOOP changed afterwards'))
    expect(both).toHaveLength(1)
    expect(both[0]).toMatch(/<td>1<\/td><td>\d\d<\/td>/)
  })

  it('writes a file for its owner alone, and opens it when asked', async () => {
    const opened: string[] = []
    const openBrowser = async (url: string) => opened.push(url) > 0
    const options = { clock, openBrowser, machine: { directory: folder } }
    const { code, out } = await run(`report --user ${FIRST} --open`, env, options)
    const file = join(folder, 'whoopster-report.html')
    expect({ code, out }).toEqual({ code: 0, out: `${file}\n` })
    expect(opened).toEqual([pathToFileURL(file).href])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).toMatch(/^<!doctype html>[^]*<\/html>\n$/)
    const alone = await run(`report --user ${FIRST} --open`, env, {
      clock,
      machine: { directory: folder },
      isTTY: true,
    })
    expect(alone).toMatchObject({ code: 0, err: expect.stringContaining('There is no browser to show it in.') })
    expect(await run(`report --user ${FIRST} --out /dev/null/x`, env, { clock })).toMatchObject({ code: 78 })
  })

  it('says what to do while nothing is stored', async () => {
    const empty = await createDatabase()
    onTestFinished(empty.drop)
    const bare = { DATABASE_URL: empty.url }
    expect(await run('report', bare)).toMatchObject({ code: 77, err: expect.stringContaining('run: whoopster auth') })
    await empty.sql`insert into users (whoop_user_id) values (1)`
    expect(await run('report', bare)).toMatchObject({ code: 64, err: expect.stringContaining('run: whoopster sync') })
  })
})

// Where there is no Chromium, nothing of this is known: the name says so.
describe.skipIf(!chromium)(`in Chromium${chromium ? '' : ': not run, there is none'}`, () => {
  let browser: Browser
  let page: Page
  let folder: string

  beforeAll(async () => {
    browser = await startBrowser(chromium ?? '')
    folder = await mkdtemp(join(tmpdir(), 'whoopster-page-'))
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const show = async (data: ReportData, width = 1440) => {
    const file = join(folder, 'report.html')
    await writeFile(file, renderReport(data))
    page = await browser.newPage()
    await page.resize(width, 900)
    await page.open(pathToFileURL(file).href)
    return pathToFileURL(file).href
  }

  it.each(
    Object.entries(members).flatMap(([name, data]) => [390, 820, 1440].map((width) => [name, width, data] as const)),
  )(
    '%s at %i pixels: no text is cut off or on another, nothing is fetched, nothing complained of',
    async (_, width, data) => {
      const url = await show(data, width)
      expect(await page.evaluate(misplaced)).toEqual([])
      expect(page.requests).toEqual([url])
      expect(page.complaints).toEqual([])
    },
    60_000,
  )

  it('finds what it looks for: text on text, text outside, an inline style', async () => {
    await show(dataOf(quarter), 390)
    await page.evaluate(`document.querySelector('h1').insertAdjacentHTML('beforebegin', '<p style="color:red">x</p>')`)
    await page.evaluate(`document.querySelector('.lead').append('w'.repeat(200))`)
    await page.evaluate(`document.querySelectorAll('.ys text')[1].setAttribute('y', document.querySelector('.ys text').getAttribute('y'))`) // prettier-ignore
    expect(await page.evaluate(misplaced)).not.toEqual([])
    expect(page.complaints.join()).toContain('Content Security Policy')
  })

  it.each(['dark', 'light'] as const)(
    'axe finds nothing to complain of, %s',
    async (scheme) => {
      const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
      for (const name of ['a hostile name and sport', 'one empty day', 'a year']) {
        await show(members[name] ?? dataOf(quarter), 820)
        await page.scheme(scheme)
        await page.evaluate(`document.querySelector('details').open = true`)
        await page.evaluate(`${source}; 0`)
        const found = await page.evaluate<unknown[]>(
          `axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(' | ')))`,
        )
        expect(found).toEqual([])
      }
    },
    120_000,
  )

  it('reads figures off under a pointer and with the arrow keys', async () => {
    await show(dataOf(quarter))
    const read = (id: string) => page.evaluate<string>(`document.getElementById('read-${id}').textContent`)
    const label = async () =>
      page.evaluate<string>(`document.querySelector('[data-id=hrv]').getAttribute('aria-valuetext')`)
    expect(await read('hrv')).toMatch(/^Sun 22 Nov 2026 · \d\d\u00A0ms · normal 53 to 67$/)
    await page.evaluate(`document.querySelector('[data-id=hrv]').focus()`)
    for (const key of ['ArrowLeft', 'PageDown']) await page.send('Input.dispatchKeyEvent', { type: 'keyDown', key })
    expect(await read('hrv')).toMatch(/^Sat 14 Nov 2026 · /)
    expect(await label()).toMatch(/^Sat 14 Nov 2026: /)
    await page.send('Input.dispatchKeyEvent', { type: 'keyDown', key: 'Home' })
    expect(await read('hrv')).toMatch(/^Tue 25 Aug 2026 · /)
    const place = await page.evaluate<{ x: number; y: number }>(
      `(() => { const s = document.querySelector('[data-id=strain] .squares'); s.scrollIntoView({ block: 'center' }); const { left, top, width, height } = s.getBoundingClientRect(); return { x: left + width * 0.5, y: top + height * 0.93 } })()`,
    )
    await page.send('Input.dispatchMouseEvent', { type: 'mouseMoved', ...place })
    expect(await read('strain')).toMatch(/^Sun \d+ \w+ 2026 · \d+\.\d$/) // the lowest row is Sundays
  })

  it('prints: every chart on paper, nothing on another', async () => {
    await show(dataOf(quarter), 720)
    const bytes = await page.pdf()
    expect(bytes.subarray(0, 5).toString()).toBe('%PDF-')
    const pages = bytes.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
    expect(pages).toBeGreaterThanOrEqual(2)
    expect(pages).toBeLessThanOrEqual(6)
    await page.send('Emulation.setEmulatedMedia', { media: 'print', features: [{ name: 'prefers-color-scheme', value: 'dark' }] }) // prettier-ignore
    expect(await page.evaluate(misplaced)).toEqual([])
    expect(await page.evaluate(`getComputedStyle(document.body).backgroundColor`)).toBe('rgb(255, 255, 255)')
  })
})
