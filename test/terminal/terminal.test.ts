import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Day } from '../../src/db/stats.ts'
import type { TypeName } from '../../src/resources/names.ts'
import { ask } from '../../src/terminal/ask.ts'
import { stackedBar, type Part } from '../../src/terminal/bars.ts'
import { calendar } from '../../src/terminal/calendar.ts'
import { createLog } from '../../src/terminal/log.ts'
import { createProgress } from '../../src/terminal/progress.ts'
import { mean } from '../../src/stats.ts'
import { sparkline, squeeze } from '../../src/terminal/sparkline.ts'
import { createSpinner } from '../../src/terminal/spinner.ts'
import { plain, styleFor, widthOf } from '../../src/terminal/style.ts'
import { fit, table } from '../../src/terminal/table.ts'
import { wrap, wrapLines } from '../../src/terminal/wrap.ts'
import type { Output } from '../../src/world.ts'
import { createClock } from '../support/world.ts'

const ESC = '\u001B'
const red = (text: string) => `${ESC}[31m${text}${ESC}[39m`
const FAMILY = '👩‍👩‍👧' // one character to a reader, five to String.length's finer sister, two columns to a terminal

function capture(terminal: Partial<Output> = {}): { output: Output; text: () => string } {
  let text = ''
  const write = (more: string) => {
    text += more
  }
  return { output: { ...terminal, write }, text: () => text }
}

describe('a table', () => {
  const rows = [
    ['type', 'records', 'latest'],
    ['sleep', '1204', '2026-11-22'],
    ['recovery', '98', '—'],
  ]

  it('aligns words to the left and numbers to the right', () => {
    expect(`\n${table(rows, { right: [1], width: 80 })}\n`).toMatchInlineSnapshot(`
      "
      type      records  latest
      sleep        1204  2026-11-22
      recovery       98  —
      "
    `)
  })

  it.each([
    { width: 30, lines: ['type      records  latest', 'sleep        1204  2026-11-22', 'recovery       98  —'] },
    { width: 29, lines: ['type      records  latest', 'sleep        1204  2026-11-22', 'recovery       98  —'] },
    { width: 24, lines: ['type      records…', 'sleep        1204…', 'recovery       98  —'] },
    { width: 6, lines: ['type…', 'sleep…', 'recov…'] },
    { width: 1, lines: ['…', '…', '…'] },
  ])('fits into $width columns', ({ width, lines }) => {
    expect(table(rows, { right: [1], width }).split('\n')).toEqual(lines)
  })

  it('is not moved by colours, accents or emoji', () => {
    const strange = [
      ['plain', '1'],
      [red('red'), '2'],
      ['Jose\u0301', '3'],
      [FAMILY, '4'],
    ]
    expect(table(strange, { right: [1], width: 80 }).split('\n')).toEqual([
      'plain  1',
      `${red('red')}    2`,
      'Jose\u0301   3',
      `${FAMILY}     4`,
    ])
  })

  it('goes on below where its last column is text, and breaks no word', () => {
    const said = [
      ['→ whoopster stats', 'what is stored: averages, trends, the last twelve weeks'],
      ['  whoopster sync', 'fetch what is new'],
      ['  whoopster'],
    ]
    expect(`\n${table(said, { width: 40 })}\n`).toMatchInlineSnapshot(`
      "
      → whoopster stats  what is stored:
                         averages, trends, the
                         last twelve weeks
        whoopster sync   fetch what is new
        whoopster
      "
    `)
    expect(table(said, { width: 80 }).split('\n')).toHaveLength(3)
  })

  it('is written row by row where its figures do not fit: none of them is lost', () => {
    const sports = [
      ['sport', '', 'workouts', 'strain', 'kcal'],
      ['Weightlifting', '██', '14', '6.4', '5,139'],
      ['Sauna', '█', '1,015', '1.2', '–'],
    ]
    expect(`\n${table(sports, { right: [2, 3, 4], width: 30, titled: true })}\n`).toMatchInlineSnapshot(`
      "
      Weightlifting  ██
        workouts 14  strain 6.4
        kcal 5,139
      Sauna  █
        workouts 1,015  strain 1.2
        kcal –
      "
    `)
    expect(table(sports, { right: [2, 3, 4], width: 80, titled: true }).split('\n')).toHaveLength(3)
  })

  it('may have short rows, and none', () => {
    expect(table([['a', 'b'], ['c']], { width: 80 })).toBe('a  b\nc')
    expect(table([], { width: 80 })).toBe('')
  })
})

describe('a line', () => {
  it.each([
    ['fits', 4, 'fits'],
    ['does not fit', 8, 'does…'],
    ['does not fit', 9, 'does not…'],
    ['indeterminable', 8, 'indeter…'],
    ['  indeterminable', 8, '  indet…'],
    [red('fits'), 4, red('fits')],
    [red('loses its colour'), 6, 'loses…'],
    [red('loses its colour'), 5, 'lose…'],
    ['José Jose\u0301', 9, 'José Jose\u0301'],
    ['José Jose\u0301!', 9, 'José…'],
    [`${FAMILY}${FAMILY}${FAMILY}`, 3, `${FAMILY}…`],
    [`${FAMILY}${FAMILY}${FAMILY}`, 2, '…'],
    ['山田太郎', 8, '山田太郎'],
    ['山田太郎', 7, '山田太…'],
    ['山田太郎', 6, '山田…'],
    ['anything', 0, '…'],
  ])('%j in %i columns is %j', (line, width, fitted) => {
    expect(fit(line, width)).toBe(fitted)
  })
})

it.each([
  ['run: whoopster auth', 12, ['run:', 'whoopster', 'auth']],
  ['see https://example.com/a/long/address now', 12, ['see', 'https://example.com/a/long/address', 'now']],
  ['  → run it again, later', 12, ['  → run it', '    again,', '    later']],
  ['  2. make an app', 10, ['  2. make', '     an', '     app']],
  ['Redirected URL: ', 12, ['Redirected', 'URL: ']],
  ['50\u00A0% of it', 8, ['50\u00A0% of', 'it']],
  ['fits\n\n  as it is  here', 20, ['fits', '', '  as it is  here']],
])('%j in %i columns is wrapped to %j', (text, width, lines) => {
  expect(wrapLines(text, width).split('\n')).toEqual(lines)
})

it.each([0, 1, 2, 3])('nothing that is wrapped is lost at width %i', (width) => {
  expect(wrap('run it again', width, '  ').join('').replaceAll(' ', '')).toBe('runitagain')
})

describe('a sparkline', () => {
  it.each([
    ['rises', [1, 2, 3, 4, 5, 6, 7, 8], '▁▂▃▄▅▆▇█'],
    ['goes from the lowest to the highest', [-100, 100], '▁█'],
    ['keeps gaps', [1, null, 2, null], '▁ █ '],
    ['stays in the middle when nothing changes', [5, 5, 5], '▅▅▅'],
    ['has one value', [42], '▅'],
    ['has only gaps', [null, null], '  '],
    ['has nothing', [], ''],
  ])('%s', (_, values, line) => {
    expect(sparkline(values)).toBe(line)
  })
})

describe('squeezing', () => {
  it.each([
    { values: [1, 2, 3], room: 5, squeezed: [1, 2, 3] },
    { values: [1, 2, 3], room: 3, squeezed: [1, 2, 3] },
    { values: [1, 2, 3, 4], room: 2, squeezed: [1.5, 3.5] },
    { values: [1, 2, 3, 4, 5], room: 2, squeezed: [1.5, 4] },
    { values: [1, 2, 3], room: 1, squeezed: [2] },
    { values: [1, null, null, null, 3, 5], room: 3, squeezed: [1, null, 4] },
    { values: [1, 2, 3], room: 0, squeezed: [] },
    { values: [1, 2, 3], room: -4, squeezed: [] },
    { values: [], room: 10, squeezed: [] },
  ])('$values into $room is $squeezed', ({ values, room, squeezed }) => {
    expect(squeeze(values, room)).toEqual(squeezed)
  })

  it.each([7, 30, 60, 89, 90])('uses every value once, at %i columns', (room) => {
    const values = Array.from({ length: 365 }, (_, day) => day)
    const squeezed = squeeze(values, room)
    expect(squeezed).toHaveLength(room)
    expect(squeezed).toEqual(squeezed.toSorted((a, b) => Number(a) - Number(b)))
    expect(squeezed.every((value) => value !== null)).toBe(true)
  })

  it('takes the mean of what is known', () => {
    expect([mean([1, null, 4]), mean([null]), mean([])]).toEqual([2.5, null, null])
  })
})

describe('the log', () => {
  const clock = createClock('2026-11-22T10:20:00Z')

  it('is one JSON object a line without a terminal', () => {
    const { output, text } = capture()
    const log = createLog(output, clock, 'debug')
    log.info('stored a page', { type: 'sleep', fetched: 25 })
    log.warn('two\nlines "quoted"')
    log.error('it failed', { reason: 'login', hint: 'run: whoopster auth' })
    expect(text()).toMatchInlineSnapshot(`
      "{"level":"info","time":"2026-11-22T10:20:00.000Z","msg":"stored a page","type":"sleep","fetched":25}
      {"level":"warn","time":"2026-11-22T10:20:00.000Z","msg":"two\\nlines \\"quoted\\""}
      {"level":"error","time":"2026-11-22T10:20:00.000Z","msg":"it failed","reason":"login","hint":"run: whoopster auth"}
      "
    `)
    for (const line of text().trim().split('\n')) expect(Object.keys(JSON.parse(line) as object)[0]).toBe('level')
  })

  it('is sentences on a terminal, with what to do', () => {
    const { output, text } = capture({ isTTY: true })
    const log = createLog(output, clock, 'debug')
    log.debug('asked', { path: '/v2/cycle', status: 200 })
    log.debug('nothing more to say')
    log.info('stored a page', { type: 'sleep', fetched: 25 })
    log.warn('sleep is skipped')
    log.error('Nobody is logged in.', { reason: 'login', hint: 'run: whoopster auth' })
    expect(text()).toMatchInlineSnapshot(`
      "debug: asked {"path":"/v2/cycle","status":200}
      debug: nothing more to say
      stored a page
      warn: sleep is skipped
      error: Nobody is logged in.
        → run: whoopster auth
      "
    `)
  })

  it('shows a stack on a terminal line by line', () => {
    const { output, text } = capture({ isTTY: true })
    createLog(output, clock, 'info').error('stack', { stack: 'Error: gone\n    at here\n    at there' })
    expect(text()).toMatchInlineSnapshot(`
      "error: stack
        Error: gone
            at here
            at there
      "
    `)
  })

  it.each([40, 80, 120])('breaks no word on a terminal %i columns wide, and no address', (columns) => {
    const { output, text } = capture({ isTTY: true, columns })
    const log = createLog(output, clock, 'info')
    const address = `https://api.prod.whoop.com/oauth/oauth2/auth?state=${'x'.repeat(120)}`
    const said = 'TOKEN_ENCRYPTION_KEY is not set, and WHOOP_CLIENT_SECRET neither, which is more than can be borne'
    log.error(`The settings are incomplete or wrong:\n  ${said}`, {
      hint: `correct them in .env; see ${address} first`,
    })
    const words = text().split(/\s+/).filter(Boolean)
    expect(words.join(' ')).toBe(
      `error: The settings are incomplete or wrong: ${said} → correct them in .env; see ${address} first`,
    )
    const lines = text().split('\n')
    expect(lines.filter((line) => line.length > columns && !line.includes(address))).toEqual([])
  })

  it('goes on below where its text begins', () => {
    const { output, text } = capture({ isTTY: true, columns: 30 })
    createLog(output, clock, 'info').warn('members wait for a later run:\n  one of them has waited for long', {
      hint: 'run it again, or more often: whoopster sync',
    })
    expect(text()).toMatchInlineSnapshot(`
      "warn: members wait for a later
      run:
        one of them has waited for
        long
        → run it again, or more
          often: whoopster sync
      "
    `)
  })

  it('is sentences without a terminal, too, where text is asked for: in full, for they are wrapped by who reads', () => {
    const { output, text } = capture()
    const long = 'nobody has been logged in for as long as anybody in this house can remember, and that is long'
    createLog(output, clock, 'info', 'text').warn(long, { hint: 'run: whoopster auth', type: 'sleep' })
    expect(text()).toBe(`warn: ${long}\n  → run: whoopster auth\n`)
  })

  it('is JSON on a terminal, too, where that is asked for', () => {
    const { output, text } = capture({ isTTY: true })
    createLog(output, clock, 'info', 'json').info('stored a page', { type: 'sleep' })
    expect(JSON.parse(text())).toMatchObject({ level: 'info', msg: 'stored a page', type: 'sleep' })
  })

  it('keeps its own fields, whatever an event brings', () => {
    const { output, text } = capture()
    createLog(output, clock, 'info').info('message', { level: 'gold', time: 'tea', msg: 'other', type: 'sleep' })
    expect(JSON.parse(text())).toEqual({
      level: 'info',
      time: '2026-11-22T10:20:00.000Z',
      msg: 'message',
      type: 'sleep',
    })
  })

  it.each([
    ['debug', 'debug info warn error'],
    ['info', 'info warn error'],
    ['warn', 'warn error'],
    ['error', 'error'],
    ['silent', ''],
  ] as const)('from %s on says: %s', (threshold, said) => {
    const { output, text } = capture()
    const log = createLog(output, clock, threshold)
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]('.')
    expect(Array.from(text().matchAll(/"level":"(\w+)"/g), ([, level]) => level).join(' ')).toBe(said)
  })
})

describe('colours', () => {
  it.each([
    ['on a terminal', { isTTY: true }, {}, '\u001B[31mtext\u001B[39m'],
    ['not without a terminal', {}, { COLORTERM: 'truecolor' }, 'text'],
    ['not with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }, 'text'],
    ['not with NO_COLOR, whatever it says', { isTTY: true }, { NO_COLOR: '0' }, 'text'],
    [
      'with an empty NO_COLOR, as https://no-color.org has it',
      { isTTY: true },
      { NO_COLOR: '' },
      '\u001B[31mtext\u001B[39m',
    ],
    ['not on a dumb terminal', { isTTY: true }, { TERM: 'dumb' }, 'text'],
  ])('are used: %s', async (_, terminal, env, drawn) => {
    expect((await styleFor(capture(terminal).output, env)).red('text')).toBe(drawn)
  })
})

describe('the width', () => {
  it.each([
    ['the terminal’s', 132, 132],
    ['80 without one', undefined, 80],
    ['80 on a terminal that does not know its own, as in a container', 0, 80],
    ['enough for a word, on a terminal of one column', 1, 20],
  ])('is %s', (_, columns, width) => {
    expect(widthOf(capture(columns === undefined ? {} : { columns }).output)).toBe(width)
  })
})

describe('the recovery calendar', () => {
  const day = (date: string, recovery: number | null) => ({ day: date, recovery }) as Day

  it('has a column for each week and a row for each weekday, and nothing after the last day', () => {
    const days = [day('2026-11-09', 33), day('2026-11-10', 34), day('2026-11-15', 66), day('2026-11-17', 67)]
    expect(calendar(days, 2, plain)).toEqual(['○ ·', '◐ ●', '·  ', '·  ', '·  ', '·  ', '◐  '])
    expect(calendar([], 2, plain)).toEqual([])
  })
})

describe('a stacked bar', () => {
  const part = (value: number, fill: string): Part => ({ name: '', value, fill, colour: 'red', shown: '' })

  it.each([
    { values: [1, 1, 2], drawn: 'aabbcccc' },
    { values: [100, 0, 1], drawn: 'aaaaaaac' },
    { values: [1, 0, 100], drawn: 'accccccc' },
    { values: [0, 0, 0], drawn: '' },
  ])('of $values is $drawn', ({ values, drawn }) => {
    expect(
      stackedBar(
        values.map((value, index) => part(value, 'abc'[index] ?? '')),
        8,
        plain,
      ),
    ).toBe(drawn)
  })
})

describe('progress', () => {
  const headers: Record<string, string> = {
    'x-ratelimit-limit': '100, 100;window=60, 10000;window=86400',
    'x-ratelimit-remaining': '57',
    'x-ratelimit-reset': '30',
  }
  const limited = async () => {
    return { status: 200, headers: { get: (name: string) => headers[name] ?? null }, text: async () => '' }
  }
  const newProgress = (since?: string, { perMinute = 100, width = 80 } = {}) => {
    let text = ''
    const clock = createClock()
    const progress = createProgress(
      clock,
      { perMinute, since, types: ['sleep', 'recovery', 'cycle'], doing: 'syncing', width: () => width },
      (draw) => (text = draw()),
    )
    const page = (fetched: number, reached: string, type: TypeName = 'sleep') =>
      progress.report({ whoopUserId: 1, type, fetched, reached, done: false })
    return { progress, page, clock, text: () => text }
  }

  it('says how far each type is, what WHOOP leaves, and the time for each year of history', async () => {
    const { progress, page, text } = newProgress()
    await progress.overhearing(limited)('', { method: 'GET', headers: {}, signal: new AbortController().signal })
    page(25, '2026-10-29T00:00:00.000Z')
    page(50, '2026-10-05T00:00:00.000Z') // a page is 24 days: a year takes 15.2 requests of each
    // of two types, and they 20.3 s
    page(1000, '2026-11-01T00:00:00.000Z', 'cycle')
    progress.report({ whoopUserId: 1, type: 'cycle', fetched: 1000, reached: undefined, done: true })
    progress.report({ whoopUserId: 1, type: 'body', fetched: 1, reached: undefined, done: true })
    expect(`\n${text()}\n`).toMatchInlineSnapshot(`
      "
      57 requests left this minute · about 21 s for each year of history
         sleep        50 records  back to 2026-10-05
         recovery                 after sleep
      ✔  cycle     1,000 records
      ✔  body          1 record
      "
    `)
    expect(progress.kept()).toBe('50 sleep, 1,000 cycle, 1 body')
  })

  it('knows the time to go where it knows the end, and says when it waits', () => {
    const { progress, page, clock, text } = newProgress('2026-01-01')
    page(25, '2026-10-29T00:00:00.000Z')
    page(50, '2026-10-28T00:00:00.000Z')
    expect(text()).toContain('about 6 minutes to go') // 300 and 301 days, a request each
    progress.waiting(12_300)
    const until = new Date(clock.now().getTime() + 13_000).toTimeString().slice(0, 8) // as the wall says
    expect(text()).toContain(`waiting for WHOOP's limit until ${until}`)
    page(75, '2026-10-27T00:00:00.000Z') // which was asked for before
    expect(text()).toContain("waiting for WHOOP's limit")
    clock.pass(12_300)
    page(100, '2026-10-26T00:00:00.000Z')
    expect(text()).not.toContain('for WHOOP')
  })

  it('reckons with what WHOOP allows, when the settings allow more', async () => {
    const { progress, page, text } = newProgress(undefined, { perMinute: 100_000 })
    await progress.overhearing(limited)('', { method: 'GET', headers: {}, signal: new AbortController().signal })
    page(25, '2026-10-29T00:00:00.000Z')
    page(50, '2026-10-05T00:00:00.000Z')
    expect(text()).toContain('about 21 s for each year')
  })

  it.each([40, 50, 80])('keeps within %i columns, the spinner included', async (width) => {
    const { progress, page, text } = newProgress(undefined, { width })
    await progress.overhearing(limited)('', { method: 'GET', headers: {}, signal: new AbortController().signal })
    page(25, '2026-10-29T00:00:00.000Z')
    page(1_000_000, '2026-10-05T00:00:00.000Z')
    for (const wait of [0, 56_000]) {
      progress.waiting(wait)
      expect(
        Math.max(
          ...text()
            .split('\n')
            .map((line) => line.length + 2),
        ),
      ).toBeLessThanOrEqual(width)
    }
  })
})

describe('the spinner', () => {
  /** A terminal that writes down how it is drawn on. */
  function screen(columns = 80) {
    const { output: plainOutput, text } = capture({ isTTY: true })
    const output = Object.assign(new EventEmitter(), plainOutput, { columns })
    const drawn = (what: string) => () => output.write(what)
    return {
      text,
      output: Object.assign(output, { cursorTo: drawn('<'), moveCursor: drawn('^'), clearLine: drawn('-') }),
    }
  }

  it('draws over what it has drawn, and leaves nothing behind', async () => {
    const { output, text } = screen()
    const spinner = await createSpinner(output, {}, false)
    const log = spinner.below(createLog(output, createClock(), 'info'))
    spinner.say(() => 'syncing\nsleep')
    log.info('said meanwhile')
    spinner.stop()
    const seen = stripVTControlCharacters(text())
    expect(seen).toContain('⠋ syncing\nsleep<-^-<said meanwhile\n')
    expect(seen.slice(seen.lastIndexOf('sleep'))).toMatch(/[-^<]+$/) // its last lines are cleared
  })

  it('is silent on a terminal of no width, which ora would divide by', async () => {
    const { output, text } = screen(0)
    const spinner = await createSpinner(output, {}, false)
    spinner.say(() => expect.unreachable())
    spinner.stop()
    expect(text()).toBe('')
  })

  it('falls silent when its terminal loses its width', async () => {
    const { output } = screen()
    const spinner = await createSpinner(output, {}, false)
    spinner.say(() => 'syncing')
    output.columns = 0
    output.emit('resize')
    spinner.say(() => expect.unreachable())
    spinner.stop()
    expect(output.listenerCount('resize')).toBe(0)
  })

  it.each([{ CI: '1' }, { TERM: 'dumb' }])('is silent with %j, though there is a terminal', async (env) => {
    const { output, text } = screen()
    const spinner = await createSpinner(output, env, false)
    spinner.say(() => expect.unreachable())
    spinner.stop()
    expect(text()).toBe('')
    expect((await styleFor(output, env)).red('text')).toBe('text')
  })

  it.each([
    ['without a terminal', {}, false],
    ['when quiet is asked for', { isTTY: true }, true],
  ])('is silent %s', async (_, terminal, quiet) => {
    const { output, text } = capture(terminal)
    const spinner = await createSpinner(output, {}, quiet)
    spinner.say(() => expect.unreachable())
    spinner.stop()
    expect(text()).toBe('')
  })
})

function open() {
  const stdin = new PassThrough()
  const { output, text } = capture({ isTTY: true })
  return { stdin, text, terminal: { stdin, stdout: output, stderr: output } }
}

describe('a question', () => {
  it('is answered by the first line that says something', async () => {
    const { stdin, text, terminal } = open()
    const answer = ask(terminal, 'Redirected URL: ', new AbortController().signal)
    stdin.write('\n  \nhttp://localhost:8000/callback?code=1\nmore\n')
    expect(await answer).toBe('http://localhost:8000/callback?code=1')
    expect(text()).toBe('Redirected URL: '.repeat(3)) // and the answer is not repeated
  })

  it.each([
    ['later', (done: AbortController, put: () => void) => (put(), done.abort())],
    ['before it was put', (done: AbortController, put: () => void) => (done.abort(), put())],
  ])('lets go of the keyboard when it is not needed any more: %s', (_, order) => {
    const { stdin, terminal } = open()
    const done = new AbortController()
    order(done, () => void ask(terminal, '? ', done.signal))
    expect(stdin.isPaused()).toBe(true)
  })
})
