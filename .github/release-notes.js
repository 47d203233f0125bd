// What CHANGELOG.md says of a release: `node .github/release-notes.js v1.2.3`, in the repository. Fails when package.json
// has another version, or CHANGELOG.md no date for it.
import { readFileSync } from 'node:fs'

try {
  process.stdout.write(notesOf(process.argv[2]?.replace(/^v/, '')))
} catch (error) {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}

/** The section below `## 1.2.3 – 2026-12-31`, without its title. */
function notesOf(version) {
  const { version: ours } = JSON.parse(readFileSync('package.json', 'utf8'))
  if (version !== ours) throw new Error(`The tag says ${version}, and package.json ${ours}.`)
  const sections = readFileSync('CHANGELOG.md', 'utf8').split(/^## /m)
  const section = sections.find((one) => one.startsWith(`${version} `))
  if (!section) throw new Error(`CHANGELOG.md says nothing of ${version}.`)
  const [title, ...lines] = section.split('\n')
  if (!/ \d{4}-\d{2}-\d{2}$/.test(title)) throw new Error(`CHANGELOG.md has no date for ${version}: ${title}`)
  return `${lines.join('\n').trim()}\n`
}
