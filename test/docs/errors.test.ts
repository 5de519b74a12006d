import { readFile } from 'node:fs/promises'
import { errorTable } from '@meridian/shared'
import { expect, it } from 'vitest'

it('lists every error code in docs/errors.md, each with its status, retry and meaning', async () => {
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')))
    .map(([, code, status, retry, meaning]) => [code, status, retry, meaning])
  const expected = Object.entries(errorTable).map(([code, { status, retryable, meaning }]) => [
    code,
    String(status),
    retryable ? 'yes' : 'no',
    meaning,
  ])
  expect(rows).toEqual(expected)
})
