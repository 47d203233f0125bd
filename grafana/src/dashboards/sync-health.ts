import { dashboard, members } from '../dashboard.ts'
import { bands, colour, plain, words } from '../palette.ts'
import * as p from '../panels.ts'
import { NAME, OWNERS } from '../sql.ts'

const DAY_BUDGET = 10_000

const late = p.stat({
  title: 'Last success, the oldest',
  description:
    'How long ago a sync last succeeded for the type and member that is furthest behind. Body measurements are read daily and do not count.',
  sql: `select extract(epoch from now() - min(coalesce(last_sync_time, created_at)))::double precision as "Ago"
from sync_status
where user_id in (${OWNERS}) and data_type <> 'body'`,
  unit: 's',
  decimals: 1,
  thresholds: bands('good', 7200, 'fair', 86_400, 'poor'),
})

const counted = (title: string, description: string, sql: string, steps: ReturnType<typeof bands>) =>
  p.stat({ title, description, sql, unit: 'none', decimals: 0, thresholds: steps })

const summary = [
  late,
  counted(
    'Logins to renew',
    'Members who have to log in again: a count. Type: whoopster auth.',
    `select count(*) as "Members" from logins where user_id in (${OWNERS}) and state = 'login_needed'`,
    bands('good', 1, 'poor'),
  ),
  counted(
    'Gaps',
    'Ranges of time that are not stored completely yet: a count. The next runs fill them.',
    `select count(*) as "Gaps" from sync_gaps where user_id in (${OWNERS})`,
    bands('good', 1, 'fair'),
  ),
  counted(
    'In quarantine',
    'Records that could not be read: a count. They are kept as WHOOP sent them.',
    `select count(*) as "Records" from quarantined_records where user_id in (${OWNERS})`,
    bands('good', 1, 'poor'),
  ),
  counted(
    'Requests left today',
    'What WHOOP last said remains of the app’s 10,000 requests of the day, whoever spent them: a count.',
    `select remaining_today as "Requests"
from sync_runs
where user_id in (${OWNERS}) and remaining_today is not null
order by id desc
limit 1`,
    bands('quiet', 0, 'poor', 500, 'fair', 2000, 'good'),
  ),
  counted(
    'Waiting to be final',
    'Records that are asked for by id until they are final, such as the open cycle: a count.',
    `select count(*) as "Records" from chased_records where user_id in (${OWNERS})`,
    plain(colour.strain),
  ),
]

const types = p.table({
  title: 'Every type of every member',
  description:
    'How long ago each type was last synced and how old its newest record is (seconds, shown as time), how many are stored, and whether nothing is missing.',
  sql: `select ${NAME} as "Member", data_type as "Type", status as "Status",
  extract(epoch from now() - last_sync_time)::double precision as "Last success, ago",
  extract(epoch from now() - last_record_time)::double precision as "Newest record, ago",
  case data_type when 'body' then (select count(*) from body_measurements r where r.user_id = s.user_id) else records end as "Records",
  case when exists (select from sync_gaps g where g.user_id = s.user_id and g.data_type = s.data_type) then 'gaps' else 'complete' end as "Coverage",
  error_message as "Error"
from sync_status s
join users on users.id = s.user_id
where s.user_id in (${OWNERS})
order by 1, array_position(array['sleep', 'recovery', 'workout', 'cycle', 'body'], data_type::text)
limit 500`,
  unit: 'none',
  overrides: [
    p.field('Status', {
      mappings: words({ success: colour.good, error: colour.poor, in_progress: colour.fair }),
      ...p.asColour,
    }),
    p.field('Coverage', { mappings: words({ complete: colour.good, gaps: colour.fair }), ...p.asColour }),
    p.field('Last success, ago', {
      unit: 's',
      decimals: 1,
      ...p.asColour,
      thresholds: { mode: 'absolute', steps: bands('good', 7200, 'fair', 86_400, 'poor') },
    }),
    p.field('Newest record, ago', { unit: 's', decimals: 1 }),
    p.field('Error', { 'custom.width': 240 }),
  ],
  empty: 'Nothing has been synced yet. Type: whoopster sync',
})

const perDay = (columns: string) => `select $__timeGroupAlias(started_at, '1d'),
  ${columns}
from sync_runs
where user_id in (${OWNERS}) and $__timeFilter(started_at)
group by 1
order by 1`

const requests = p.series({
  title: 'Requests a day',
  description: `Requests that the runs of the chosen members made, a count per UTC day; WHOOP allows an app ${DAY_BUDGET.toLocaleString('en')} for all its members together.`,
  sql: perDay('sum(requests) as "Requests", sum(retries) as "Retries"'),
  unit: 'none',
  decimals: 0,
  min: 0,
  draw: p.stacked,
  line: 'dashed',
  thresholds: [...plain(colour.quiet), { value: DAY_BUDGET, color: colour.poor }],
  overrides: [
    p.field('Requests', { color: p.fixed(colour.strain) }),
    p.field('Retries', { color: p.fixed(colour.energy) }),
  ],
  empty: 'No runs in this range',
})

const outcomes = p.series({
  title: 'Runs a day',
  description: 'Runs by how they ended, per UTC day: counts. Kept for 90 days.',
  sql: perDay(
    ['ok', 'partial', 'failed', 'skipped']
      .map((one) => `count(*) filter (where outcome = '${one}') as "${one}"`)
      .join(', '),
  ),
  unit: 'none',
  decimals: 0,
  min: 0,
  draw: p.stacked,
  overrides: Object.entries({ ok: colour.good, partial: colour.fair, failed: colour.poor, skipped: colour.quiet }).map(
    ([name, color]) => p.field(name, { color: p.fixed(color) }),
  ),
  empty: 'No runs in this range',
})

const waits = p.series({
  title: 'Waiting and working',
  description: 'Seconds per run: the longest of the day, and what of it was spent waiting for WHOOP’s limits.',
  sql: perDay(
    'max(extract(epoch from finished_at - started_at))::double precision as "Longest run", max(waited_ms) / 1000.0 as "Longest wait"',
  ),
  unit: 's',
  decimals: 1,
  min: 0,
  overrides: [
    p.field('Longest run', { color: p.fixed(colour.strain) }),
    p.field('Longest wait', { color: p.fixed(colour.fair) }),
  ],
  empty: 'No runs in this range',
})

const changes = p.series({
  title: 'Changed and deleted by WHOOP',
  description:
    'Settled records that WHOOP has rescored, edited or deleted, by the UTC day on which we saw it: counts. The old versions are in record_history.',
  sql: `select $__timeGroupAlias(seen_until, '1d'),
  count(*) filter (where reason = 'changed') as "Changed", count(*) filter (where reason = 'deleted') as "Deleted"
from record_history
where user_id in (${OWNERS}) and $__timeFilter(seen_until)
group by 1
order by 1`,
  unit: 'none',
  decimals: 0,
  min: 0,
  draw: p.stacked,
  overrides: [p.field('Changed', { color: p.fixed(colour.fair) }), p.field('Deleted', { color: p.fixed(colour.poor) })],
  empty: 'WHOOP has changed nothing in this range',
})

/** Where WHOOP's records hold what a member would notice. */
const FIGURES: Record<string, string> = {
  Recovery: '{score,recovery_score}',
  HRV: '{score,hrv_rmssd_milli}',
  'Resting heart rate': '{score,resting_heart_rate}',
  'Sleep performance': '{score,sleep_performance_percentage}',
  'Respiratory rate': '{score,respiratory_rate}',
  Strain: '{score,strain}',
  Kilojoules: '{score,kilojoule}',
  Sport: '{sport_name}',
  Start: '{start}',
  End: '{end}',
  State: '{score_state}',
}
const currentOf = (type: string, key: string) =>
  `when '${type}' then (select raw_data from ${type}_records r where r.user_id = h.user_id and r.id = ${key})`
const UUID = "case when h.record_key ~ '^[0-9a-f-]{36}$' then h.record_key::uuid end"
const INTEGER = "case when h.record_key ~ '^[0-9]{1,18}$' then h.record_key::bigint end"

const rewritten = p.table({
  title: 'What WHOOP changed afterwards',
  description:
    'Settled records that WHOOP changed or deleted in this range, newest first: each figure that differs, before and after, in WHOOP’s own units (percent, milliseconds, beats a minute, strain 0 to 21, kilojoules).',
  sql: `select seen_until as "Seen", member as "Member", data_type as "Type", (before ->> 'start')::timestamptz as "Of",
  figure as "Figure", before #>> path as "Before", case reason when 'deleted' then 'deleted' else after #>> path end as "After", record_key as "Record"
from (
  select h.*, ${NAME} as member, h.raw_data as before, coalesce(
    (select n.raw_data from record_history n where n.user_id = h.user_id and n.data_type = h.data_type
      and n.record_key = h.record_key and n.seen_until > h.seen_until order by n.seen_until limit 1),
    case h.data_type ${currentOf('sleep', UUID)} ${currentOf('recovery', UUID)} ${currentOf('workout', UUID)} ${currentOf('cycle', INTEGER)} end
  ) as after
  from record_history h
  join users on users.id = h.user_id
  where h.user_id in (${OWNERS}) and $__timeFilter(h.seen_until)
  order by h.seen_until desc
  limit 100
) versions, unnest(
  array[${Object.keys(FIGURES)
    .map((name) => `'${name}'`)
    .join(', ')}],
  array[${Object.values(FIGURES)
    .map((path) => `'${path}'`)
    .join(', ')}]
) with ordinality as figures (figure, place, nth), lateral (select place::text[] as path) p
where case reason when 'deleted' then nth = 1 or (before #>> path is not null and figure in ('Sleep performance', 'Strain'))
  else before #>> path is distinct from after #>> path end
order by seen_until desc, record_key, nth
limit 200`,
  unit: 'string',
  overrides: [p.fields('/^(Seen|Of)$/', { unit: 'time:YYYY-MM-DD HH:mm' }), p.field('Record', { 'custom.width': 120 })],
  empty: 'WHOOP has changed nothing in this range',
})

const gaps = p.table({
  title: 'Gaps',
  description: 'Ranges of time that are not stored completely yet; an empty beginning is the beginning of all data.',
  sql: `select ${NAME} as "Member", data_type as "Type", gap_from as "From", gap_to as "To"
from sync_gaps
join users on users.id = user_id
where user_id in (${OWNERS})
order by gap_to desc
limit 100`,
  unit: 'none',
  overrides: [p.fields('/^(From|To)$/', { unit: 'time:YYYY-MM-DD HH:mm' })],
  empty: 'Nothing is missing',
})

const quarantine = p.table({
  title: 'Quarantine',
  description:
    'Records that could not be read, with the reason. Later runs, and newer versions of whoopster, try again.',
  sql: `select ${NAME} as "Member", data_type as "Type", record_key as "Record", reason as "Reason", first_seen as "First seen", last_seen as "Last seen"
from quarantined_records q
join users on users.id = q.user_id
where q.user_id in (${OWNERS})
order by last_seen desc
limit 100`,
  unit: 'none',
  overrides: [p.fields('/seen$/', { unit: 'time:YYYY-MM-DD HH:mm' }), p.field('Reason', { 'custom.width': 220 })],
  empty: 'Nothing is in quarantine',
})

const logins = p.table({
  title: 'Logins',
  description:
    'Each member’s login: ok, expired (the next run refreshes it), login_needed (type: whoopster auth) or logged_out. Expiry is the access token’s.',
  sql: `select ${NAME} as "Member", state as "Login", expires_at as "Access until", array_to_string(scopes, ' ') as "Scopes"
from logins
join users on users.id = user_id
where user_id in (${OWNERS})
order by state = 'ok', 1
limit 500`,
  unit: 'none',
  overrides: [
    p.field('Login', {
      mappings: words({ ok: colour.good, expired: colour.quiet, login_needed: colour.poor, logged_out: colour.quiet }),
      ...p.asColour,
    }),
    p.field('Access until', { unit: 'time:YYYY-MM-DD HH:mm' }),
    p.field('Scopes', { 'custom.width': 240 }),
  ],
  empty: 'Nobody has logged in yet. Type: whoopster auth',
})

const failures = p.table({
  title: 'What went wrong',
  description:
    'The newest runs of this range that did not end well, and why: the run’s own error or the first of a type’s.',
  sql: `select started_at as "Run", ${NAME} as "Member", outcome as "Outcome",
  coalesce(error_message, (select value -> 'error' ->> 'message' from jsonb_each(types) where value -> 'error' ->> 'message' is not null limit 1)) as "Why"
from sync_runs r
join users on users.id = r.user_id
where r.user_id in (${OWNERS}) and $__timeFilter(started_at) and outcome in ('partial', 'failed')
order by started_at desc
limit 50`,
  unit: 'none',
  overrides: [
    p.field('Run', { unit: 'time:YYYY-MM-DD HH:mm' }),
    p.field('Outcome', { mappings: words({ partial: colour.fair, failed: colour.poor }), ...p.asColour }),
    p.field('Why', { 'custom.width': 300 }),
  ],
  empty: 'Every run of this range ended well',
})

export const syncHealth = dashboard({
  uid: 'sync-health',
  title: 'Sync health',
  description: 'Whether the copy is current and complete, and what it costs.',
  range: '30d',
  timezone: 'browser',
  refresh: '1m',
  variables: [members],
  annotations: [],
  rows: [
    { height: 4, panels: summary },
    { height: 9, panels: [types] },
    { height: 8, panels: [requests, outcomes] },
    { height: 8, panels: [waits, changes] },
    { height: 8, panels: [rewritten] },
    { height: 8, panels: [logins, failures] },
    { height: 8, panels: [gaps, quarantine] },
  ],
})
