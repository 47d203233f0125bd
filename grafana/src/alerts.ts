// Alert rules that say nothing of whom to tell: notification policies are the reader's. Their SQL uses no macros and no
// variables; each query gives one row per member, words as labels and one number.
import { dashboards } from './dashboards/index.ts'
import { FAR } from './palette.ts'
import { DATASOURCE } from './types.ts'
import { NAME } from './sql.ts'

interface Alert {
  /** Also the label `alert`, and in capitals the end of the variable that switches it off. */
  name: string
  title: string
  summary: string
  description: string
  sql: string
  fires: { type: 'gt' | 'lt'; than: number }
  /** Minutes that it has to last. */
  lasting: number
  kind: 'sync' | 'health'
  /** The panel it leads to: the dashboard's title and its own. */
  leadsTo: [dashboard: string, panel: string]
}

const MEMBER = `${NAME} as member, whoop_user_id::text as whoop_user_id`

/**
 * One figure far off on one morning is chance, one in ten mornings has it. Two figures on one morning, or one on two, are
 * a sign: about one healthy morning in fifty.
 */
const deviation = (
  what: string,
  figure: 'hrv' | 'resting' | 'skin' | 'respiratory',
  looks: { title: string; advice: string; leadsTo: Alert['leadsTo'] },
): Alert => {
  const [type, sign, than] = figure === 'hrv' ? (['lt', '<', -FAR] as const) : (['gt', '>', FAR] as const)
  return {
    name: what,
    title: looks.title,
    summary: `{{ .Labels.member }}: ${looks.title.toLowerCase().replace('hrv', 'HRV')}`,
    description: `{{ printf "%.1f" .Values.A.Value }} standard deviations off the mean of the month before, and not alone: another sign is off as well, or this one was yesterday. ${looks.advice}`,
    sql: `select ${MEMBER}, ${figure}_deviation as value
from latest_vitals
join users on users.id = user_id
where at > now() - interval '24 hours' and ${figure}_deviation is not null
  and (signs >= 2 or ${figure}_before ${sign} ${than})`,
    fires: { type, than },
    lasting: 0,
    kind: 'health',
    leadsTo: looks.leadsTo,
  }
}

export const alerts: Alert[] = [
  {
    name: 'stale',
    title: 'No successful sync for too long',
    summary: '{{ .Labels.member }}: {{ .Labels.type }} was last synced {{ printf "%.1f" .Values.A.Value }} hours ago',
    description:
      'More than two hours, and two and a half times as long as it is between this member’s syncs: with many members WHOOP’s requests serve everybody less often. Look at the schedule, and at: whoopster status. Types that the login does not permit do not count, nor do body measurements.',
    sql: `select ${MEMBER}, data_type as type,
  case when ago > 2.5 * coalesce(usual, 0) then ago else 0 end as value
from (
  select id, whoop_user_id, first_name, last_name, l.scopes, (
    select extract(epoch from max(started_at) - min(started_at))::double precision / 3600 / nullif(count(*) - 1, 0)
    from (select started_at from sync_runs where user_id = users.id and outcome <> 'skipped' order by started_at desc limit 9) runs
  ) as usual
  from users
  join logins l on l.user_id = users.id
  where l.state <> 'logged_out'
  offset 0
) member
join sync_status s on s.user_id = member.id
cross join lateral (
  select extract(epoch from now() - coalesce(last_sync_time, s.created_at))::double precision / 3600 as ago
) since
where data_type <> 'body' and 'read:' || case data_type when 'cycle' then 'cycles' else data_type end = any (member.scopes)`,
    fires: { type: 'gt', than: 2 },
    lasting: 5,
    kind: 'sync',
    leadsTo: ['Sync health', 'Every type of every member'],
  },
  {
    name: 'login-needed',
    title: 'A member has to log in again',
    summary: '{{ .Labels.member }} has to log in again',
    description: 'WHOOP has ended the login. Type: whoopster auth',
    sql: `select ${MEMBER}, (state = 'login_needed')::integer as value
from logins
join users on users.id = user_id`,
    fires: { type: 'gt', than: 0 },
    lasting: 0,
    kind: 'sync',
    leadsTo: ['Sync health', 'Logins'],
  },
  {
    name: 'quarantine',
    title: 'Records in quarantine',
    summary: '{{ .Labels.member }}: {{ .Values.A.Value }} records cannot be read',
    description: 'They are kept as WHOOP sent them; a newer version of whoopster may read them. See: whoopster status',
    sql: `select ${MEMBER}, (select count(*) from quarantined_records q where q.user_id = users.id) as value
from users`,
    fires: { type: 'gt', than: 0 },
    lasting: 0,
    kind: 'sync',
    leadsTo: ['Sync health', 'Quarantine'],
  },
  {
    name: 'failing',
    title: 'Three runs in a row have failed',
    summary: '{{ .Labels.member }}: the last three runs have failed',
    description: 'See why with: whoopster status',
    sql: `select ${MEMBER}, count(*) filter (where outcome = 'failed') as value
from users
cross join lateral (
  select outcome from sync_runs where user_id = users.id order by started_at desc limit 3
) runs
group by users.id`,
    fires: { type: 'gt', than: 2 },
    lasting: 0,
    kind: 'sync',
    leadsTo: ['Sync health', 'What went wrong'],
  },
  {
    name: 'low-recovery',
    title: 'Low recovery, again',
    summary: '{{ .Labels.member }}: recovery {{ printf "%.0f" .Values.A.Value }} % this morning, and red yesterday',
    description:
      'Below 34 %, where WHOOP shows it in red, on two mornings, and another figure is far off normal. Take it easy.',
    sql: `select ${MEMBER}, recovery_score as value
from latest_vitals
join users on users.id = user_id
where at > now() - interval '24 hours' and recovery_before < 34 and signs >= 1`,
    fires: { type: 'lt', than: 34 },
    lasting: 0,
    kind: 'health',
    leadsTo: ['Recovery', 'Recovery'],
  },
  deviation('hrv', 'hrv', {
    title: 'HRV far below normal',
    advice: 'Strain, too little sleep, alcohol and illness all lower it.',
    leadsTo: ['Recovery', 'HRV and what is normal'],
  }),
  deviation('resting-heart-rate', 'resting', {
    title: 'Resting heart rate far above normal',
    advice: 'Strain, heat, alcohol and illness all raise it.',
    leadsTo: ['Recovery', 'Resting heart rate and what is normal'],
  }),
  deviation('skin-temperature', 'skin', {
    title: 'Skin much warmer than normal',
    advice: 'Perhaps a fever, perhaps a warm room.',
    leadsTo: ['Recovery', 'Skin temperature, off the baseline'],
  }),
  deviation('respiratory-rate', 'respiratory', {
    title: 'Respiratory rate far above normal',
    advice: 'It seldom moves; illness is the commonest reason.',
    leadsTo: ['Sleep', 'Respiratory rate and what is normal'],
  }),
]

/** `WHOOPSTER_ALERT_LOW_RECOVERY` */
export const switchOf = ({ name }: Pick<Alert, 'name'>) => `WHOOPSTER_ALERT_${name.toUpperCase().replaceAll('-', '_')}`

const DAY_SECONDS = 86_400

/** A group as Grafana provisions it. */
function group(name: string, interval: string, rules: readonly Alert[]) {
  return { orgId: 1, name, folder: 'whoopster', interval, rules: rules.map(toRule) }
}

function toRule(alert: Alert) {
  const { name, title, summary, description, sql, fires, lasting, kind, leadsTo } = alert
  const relativeTimeRange = { from: DAY_SECONDS, to: 0 }
  const expression = (refId: string, model: Record<string, unknown>) => ({
    refId,
    relativeTimeRange,
    datasourceUid: '__expr__',
    model: { refId, datasource: { type: '__expr__', uid: '__expr__' }, expression: 'A', ...model },
  })
  const threshold = {
    type: 'threshold',
    conditions: [{ type: 'query', evaluator: { type: fires.type, params: [fires.than] } }],
  }
  return {
    uid: `whoopster-${name}`,
    title,
    // Not isPaused: Grafana refuses to start when the variable behind a yes or no is not set.
    condition: `\${${switchOf(alert)}}C`,
    data: [
      {
        refId: 'A',
        relativeTimeRange,
        datasourceUid: DATASOURCE.uid,
        model: { refId: 'A', datasource: DATASOURCE, editorMode: 'code', rawQuery: true, format: 'table', rawSql: sql },
      },
      expression('C', threshold),
      expression('onC', threshold),
      expression('offC', { type: 'math', expression: '$A * 0' }),
    ],
    for: `${lasting}m`,
    noDataState: 'OK',
    execErrState: 'Error',
    labels: { app: 'whoopster', kind, alert: name },
    annotations: { summary, description, ...linkTo(leadsTo) },
  }
}

function linkTo([dashboard, title]: Alert['leadsTo']) {
  const board = dashboards.find((one) => one.title === dashboard)
  const panel = board?.panels.find((one) => one.title === title)
  if (!board || !panel) throw new Error(`no alert can lead to ${dashboard} › ${title}: it is not there`)
  return { __dashboardUid__: board.uid, __panelId__: String(panel.id) }
}

export const provisionedAlerts = {
  apiVersion: 1,
  groups: [
    group(
      'whoopster sync',
      '5m',
      alerts.filter(({ kind }) => kind === 'sync'),
    ),
    group(
      'whoopster health',
      '1h', // each looks at a month of the nights of all who have slept today, and a night's figures come once a day
      alerts.filter(({ kind }) => kind === 'health'),
    ),
  ],
}
