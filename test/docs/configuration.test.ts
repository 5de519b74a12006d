import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

/** Where programs and clients say which settings they read. */
const sources = [
  'agent/src/config.ts',
  'registry/src/config.ts',
  'shared/src/adapters/settings.ts',
  'shared/src/adapters/tracing.ts',
  'shared/src/adapters/http/environment.ts',
  'shared/src/adapters/nats/environment.ts',
  'cli/src/connection.ts',
]

const read = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

/** `MERIDIAN_TLS_CERT_FILE`, also where the page writes `…_CERT_FILE` after another of its family. */
function isNamed(page: string, setting: string): boolean {
  if (page.includes(`\`${setting}\``)) return true
  const words = setting.split('_')
  return words.some((_, at) => at > 1 && page.includes(`\`…_${words.slice(at).join('_')}\``))
}

it('lists every setting in docs/configuration.md', async () => {
  const page = await read('docs/configuration.md')
  const texts = await Promise.all(sources.map(read))
  const settings = new Set(texts.flatMap((text) => text.match(/MERIDIAN_[A-Z_]*[A-Z]/g) ?? []))
  expect(settings.size).toBeGreaterThan(30)
  expect([...settings].filter((setting) => !isNamed(page, setting))).toEqual([])
})
