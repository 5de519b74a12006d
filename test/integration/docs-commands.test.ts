import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { runPage } from '../docs/commands/run-page.ts'

/** `npm run test:docs` runs all of them; here is the beginning, and what the runner refuses. */
describe('the guide', () => {
  it('begins with commands that run a zone', async () => {
    const guide = readFileSync(new URL('../../docs/guide.md', import.meta.url), 'utf8')
    const beginning = guide.slice(0, guide.indexOf('## Register a server'))
    expect(await runPage(beginning)).toEqual({ ran: 4, notRun: 1 })
  }, 180_000)

  it('would fail with a command that fails, or says something else', async () => {
    const block = (how: string, text: string) => `<!-- ${how} -->\n\`\`\`sh\n${text}\n\`\`\`\n`
    await expect(runPage(block('run', 'false'))).rejects.toThrow('line 2: false\nends with 1')
    await expect(runPage(block('run, expect: bread', 'echo cheese'))).rejects.toThrow(
      'says nothing of bread',
    )
  })
})
