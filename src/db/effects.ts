import { sql } from 'drizzle-orm'
import type { Db } from './connection/index.ts'
import type { Member } from './members.ts'

/** What a figure is after a yes, and after a no: a row of behaviour_effects. */
export interface Effect {
  metric: string
  daysYes: number
  daysNo: number
  meanYes: number
  meanNo: number
  difference: number
  /** The 95 % interval of the difference; null where nothing varies. */
  ciLow: number | null
  ciHigh: number | null
  qValue: number
  clear: boolean
}

export interface Question {
  question: string
  answers: number
  yes: number
  no: number
  firstDay: string
  lastDay: string
  /** None below five yes and five no. */
  effects: Effect[]
}

/** What is called clear: at most one of twenty such effects is chance. */
const CLEAR = 0.05

/** A member's questions, the most answered first, and what their answers go with. */
export async function loadQuestions(db: Db, member: Member): Promise<Question[]> {
  const questions = await db.execute<Omit<Question, 'effects'> & Record<string, unknown>>(sql`
    select question, count(*)::int as answers, count(*) filter (where answered)::int as yes,
      count(*) filter (where not answered)::int as no, min(day)::text as "firstDay", max(day)::text as "lastDay"
    from journal_days where user_id = ${member.id} group by question order by answers desc, question`)
  const effects = await db.execute<Omit<Effect, 'clear'> & { question: string } & Record<string, unknown>>(sql`
    select question, metric, days_yes as "daysYes", days_no as "daysNo", mean_yes as "meanYes", mean_no as "meanNo", difference,
      ci_low as "ciLow", ci_high as "ciHigh", q_value as "qValue"
    from behaviour_effects where user_id = ${member.id} order by metric, q_value, question`)
  return questions.map((one) => ({
    ...one,
    effects: effects
      .filter(({ question }) => question === one.question)
      .map(({ metric, daysYes, daysNo, meanYes, meanNo, difference, ciLow, ciHigh, qValue }) => {
        const clear = qValue <= CLEAR
        return { metric, daysYes, daysNo, meanYes, meanNo, difference, ciLow, ciHigh, qValue, clear }
      }),
  }))
}
