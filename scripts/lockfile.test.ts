import { describe, expect, it } from 'vitest'
import { lockfileFaults, looseVersions } from './lockfile.mjs'

const integrity = `sha512-${'A'.repeat(86)}==`

describe('lockfileFaults', () => {
  it('accepts what pnpm writes for packages from a registry and for workspace links', () => {
    const text = `
lockfileVersion: '9.0'
settings:
  excludeLinksFromLockfile: false
importers:
  agent:
    dependencies:
      '@meridian/shared':
        specifier: workspace:*
        version: link:../shared
      nats:
        specifier: npm:@nats-io/transport-node@3.4.0
        version: '@nats-io/transport-node@3.4.0'
packages:
  get-caller-file@2.0.5:
    resolution: {integrity: ${integrity}}
    deprecated: moved, see https://example.org/why
snapshots:
  yargs@17.7.2:
    dependencies:
      get-caller-file: 2.0.5
`
    expect(lockfileFaults(text)).toEqual([])
  })

  it.each([
    [
      'a tarball beside the integrity',
      `    resolution: {integrity: ${integrity}, tarball: https://example.org/a.tgz}`,
    ],
    ['a resolution over several lines', '    resolution:'],
    ['a tarball on its own line', '      tarball: https://example.org/a.tgz'],
    ['a weak hash', '    resolution: {integrity: sha1-AAAA}'],
    ['a git address', '        specifier: git+ssh://git@example.org/a.git'],
    ['a package named by its address', '  a@https://example.org/a.tgz:'],
    ['a folder outside the workspace', '        version: file:../elsewhere'],
  ])('names the line of %s', (_, line) => {
    const faults = lockfileFaults(`packages:\n${line}\n`)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(/^pnpm-lock\.yaml:2: /)
  })
})

describe('looseVersions', () => {
  it('accepts exact versions and pointers to where one is stated', () => {
    const text = JSON.stringify({
      dependencies: { a: '1.2.3', b: 'catalog:', c: 'workspace:*' },
      devDependencies: { d: '3.0.0-rc.1' },
    })
    expect(looseVersions('package.json', text)).toEqual([])
  })

  it.each(['^1.2.3', '~1.2.3', '1', 'latest', '*', 'https://example.org/a.tgz'])(
    'names a dependency on "%s"',
    (version) => {
      const text = JSON.stringify({ optionalDependencies: { a: version } })
      expect(looseVersions('agent/package.json', text)).toEqual([
        `agent/package.json: a is "${version}"; pin one exact version`,
      ])
    },
  )
})
