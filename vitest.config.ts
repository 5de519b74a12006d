import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { findChromium } from './scripts/chromium.mjs'
import { findNatsServer } from './scripts/nats-server.mjs'

// Packages are resolved to their sources, so that no test needs a build.
const conditions = ['@meridian/source']

// `npm test` fetches one where there is none; a bare vitest uses what is here.
const natsServer = findNatsServer()
const chromium = process.env['CHROMIUM_BIN'] ?? findChromium()?.path

const compiled = fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url))

export default defineConfig({
  test: {
    env: {
      // What is painted is tested where it is asked for, whatever the terminal or CI around.
      NO_COLOR: '1',
      // The programs that tests start, hundreds of times, are compiled once.
      NODE_COMPILE_CACHE: compiled,
      ...(chromium === undefined ? {} : { CHROMIUM_BIN: chromium }),
      ...(natsServer === undefined ? {} : { NATS_SERVER_BIN: natsServer.path }),
    },
    exclude: ['**/dist/**', '**/node_modules/**'],
    // They end what hangs, and say nothing of how fast a thing should be: CI may have a tenth of this
    // machine, and vitest's own second for `poll` is one pause of it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    projects: [
      // What is cheap and points at one file fails first; processes and ports come last and alone.
      // (Not from 0: with one worker, vitest runs group 0 after the others.)
      suite(
        'unit',
        [
          '*/src/**/*.test.ts',
          'scripts/**/*.test.ts',
          'test/{docs,liveness,property,support}/**/*.test.ts',
        ],
        // Pure code for the most part: one load of the modules serves all files of a worker.
        {
          groupOrder: 1,
          maxWorkers: '100%',
          isolate: false,
          setupFiles: [fileURLToPath(new URL('test/support/property-seed.ts', import.meta.url))],
        },
      ),
      suite('contract', ['test/contract/**/*.test.ts'], { groupOrder: 2 }),
      suite('simulation', ['test/simulation/**/*.test.ts'], {
        groupOrder: 3,
        maxWorkers: '100%',
      }),
      // Each of these starts up to ten processes, which need the other cores.
      suite('integration', ['test/{integration,browser}/**/*.test.ts'], {
        groupOrder: 4,
        maxWorkers: '50%',
      }),
    ],
  },
})

interface Running {
  readonly groupOrder: number
  readonly maxWorkers?: string
  readonly isolate?: boolean
  readonly setupFiles?: string[]
}

function suite(name: string, include: string[], { groupOrder, ...running }: Running) {
  return {
    extends: true as const,
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: { name, include, sequence: { groupOrder }, ...running },
  }
}
