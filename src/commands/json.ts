import * as v from 'valibot'
import { checks } from '../doctor/findings.ts'
import type { Reason } from '../errors.ts'
import type { typeNames } from '../resources/names.ts'

// What every --json prints. The commands take their types from here, docs/schemas/ is made from here; at run time
// nobody loads it.

/** A Date is written as its ISO text. */
export const instant = v.custom<string | Date>(() => true)
const day = v.pipe(v.string(), v.isoDate())
const count = v.pipe(v.number(), v.integer(), v.minValue(0))
const perType = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.record(v.string(), schema) as unknown as v.GenericSchema<
    Partial<Record<(typeof typeNames)[number], v.InferOutput<Schema>>>
  >
const list = <Schema extends v.GenericSchema>(schema: Schema) =>
  v.array(schema) as unknown as v.GenericSchema<readonly v.InferOutput<Schema>[]>

const reasons = [
  'usage',
  'data',
  'quarantine',
  'unavailable',
  'bug',
  'later',
  'busy',
  'protocol',
  'login',
  'settings',
] as const satisfies readonly Reason[]

const failure = v.nullable(
  v.strictObject({ reason: v.picklist(reasons), message: v.string(), hint: v.nullable(v.string()) }),
)
const login = v.picklist(['ok', 'expired', 'login_needed'])
const outcome = v.picklist(['ok', 'partial', 'failed', 'skipped'])
const unknownFields = v.record(v.string(), count)

/** What a run did to one type. */
const typeResult = v.strictObject({
  outcome: v.picklist(['ok', 'failed', 'skipped']),
  fetched: count,
  inserted: count,
  updated: count,
  unchanged: count,
  deleted: count,
  quarantined: count,
  unanswered: count,
  unknownFields,
  requests: count,
  complete: v.boolean(),
  error: failure,
})

const sync = v.strictObject({
  startedAt: instant,
  finishedAt: instant,
  outcome,
  error: failure,
  users: list(
    v.strictObject({
      whoopUserId: count,
      outcome,
      error: failure,
      types: perType(typeResult),
    }),
  ),
  waiting: count,
  requests: count,
  retries: count,
  waitedMs: v.number(),
  limitedMs: v.number(),
  tokenRefreshes: count,
})

const problem = v.strictObject({ message: v.string(), hint: v.string() })

const status = v.strictObject({
  healthy: v.boolean(),
  problems: list(problem),
  advice: list(problem),
  database: v.strictObject({
    reachable: v.boolean(),
    where: v.string(),
    version: v.nullable(v.string()),
    error: v.nullable(v.string()),
  }),
  schema: v.strictObject({ applied: count, pending: count }),
  whoop: v.strictObject({ lastStatus: v.nullable(count), at: v.nullable(instant), remainingToday: v.nullable(count) }),
  budget: v.nullable(
    v.strictObject({
      allowed: count,
      spent: count,
      members: count,
      freshnessMinutes: count,
      behindSchedule: v.boolean(),
      rereading: count,
      firstReadings: v.strictObject({ members: count, requests: v.nullable(count), minutes: v.nullable(count) }),
    }),
  ),
  quarantined: list(
    v.strictObject({
      whoopUserId: count,
      type: v.string(),
      key: v.string(),
      reason: v.string(),
      firstSeen: instant,
      lastSeen: instant,
    }),
  ),
  gaps: v.exactOptional(
    list(
      v.strictObject({ whoopUserId: count, type: v.string(), from: v.nullable(instant), to: instant, records: count }),
    ),
  ),
  users: list(
    v.strictObject({
      whoopUserId: count,
      login,
      scopes: list(v.string()),
      types: perType(
        v.strictObject({
          lastSuccess: v.nullable(instant),
          lastRecordTime: v.nullable(instant),
          records: count,
          complete: v.boolean(),
          status: v.picklist(['success', 'error', 'in_progress', 'interrupted', 'never', 'not_granted']),
          emptyRuns: count,
          error: v.nullable(v.string()),
        }),
      ),
      unknownFields,
    }),
  ),
})

const mean = v.nullable(v.number())

const stats = v.strictObject({
  users: list(
    v.strictObject({
      whoopUserId: count,
      firstDay: v.nullable(day),
      lastDay: v.nullable(day),
      types: perType(
        v.strictObject({ records: count, scored: count, firstDay: v.nullable(day), lastDay: v.nullable(day) }),
      ),
      settledRecords: v.strictObject({ changed: count, deleted: count }),
      metrics: list(
        v.strictObject({
          name: v.string(),
          unit: v.string(),
          average: mean,
          last90Days: mean,
          last30Days: mean,
          last7Days: mean,
        }),
      ),
      sports: list(
        v.strictObject({
          name: v.string(),
          workouts: count,
          durationMs: v.number(),
          strain: mean,
          kilojoules: mean,
          distanceMeters: mean,
          zonesMs: list(v.number()),
        }),
      ),
      measurements: list(
        v.strictObject({ day, heightMeter: mean, weightKilogram: mean, maxHeartRate: v.nullable(count) }),
      ),
      journal: list(
        v.strictObject({
          question: v.string(),
          answers: count,
          yes: count,
          no: count,
          firstDay: day,
          lastDay: day,
          effects: list(
            v.strictObject({
              metric: v.string(),
              daysYes: count,
              daysNo: count,
              meanYes: v.number(),
              meanNo: v.number(),
              difference: v.number(),
              ciLow: mean,
              ciHigh: mean,
              qValue: v.number(),
              clear: v.boolean(),
            }),
          ),
        }),
      ),
    }),
  ),
})

const verify = v.strictObject({
  faithful: v.boolean(),
  users: list(
    v.strictObject({
      whoopUserId: count,
      types: perType(
        v.strictObject({
          equal: count,
          missing: list(v.string()),
          extra: list(v.string()),
          different: list(v.strictObject({ key: v.string(), columns: list(v.string()) })),
          changing: list(v.strictObject({ key: v.string(), why: v.picklist(['open', 'changed since the last sync']) })),
          unreadable: list(v.strictObject({ key: v.string(), reason: v.string() })),
        }),
      ),
    }),
  ),
})

const place = v.strictObject({ file: v.string(), line: count, problem: v.string() })

const imported = v.strictObject({
  whoopUserId: count,
  dryRun: v.boolean(),
  files: list(
    v.strictObject({
      name: v.string(),
      shape: v.nullable(v.picklist(['cycles', 'sleeps', 'workouts', 'journal'])),
      rows: count,
    }),
  ),
  journal: v.nullable(
    v.strictObject({
      inserted: count,
      updated: count,
      removed: count,
      unchanged: count,
      questions: count,
      cycles: count,
    }),
  ),
  unreadable: v.strictObject({ rows: count, first: list(place) }),
  repeated: list(place),
  compared: v.record(
    v.string(),
    v.strictObject({
      inFile: count,
      matched: count,
      missingHere: list(instant),
      missingInFile: list(instant),
      different: list(
        v.strictObject({ start: instant, figure: v.string(), file: v.number(), stored: v.nullable(v.number()) }),
      ),
    }),
  ),
})

const doctor = v.strictObject({
  healthy: v.boolean(),
  version: v.string(),
  runtime: v.string(),
  checks: list(
    v.strictObject({
      check: v.picklist(checks),
      verdict: v.picklist(['ok', 'warning', 'problem', 'skipped']),
      message: v.string(),
      hint: v.nullable(v.string()),
    }),
  ),
})

const authStatus = v.strictObject({
  users: list(
    v.strictObject({
      whoopUserId: count,
      name: v.nullable(v.string()),
      /** The number by which doctor speaks of the member. */
      member: count,
      login,
      expiresAt: instant,
      scopes: list(v.string()),
      refusedScopes: list(v.string()),
      sealedUnder: v.strictObject({ key: v.picklist(['current', 'older', 'not set']), id: v.nullable(v.string()) }),
    }),
  ),
})

const migrateStatus = v.strictObject({
  upToDate: v.boolean(),
  migrations: list(v.strictObject({ name: v.string(), state: v.picklist(['applied', 'pending']) })),
})

const runs = v.strictObject({
  runs: list(
    v.strictObject({
      whoopUserId: count,
      startedAt: instant,
      finishedAt: instant,
      outcome,
      error: v.nullable(v.strictObject({ reason: v.picklist(reasons), message: v.string() })),
      requests: count,
      retries: count,
      waitedMs: v.number(),
      tokenRefreshes: count,
      lastStatus: v.nullable(count),
      /** Of a quiet type it is not kept how much of what it read was as before: null. */
      types: perType(
        v.strictObject({
          ...typeResult.entries,
          requests: v.nullable(count),
          fetched: v.nullable(count),
          unchanged: v.nullable(count),
        }),
      ),
    }),
  ),
})

export const outputs = {
  sync,
  status,
  stats,
  runs,
  verify,
  import: imported,
  doctor,
  'auth status': authStatus,
  'migrate --status': migrateStatus,
}
export type OutputName = keyof typeof outputs
/** What a command has to hand to printJson. */
export type Printed<Name extends OutputName> = v.InferOutput<(typeof outputs)[Name]>
