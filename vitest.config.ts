import { defineConfig } from 'vitest/config'

// Packages are resolved to their sources, so that no test needs a build.
const conditions = ['@meridian/source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ['*/src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/dist/**', '**/node_modules/**'],
    testTimeout: 20_000,
  },
})
