// What `whoopster schedule` prints, before those who would keep it.
import { spawnSync } from 'node:child_process'
import { readFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import type { Env } from '../src/world.ts'
import { machine, run } from './support/world.ts'

const isHere = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: 'ignore' }).error === undefined

const dotenv = 'WHOOP_CLIENT_ID=me\nWHOOP_CLIENT_SECRET=mine\n'
const env: Env = { HOME: '/home/me', WHOOP_CLIENT_ID: 'me', WHOOP_CLIENT_SECRET: 'mine' }

/** A directory with a hostile name, and its `.env`. */
async function newDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "whoopster 100% 'home' "))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, '.env'), dotenv)
  return dir
}

const at = (directory: string, program = machine.program) => ({ machine: { directory, program } })

describe('whoopster schedule cron', () => {
  it('prints a line that is fit for this machine, and nothing else', async () => {
    const { code, out } = await run('schedule cron', { ...env, NODE_EXTRA_CA_CERTS: '/etc/ssl/ca.pem' })
    expect({ code, out }).toMatchInlineSnapshot(`
      {
        "code": 0,
        "out": "7,22,37,52 * * * * cd /nowhere && NODE_EXTRA_CA_CERTS=/etc/ssl/ca.pem /usr/bin/node /usr/local/bin/whoopster sync --quiet --log-format text
      ",
      }
    `)
  })

  it('prints a line that sh takes, whatever the paths are', async () => {
    const directory = await newDirectory()
    const script = join(directory, 'whoopster.sh')
    await writeFile(script, 'echo "$PWD: $*"\n')
    const { out, err } = await run('schedule cron', env, at(directory, { node: '/bin/sh', script }))
    expect(err).toBe('')
    const [minutes, , , , , ...words] = out.split(' ')
    expect(minutes).toBe('7,22,37,52')
    const line = words.join(' ').replaceAll('\\%', '%') // as cron does
    const { stdout } = spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8', cwd: '/', env: {} })
    expect(stdout).toBe(`${directory}: sync --quiet --log-format text\n`)
  })

  it('takes the embedded database along that only this shell knows of', async () => {
    const { out } = await run('schedule cron', { ...env, XDG_DATA_HOME: '/data' })
    expect(out).toContain(' WHOOPSTER_DATA_DIR=/data/whoopster /usr/bin/node')
  })

  it('says what only this shell has, by name alone', async () => {
    const directory = await newDirectory()
    const more = { ...env, DATABASE_URL: 'postgres://me:secret@h/d', HTTPS_PROXY: 'http://p' }
    const { err } = await run('schedule cron', more, { ...at(directory), isTTY: true, columns: 200 })
    expect(err).toContain(
      `warn: DATABASE_URL, HTTPS_PROXY are set in this shell only, which a schedule does not see\n  → put them into ${directory}/.env\n`,
    )
    expect(err).not.toContain('secret@')
  })

  it('says so where no .env is', async () => {
    expect((await run('schedule cron', { HOME: '/home/me' })).err).toContain("no app's client id in /nowhere/.env")
  })
})

describe.runIf(isHere('systemd-analyze', '--version'))('whoopster schedule systemd', () => {
  it.each(['plain', 'with 100% "odd" $names'])('prints units that systemd takes: %s', async (name) => {
    const dir = await newDirectory()
    const directory = join(dir, name)
    await mkdir(directory)
    const script = join(directory, 'whoopster')
    await writeFile(script, '#!/bin/sh\n', { mode: 0o755 })
    const { out } = await run(
      'schedule systemd',
      { ...env, XDG_DATA_HOME: directory },
      at(directory, { node: '/bin/sh', script }),
    )
    const units = out.split(/^(?=# ~)/m)
    expect(units.map(nameOf)).toEqual(['whoopster.service', 'whoopster.timer'])
    const files = units.map((unit) => join(dir, nameOf(unit)))
    for (const [index, unit] of units.entries()) await writeFile(files[index] ?? '', unit)
    expect(complaints(files)).toEqual([])
    await writeFile(files[0] ?? '', units[0]?.replace('ExecStart', 'ExecStrat') ?? '')
    expect(complaints(files)).not.toEqual([]) // or else nothing was checked
  })
})

describe('whoopster schedule kubernetes', () => {
  it('prints the CronJob of k8s/base, but for the image and where the settings are', async () => {
    const { out, err } = await run('schedule kubernetes --image registry.home/whoopster:1', env)
    const printed = parse(out) as object
    const base = await readFile(new URL('../k8s/base/cronjob.yaml', import.meta.url), 'utf8')
    const text = base
      .replaceAll('image: whoopster', 'image: registry.home/whoopster:1')
      .replace(/ +- configMapRef:\n +name: whoopster\n/, '')
    expect(printed).toEqual(parse(text))
    expect(err).toContain('the embedded database is on this machine, and no pod can use it')
    const { out: other } = await run('schedule kubernetes', { ...env, DATABASE_URL: 'postgres://h/d' })
    expect(other).toMatch(/image: &image registry\.example\.com\/whoopster:\d+\.\d+\.\d+$/m)
  })
})

it('another scheduler is refused', async () => {
  const { code, err } = await run('schedule crontab', env, { isTTY: true })
  expect({ code, err }).toMatchInlineSnapshot(`
    {
      "code": 64,
      "err": "error: <scheduler> does not take crontab. It is one of cron, systemd,
    kubernetes.
      → see: whoopster schedule --help
    ",
    }
  `)
})

function nameOf(unit: string): string {
  return basename(unit.split('\n')[0] ?? '')
}

function complaints(files: readonly string[]): string[] {
  const { stderr } = spawnSync('systemd-analyze', ['--user', 'verify', ...files], {
    encoding: 'utf8',
    env: { ...process.env, XDG_RUNTIME_DIR: '/tmp' },
  })
  return stderr.split('\n').filter((line) => line.includes('whoopster'))
}
