import {
  findNodeAtLocation,
  getNodeValue,
  parseTree,
  printParseErrorCode,
  type Node,
  type ParseError,
} from 'jsonc-parser'
import { isNode, LineCounter, parseDocument } from 'yaml'
import { serviceFileLimits } from './limits.ts'

/** A file's text as a value, with the line of everything in it. */
export type Document =
  | {
      readonly kind: 'value'
      readonly value: unknown
      /** From 1, of what stands at the path, or of the nearest around it. */
      lineOf(path: Path): number
    }
  | { readonly kind: 'unreadable'; readonly line: number | undefined; readonly problem: string }

export type Path = readonly (string | number)[]

/** JSON may hold comments and trailing commas, as the files of editors do. */
export function readDocument(file: string, bytes: Uint8Array): Document {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return unreadable(undefined, 'is not UTF-8 text')
  }
  try {
    return file.endsWith('.json') ? readJson(text) : readYaml(text)
  } catch (error) {
    // Nesting without end, or aliases that would grow without end.
    return unreadable(undefined, error instanceof Error ? error.message : String(error))
  }
}

function readJson(text: string): Document {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true, disallowComments: false })
  const lineAt = lineCounterOf(text)
  const [error] = errors
  if (error) return unreadable(lineAt(error.offset), `is no JSON: ${wordsOf(error)}`)
  if (!root) return unreadable(undefined, 'is empty')
  const twice = findRepeatedKey(root)
  if (twice) {
    return unreadable(lineAt(twice.offset), `has the key ${JSON.stringify(twice.value)} twice`)
  }
  return {
    kind: 'value',
    value: getNodeValue(root),
    lineOf: (path) => lineAt(nearest(path, (at) => findNodeAtLocation(root, [...at]))?.offset ?? 0),
  }
}

/** Two servers of one name would be one, and nobody could say which. */
function findRepeatedKey(root: Node): Node | undefined {
  const waiting = [root]
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    const children = node.children ?? []
    waiting.push(...children)
    if (node.type !== 'object') continue
    const seen = new Set<unknown>()
    for (const key of children.flatMap((property) => property.children?.[0] ?? [])) {
      if (seen.has(key.value)) return key
      seen.add(key.value)
    }
  }
  return undefined
}

/** `PropertyNameExpected` as people say it. */
function wordsOf({ error }: ParseError): string {
  return printParseErrorCode(error)
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
}

function readYaml(text: string): Document {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Keys are names here; others have no place in JSON.
    stringKeys: true,
  })
  const [error] = [...document.errors, ...document.warnings]
  if (error) return unreadable(lines.linePos(error.pos[0]).line, `is no YAML: ${error.message}`)
  if (document.contents === null) return unreadable(undefined, 'is empty')
  return {
    kind: 'value',
    value: document.toJS({ maxAliasCount: serviceFileLimits.aliasesMax }),
    lineOf(path) {
      const node = nearest(path, (at) => {
        const found = document.getIn(at, true)
        return isNode(found) ? found : undefined
      })
      return lines.linePos(node?.range?.[0] ?? 0).line
    },
  }
}

/** What stands at the path, or at the longest beginning of it where something does. */
function nearest<T>(path: Path, find: (path: Path) => T | undefined): T | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const found = find(path.slice(0, length))
    if (found !== undefined) return found
  }
  return undefined
}

function lineCounterOf(text: string): (offset: number) => number {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    lines.addNewLine(at + 1)
  }
  return (offset) => lines.linePos(offset).line
}

function unreadable(line: number | undefined, problem: string): Document {
  return { kind: 'unreadable', line, problem }
}
