import { validate } from 'dockerfile-utils'
import { describe, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { newMember } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { realClock } from '../support/world.ts'
import { makeImage, read, readList, stagesOf } from './image.ts'

const dockerfile = await read('Dockerfile')
const stages = stagesOf(dockerfile)

describe('Dockerfile', () => {
  it('is without fault', () => {
    expect(validate(dockerfile, {})).toEqual([])
    expect(validate(`${dockerfile}\nEXPOS 80`, {})).toHaveLength(1) // or else nothing was checked
  })

  it('names a version of everything it begins with', () => {
    const bases = [...stages.values()].map(({ from }) => from).filter((from) => !stages.has(from))
    for (const base of bases) expect(base).toMatch(/:.*\d|:\$\{NODE_VERSION\}/)
    expect(dockerfile).toMatch(/^ARG NODE_VERSION=\d+$/m)
  })

  it('builds with a Node that the program supports', () => {
    const [, major] = /^ARG NODE_VERSION=(\d+)$/m.exec(dockerfile) ?? []
    const [, oldest] = />=(\d+)/.exec(manifest.engines.node) ?? []
    expect(Number(major)).toBeGreaterThanOrEqual(Number(oldest))
  })

  it('ends as a user who is not root, and starts no shell', () => {
    const { instructions = [] } = stages.get('whoopster') ?? {}
    expect(instructions.findLast(({ name }) => name === 'USER')?.words).toEqual(['1000:1000'])
    for (const stage of stages.values()) {
      const forms = stage.instructions.filter(({ name }) => ['CMD', 'ENTRYPOINT', 'HEALTHCHECK'].includes(name))
      for (const { line } of forms) expect(() => readList(line)).not.toThrow()
    }
  })

  it('can be read by its user whatever umask the repository was checked out under', () => {
    const final = dockerfile.slice(dockerfile.indexOf(' AS whoopster'))
    const copies = final.split('\n').filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    expect(copies.length).toBeGreaterThan(3)
    for (const copy of copies) expect(copy).toContain('--chmod=755')
  })

  it('is the same for every architecture but for what it begins with', () => {
    const { instructions } = stages.get('whoopster') ?? expect.fail('there is no stage whoopster')
    const names = instructions.map(({ name }) => name)
    for (const name of ['RUN', 'ADD']) expect(names).not.toContain(name) // would need an emulator, or a file for each
    expect(dockerfile).toMatch(/^FROM --platform=\$BUILDPLATFORM \S+ AS build$/m)
    expect(dockerfile).not.toMatch(/TARGETARCH|amd64|arm64|x86_64/)
  })

  it('copies only what .dockerignore lets through', async () => {
    const allowed = (await read('.dockerignore'))
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? line.slice(1) : []))
    const copies = [...stages.values()].flatMap(({ instructions }) =>
      instructions.filter(({ name }) => name === 'COPY'),
    )
    const sources = copies.flatMap(({ words }) => words.slice(0, -1)).filter((source) => !source.startsWith('/')) // another stage's
    for (const source of sources) expect(allowed).toContain(source)
    expect(allowed.filter((path) => !sources.includes(path))).toEqual([])
  })
})

describe('the image', () => {
  it('holds all that the program needs, for a user who may not write there', async () => {
    const image = await makeImage('whoopster')
    expect(await image.run(['--version'], {})).toMatchObject({
      code: 0,
      out: expect.stringContaining(manifest.version) as string,
    })
    expect((await image.run(image.command, {})).out).toContain('Usage: whoopster')
    const member = await newMember({ days: 10, clock: realClock() })
    expect(await image.run(['migrate', '--status'], member.env)).toMatchObject({ code: 0 })
    expect(await image.run(['sync'], member.env)).toMatchObject({ code: 0 })
    await expectFaithful(member.database, member.sandbox)
  })

  it('knows by itself whether it is healthy', async () => {
    const image = await makeImage('whoopster')
    const check = stages.get('whoopster')?.instructions.find(({ name }) => name === 'HEALTHCHECK')
    const member = await newMember({ days: 4, clock: realClock() })
    expect(await image.run([], member.env, readList(check?.line))).toMatchObject({ code: 1 })
    await image.run(['sync'], member.env, ['whoopster'])
    expect(await image.run([], member.env, readList(check?.line))).toMatchObject({ code: 0 })
  })
})
