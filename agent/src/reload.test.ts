import { MeridianError, type ReloadOutcome } from '@meridian/shared'
import { createSilentLog } from '@meridian/shared/log'
import { expect, it } from 'vitest'
import { createReload, type Reloadable } from './reload.ts'

const good: Reloadable = {
  settings: () => ({ applied: ['MERIDIAN_LOG_LEVEL'], needRestart: [] }),
  tokens: () => 3,
  certificate: () => undefined,
  services: () => Promise.resolve({ state: 'read', files: [] }),
  log: createSilentLog(),
}
const refuse = (message: string) => () => {
  throw new MeridianError('config_invalid', message)
}

it('tells what was read', async () => {
  expect(await createReload(good)()).toEqual<ReloadOutcome>({
    applied: ['MERIDIAN_LOG_LEVEL'],
    needRestart: [],
    tokens: 3,
    serviceFiles: { read: 0, withProblems: 0 },
    problems: [],
  })
})

it('lets nothing that cannot be read keep the rest from it', async () => {
  const reload = createReload({
    ...good,
    settings: refuse('no settings'),
    tokens: refuse('no tokens'),
    certificate: refuse('no certificate'),
  })
  expect(await reload()).toEqual({
    applied: [],
    needRestart: [],
    serviceFiles: { read: 0, withProblems: 0 },
    problems: ['no settings', 'no tokens', 'no certificate'],
  })
})

it('does not hide a fault of ours', async () => {
  const broken = () => {
    throw new TypeError('ours')
  }
  await expect(createReload({ ...good, tokens: broken })()).rejects.toThrow('ours')
})
