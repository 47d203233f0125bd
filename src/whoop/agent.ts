import manifest from '../../package.json' with { type: 'json' }

export const version = manifest.version

/** WHOOP's front turns some libraries' own names away. */
export const userAgent = `whoopster/${version}`
