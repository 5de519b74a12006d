/**
 * Whether a URI template (RFC 6570) can expand to a URI. Read backwards like this a template is a
 * pattern: literals stand for themselves, an expression for any run of the characters that its
 * operator lets through.
 *
 *     db://{table}/rows{?limit}     db://  [simple]*  /rows  ( ?limit= [simple]* )?
 *
 * The pattern runs as a set of positions that moves over the URI once, so that no template and no
 * URI, however crafted, makes it go back: time ≤ positions × characters, both limited.
 *
 * Two things are looser than the RFC: a prefix modifier (`{id:3}`) does not limit the length, and
 * characters beyond ASCII need not be percent-encoded.
 */
export interface UriTemplate {
  /** What every expansion begins with. */
  readonly literalPrefix: string
  matches(uri: string): boolean
  /** Whether some expansion begins with `prefix`. */
  canBegin(prefix: string): boolean
}

/** Beyond these a template is taken as plain text. The longest seen has 4 expressions. */
export const uriTemplateLimits = { expressionsMax: 16, positionsMax: 1_024 } as const

export function compileUriTemplate(template: string): UriTemplate {
  const pattern = compile(template)
  if (pattern === undefined) {
    return {
      literalPrefix: template,
      matches: (uri) => uri === template,
      canBegin: (prefix) => template.startsWith(prefix),
    }
  }
  const { positions, literalPrefix } = pattern
  return {
    literalPrefix,
    // A template also answers to its own text, as it stands in listings.
    matches: (uri) => uri === template || run(positions, uri) === 'matched',
    canBegin: (prefix) => template.startsWith(prefix) || run(positions, prefix) !== 'failed',
  }
}

/**
 * One position of the pattern. `eat` lists the characters that lead on to `next`; `free` are the
 * positions reached without a character.
 */
interface Position {
  readonly eat: string | CharacterClass | undefined
  next: number
  readonly free: number[]
}

type CharacterClass = readonly boolean[]
const asciiMax = 128

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const unreserved = `${letters}-._~%`
const reserved = ":/?#[]@!$&'()*+,;="

function characters(allowed: string): CharacterClass {
  const inside = Array.from({ length: asciiMax }, () => false)
  for (const character of allowed) inside[character.charCodeAt(0)] = true
  return inside
}

interface Operator {
  /** Before the first value that is there. */
  readonly first: string
  /** Before each later one. */
  readonly separator: string
  readonly named: boolean
  readonly value: CharacterClass
  /** Lists and maps taken apart (`*`) may hold separators too. */
  readonly exploded: CharacterClass
}

function operator(first: string, separator: string, named: boolean, allowed: string): Operator {
  return {
    first,
    separator,
    named,
    // A list's members are joined by commas.
    value: characters(`${allowed},`),
    exploded: characters(`${allowed},=${separator}`),
  }
}

const simple = operator('', ',', false, unreserved)
const operators: Readonly<Record<string, Operator>> = {
  '+': operator('', ',', false, unreserved + reserved),
  '#': operator('#', ',', false, unreserved + reserved),
  '.': operator('.', '.', false, unreserved),
  '/': operator('/', '/', false, unreserved),
  ';': operator(';', ';', true, unreserved),
  '?': operator('?', '&', true, unreserved),
  '&': operator('&', '&', true, unreserved),
}

const variable = /^([A-Za-z0-9_.%]+)(\*|:\d{1,4})?$/

interface Pattern {
  readonly positions: readonly Position[]
  readonly literalPrefix: string
}

function compile(template: string): Pattern | undefined {
  const positions: Position[] = []
  const add = (eat: Position['eat']): number => {
    positions.push({ eat, next: positions.length + 1, free: [] })
    return positions.length - 1
  }
  const addText = (text: string) => {
    for (let i = 0; i < text.length; i += 1) add(text[i])
  }

  let at = 0
  let expressions = 0
  let literalPrefix: string | undefined
  while (at < template.length) {
    const open = template.indexOf('{', at)
    const literal = template.slice(at, open === -1 ? undefined : open)
    if (literal.includes('}')) return undefined
    addText(literal)
    if (open === -1) break
    literalPrefix ??= literal
    const close = template.indexOf('}', open)
    if (close === -1) return undefined
    if (!addExpression(template.slice(open + 1, close), positions, add, addText)) return undefined
    expressions += 1
    at = close + 1
    if (
      expressions > uriTemplateLimits.expressionsMax ||
      positions.length > uriTemplateLimits.positionsMax
    ) {
      return undefined
    }
  }
  if (positions.length > uriTemplateLimits.positionsMax) return undefined
  // The end: reached, nothing more is eaten.
  positions.push({ eat: undefined, next: -1, free: [] })
  return { positions, literalPrefix: literalPrefix ?? template }
}

/**
 * Every variable may be undefined, so each part can be left out, and which text stands before a
 * part depends on whether one stood before it:
 *
 *     nothing yet   ─┬─ first name= value* ─┐   ─┬─ …
 *                    └───── left out ───────┼─┐  │
 *     some before   ─┬─ sep name= value* ───┘ │
 *                    └───── left out ─────────┘
 */
function addExpression(
  body: string,
  positions: Position[],
  add: (eat: Position['eat']) => number,
  addText: (text: string) => void,
): boolean {
  const sign = operators[body[0] ?? '']
  const kind = sign ?? simple
  const variables: { name: string; exploded: boolean }[] = []
  for (const text of (sign === undefined ? body : body.slice(1)).split(',')) {
    const parsed = variable.exec(text)
    if (parsed === null) return false
    variables.push({ name: parsed[1] ?? '', exploded: parsed[2] === '*' })
  }

  let nothingYet = add(undefined)
  let someBefore: number | undefined
  for (const { name, exploded } of variables) {
    const ends = [addPart(nothingYet, kind.first)]
    if (someBefore !== undefined) ends.push(addPart(someBefore, kind.separator))
    const skipped = add(undefined)
    const after = add(undefined)
    free(nothingYet, skipped)
    if (someBefore !== undefined) free(someBefore, after)
    for (const end of ends) free(end, after)
    cut(skipped)
    nothingYet = skipped
    someBefore = after

    function addPart(from: number, before: string): number {
      free(from, positions.length)
      addText(before)
      if (kind.named && !exploded) {
        addText(name)
        // `;name` stands without "=" when the value is empty.
        const bare = kind.first === ';' ? positions.length : undefined
        addText('=')
        const value = addLoop(kind.value)
        if (bare !== undefined) free(bare, value)
        return value
      }
      return addLoop(exploded ? kind.exploded : kind.value)
    }
  }
  const end = positions.length
  free(nothingYet, end)
  if (someBefore !== undefined) free(someBefore, end)
  return true

  /** Any number of characters of a class; returns where it ends. */
  function addLoop(eat: CharacterClass): number {
    const loop = add(eat)
    at(loop).next = loop
    const end = add(undefined)
    free(loop, end)
    cut(end)
    return end
  }
  function free(from: number, to: number): void {
    at(from).free.push(to)
  }
  /** A position that eats nothing leads on only by its free moves. */
  function cut(position: number): void {
    at(position).next = -1
  }
  function at(position: number): Position {
    return positions[position] as Position
  }
}

/** `alive`: not matched at the end of the text, but more text could make it. */
function run(positions: readonly Position[], text: string): 'matched' | 'alive' | 'failed' {
  const reached = new Uint32Array(positions.length)
  let generation = 1
  let active: number[] = []
  const enter = (position: number, into: number[]) => {
    const waiting = [position]
    for (let p = waiting.pop(); p !== undefined; p = waiting.pop()) {
      if (reached[p] === generation) continue
      reached[p] = generation
      into.push(p)
      waiting.push(...(positions[p] as Position).free)
    }
  }
  enter(0, active)
  for (let i = 0; i < text.length; i += 1) {
    generation += 1
    const following: number[] = []
    for (const p of active) {
      const { eat, next } = positions[p] as Position
      if (eat !== undefined && eats(eat, text, i)) enter(next, following)
    }
    if (following.length === 0) return 'failed'
    active = following
  }
  return reached[positions.length - 1] === generation ? 'matched' : 'alive'
}

function eats(eat: string | CharacterClass, text: string, at: number): boolean {
  if (typeof eat === 'string') return text[at] === eat
  const code = text.charCodeAt(at)
  return code >= asciiMax || eat[code] === true
}
