// What Tab does, in the shells that are here. Each script is made from the program's own declarations.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shells, type Shell } from '../../src/completion/shells.ts'
import { startProgram } from '../support/program.ts'
import { run } from '../support/world.ts'

const isHere = (shell: Shell) => spawnSync(shell, ['-c', 'true']).status === 0

let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'whoopster-completion-'))
  for (const shell of shells) await writeFile(join(dir, shell), (await run(`completion ${shell}`, {})).out)
  await writeFile(join(dir, 'an export.zip'), '')
})

afterAll(() => rm(dir, { recursive: true }))

/** What bash offers: the words as readline splits them, `=` by itself. */
function inBash(line: string): string[] {
  const words = line.replaceAll('=', ' = ').split(/ +/)
  const script = `source ./bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _whoopster; printf '%s\\n' "\${COMPREPLY[@]}"`
  return lines(execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], { cwd: dir, encoding: 'utf8' }))
}

function inFish(line: string): string[] {
  const script = 'source ./fish; complete -C $argv[1]'
  const out = execFileSync('fish', ['--no-config', '-c', script, line], {
    cwd: dir,
    encoding: 'utf8',
    env: { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir, XDG_DATA_HOME: dir },
  })
  return lines(out).map((one) => one.replace(/\t.*/, ''))
}

function lines(text: string): string[] {
  return text.split('\n').filter(Boolean)
}

const offered: [line: string, words: string[]][] = [
  ['whoopster sta', ['stats', 'status']],
  ['whoopster auth ', ['url', 'complete', 'status', 'logout', 'keygen']],
  ['whoopster auth log', ['logout']],
  ['whoopster sync --typ', ['--type']],
  ['whoopster sync --type re', ['recovery']],
  ['whoopster sync --quiet --type sleep,re', ['sleep,recovery']],
  ['whoopster verify --type ', ['sleep', 'recovery', 'workout', 'cycle']],
  ['whoopster stats --type jo', ['journal']],
  ['whoopster export --format nd', ['ndjson']],
  ['whoopster sync --log-format ', ['text', 'json']],
  ['whoopster sandbox --days 30 ex', ['export']],
  ['whoopster completion ', ['bash', 'zsh', 'fish']],
  ['whoopster restore an', ['an export.zip']],
  ['whoopster archive --verify an', ['an export.zip']],
]

const sorted = (words: readonly string[]) => words.toSorted((one, other) => (one < other ? -1 : 1))

describe.runIf(isHere('bash'))('in bash', () => {
  it.each([
    ...offered,
    ['whoopster sync --type=sl', ['sleep']],
    ['whoopster sync --type sleep re', ['recovery']],
    ['whoopster sync --user ', []],
    ['whoopster sync --user 10001 --fu', ['--full']],
    ['whoopster sandbox export --language d', ['de']],
  ] as typeof offered)('%j and Tab gives %j', (line, words) => {
    expect(sorted(inBash(line))).toEqual(sorted(words))
  })
})

describe.runIf(isHere('fish'))('in fish', () => {
  it.each(offered)('%j and Tab gives %j', (line, words) => {
    expect(sorted(inFish(line))).toEqual(sorted(words))
  })
})

it.runIf(isHere('zsh'))('zsh takes its script, as a file and in a startup file', async () => {
  execFileSync('zsh', ['-f', '-n', join(dir, 'zsh')])
  const script = `autoload -Uz compinit; compinit -u -d '${dir}/dump'; source '${dir}/zsh'; print $_comps[whoopster]`
  expect(execFileSync('zsh', ['-f', '-c', script], { encoding: 'utf8' })).toBe('_whoopster\n')
})

it.each(shells)('knows every command and option of the program, for %s', async (shell) => {
  const { out } = await run(`completion ${shell}`, {})
  for (const word of ['keygen', 'consent', 'older-than', 'no-migrate', 'max-age', 'limit']) expect(out).toContain(word)
})

it('is printed wherever a shell begins, whatever .env is there', async () => {
  await writeFile(join(dir, '.env'), 'DATABASE_URL=mysql://nowhere', { mode: 0o666 })
  expect(await startProgram(['completion', 'bash'], {}, { cwd: dir }).ended).toMatchObject({ code: 0, err: '' })
})

it('of another shell is refused', async () => {
  const { code, err } = await run('completion tcsh', {}, { isTTY: true })
  expect({ code, err }).toMatchInlineSnapshot(`
    {
      "code": 64,
      "err": "error: <shell> does not take tcsh. It is one of bash, zsh, fish.
      → Did you mean bash? see: whoopster completion --help
    ",
    }
  `)
})
