import { getTableName, sql, type SQL } from 'drizzle-orm'
import type { Resource } from '../resources/resource.ts'
import type { Fence } from './lock.ts'
import type { Member } from './members.ts'

/** One type of one member: whose rows a statement is about. */
export interface Collection {
  member: Member
  resource: Resource
}

/** The same, with the proof that this run may write them. */
export interface Scope extends Collection {
  fence: Fence
}

export function tableOf({ table }: Pick<Resource, 'table'>): ReturnType<typeof sql.identifier> {
  return sql.identifier(getTableName(table))
}

/** The name of the member's own key. */
export function keyOf({ key }: Pick<Resource, 'key'>): ReturnType<typeof sql.identifier> {
  return sql.identifier(key.name)
}

/** A key's text as a value of its column. */
export function keyValue({ key }: Pick<Resource, 'key'>, text: string | SQL): SQL {
  return sql`${text}::${sql.raw(key.getSQLType())}`
}

/** The condition on our own tables, which have rows for each of the member's types. */
export function isOf({ member, resource }: Collection, alias?: SQL): SQL {
  const of = alias ? sql`${alias}.` : sql``
  return sql`${of}user_id = ${member.id} and ${of}data_type = ${resource.name}`
}
