import * as v from 'valibot'
import { typeNames } from './names.ts'

// What is in an archive. Whatever of this changes gets another number, and the ones before are read for ever.

export const FORMAT = 'whoopster-archive'
export const FORMAT_VERSION = 1

/** The parts of a member, in the order in which they are written, and restored: what places others in time comes first. */
export const parts = [
  'profile',
  'sleep',
  'recovery',
  'workout',
  'cycle',
  'body',
  'journal',
  'journal-imports',
  'history',
  'quarantine',
  'coverage',
] as const
export type Part = (typeof parts)[number]

export const README = 'README.txt'
export const MANIFEST = 'manifest.json'

export function fileOf(whoopUserId: number, part: Part): string {
  return `members/${whoopUserId}/${part}.ndjson`
}

/** As `row_to_json` writes a timestamptz while the session's zone is UTC. */
const instant = v.pipe(
  v.string(),
  v.regex(/^(-?infinity|\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00)$/, 'is not a time'),
  v.check((text) => text.endsWith('infinity') || text.length > 32 || !Number.isNaN(Date.parse(text)), 'is not a time'),
)
const maybeInstant = v.nullable(instant)
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const id = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const name = v.nullable(
  v.pipe(
    v.string(),
    v.check((text) => Array.from(text).length <= 255, 'is too long'), // PostgreSQL counts characters, not UTF-16's units
  ),
)
const type = v.picklist(typeNames)
const raw = v.unknown()

const record = v.strictObject({ created_at: instant, updated_at: instant, raw_data: v.looseObject({}) })
/** A row as the journal's own table has it. */
const row = v.record(v.string(), v.unknown())

const BOUND = '("[\\d :.+-]+"|-?infinity)?'
const RANGE = `[[(]${BOUND},${BOUND}[\\])]`
/** PostgreSQL's text of a tstzmultirange. */
const RANGES = new RegExp(`^\\{(${RANGE}(,${RANGE})*)?\\}$`)

/** A line of each part. */
export const lines = {
  profile: v.strictObject({
    whoop_user_id: id,
    email: name,
    first_name: name,
    last_name: name,
    created_at: instant,
    updated_at: instant,
  }),
  sleep: record,
  recovery: record,
  workout: record,
  cycle: record,
  body: v.strictObject({ created_at: instant, raw_data: raw }),
  journal: row,
  'journal-imports': row,
  history: v.strictObject({
    data_type: type,
    record_key: v.string(),
    seen_from: instant,
    seen_until: instant,
    reason: v.picklist(['changed', 'deleted']),
    raw_data: raw,
  }),
  quarantine: v.strictObject({
    data_type: type,
    record_key: v.string(),
    reason: v.string(),
    first_seen: instant,
    last_seen: instant,
    asked_at: maybeInstant,
    listed_below: maybeInstant,
    raw: v.string(),
  }),
  coverage: v.strictObject({
    data_type: type,
    covered: v.pipe(v.string(), v.regex(RANGES, 'is no set of ranges')),
    status: v.picklist(['success', 'error', 'in_progress']),
    error_message: v.nullable(v.string()),
    last_sync_time: maybeInstant,
    last_record_time: maybeInstant,
    records_fetched: count,
    empty_runs: count,
    cut_at: maybeInstant,
    recent_at: maybeInstant,
    swept_at: maybeInstant,
    swept_to: maybeInstant,
    created_at: instant,
    updated_at: instant,
    chased: v.array(
      v.strictObject({
        record_key: v.string(),
        reason: v.pipe(v.string(), v.maxLength(20)),
        since: instant,
        seen_at: maybeInstant,
        asked_at: maybeInstant,
      }),
    ),
  }),
} as const satisfies Record<Part, v.GenericSchema>

export type Line<P extends Part> = v.InferOutput<(typeof lines)[P]>

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))

export const manifest = v.strictObject({
  format: v.literal(FORMAT),
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** What wrote it, and the newest migration of its database. */
  whoopster: v.string(),
  schema: v.string(),
  members: v.array(id),
  files: v.array(
    v.strictObject({
      name: v.string(),
      lines: count,
      bytes: count,
      sha256,
      /** When the first and the last of its records happened. */
      from: v.nullable(v.string()),
      to: v.nullable(v.string()),
    }),
  ),
})

export type Manifest = v.InferOutput<typeof manifest>
export type FileEntry = Manifest['files'][number]

export const readmeText = `This is an archive of what WHOOP, a wearable of the 2010s and 2020s, measured of its wearers.
A program named whoopster wrote it, but you do not need whoopster to read it.

It is a ZIP file of UTF-8 text. Each file members/<WHOOP's number of the member>/<part>.ndjson has one JSON object a line:

  profile          the member's name and e-mail address
  sleep            nights and naps        )
  recovery         one a sleep            )  raw_data is the record in WHOOP's own words (its API's version 2), created_at
  workout          activities             )  is when it was first stored, updated_at since when it has read like this
  cycle            WHOOP's days           )
  body             height, weight and maximum heart rate, a line whenever one of them had changed
  journal          the answers to WHOOP's daily questions, if they were imported; journal-imports: when that was
  history          versions of records that WHOOP has changed or deleted since, and from when until when they were seen
  quarantine       what WHOOP sent and nobody could read, as it came (raw), and why
  coverage         which times are known to be complete, for whoopster to go on from there

Times are ISO 8601; those that end in +00:00 or Z are in UTC. In WHOOP's records durations ending in _milli are milliseconds,
distances are metres, hrv_rmssd_milli is the heart rate variability (RMSSD) in milliseconds, energy is in kilojoules.
A recovery belongs to the sleep of its sleep_id, and a sleep to the cycle of its cycle_id.

manifest.json lists the files, each with its number of lines and bytes and the SHA-256 of its content, so that you can tell
whether all is as it was written:

  unzip -p whoop.zip members/10129/sleep.ndjson | sha256sum

To read a file, anything that knows JSON will do:

  unzip -p whoop.zip members/10129/sleep.ndjson | jq .raw_data.score.sleep_performance_percentage
  import zipfile, json; [json.loads(line) for line in zipfile.ZipFile('whoop.zip').open('members/10129/sleep.ndjson')]

There are no passwords, tokens or keys in it; but it is somebody's health, so treat it like that.
`
