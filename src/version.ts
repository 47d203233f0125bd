import manifest from '../package.json' with { type: 'json' }

export const version = manifest.version

/** Put in by build.js; what runs from its source has none. */
declare const BUILD: string | undefined

/** `0.1.0 (7c53528)`: which commit a bug was seen in. */
export const versionAndBuild = typeof BUILD === 'string' && BUILD !== '' ? `${version} (${BUILD})` : version

/** WHOOP's front turns some libraries' own names away. */
export const userAgent = `whoopster/${version}`
