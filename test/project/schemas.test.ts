// docs/schemas/ and docs/export.md against the declarations they are made from, and against what is really printed.
// `npm run docs` rewrites them.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toJsonSchema } from '@valibot/to-json-schema'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it, onTestFinished } from 'vitest'
import { format } from 'prettier'
import { meanings } from '../export/meanings.ts'
import { exportNames } from '../../src/export/names.ts'
import { RAW_DATA, sources, type Column } from '../../src/export/sources.ts'
import { instant, outputs, type OutputName } from '../../src/commands/json.ts'
import { exportZip } from '../../src/sandbox/index.ts'
import { newMember } from '../support/member.ts'
import { logIn } from '../support/world.ts'

const FOLDER = new URL('../../docs/schemas/', import.meta.url)
const EXPORTS = new URL('../../docs/export.md', import.meta.url)
const DIALECT = 'https://json-schema.org/draft/2020-12/schema'

type Schema = Record<string, unknown>

const files: Record<string, () => Schema> = {
  ...Object.fromEntries(Object.keys(outputs).map((name) => [fileOf(name), () => outputSchema(name as OutputName)])),
  ...Object.fromEntries(sources.map(({ name }) => [`export-${name}.schema.json`, () => rowSchema(name)])),
}

/** `migrate --status` is in migrate-status.schema.json. */
function fileOf(name: string): string {
  return `${name.replaceAll(/[ -]+/g, '-')}.schema.json`
}

function outputSchema(name: OutputName): Schema {
  const made = toJsonSchema(outputs[name], {
    target: 'draft-2020-12',
    overrideSchema: ({ valibotSchema }) =>
      valibotSchema === instant ? { type: 'string', format: 'date-time' } : undefined,
  })
  const { $schema: _, ...schema } = made
  return { $schema: DIALECT, title: `whoopster ${name} --json`, ...schema }
}

function rowSchema(name: string): Schema {
  const columns = sources.find((one) => one.name === name)?.columns ?? []
  const raw = name === 'daily' ? [] : [RAW_DATA]
  return {
    $schema: DIALECT,
    title: `a row of whoopster export --type ${name} --format json, or ndjson`,
    type: 'object',
    properties: Object.fromEntries(
      [...columns, ...raw].map((column) => [column.name, { ...jsonType(column), description: meanings[column.name] }]),
    ),
    required: columns.map((column) => column.name), // raw_data only with --raw
    additionalProperties: false,
  }
}

function jsonType({ type, nullable }: Column): Schema {
  const [name, more] = jsonTypes[type.replace(/\(.*/, '').trim()] ?? ['string', {}]
  return { type: nullable ? [name, 'null'] : name, ...more }
}

const jsonTypes: Record<string, [string, Schema]> = {
  uuid: ['string', { format: 'uuid' }],
  date: ['string', { format: 'date' }],
  'timestamp with time zone': ['string', { format: 'date-time' }],
  bigint: ['integer', {}],
  integer: ['integer', {}],
  'double precision': ['number', {}],
  boolean: ['boolean', {}],
  jsonb: ['object', {}],
}

/** What docs/export.md says of the columns. */
function describeExports(): string {
  const tables = sources.map(({ name, columns }) => {
    const rows = columns.map((column) => {
      const type = column.type
        .replace('timestamp with time zone', 'instant')
        .replace(/character varying|varchar\(.*\)/, 'text')
      return `| \`${column.name}\` | ${type} | ${column.nullable ? 'yes' : ''} | ${meanings[column.name]} |`
    })
    return `## ${name}\n\n| column | type | may be empty | what it says |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
  })
  return `# What an export holds

\`whoopster export\` writes these columns, in this order. They change only with a new major version; a new column comes last.

- **CSV** is that of RFC 4180, in UTF-8, with a line of names first and \`\\n\` at each line's end. What WHOOP did not say is
  empty; an empty text is \`""\`. A text that a spreadsheet would run as a formula (it begins with \`=\`, \`+\`, \`-\`, \`@\`, a tab
  or a carriage return, and is neither a number nor a time zone) has a \`'\` before it; JSON and NDJSON have it as it is.
- **JSON** is one list, **NDJSON** an object a line; what WHOOP did not say is \`null\`. Their rows are described by
  [JSON Schemas](schemas/).
- **Instants** are ISO 8601 in UTC, to the microsecond where there is one: \`2026-11-22T06:58:12.345+00:00\`. Numbers are
  written in full: reading them back gives the same number.
- **\`--raw\`** adds \`raw_data\`, the record as WHOOP sent it, as the last column.
- Rows are sorted by member and time, and all files of one run show the same moment.

${tables.join('\n')}`
}

const pretty = (schema: Schema) => format(JSON.stringify(schema), { parser: 'json', printWidth: 120 })

describe('docs/schemas', () => {
  it.each(Object.keys(files))('has a current %s (npm run docs makes it)', async (file) => {
    const made = await pretty(files[file]?.() ?? {})
    if (process.env.UPDATE_README) {
      await mkdir(FOLDER, { recursive: true })
      await writeFile(new URL(file, FOLDER), made)
    }
    expect(await readFile(new URL(file, FOLDER), 'utf8')).toBe(made)
  })

  it('has nothing else', async () => {
    expect((await readdir(FOLDER)).toSorted()).toEqual(Object.keys(files).toSorted())
  })
})

describe('docs/export.md', () => {
  it('is current (npm run docs makes it)', async () => {
    const made = await format(describeExports(), { parser: 'markdown', printWidth: 120 })
    if (process.env.UPDATE_README) await writeFile(EXPORTS, made)
    expect(await readFile(EXPORTS, 'utf8')).toBe(made)
  })
})

describe('what is printed', () => {
  it('is what the schemas say, in good times and in bad', async () => {
    const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true })
    addFormats.default(ajv)
    const validators = new Map<string, ReturnType<typeof ajv.compile>>()
    const expectValid = async (file: string, value: unknown) => {
      const schema = JSON.parse(await readFile(new URL(file, FOLDER), 'utf8')) as Schema
      const validate = validators.get(file) ?? ajv.compile(schema)
      validators.set(file, validate)
      expect(validate(value) ? [] : validate.errors, file).toEqual([])
    }
    const member = await newMember({ days: 40, loggedIn: false })
    const folder = await mkdtemp(join(tmpdir(), 'whoopster-schemas-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const [zip, odd] = [join(folder, 'export.zip'), join(folder, 'odd.csv')]
    await writeFile(zip, exportZip(member.sandbox.world.export()))
    const row = '2026-11-20 23:00:00,2026-11-21 22:00:00,UTC+01:00,Odd?'
    await writeFile(odd, `Start,End,Zone,Question,Answer,Notes\n${row},true,\n${row},false,\n${row},perhaps,\n`)
    const commands = [
      'sync',
      'status --gaps',
      'auth status',
      'migrate --status',
      'runs',
      `import --force ${zip} ${odd}`,
      'stats --type workout,body,journal',
      'verify',
      'doctor',
    ] as const
    const checkAll = async () => {
      for (const line of commands) {
        const { out } = await member.run(`${line} --json`)
        const name = Object.keys(outputs).find((one) => line === one) ?? line.replace(/ .*/, '')
        if (out !== '') await expectValid(fileOf(name), JSON.parse(out))
      }
    }
    await checkAll() // nobody is logged in
    await logIn(member.sandbox, member.env, { clock: member.clock, grant: ['offline', 'read:profile', 'read:sleep'] })
    await checkAll()
    await logIn(member.sandbox, member.env, { clock: member.clock })
    await checkAll()
    const [sleep] = member.sandbox.world.list('sleep')
    const [workout] = member.sandbox.world.list('workout')
    if (!sleep || !workout) throw new Error('the sandbox made none')
    member.sandbox.world.put('sleep', { ...sleep, nap: 'perhaps' as unknown as boolean })
    member.sandbox.world.put('workout', { ...workout, sport_name: 'edited' })
    await checkAll()
    member.sandbox.killGrant()
    member.clock.pass(2 * 3_600_000)
    await checkAll()

    for (const name of exportNames) {
      const { out } = await member.run(`export --type ${name} --format json --raw`)
      const rows = JSON.parse(out) as unknown[]
      expect(rows.length).toBeGreaterThan(0)
      for (const row of rows) await expectValid(`export-${name}.schema.json`, row)
    }
  })
})
