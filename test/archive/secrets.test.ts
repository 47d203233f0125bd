// An archive may be handed to somebody, and lie about for twenty years: nothing in it opens anything.
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { openZip } from '../../src/archive/unzip.ts'
import { newMember } from '../support/member.ts'
import { secrets } from '../support/secrets.ts'
import { expectNoSecrets, run } from '../support/world.ts'
import { archiveTo, folder, liveThrough } from './stage.ts'

describe('an archive', () => {
  it('holds no token, key or secret, sealed or not', async () => {
    const member = await newMember({ days: 60 })
    await liveThrough(member)
    await run('auth url', member.env, { clock: member.clock }) // a login that is under way
    const file = join(await folder(), 'whoop.zip')
    const bytes = await archiveTo(file, member.env, member.clock)
    const [tokens] = await member.database.sql`select access_token, refresh_token from oauth_tokens`
    const [pending] = await member.database.sql`select state, code_verifier from pending_logins`
    const sealed = [...Object.values(tokens ?? {}), ...Object.values(pending ?? {})].map(String)
    expect(sealed).toHaveLength(4)
    const keys = ['WHOOP_CLIENT_ID', 'WHOOP_CLIENT_SECRET', 'TOKEN_ENCRYPTION_KEY'].map(
      (name) => member.env[name] ?? '',
    )
    expect(secrets.size).toBeGreaterThan(3)

    const zip = await openZip(file)
    let text = bytes.toString('latin1')
    for (const { name, offset, packed } of zip.entries) {
      const start = offset + 30 + name.length
      text += inflateRawSync(bytes.subarray(start, start + packed)).toString('utf8')
    }
    await zip.close()
    expect(text).toContain('sleep_performance_percentage') // so it would be found
    expectNoSecrets(text)
    for (const secret of [...sealed, ...keys]) expect(text).not.toContain(secret)
    expect(text).not.toMatch(/access_token|refresh_token|client_secret|code_verifier|Bearer /)
  })
})
