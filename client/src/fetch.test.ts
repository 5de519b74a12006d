import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { expect, it } from 'vitest'

const shared = new URL('../../shared/src/index.ts', import.meta.url).href

/** Every module that is loaded with a source of ours, and the packages of others. */
function closureOf(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set([entry])
  const packages = new Set<string>()
  for (const file of files) {
    const source = readFileSync(new URL(file), 'utf8')
    // Types are gone by the time it runs.
    for (const [, isType, name = ''] of source.matchAll(
      /^(?:import|export)( type)?\s(?:[^'"`;()=]*?from\s)?'([^'\s]+)'$/gm,
    )) {
      if (isType !== undefined) continue
      if (name.startsWith('.')) files.add(new URL(name, file).href)
      else if (name === '@meridian/shared') files.add(shared)
      else packages.add(name)
    }
  }
  return { files, packages }
}

it('loads nothing of Node.js, and no package that does', () => {
  const { files, packages } = closureOf(new URL('fetch.ts', import.meta.url).href)
  expect(files.size).toBeGreaterThan(50)
  expect([...packages].filter(isBuiltin)).toEqual([])
  expect([...packages].toSorted()).toEqual([
    '@noble/hashes/sha2.js',
    '@noble/hashes/utils.js',
    'canonicalize',
    'msgpackr/pack',
    'semver',
    'stemmer',
    'zod',
  ])
})
