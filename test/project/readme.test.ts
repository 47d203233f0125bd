// README, docs/, .env.example and package.json against the code they speak of. `npm run docs` rewrites the marked blocks.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { parseEnv, stripVTControlCharacters } from 'node:util'
import { pathToFileURL } from 'node:url'
import type { Command } from '@commander-js/extra-typings'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { readConfig, settings, type SettingName } from '../../src/config.ts'
import { exitCodes, type Reason } from '../../src/errors.ts'
import { createProgram } from '../../src/main.ts'
import { allScopes } from '../../src/resources/index.ts'
import { chromium, startBrowser } from '../support/browser.ts'
import { isLong } from '../support/long.ts'
import { newMember } from '../support/member.ts'
import { picture } from '../support/picture.ts'
import { createClock, machine, run, TEST_KEY } from '../support/world.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (path: string) => readFile(new URL(path, ROOT), 'utf8')
const example = await read('.env.example')

/** What a user reads to use it. */
const documents = ['README.md', 'docs/commands.md', 'docs/data.md', 'docs/journal.md', 'docs/operations.md']
const texts = new Map(await Promise.all(documents.map(async (path) => [path, await read(path)] as const)))
const readme = texts.get('README.md') ?? ''

/** Where each generated block stands. */
const homes: Readonly<Record<string, string>> = {
  demo: 'docs/demo.md',
  help: 'docs/commands.md',
  settings: 'docs/commands.md',
  'exit codes': 'docs/commands.md',
}
const blocks: Record<string, () => string | Promise<string>> = {
  demo: async () => fenced('console', stripVTControlCharacters((await showDemo()).shown)),
  help: showHelp,
  settings: () =>
    table(
      ['setting', 'meaning', 'default'],
      Object.entries(settings).map(([name, setting]) => [`\`${name}\``, setting.meaning, setting.default]),
    ),
  'exit codes': () =>
    table(
      ['code', 'meaning'],
      Object.entries(meanings).map(([code, meaning]) => [code, meaning]),
    ),
}

describe('README and docs', () => {
  it('are short where a newcomer begins', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(300)
  })

  it.each(shown(blocks))(
    'have a current %s block (npm run docs makes it)',
    async (name) => {
      const home = homes[name] ?? ''
      const made = (await blocks[name]?.()) ?? ''
      if (process.env.UPDATE_README) await rewrite(home, name, made)
      expect(lines(blockOf(await read(home), name))).toEqual(lines(made))
    },
    120_000,
  ) // the demo, on a busy machine

  it.each(shown(pictures))(
    'show a current picture of %s (npm run docs makes it)',
    async (name) => {
      const { title, text } = pictures[name] ?? { title: '', text: async () => '' }
      const made = picture(await text(), { columns: 80, title })
      const file = new URL(`docs/pictures/${name}.svg`, ROOT)
      if (process.env.UPDATE_README) {
        await mkdir(new URL('.', file), { recursive: true })
        await writeFile(file, made)
      }
      expect(await readFile(file, 'utf8')).toBe(made)
      expect(readme).toContain(`](docs/pictures/${name}.svg)`)
    },
    120_000,
  )

  it.runIf(process.env.UPDATE_README && chromium)(
    'show a picture of the report (npm run docs makes it, where there is Chromium)',
    async () => {
      const dir = await mkdtemp(join(tmpdir(), 'whoopster-picture-'))
      const browser = await startBrowser(chromium ?? '')
      try {
        await writeFile(join(dir, 'report.html'), (await showDemo()).html)
        const page = await browser.newPage()
        await page.scheme('light')
        await page.resize(1180, 1180)
        await page.open(pathToFileURL(join(dir, 'report.html')).href)
        const png = await page.png(1090)
        expect(png.length).toBeLessThan(400_000) // it comes with every clone
        await writeFile(new URL('docs/report.png', ROOT), png)
      } finally {
        await browser.close()
        await rm(dir, { recursive: true })
      }
    },
    120_000,
  )

  it.each(programs().map(({ path }) => path))('mention whoopster %s', (path) => {
    expect(prose()).toContain(`whoopster ${path}`)
  })

  it.each(programs().map(({ path }) => path))('has company: whoopster %s --help ends with an example', async (path) => {
    expect((await run(`${path} --help`, {})).out).toMatch(/\nExamples?:\n( {2}\$ .*whoopster .*\n)+$/)
  })

  it.each(commandLines())('show a command line that the program takes: %s', async (line) => {
    const program = idleProgram()
    await expect(program.parseAsync(words(line).slice(1), { from: 'user' })).resolves.toBeDefined()
  })

  it.each([...prose().matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script))('know npm run %s', (script) => {
    expect(Object.keys(manifest.scripts)).toContain(script)
  })

  it.each(allScopes)('say to ask for %s', (scope) => {
    expect(prose()).toContain(`\`${scope}\``)
  })

  it.each(links())('%s links to %s, which is there', async (from, target) => {
    const [path = '', anchor] = target.split('#')
    const text = await readFile(new URL(path || basename(from), new URL(from, ROOT)), 'utf8')
    expect(anchor === undefined ? [anchor] : anchorsOf(text)).toContain(anchor)
  })
})

describe('.env.example', () => {
  const assignment = /^#? ?([A-Z_]+)=(.*)$/gm

  it('lists exactly the settings, in their order', () => {
    expect([...example.matchAll(assignment)].map(([, name]) => name)).toEqual(Object.keys(settings))
  })

  it('fills nothing in that is secret, and comments everything', () => {
    const secrets = [...example.matchAll(assignment)].filter(([, name = '']) => /SECRET|KEY|_ID$/.test(name))
    expect(secrets.map(([, , value]) => value)).toEqual(['', '', ''])
    const paragraphs = example.trim().split(/\n\n+/).slice(1) // the first introduces the file
    for (const paragraph of paragraphs) expect(paragraph).toMatch(/^# \S.*\n/)
  })

  it('is a .env that lacks nothing but the secrets, with or without the comments', () => {
    const everything = example.replace(/^# ([A-Z_]+=)/gm, '$1')
    const names = Object.keys(settings) as SettingName[]
    expect(() => readConfig(parseEnv(example), names)).toThrow(
      'The settings are incomplete or wrong:\n  WHOOP_CLIENT_ID is not set\n  WHOOP_CLIENT_SECRET is not set',
    )
    const secrets = { WHOOP_CLIENT_ID: 'id', WHOOP_CLIENT_SECRET: 'secret', TOKEN_ENCRYPTION_KEY: TEST_KEY }
    expect(() => readConfig({ ...parseEnv(everything), ...secrets }, names)).not.toThrow()
  })
})

/** Typed by reason, so that a new one does not compile before it is explained here. */
const reasons: Record<Reason, string> = {
  usage: 'the command line is wrong',
  data: '',
  quarantine:
    'done, but a record could not be read and waits in `quarantined_records`; or `import` was given rows or a file that it cannot read',
  unavailable: 'WHOOP or PostgreSQL did not answer',
  bug: 'a mistake in whoopster itself',
  later: "try again later: WHOOP's limit for now, or another process at work",
  busy: '',
  protocol: "WHOOP's answer could not be understood",
  login: 'a person has to log in: `whoopster auth`',
  settings: 'a setting is missing or not valid',
}

const meanings: Record<number, string> = {
  0: 'done; also when another run was already at it and nothing was left to do',
  1: '`status`, `verify` and `doctor` only: the answer is no',
  ...Object.fromEntries(
    Object.entries(reasons)
      .filter(([, meaning]) => meaning)
      .map(([reason, meaning]) => [exitCodes[reason as Reason], meaning]),
  ),
  130: 'interrupted by Ctrl-C; everything committed is kept',
  143: 'ended by SIGTERM; everything committed is kept',
}

/** The demo on a terminal, from `sync` to `stats`, but for how long it took. */
const showDemo = once(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-readme-'))
  try {
    const env = { WHOOPSTER_DATA_DIR: dir }
    const { code, out, err } = await run('demo', env, { clock: createClock(), isTTY: true, columns: 80 })
    if (code !== 0) throw new Error(`the demo ended with ${code}: ${err}`)
    const html = await readFile(join(dir, 'demo', 'report.html'), 'utf8')
    const shown = out.slice(out.indexOf('$ whoopster sync'), out.indexOf('$ whoopster report'))
    return { shown: shown.replace(/^.*\d+ requests in .*\n/m, '').trim(), html }
  } finally {
    await rm(dir, { recursive: true })
  }
})

/** What doctor says to somebody who has ticked too little. */
async function showDoctor(): Promise<string> {
  const member = await newMember({ days: 5, grant: ['offline', 'read:profile', 'read:sleep', 'read:recovery'] })
  const { out } = await member.run('doctor', { isTTY: true, columns: 80 })
  const real = out
    .replaceAll('127.0.0.1 is known', 'api.prod.whoop.com is known')
    .replace('not used, as the address says', 'the certificate of api.prod.whoop.com is good')
    .replace(/WHOOP_API_BASE_URL, /, '')
    .replace(/within \d+ ms/, 'within 120 ms')
    .replace(/PostgreSQL [\s\S]*? MB/, 'PostgreSQL 17.6 at db.home:5432/whoopster, 9 MB')
  return `$ whoopster doctor\n${real}`
}

/** The demo takes a year of data and as long as everything else here, and is drawn by what has its own tests. */
function shown(all: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(all).filter((name) => name !== 'demo' || isLong || process.env.UPDATE_README)
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}

const pictures: Record<string, { title: string; text: () => Promise<string> }> = {
  demo: { title: 'whoopster sync and whoopster stats in a terminal', text: async () => (await showDemo()).shown },
  doctor: { title: 'whoopster doctor in a terminal: scopes are missing, and what to do', text: showDoctor },
}

async function showHelp(): Promise<string> {
  const details = []
  for (const { path } of programs().filter((one) => !one.path.includes(' '))) {
    const { out } = await run(`${path} --help`, {})
    details.push(`<details><summary><code>whoopster ${path}</code></summary>\n\n${fenced('text', out)}\n\n</details>`)
  }
  const { out } = await run('--help', {})
  return [fenced('text', out), ...details].join('\n\n')
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trim()}\n\`\`\``
}

/** As prettier sets it. */
function table(head: string[], rows: string[][]): string {
  const escaped = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(3, ...escaped.map((row) => row[column]?.length ?? 0)))
  const [first = '', ...rest] = escaped.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  )
  return [first, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest].join('\n')
}

function marks(name: string): [string, string] {
  return [`<!-- ${name} -->`, `<!-- /${name} -->`]
}

function blockOf(text: string, name: string): string {
  const [start, end] = marks(name)
  expect(text.split(start)).toHaveLength(2)
  return text.slice(text.indexOf(start) + start.length, text.indexOf(end)).trim()
}

async function rewrite(path: string, name: string, made: string): Promise<void> {
  const [start, end] = marks(name)
  const text = await read(path)
  const before = text.slice(0, text.indexOf(start) + start.length)
  await writeFile(new URL(path, ROOT), `${before}\n\n${made}\n\n${text.slice(text.indexOf(end))}`)
}

function lines(block: string): string[] {
  return block.split('\n').map((line) => line.trimEnd())
}

/** The documents without what is generated: that a block mentions something is no merit. */
function prose(): string {
  const all = documents.map((path) => {
    const names = Object.keys(blocks).filter((name) => homes[name] === path)
    return names.reduce((text, name) => text.replace(blockOf(text, name), ''), texts.get(path) ?? '')
  })
  return all.join('\n')
}

/** Every link within the repository: the document, and what it links to. */
function links(): [from: string, target: string][] {
  return [...texts].flatMap(([path, text]) =>
    [...text.matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(([, target = '']): [string, string] => [path, target]),
  )
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

interface Named {
  path: string
  command: Command
}

function programs(): Named[] {
  return below(idleProgram(), [])
}

function below(parent: Command, path: readonly string[]): Named[] {
  return parent.commands.flatMap((child) => {
    const names = [...path, child.name()]
    return [{ path: names.join(' '), command: child as Command }, ...below(child as Command, names)]
  })
}

/** The whole command line, with nothing behind it. */
function idleProgram(): Command {
  const silent = { write: () => true }
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const world = {
    env: {},
    clock: createClock(),
    fetch: () => Promise.reject(new Error('nothing is fetched here')),
    terminal: { stdin: new PassThrough(), stdout: silent, stderr: silent },
    interrupted: new AbortController().signal,
    hold: () => () => {},
    openBrowser: async () => false,
    machine,
  }
  const program = createProgram({ world, log, quiet: false, run: async () => 0, exit: () => {} })
  for (const { command } of below(program, [])) command.action(() => {})
  return program
}

/** Every `whoopster …` of the code blocks and of README's inline code. */
function commandLines(): string[] {
  const text = prose()
  const fences = [...text.matchAll(/^```(?:sh|console|crontab)\n(.*?)^```/gms)].flatMap(([, code = '']) =>
    code.split('\n'),
  )
  const inline = [...readme.replace(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
  const commands = [...fences, ...inline].flatMap((line) =>
    line.replace(/\s#\s.*$/, '').split(/\s(?:&&|\|\|?|>>?)(?:\s|$)/),
  )
  const ours = commands
    .filter((one) => !/\bkubectl\b|…$|--(help|version)$/.test(one))
    .map((one) => one.replace(/^.*?\bwhoopster(?=\s|$)/, 'whoopster').trim())
  return [...new Set(ours.filter((one) => /^whoopster\s+\S/.test(one)))]
}

/** As a shell would, as far as README needs it. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  )
}
