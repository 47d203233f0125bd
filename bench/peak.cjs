// `node -r bench/peak.cjs …` writes the process's peak RSS in KiB to its file descriptor 3. Linux counts what the parent
// had before exec into getrusage's figure, but not into /proc's.
const { readFileSync, writeSync } = require('node:fs')

process.on('exit', () => {
  writeSync(3, String(fromProc() ?? process.resourceUsage().maxRSS))
})

function fromProc() {
  try {
    return /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
