import type { Definition } from '@meridian/shared'
import MiniSearch, { type Options, type SearchOptions } from 'minisearch'
import { answersMax, toolKey, type MakeEngine } from './engine.ts'

interface Row {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly description: string
  readonly tags: string
  readonly server: string
  readonly tools: string
  readonly toolDescriptions: string
  readonly arguments: string
}

const fields = [
  'name',
  'title',
  'description',
  'tags',
  'server',
  'tools',
  'toolDescriptions',
  'arguments',
] as const

/**
 * MiniSearch as its guide has one begin: a document a server and a document a tool, every text in
 * a field of its own, and its defaults for the rest: words split at spaces and punctuation and
 * put in lower case, any word may match, BM25+, all fields alike.
 */
export const miniSearchDefault: MakeEngine = (definitions) =>
  miniSearch(
    'minisearch',
    definitions.map(({ definition }) => definition),
    {},
    {},
  )

/**
 * The same by somebody who read the guide to its end: names split at case as well, names weighed
 * above descriptions, prefixes and slips allowed, function words left out.
 */
export const miniSearchExpert: MakeEngine = (definitions) =>
  miniSearch(
    'minisearch expert',
    definitions.map(({ definition }) => definition),
    {
      tokenize: (text) =>
        text
          .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
          .split(/[\n\r\p{Z}\p{P}]+/u)
          .filter((word) => word !== ''),
      processTerm: (term) => (functionWords.has(term.toLowerCase()) ? null : term.toLowerCase()),
    },
    {
      boost: { name: 3, title: 2, tags: 2, tools: 1.5 },
      prefix: (term) => term.length > 3,
      fuzzy: (term) => (term.length > 5 ? 0.15 : false),
      weights: { prefix: 0.4, fuzzy: 0.3 },
    },
  )

const functionWords = new Set(
  `a an and are as at be but by can could do does for from had has have how i if in into is it its
  me my no not of on or our please should so that the their them then there these they this to us
  was we were what when where which who why will with would you your`.split(/\s+/),
)

function miniSearch(
  name: string,
  definitions: readonly Definition[],
  options: Partial<Options<Row>>,
  searchOptions: SearchOptions,
): ReturnType<MakeEngine> {
  const servers = new MiniSearch<Row>({ ...options, fields: [...fields], searchOptions })
  const tools = new MiniSearch<Row>({ ...options, fields: [...fields], searchOptions })
  for (const definition of definitions) {
    // It refuses a second document of the same id; the first version of a server stands for all.
    if (servers.has(definition.name)) continue
    servers.add(serverRow(definition))
    tools.addAll(toolRows(definition))
  }
  const ids = (engine: MiniSearch<Row>, question: string) =>
    engine
      .search(question)
      .slice(0, answersMax)
      .map(({ id }) => String(id))
  return {
    name,
    servers: (question) => ids(servers, question),
    tools: (question) => ids(tools, question),
    // A person is shown servers and tools; two searches are what that takes.
    show: (question) => {
      servers.search(question).slice(0, 10)
      tools.search(question).slice(0, 10)
    },
  }
}

function serverRow({ name, title, description, tags, capabilities: { tools } }: Definition): Row {
  return {
    id: name,
    name,
    title: title ?? '',
    description: description ?? '',
    tags: tags.join(' '),
    server: '',
    tools: tools.map((tool) => tool.name).join(' '),
    toolDescriptions: tools.map((tool) => tool.description ?? '').join(' '),
    arguments: tools.flatMap(({ inputSchema }) => argumentNames(inputSchema)).join(' '),
  }
}

function toolRows({ name: server, title, description, tags, capabilities }: Definition): Row[] {
  return capabilities.tools.map((tool) => ({
    id: toolKey(server, tool.name),
    name: tool.name,
    title: tool.title ?? '',
    description: tool.description ?? '',
    tags: tags.join(' '),
    server: `${server} ${title ?? ''} ${description ?? ''}`,
    tools: '',
    toolDescriptions: '',
    arguments: argumentNames(tool.inputSchema).join(' '),
  }))
}

function argumentNames(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return []
  const { properties } = schema
  return typeof properties === 'object' && properties !== null ? Object.keys(properties) : []
}
