// What `docker build` would put into the image, from the Dockerfile's own COPY lines, and its commands without a Docker.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DockerfileParser, type Dockerfile } from 'dockerfile-ast'
import { onTestFinished } from 'vitest'
import type { Env } from '../../src/world.ts'
import { surroundings } from '../support/surroundings.ts'
import { expectNoSecrets } from '../support/world.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export function read(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8')
}

export interface Stage {
  from: string
  instructions: { name: string; line: string; words: string[] }[]
}

/** The Dockerfile's stages, each with what it builds upon. */
export function stagesOf(dockerfile: string): Map<string, Stage> {
  const parsed: Dockerfile = DockerfileParser.parse(dockerfile)
  const stages = new Map<string, Stage>()
  let current: Stage = { from: '', instructions: [] }
  for (const instruction of parsed.getInstructions()) {
    const name = instruction.getKeyword()
    const words = instruction.getArguments().map((argument) => argument.getValue())
    if (name === 'FROM') {
      current = { from: words[0] ?? '', instructions: [] }
      stages.set(words[2] ?? '', current)
    }
    current.instructions.push({ name, words, line: instruction.getRawArgumentsContent() ?? '' })
  }
  return stages
}

export interface Image {
  dir: string
  /** Its PATH, and that of the Node that runs the tests. */
  path: string
  entrypoint: string[]
  command: string[]
  /** A command line in this image: `arguments` for its entrypoint, unless there is another one. */
  run(args: readonly string[], env: Env, entrypoint?: readonly string[]): Promise<Ran>
  /** Something that runs until it is stopped; that gives its exit code. */
  start(args: readonly string[], env: Env, entrypoint?: readonly string[]): () => Promise<number | null>
}

export interface Ran {
  code: number | null
  out: string
  err: string
}

/** The files of a stage in a folder, for a user who may write nothing there. */
export async function makeImage(target: string): Promise<Image> {
  const stages = stagesOf(await read('Dockerfile'))
  const instructions = lineage(stages, target).flatMap((stage) => stage.instructions)
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-image-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const { words } of instructions.filter(({ name }) => name === 'COPY')) await copy(dir, words)
  const bin = join(dir, 'usr/local/bin')
  await mkdir(bin, { recursive: true })
  for (const [leadsTo, name] of commandsOf(stages)) await symlink(join(dir, leadsTo), join(bin, name))
  await chmod(dir, 0o755) // mkdtemp's folders are for their owner alone
  const last = (name: string) => readList(instructions.findLast((one) => one.name === name)?.line)
  const entrypoint = last('ENTRYPOINT')

  const path = `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`

  function spawnIn([program = '', ...args]: readonly string[], env: Env) {
    const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {}
    return spawn(program, args, {
      cwd: join(dir, 'app'),
      env: { ...surroundings, NODE_ENV: 'production', PATH: path, ...env },
      ...user,
    })
  }

  return {
    dir,
    path,
    entrypoint,
    command: last('CMD'),
    run: async (args, env, other = entrypoint) => {
      const child = spawnIn([...other, ...args], env)
      const printed = { out: '', err: '' }
      child.stdout.on('data', (chunk) => (printed.out += String(chunk)))
      child.stderr.on('data', (chunk) => (printed.err += String(chunk)))
      const [code] = (await once(child, 'close')) as [number | null]
      expectNoSecrets(printed.out + printed.err)
      return { code, ...printed }
    },
    start: (args, env, other = entrypoint) => {
      const child = spawnIn([...other, ...args], env)
      const closed = once(
        child.on('spawn', () => child.stdout.resume()),
        'close',
      ) as Promise<[number | null]>
      onTestFinished(() => void child.kill('SIGKILL'))
      return async () => {
        child.kill('SIGTERM')
        return (await closed)[0]
      }
    },
  }
}

/** The stage and those it builds upon, oldest first. */
function lineage(stages: Map<string, Stage>, name: string): Stage[] {
  const stage = stages.get(name)
  return stage ? [...lineage(stages, stage.from), stage] : []
}

/** What the build stage links into /usr/local/bin: where it leads, and its name. */
function commandsOf(stages: Map<string, Stage>): [leadsTo: string, name: string][] {
  const lines = stages.get('build')?.instructions.map(({ line }) => line) ?? []
  const links = lines.flatMap((line) => [...line.matchAll(/ln -s (\/app\/\S+) commands\/(\S+)/g)])
  return links.map(([, leadsTo = '', name = '']) => [leadsTo, name])
}

/** `COPY [--from=…] sources… destination`, below /app. What other stages have made of the repository has its place there. */
async function copy(dir: string, words: readonly string[]): Promise<void> {
  const sources = words.filter((word) => !word.startsWith('--'))
  const destination = sources.pop() ?? ''
  for (const source of sources) {
    if (source === '/build/commands') continue // links: commandsOf
    const isFolder = destination.endsWith('/')
    const to = join(dir, 'app', destination, isFolder ? basename(source) : '')
    await cp(join(root, source.replace(/^\/build\//, '')), to, { recursive: true })
  }
}

/** `["whoopster", "status"]`, after HEALTHCHECK's options too. */
export function readList(line = '[]'): string[] {
  return JSON.parse(line.slice(line.indexOf('['))) as string[]
}
