import { expect, it } from 'vitest'
import { checkServerVersion } from './server-version.ts'

it.each(['2.9.10', '2.9.25-beta.1', '1.4.1', '0.10.0'])(
  'refuses version %s, and says so',
  (old) => {
    expect(() => checkServerVersion(old, 'nats.example:4222')).toThrow(
      expect.objectContaining({
        code: 'config_invalid',
        message: expect.stringContaining(
          `nats.example:4222 is version ${old}; 2.10 or newer is needed`,
        ) as string,
      }) as Error,
    )
  },
)

it.each(['2.10.0', '2.15.1', '3.0.0-preview.2', 'unreleased', undefined])('takes %s', (version) => {
  expect(() => checkServerVersion(version, 'nats.example:4222')).not.toThrow()
})
