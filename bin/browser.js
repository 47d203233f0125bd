const { spawn } = require('node:child_process')

const LONG_ENOUGH_MS = 3_000 // one that still runs then is the browser itself

/** Shows an address in the browser; false when there is none here, or what opens it failed. */
exports.openBrowser = function openBrowser(url, env, platform) {
  if (!hasScreen(env, platform)) return Promise.resolve(false)
  const [command, ...args] = { darwin: ['open'], win32: ['rundll32', 'url.dll,FileProtocolHandler'] }[platform] ?? [
    'xdg-open',
  ]
  return new Promise((resolve) => {
    const opener = spawn(command, [...args, url], { stdio: 'ignore', detached: true, env })
    const patience = setTimeout(() => resolve(true), LONG_ENOUGH_MS)
    const end = (isOpen) => {
      clearTimeout(patience)
      resolve(isOpen)
    }
    opener.once('error', () => end(false))
    opener.once('exit', (code) => end(code === 0))
    opener.unref()
  })
}

/** Over SSH the screen is another machine's; and without one, xdg-open would start a browser of text in our terminal. */
function hasScreen(env, platform) {
  if (env.SSH_CONNECTION || env.SSH_TTY) return false
  return (
    platform === 'darwin' || platform === 'win32' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME)
  )
}
