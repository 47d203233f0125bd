import { typeNames } from '../resources/names.ts'

export const exportNames = [...typeNames, 'daily', 'journal'] as const
export type ExportName = (typeof exportNames)[number]

export const formats = ['csv', 'json', 'ndjson'] as const
export type Format = (typeof formats)[number]
