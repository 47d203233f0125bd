/** `npm run test:long`: every case and long lives, where `npm test` takes some of them. */
export const isLong = Boolean(process.env['WHOOPSTER_LONG'])
