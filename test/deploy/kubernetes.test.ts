import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { settings } from '../../src/config.ts'
import { exitCodes } from '../../src/errors.ts'
import type { Env } from '../../src/world.ts'
import { newMember } from '../support/member.ts'
import { expectFaithful } from '../support/truth.ts'
import { realClock } from '../support/world.ts'
import { makeImage, read, root } from './image.ts'

const require = createRequire(import.meta.url)

interface Container {
  name: string
  image: string
  command?: string[]
  args: string[]
  envFrom: ({ configMapRef: { name: string } } | { secretRef: { name: string } })[]
  resources: { requests: object; limits: { memory: string } }
  securityContext: object
}

interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string; labels?: Record<string, string> }
  data?: Record<string, string>
  stringData?: Record<string, string>
  spec: { jobTemplate: { spec: JobSpec } }
}

interface JobSpec {
  podFailurePolicy: { rules: { action: string; onExitCodes?: { operator: string; values: number[] } }[] }
  template: { spec: Record<string, unknown> & { initContainers: Container[]; containers: Container[] } }
}

const hasKubectl = !spawnSync('kubectl', ['version', '--client']).error
const kustomizations = ['base', 'overlays/managed-postgres', 'overlays/many-members', 'overlays/many-shards']
const sources = await manifestsIn([
  'base',
  'overlays/managed-postgres',
  'overlays/many-members',
  'overlays/many-shards',
])
const rendered = hasKubectl ? kustomizations.map((path) => [path, render(`k8s/${path}`)] as const) : []
if (!hasKubectl) console.warn('not run: no kubectl, so nothing that kustomize makes of k8s/ is checked')

describe('k8s/', () => {
  it('is as Kubernetes’ own schemas say', () => {
    const whole = [...sources.filter(({ path }) => path.startsWith('base')).map(({ manifest }) => manifest), ...all()]
    for (const manifest of whole) expect(() => validate(manifest), manifest.metadata.name).not.toThrow()
    const broken = structuredClone(baseJob())
    Object.assign(broken.spec, { concurrencyPolicy: 'Never' })
    expect(() => validate(broken)).toThrow('concurrencyPolicy') // or else nothing was checked
  })

  it('has no key that Kubernetes does not know', { timeout: 120_000 }, async () => {
    const isPatch = ({ path }: { path: string }) => path.startsWith('overlays/')
    const manifests = [...sources.map(({ manifest }) => manifest), ...all()]
    const patches = sources.filter(isPatch).map(({ manifest }) => manifest)
    const misspelt = structuredClone(baseJob())
    Object.assign(misspelt.spec.jobTemplate.spec.template.spec, { restartPolcy: 'Never' })
    const complaints = await unknownKeys([...manifests, misspelt], patches)
    expect(complaints).toEqual([expect.stringContaining(`manifest${manifests.length}`)])
    expect(complaints[0]).toContain('restartPolcy')
  })

  it('is listed in its kustomizations, file by file', async () => {
    for (const path of kustomizations) {
      const { resources = [], patches = [] } = parse(await read(`k8s/${path}/kustomization.yaml`)) as {
        resources?: string[]
        patches?: { path: string }[]
      }
      const others = ['kustomization.yaml', 'secret.example.yaml']
      const listed = new Set([...resources, ...patches.map((patch) => patch.path), ...others])
      const files = await readdir(join(root, 'k8s', path))
      expect(files.filter((file) => !listed.has(file))).toEqual([])
    }
  })

  it.runIf(hasKubectl)('has all of Grafana’s dashboards, each in a ConfigMap for the sidecar', async () => {
    const folder = await readdir(join(root, 'grafana/dashboards'))
    expect(folder.length).toBeGreaterThan(0)
    const dashboards = folder.filter((file) => file.endsWith('.json'))
    const maps = render('grafana')
    expect(maps.flatMap(({ data = {} }) => Object.keys(data)).toSorted()).toEqual(dashboards.toSorted())
    for (const { metadata } of maps) expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' })
  })
})

describe.runIf(hasKubectl).each(rendered)('k8s/%s', (path, manifests) => {
  const job = jobOf(manifests)
  const pod = job.template.spec
  const containers = [...pod.initContainers, ...pod.containers]

  it('fulfils the Pod Security Standard restricted', () => {
    expect(pod).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    })
    for (const forbidden of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod).not.toHaveProperty(forbidden)
    for (const volume of (pod['volumes'] as object[] | undefined) ?? []) {
      const kind = Object.keys(volume).find((key) => key !== 'name')
      expect(['configMap', 'secret', 'emptyDir', 'projected', 'persistentVolumeClaim']).toContain(kind)
    }
    for (const { securityContext } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
    }
  })

  it('gives a refresh its time, and the pod its share', () => {
    expect(pod['terminationGracePeriodSeconds']).toBe(120)
    for (const { resources } of containers) {
      expect(resources).toEqual({
        requests: expect.anything() as object,
        limits: { memory: expect.any(String) as string },
      })
    }
  })

  it('gives up where trying again would change nothing, and only there', () => {
    const given = job.podFailurePolicy.rules.find(({ action }) => action === 'FailJob')?.onExitCodes?.values ?? []
    const { usage, quarantine, protocol, login, settings: setting, unavailable, bug, later } = exitCodes
    expect(given).toEqual(path.includes('many') ? [usage, setting] : [usage, quarantine, protocol, login, setting])
    for (const mayPass of [0, unavailable, bug, later, 143]) expect(given).not.toContain(mayPass)
  })

  it('has everything in its namespace, and an image that says its version', () => {
    for (const { kind, metadata } of manifests) if (kind !== 'Namespace') expect(metadata.namespace).toBe('whoopster')
    for (const { image } of containers) expect(image).toMatch(/^registry\.example\.com\/whoopster:\d+\.\d+\.\d+$/)
  })

  it('runs its commands, as they stand', async () => {
    const member = await newMember({ days: 10, clock: realClock() })
    const image = await makeImage('whoopster')
    for (const { command, args, envFrom } of containers) {
      const env = { ...(await environment(manifests, envFrom)), ...member.env }
      expect(await image.run(args.map(expanded), env, command)).toMatchObject({ code: 0 })
    }
    await expectFaithful(member.database, member.sandbox)
  })
})

it('a login in the cluster is one pod’s, whatever the CronJob has: docs/operations.md', async () => {
  const filter = /jq --args '([^']+)'/.exec(await read('docs/operations.md'))?.[1] ?? expect.fail('no jq')
  expect(filter).toContain('.spec.parallelism = 1') // a code that several pods exchange may cost the login
  const job = { spec: { parallelism: 4, backoffLimit: 8, template: { spec: { containers: [{ args: ['sync'] }] } } } }
  const jq = spawnSync('jq', ['--args', filter, 'auth', 'url'], { input: JSON.stringify(job), encoding: 'utf8' })
  if (jq.error) return console.warn('not run: no jq, so the login in docs/operations.md is only read')
  return expect(JSON.parse(jq.stdout)).toEqual({
    spec: { parallelism: 1, backoffLimit: 0, template: { spec: { containers: [{ args: ['auth', 'url'] }] } } },
  })
})

function all(): Manifest[] {
  return rendered.flatMap(([, manifests]) => manifests)
}

function baseJob(): Manifest {
  const found = sources.find(({ path }) => path === 'base/cronjob.yaml')
  if (!found) throw new Error('there is no CronJob')
  return found.manifest
}

function jobOf(manifests: readonly Manifest[]): JobSpec {
  const cronJob = manifests.find(({ kind }) => kind === 'CronJob')
  if (!cronJob) throw new Error('there is no CronJob')
  return cronJob.spec.jobTemplate.spec
}

/** What the ConfigMap and the Secret's example put into a container's environment; each name is a setting. */
async function environment(manifests: readonly Manifest[], envFrom: Container['envFrom']): Promise<Env> {
  const secret = parse(await read('k8s/base/secret.example.yaml')) as Manifest
  const sets = envFrom.map((source) => {
    const name = 'secretRef' in source ? source.secretRef.name : source.configMapRef.name
    const kind = 'secretRef' in source ? 'Secret' : 'ConfigMap'
    const found = [...manifests, secret].find((one) => one.kind === kind && one.metadata.name === name)
    if (!found) throw new Error(`there is no ${kind} ${name}`)
    return found.data ?? found.stringData ?? {}
  })
  const env = Object.assign({}, ...sets) as Env
  for (const name of Object.keys(env)) expect(Object.keys(settings)).toContain(name)
  return env
}

async function manifestsIn(folders: readonly string[]): Promise<{ path: string; manifest: Manifest }[]> {
  const found = []
  for (const folder of folders) {
    for (const file of await readdir(join(root, 'k8s', folder))) {
      if (file === 'kustomization.yaml') continue
      const documents = parseManifests(await read(`k8s/${folder}/${file}`))
      found.push(...documents.map((manifest) => ({ path: `${folder}/${file}`, manifest })))
    }
  }
  return found
}

function render(folder: string): Manifest[] {
  return parseManifests(execFileSync('kubectl', ['kustomize', join(root, folder)], { encoding: 'utf8' }))
}

function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}

/** By the schemas that kubernetes-models was generated from. */
function validate(manifest: Manifest): void {
  const models = require(`kubernetes-models/${manifest.apiVersion}/${manifest.kind}`) as Record<string, Model>
  const Kind = models[manifest.kind]
  if (!Kind) throw new Error(`there is no ${manifest.kind}`)
  new Kind(manifest).validate()
}

type Model = new (manifest: Manifest) => { validate(): void }

/** Those schemas let unknown keys pass; the compiler does not, when an object literal is given a type. */
async function unknownKeys(manifests: readonly Manifest[], patches: readonly Manifest[]): Promise<string[]> {
  const cache = join(root, 'node_modules/.cache')
  await mkdir(cache, { recursive: true })
  const dir = await mkdtemp(join(cache, 'manifests-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const lines = manifests.map((manifest, index) => {
    const { apiVersion, kind } = manifest
    const type = `import('kubernetes-models/${apiVersion}/${kind}').I${kind}`
    return `export const manifest${index}: ${patches.includes(manifest) ? `Part<${type}>` : type} = ${JSON.stringify(manifest)}`
  })
  const part = 'type Part<T> = T extends object ? { [K in keyof T]?: Part<T[K]> } : T'
  await writeFile(join(dir, 'manifests.ts'), [part, ...lines].join('\n'))
  await writeFile(
    join(dir, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, skipLibCheck: true, module: 'nodenext', types: [] },
      include: ['manifests.ts'],
    }),
  )
  const { stdout } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', dir, '--pretty', 'false'],
    { encoding: 'utf8' },
  )
  const source = [part, ...lines]
  return stdout
    .split('\n')
    .filter((line) => line.includes('error TS'))
    .map((line) => {
      const [, number] = /\((\d+),/.exec(line) ?? []
      return `${/manifest\d+/.exec(source[Number(number) - 1] ?? '')?.[0]}: ${line}`
    })
}

/** What Kubernetes puts into arguments: here the share in which the only member is. */
function expanded(arg: string): string {
  return arg.replace('$(SHARD)', '1')
}
