import type { Log } from '../log.ts'
import type { World } from '../world.ts'
import { lookAtDatabase } from './database.ts'
import { checks, type Find, type Finding } from './findings.ts'
import { lookAtDotenv, lookAtSettings } from './settings.ts'
import { lookAtWebhook } from './webhook.ts'
import { lookAtWhoop } from './whoop.ts'

/**
 * Looks at everything that a sync needs, one thing at a time, and changes nothing: no token is spent, no schema
 * migrated, no directory made. What it finds names no member, secret or home directory.
 */
export async function diagnose(world: World, log: Log): Promise<Finding[]> {
  const findings: Finding[] = []
  const home = world.env['HOME']
  const anonymous = (text: string) => (home && home.length > 1 ? text.replaceAll(`${home}/`, '~/') : text)
  const find: Find = (check, verdict, message, hint) => {
    findings.push({ check, verdict, message: anonymous(message), hint: hint === undefined ? null : anonymous(hint) })
  }
  const dependencies = { world, log, find }
  lookAtSettings(dependencies)
  lookAtDotenv(dependencies)
  const answers = await lookAtWhoop(dependencies)
  await lookAtDatabase(dependencies, answers)
  await lookAtWebhook(dependencies)
  for (const check of checks) {
    if (!findings.some((finding) => finding.check === check)) find(check, 'skipped', 'not looked at: see above')
  }
  return checks.flatMap((check) => findings.filter((finding) => finding.check === check))
}
