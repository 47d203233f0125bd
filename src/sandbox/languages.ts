// Of WHOOP's export, which comes in the account's own.
export const languages = ['en', 'es', 'de'] as const
export type Language = (typeof languages)[number]
