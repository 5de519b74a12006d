/**
 * The commands of a page: its fenced blocks of `sh`, each with a comment above that says what becomes
 * of it. Readers see none of it:
 *
 *     <!-- run -->                     it ends, and well
 *     <!-- run, expect: created -->    and its output holds the text; several may stand one by one
 *     <!-- run, until: passing -->     again and again until its output holds the text
 *     <!-- start, when: http://… -->   it goes on; the next waits until that address answers
 *     <!-- not run: why -->            it is not for a test, such as another machine's
 */
export interface PageCommand {
  /** Of its fence, from 1. */
  readonly line: number
  readonly text: string
  readonly how:
    | { readonly kind: 'run'; readonly expects: readonly string[]; readonly until: boolean }
    | { readonly kind: 'start'; readonly when: string }
    | { readonly kind: 'not run'; readonly why: string }
}

/** In a page whose commands are given while the world of `npm start` runs. */
export const withWorld = '<!-- commands beside: npm start -->'

/** Throws, naming the line, for a block that says nothing, or what is not known. */
export function commandsOf(page: string): PageCommand[] {
  const commands: PageCommand[] = []
  const lines = page.split('\n')
  let comments: string[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const text = lines[at] ?? ''
    const comment = /^<!-- (.+) -->$/.exec(text)?.[1]
    if (text === withWorld) continue
    if (comment !== undefined) comments.push(comment)
    else if (text === '```sh' || text === '```console') {
      const end = lines.indexOf('```', at)
      if (end < 0) throw new Error(`line ${at + 1}: the block does not end`)
      commands.push({
        line: at + 1,
        text: lines.slice(at + 1, end).join('\n'),
        how: howOf(comments, at + 1),
      })
      comments = []
      at = end
    } else if (text !== '') comments = []
  }
  return commands
}

function howOf(comments: readonly string[], line: number): PageCommand['how'] {
  const [first, ...more] = comments
  if (first === undefined) throw new Error(`line ${line}: nothing says what becomes of the block`)
  const why = /^not run: (.+)$/.exec(first)?.[1]
  if (why !== undefined && more.length === 0) return { kind: 'not run', why }
  const when = /^start, when: (\S+)$/.exec(first)?.[1]
  if (when !== undefined && more.length === 0) return { kind: 'start', when }
  if (first === 'run' && more.length === 0) return { kind: 'run', expects: [], until: false }
  const asked = comments.map((each) => /^run, (expect|until): (.+)$/.exec(each))
  const expects = asked.flatMap((match) => match?.[2] ?? [])
  if (expects.length === comments.length) {
    return { kind: 'run', expects, until: asked.some((match) => match?.[1] === 'until') }
  }
  throw new Error(`line ${line}: ${comments.join(' / ')} is no way to run a block`)
}
