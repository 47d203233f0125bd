import { defineConfig } from 'vitest/config'

const shared = { testTimeout: 60_000, hookTimeout: 60_000, pool: 'forks', restoreMocks: true } as const

/** Those that leave their mark on the process: nock on its sockets, a flag on V8. */
const marking = ['test/callback.test.ts', 'test/whoop/client.test.ts', 'test/whoop/oauth.test.ts']

export default defineConfig({
  test: {
    globalSetup: 'test/setup.ts', // once for both
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: 'alone', include: marking } },
      // One process takes file after file, and reads the sources only for the first.
      { test: { ...shared, name: 'in turn', include: ['test/**/*.test.ts'], exclude: marking, isolate: false } },
    ],
  },
})
