import { body } from './body.ts'
import { cycle } from './cycle.ts'
import { recovery } from './recovery.ts'
import type { TypeName } from './names.ts'
import type { Resource } from './resource.ts'
import { sleep } from './sleep.ts'
import { profile } from './users.ts'
import { workout } from './workout.ts'

export { body, cycle, profile, recovery, sleep, workout }

/** The four collections. Sleep stands before recovery, whose place in time is its sleep's. */
export const resources: readonly Resource[] = [sleep, recovery, workout, cycle]

/** The collection of a type; the body has none. */
export function resourceOf(type: TypeName | undefined): Resource | undefined {
  return resources.find(({ name }) => name === type)
}

export const scopeOf: Readonly<Record<TypeName, string>> = {
  ...(Object.fromEntries(resources.map(({ name, scope }) => [name, scope])) as Record<Resource['name'], string>),
  body: body.scope,
}

/** All that a login asks for; `offline` is what makes it last longer than an hour. */
export const allScopes: readonly string[] = ['offline', profile.scope, ...Object.values(scopeOf)]
