// A browser counts as opened only when what opens it says so.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'

const { openBrowser } = createRequire(import.meta.url)('../../bin/browser.js') as {
  openBrowser: (url: string, env: Record<string, string>, platform: string) => Promise<boolean>
}
const ADDRESS = 'http://localhost/consent?a=1&b=2'

/** A PATH on which xdg-open is this script. */
async function withOpener(script: string) {
  const dir = await mkdtemp(join(tmpdir(), 'whoopster-browser-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'xdg-open'), `#!/bin/sh\n${script.replaceAll('DIR', dir)}\n`)
  await chmod(join(dir, 'xdg-open'), 0o755)
  return { dir, PATH: `${dir}:${process.env['PATH'] ?? ''}` }
}

it.skipIf(process.platform === 'win32').each([
  ['when its opener succeeds', 'printf %s "$1" > DIR/url', { DISPLAY: ':0' }, true, ADDRESS],
  ['on Wayland, too', 'printf %s "$1" > DIR/url', { WAYLAND_DISPLAY: 'wayland-0' }, true, ADDRESS],
  ['not when its opener fails', 'printf %s "$1" > DIR/url; exit 3', { DISPLAY: ':0' }, false, ADDRESS],
  ['not without a screen, where none is started', 'printf %s "$1" > DIR/url', {}, false, undefined],
  [
    'not over SSH, whose screen is elsewhere',
    'printf %s "$1" > DIR/url',
    { DISPLAY: 'localhost:10.0', SSH_CONNECTION: '192.0.2.1 1 192.0.2.2 22' },
    false,
    undefined,
  ],
])('a browser is open %s', async (_, script, env, isOpen, shown) => {
  const { dir, PATH } = await withOpener(script)
  expect(await openBrowser(ADDRESS, { ...env, PATH }, 'linux')).toBe(isOpen)
  expect(await readFile(join(dir, 'url'), 'utf8').catch(() => undefined)).toBe(shown)
})

it('a browser is not open when there is no opener', async () => {
  expect(await openBrowser(ADDRESS, { DISPLAY: ':0', PATH: '/nowhere' }, 'linux')).toBe(false)
})
