import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { folderInMemory } from './test/support/memory.ts'

const inMemory = folderInMemory()
if (inMemory) process.env['TMPDIR'] ??= inMemory // the workers inherit it

const shared = {
  setupFiles: 'test/support/each.ts',
  testTimeout: 60_000,
  hookTimeout: 60_000,
  pool: 'forks',
  restoreMocks: true,
} as const

/** Those that leave their mark on the process: nock on its sockets, a flag on V8. */
const marking = ['test/login/callback.test.ts', 'test/whoop/client.test.ts', 'test/whoop/oauth.test.ts']

/** Begun last, one of these would keep a single core busy while the other has nothing left to do. */
const longest = [
  'faithful',
  'lies',
  'embedded',
  'refresh',
  'erring-whoop',
  'fault-matrix',
  'sql',
  'process',
  'many-members',
]

function isLong({ moduleId }: TestSpecification): boolean {
  return longest.some((name) => moduleId.endsWith(`/${name}.test.ts`))
}

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files) // oxlint-disable-line unicorn/no-array-sort -- not an array's
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

export default defineConfig({
  test: {
    globalSetup: 'test/support/setup.ts', // once for both
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { ...shared, name: 'alone', include: marking } },
      // One process takes file after file, and reads the sources only for the first.
      { test: { ...shared, name: 'in turn', include: ['test/**/*.test.ts'], exclude: marking, isolate: false } },
    ],
  },
})
