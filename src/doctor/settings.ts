import { statSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig, settings, tokenSettings, unknownSettings, whoopSettings } from '../config.ts'
import { failure } from '../errors.ts'
import type { Dependencies } from './findings.ts'

const everySetting = [...whoopSettings, ...tokenSettings] as const

export function lookAtSettings(dependencies: Dependencies): void {
  const { world, find } = dependencies
  const set = Object.keys(settings).filter((name) => world.env[name]?.trim())
  try {
    readConfig(world.env, everySetting)
    find('settings', 'ok', `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set, and well formed`)
  } catch (error) {
    const { message, hint } = failure(error)
    const [, ...problems] = message.split('\n').map((line) => line.trim())
    const lacksApp = problems.some((problem) => /^WHOOP_CLIENT_(ID|SECRET) is not set/.test(problem))
    find('settings', 'problem', problems.join('; '), lacksApp ? 'run: whoopster auth' : (hint ?? undefined))
  }
  lookAtNames(dependencies)
}

/** A name of ours with a slip in it, whose value nobody reads. */
function lookAtNames({ world, find }: Dependencies): void {
  for (const { name, meant } of unknownSettings(world.env)) {
    const hint = meant ? `did you mean ${meant}?` : 'the names are in .env.example'
    find('settings', 'warning', `${name} is set, and is no setting of whoopster`, hint)
  }
}

export function lookAtDotenv({ world, find }: Dependencies): void {
  const stats = statSync(join(world.machine.directory, '.env'), { throwIfNoEntry: false })
  if (!stats) return find('.env', 'ok', 'none in this directory')
  const mode = (stats.mode & 0o777).toString(8).padStart(4, '0')
  const isPrivate = (stats.mode & 0o077) === 0
  if (isPrivate) return find('.env', 'ok', `in this directory, for its owner alone (${mode})`)
  find('.env', 'warning', `others may read .env in this directory (${mode})`, 'run: chmod 600 .env')
}
