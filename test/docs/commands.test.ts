import { describe, expect, it } from 'vitest'
import { commandsOf } from './commands/page.ts'

const fence = (text: string, ...comments: string[]) =>
  [...comments.map((each) => `<!-- ${each} -->`), '', '```sh', text, '```'].join('\n')

describe('the commands of a page', () => {
  it('are its blocks of sh, each with what is to become of it', () => {
    const page = [
      '# Page',
      fence('a', 'run'),
      'Words.',
      fence('b\nc', 'run, expect: one', 'run, expect: two'),
      fence('d', 'run, until: three'),
      fence('e', 'start, when: http://127.0.0.1:7700/readyz'),
      fence('f', 'not run: another machine'),
      '```json\n{}\n```',
    ].join('\n')
    expect(commandsOf(page)).toEqual([
      { line: 4, text: 'a', how: { kind: 'run', expects: [], until: false } },
      { line: 11, text: 'b\nc', how: { kind: 'run', expects: ['one', 'two'], until: false } },
      { line: 17, text: 'd', how: { kind: 'run', expects: ['three'], until: true } },
      { line: 22, text: 'e', how: { kind: 'start', when: 'http://127.0.0.1:7700/readyz' } },
      { line: 27, text: 'f', how: { kind: 'not run', why: 'another machine' } },
    ])
  })

  it('have to say it', () => {
    expect(() => commandsOf(`Words.\n\n${fence('a')}`)).toThrow('line 4: nothing says')
    expect(() => commandsOf(fence('a', 'perhaps'))).toThrow('line 3: perhaps is no way')
    expect(() => commandsOf('<!-- run -->\n```sh\na')).toThrow('does not end')
  })
})
