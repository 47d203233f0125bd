// The schedules that README and docs/operations.md show, before those who would keep them.
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { read } from './image.ts'

const readme = await read('README.md')
const operations = await read('docs/operations.md')
const isHere = (program: string, ...args: string[]) => spawnSync(program, args, { stdio: 'ignore' }).error === undefined

const canCheck = await canCheckCrontabs()

describe('README’s crontab', () => {
  const crontabs = blocks(readme, 'crontab')

  it('leaves minute 0 alone', () => {
    expect(crontabs).toHaveLength(1)
    const lines = crontabs.flatMap((text) => text.match(/^[\d*].*$/gm) ?? [])
    expect(lines).toHaveLength(1)
    for (const line of lines) expect(line).toMatch(/^7,22,37,52 \* \* \* \* /)
  })

  it.runIf(canCheck)('is taken by cron', async () => {
    for (const text of crontabs) expect(await checkCrontab(text)).toBe(0)
    expect(await checkCrontab('61 * * * * true\n')).not.toBe(0) // or else nothing was checked
  })
})

describe('the systemd units of docs/operations.md', () => {
  const units = blocks(operations, 'ini').filter((unit) => unit.startsWith('# ~/.config/systemd/'))

  it('are a service and a timer of one name', () => {
    expect(units.map(nameOf)).toEqual(['whoopster.service', 'whoopster.timer'])
  })

  it.runIf(isHere('systemd-analyze', '--version'))('are taken by systemd', async () => {
    const dir = await temporary()
    for (const unit of units) await writeFile(join(dir, nameOf(unit)), unit)
    const files = units.map((unit) => join(dir, nameOf(unit)))
    expect(complaints(files)).toEqual([])
    await writeFile(files[0] ?? '', units[0]?.replace('ExecStart', 'ExecStrat') ?? '')
    expect(complaints(files)).not.toEqual([]) // or else nothing was checked
  })

  it.runIf(isHere('systemd-analyze', '--version'))('go off four times an hour', () => {
    const [, times = ''] = /^OnCalendar=(.*)$/m.exec(units[1] ?? '') ?? []
    const { status, stdout } = spawnSync('systemd-analyze', ['calendar', times], { encoding: 'utf8' })
    expect(status).toBe(0)
    expect(stdout).toContain('*:07,22,37,52:00')
  })
})

function blocks(text: string, language: string): string[] {
  const fences = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))
  return [...fences].map(([, text = '']) => text)
}

/** From its first line: `# ~/.config/systemd/user/whoopster.timer`. */
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

/** Debian's `crontab -n`; others have no such option, or another meaning for it. */
async function canCheckCrontabs(): Promise<boolean> {
  return isHere('crontab', '-V') && (await checkCrontab('7 * * * * true\n')) === 0
}

async function checkCrontab(text: string): Promise<number | null> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-crontab-'))
  await writeFile(join(dir, 'crontab'), text)
  const { status } = spawnSync('crontab', ['-n', join(dir, 'crontab')])
  await rm(dir, { recursive: true })
  return status
}

async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-schedule-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  return dir
}
