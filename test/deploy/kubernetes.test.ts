import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
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
const { kustomizations, components } = await foldersOf('k8s')
const sources = await manifestsIn([...kustomizations, ...components])
const rendered = hasKubectl ? kustomizations.map((path) => [path, render(`k8s/${path}`)] as const) : []
const withComponents = hasKubectl ? await Promise.all(components.map(renderComponent)) : []
if (!hasKubectl) console.warn('not run: no kubectl, so nothing that kustomize makes of k8s/ is checked')

describe('k8s/', () => {
  it('is as Kubernetes’ own schemas say', () => {
    const whole = [...sources.filter(({ isPatch }) => !isPatch).map(({ manifest }) => manifest), ...all()]
    for (const manifest of whole) expect(() => validate(manifest), manifest.metadata.name).not.toThrow()
    const broken = structuredClone(baseJob())
    Object.assign(broken.spec, { concurrencyPolicy: 'Never' })
    expect(() => validate(broken)).toThrow('concurrencyPolicy') // or else nothing was checked
  })

  it('has no key that Kubernetes does not know', { timeout: 120_000 }, async () => {
    const manifests = [...sources.map(({ manifest }) => manifest), ...all()]
    const patches = sources.filter(({ isPatch }) => isPatch).map(({ manifest }) => manifest)
    const misspelt = structuredClone(baseJob())
    Object.assign(misspelt.spec.jobTemplate.spec.template.spec, { restartPolcy: 'Never' })
    const complaints = await unknownKeys([...manifests, misspelt], patches)
    expect(complaints).toEqual([expect.stringContaining(`manifest${manifests.length}`)])
    expect(complaints[0]).toContain('restartPolcy')
  })

  it('is listed in its kustomizations, file by file', async () => {
    expect(kustomizations).toEqual(
      expect.arrayContaining(['base', 'overlays/managed-postgres', 'overlays/many-members']),
    )
    for (const path of [...kustomizations, ...components]) {
      const { resources = [], patches = [] } = await kustomizationIn(path)
      const listed = new Set([...resources, ...patches.map((patch) => patch.path), 'kustomization.yaml'])
      const files = await readdir(join(root, 'k8s', path))
      expect(files.filter((file) => !listed.has(file) && !file.endsWith('.example.yaml'))).toEqual([])
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

describe.runIf(hasKubectl)('k8s/components/webhooks', () => {
  const manifests = withComponents[components.indexOf('components/webhooks')] ?? []
  const find = (kind: string, name: string) =>
    (manifests.find((one) => one.kind === kind && one.metadata.name === name) ??
      expect.fail(`no ${kind} ${name}`)) as unknown

  it('is a Deployment that listens, with the base’s image, settings and security', () => {
    const { metadata, spec } = find('Deployment', 'whoopster-listen') as {
      metadata: { namespace: string }
      spec: { template: JobSpec['template'] }
    }
    const [listener] = spec.template.spec.containers
    const [synced] = jobOf(manifests).template.spec.containers
    expect(metadata.namespace).toBe('whoopster')
    expect(listener?.args).toEqual(['listen', '--host', '0.0.0.0'])
    for (const same of ['image', 'envFrom', 'securityContext'] as const)
      expect(listener?.[same]).toEqual(synced?.[same])
    expect(spec.template.spec).toMatchObject({
      terminationGracePeriodSeconds: 120,
      automountServiceAccountToken: false,
    })
  })

  it('is reached by its Service, and nothing else is let in', () => {
    const pods = { 'app.kubernetes.io/component': 'listener' }
    expect(find('Service', 'whoopster-listen')).toMatchObject({ spec: { selector: pods } })
    expect(find('Deployment', 'whoopster-listen')).toMatchObject({
      spec: {
        template: {
          metadata: { labels: pods },
          spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
        },
      },
    })
    expect(find('NetworkPolicy', 'whoopster-listen')).toMatchObject({
      spec: { podSelector: { matchLabels: pods }, ingress: [{ ports: [{ port: 8080 }] }] },
    })
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
  return [...rendered.flatMap(([, manifests]) => manifests), ...withComponents.flat()]
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

interface Kustomization {
  kind: string
  resources?: string[]
  patches?: { path: string }[]
}

async function kustomizationIn(folder: string): Promise<Kustomization> {
  return parse(await read(`k8s/${folder}/kustomization.yaml`)) as Kustomization
}

/** What can be applied as it is, and what is only added to such a thing. */
async function foldersOf(top: string): Promise<{ kustomizations: string[]; components: string[] }> {
  const files = await readdir(join(root, top), { recursive: true })
  const folders = files.filter((file) => basename(file) === 'kustomization.yaml').map((file) => dirname(file))
  const kinds = await Promise.all(folders.map(async (folder) => (await kustomizationIn(folder)).kind))
  const ofKind = (kind: string) => folders.filter((_, index) => kinds[index] === kind).toSorted()
  return { kustomizations: ofKind('Kustomization'), components: ofKind('Component') }
}

/** Each manifest that is written down; a patch is a part of one. */
async function manifestsIn(folders: readonly string[]) {
  const found: { path: string; manifest: Manifest; isPatch: boolean }[] = []
  for (const folder of folders) {
    const { patches = [] } = await kustomizationIn(folder)
    for (const file of await readdir(join(root, 'k8s', folder))) {
      if (file === 'kustomization.yaml') continue
      const isPatch = patches.some(({ path }) => path === file)
      const documents = parseManifests(await read(`k8s/${folder}/${file}`))
      found.push(...documents.map((manifest) => ({ path: `${folder}/${file}`, manifest, isPatch })))
    }
  }
  return found
}

/** On top of the base, as whoever uses it does. */
async function renderComponent(folder: string): Promise<Manifest[]> {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-component-'))
  const to = (path: string) => relative(dir, join(root, 'k8s', path))
  const kustomization = { resources: [to('base')], components: [to(folder)] }
  await writeFile(join(dir, 'kustomization.yaml'), stringify(kustomization))
  try {
    return parseManifests(execFileSync('kubectl', ['kustomize', dir], { encoding: 'utf8' }))
  } finally {
    await rm(dir, { recursive: true })
  }
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
