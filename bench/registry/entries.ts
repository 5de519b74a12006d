import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Entries of one request, as `meridian import` sends them. */
const batch = 500

const words =
  'flight hotel search book city price list create update query file issue mail map'.split(' ')
export const word = (at: number) => words[at % words.length] ?? ''

/** About 2.5 KB each, four tools: what the middle one of real servers is. Every other one runs. */
function server(at: number) {
  const name = `io.github.owner${at % 5_000}/${word(at)}-${word(at * 7 + 3)}-${at}`
  const description = `Lets an agent ${word(at)} and ${word(at + 5)} things of kind ${at}`
  const tools = [0, 1, 2, 3].map((tool) => ({
    name: `${word(at + tool)}_${word(at * 3 + tool)}`,
    description: `${description}, step ${tool}, with all that belongs to it and more. `.repeat(2),
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(
        [0, 1, 2, 3].map((p) => [
          word(at + p),
          { type: 'string', description: 'What is wanted of it' },
        ]),
      ),
    },
  }))
  const version = `1.${at % 10}.0`
  const url = at % 2 === 0 ? `https://s${at}.example.test/mcp` : undefined
  return { name, description, version, tools, url }
}

function entry(at: number): object {
  const { name, description, version, tools, url } = server(at)
  return {
    definition: {
      name,
      version,
      description,
      capabilities: { tools },
      serverJson: { name, description, version, websiteUrl: 'https://example.test' },
    },
    ...(url !== undefined && { endpoint: { transport: 'streamable-http', url } }),
  }
}

/**
 * Writes the bodies of an import, one a file, and returns their paths: made before anything is timed,
 * and not kept in memory, which would have to be looked through while others are asked.
 */
export async function writeBodies(folder: string, servers: number): Promise<string[]> {
  const paths: string[] = []
  for (let from = 0; from < servers; from += batch) {
    const count = Math.min(batch, servers - from)
    const entries = Array.from({ length: count }, (_, at) => entry(from + at))
    const complete = from + batch >= servers
    const path = join(folder, `body-${from}.json`)
    await writeFile(path, JSON.stringify({ source: 'bench', run: '1', entries, complete }))
    paths.push(path)
  }
  return paths
}

/** The same servers as collections publish them, one a line. */
export async function writeLines(path: string, servers: number): Promise<void> {
  const file = createWriteStream(path)
  for (let at = 0; at < servers; at += 1) {
    const { url, ...line } = server(at)
    const remotes = url === undefined ? [] : [{ type: 'streamable-http', url }]
    if (!file.write(`${JSON.stringify({ ...line, remotes })}\n`)) await once(file, 'drain')
  }
  file.end()
  await once(file, 'finish')
}
