// What a member does against how they recover, from the journal that `whoopster import` has stored: panels for Patterns, and
// days to mark on any dashboard.
import type { Row } from './dashboard.ts'
import { colour, words } from './palette.ts'
import * as p from './panels.ts'
import { around, of, OWN } from './sql.ts'
import { DATASOURCE, type Variable } from './types.ts'

const QUESTIONS = `select question as __text, question as __value\nfrom journal_days\nwhere ${OWN}\ngroup by question\norder by count(*) filter (where answered) desc, question`

/** Which of the member's questions is shown day by day. */
export const behaviour: Variable = {
  type: 'query',
  name: 'behaviour',
  label: 'Behaviour',
  description: 'The question of the journal that is shown day by day',
  datasource: DATASOURCE,
  query: QUESTIONS,
  definition: QUESTIONS,
  refresh: 1,
  sort: 0,
  multi: false,
  includeAll: false,
}

const NO_JOURNAL = 'No journal yet: whoopster import'
const NO_PROOF = 'None of it proves a cause: weekdays, for one, go with both.'

const effects = p.table({
  title: 'Behaviours and the night after',
  description: `What each answer of the journal goes with, whatever range is shown: means after a yes and after a no, in the same cycle’s main sleep, with the days behind them. Between: where the difference lies, at 95 %, for nights and habits that resemble the day before. Clear: q is at most 0.05 among all questions. ${NO_PROOF} Recovery and sleep score in percent, HRV in milliseconds, resting heart rate in beats a minute.`,
  sql: `select question as "Question",
  case metric when 'recovery_score' then 'Recovery, %' when 'hrv_rmssd' then 'HRV, ms'
    when 'resting_heart_rate' then 'Resting heart rate, bpm' else 'Sleep score, %' end as "Figure",
  mean_yes as "Yes", days_yes as "Days yes", mean_no as "No", days_no as "Days no",
  difference as "Difference", ci_low as "From", ci_high as "To",
  case when q_value <= 0.05 then 'clear' else 'not clear' end as "Verdict"
from behaviour_effects
where ${OWN}
order by q_value > 0.05, metric <> 'recovery_score', metric, q_value, question`,
  unit: 'none',
  decimals: 1,
  overrides: [
    p.field('Question', { 'custom.minWidth': 240 }),
    p.field('Figure', { 'custom.minWidth': 160 }),
    p.fields('/^Days/', { decimals: 0, 'custom.minWidth': 70 }),
    p.field('Verdict', { mappings: [...words({ clear: colour.strain, 'not clear': colour.quiet })], ...p.asColour }),
  ],
  empty: NO_JOURNAL,
})

const timeline = p.series({
  title: 'The chosen behaviour, day by day',
  description: `Recovery in percent, and the days whose answer to the question chosen above was yes, beside the recovery that followed it. ${NO_PROOF}`,
  sql: `select d.day::timestamp as "time", max(d.recovery_score) as "Recovery",
  max(case when j.answered then 100.0 end)::double precision as "Yes"
from (select user_id, day, recovery_score from ${of('daily_trends', around(2, 2))}) d
  left join (select user_id, day, answered from journal_days where ${OWN} and question = \${behaviour:sqlstring}) j using (user_id, day)
where $__timeFilter(d.day)
group by d.day
order by d.day`,
  unit: 'percent',
  decimals: 0,
  min: 0,
  max: 100,
  overrides: [
    p.field('Recovery', { ...p.line, color: p.fixed(colour.good) }),
    p.field('Yes', {
      ...p.bars,
      color: p.fixed(colour.energy),
      'custom.fillOpacity': 35,
      'custom.hideFrom': { legend: false, tooltip: true, viz: false },
    }),
  ],
  empty: NO_JOURNAL,
})

export const journalRows: Row[] = [
  { height: 10, panels: [timeline] },
  { height: 14, panels: [effects] },
]
