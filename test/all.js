// `npm test`: what reads the program (format, lint, types, schema) beside what runs it. Whatever fails, all of it is done.
// Arguments are vitest's: `npm test -- sync`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const npm = (script) => start(script, 'npm', ['run', '--silent', script])
const vitest = start(
  'vitest',
  process.execPath,
  ['node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)],
  'inherit',
)
const failed = (await Promise.all([npm('lint'), npm('check:schema'), vitest])).filter(Boolean)

if (failed.length > 0) {
  process.stderr.write(`\nfailed: ${failed.join(', ')}\n`)
  process.exitCode = 1
}

/** Its name if it fails. What it has to say comes when it has ended, in one piece. */
async function start(name, program, args, stdio = ['ignore', 'pipe', 'pipe']) {
  const child = spawn(program, args, { stdio, shell: program === 'npm' && process.platform === 'win32' })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk))
  const [code] = await once(child, 'close')
  if (code === 0) return undefined
  if (said) process.stderr.write(`\n--- npm run ${name} ---\n${said}\n`)
  return name
}
