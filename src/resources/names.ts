export const typeNames = ['sleep', 'recovery', 'workout', 'cycle', 'body'] as const
export type TypeName = (typeof typeNames)[number]
