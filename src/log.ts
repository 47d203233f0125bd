/** One event: what happened, and its fields. */
export type LogEvent = (message: string, fields?: Record<string, unknown>) => void

export const levels = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof levels)[number]
export type Log = Record<Level, LogEvent>
